/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Spans as OTLP 1.x: the body of one Export{Trace,Logs}ServiceRequest. No I/O, no
 * clock, no state: any thread. Bytes that are no UTF-8 become U+FFFD, since a
 * protobuf string must be UTF-8.
 */
#ifndef RED_OTLP_ENCODE_H
#define RED_OTLP_ENCODE_H

#include "buf.h"
#include "otlp_encoding.h"
#include "resource.h"
#include "span_attrs.h"
#include "span_batch.h"

#define OTLP_SCHEMA_URL "https://opentelemetry.io/schemas/1.44.0"

/*
 * Appends to *out, which stays as it was for an empty batch: an empty envelope must not be
 * sent. extra: may be NULL. 0, -ENOMEM, -EMSGSIZE (over OTLP_REQUEST_MAX or out->max, one of
 * some thousand spans of hostile length); then *out has its old length.
 */
int otlp__encode_traces(const struct span_batch *b, const struct resource_attrs *extra,
			const struct span_attrs_config *c, enum otlp_encoding e, struct buf *out);
/* One record for each span: "GET /route 200", of the time at which the request ended. */
int otlp__encode_logs(const struct span_batch *b, const struct resource_attrs *extra,
		      const struct span_attrs_config *c, enum otlp_encoding e, struct buf *out);

#endif /* RED_OTLP_ENCODE_H */
