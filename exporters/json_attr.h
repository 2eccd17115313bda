/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An attribute of a span as a member of a JSON object. */
#ifndef RED_JSON_ATTR_H
#define RED_JSON_ATTR_H

#include "json_line.h"
#include "span_attrs.h"

/* Of a text at most `max` bytes. */
void json_attr__add(struct json_line *j, const struct span_attr *a, size_t max);

#endif /* RED_JSON_ATTR_H */
