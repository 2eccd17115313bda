/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What top prints when it is not on a terminal: a table once, or JSON. */
#ifndef RED_TOP_PLAIN_H
#define RED_TOP_PLAIN_H

#include "top_model.h"

/* The rows that are shown, appended; what is not printable is '?'. */
void top_plain__table(const struct top_model *m, struct buf *out);
/* An array of the rows as objects, on one line; what is not known is null. */
void top_plain__json(const struct top_model *m, struct buf *out);

#endif /* RED_TOP_PLAIN_H */
