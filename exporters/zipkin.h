/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Spans as Zipkin's JSON v2: the body of one POST to /api/v2/spans. Any thread. */
#ifndef RED_ZIPKIN_H
#define RED_ZIPKIN_H

#include "buf.h"
#include "span_attrs.h"
#include "span_batch.h"

/* Appends to *out; nothing for an empty batch. 0, -ENOMEM, -ENOSPC; then *out is as it was. */
int zipkin__encode(const struct span_batch *b, const struct span_attrs_config *c, struct buf *out);

#endif /* RED_ZIPKIN_H */
