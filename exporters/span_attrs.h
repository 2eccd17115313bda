/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The attributes of a span by the OpenTelemetry conventions v1.44 for HTTP and RPC: one
 * table, from which every exporter of spans takes them. Values are the span's own
 * bytes: hostile, perhaps no UTF-8, at most SPAN_ATTR_VALUE_MAX of them. Allocates
 * nothing.
 */
#ifndef RED_SPAN_ATTRS_H
#define RED_SPAN_ATTRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "semconv.h"
#include "slice.h"
#include "span.h"

enum {
	SPAN_ATTR_VALUE_MAX = 8192,
	SPAN_ATTRS_OP_MAX = OF__CNT + SPAN_OP_ATTRS_MAX,
	SPAN_ATTRS_MAX = 46 + SPAN_HEADERS_MAX,
	SPAN_ADDRESS_MAX = 46,
};

struct span_attrs_config {
	bool query;                    /* keep the queries of URLs */
	const char *request_id_header; /* whose value span->request_id is; NULL: leave it out */
	bool rpc_message;              /* keep what an RPC's status says in words */
};

/* Points into the span, to static text and into itself: do not copy it. */
struct span_attrs {
	uint32_t n;
	struct span_attr v[SPAN_ATTRS_MAX];
	struct slice message; /* of the status, when it is an error; empty: none */
	size_t used;
	char text[SPAN_ATTR_VALUE_MAX + 4096];
};

/* Those that only an operation has; 0 of others. */
uint32_t span_attrs__op(const struct span *s, struct span_attr out[SPAN_ATTRS_OP_MAX]);
void span_attrs__of(struct span_attrs *a, const struct span *s, const struct span_attrs_config *c);

/* "GET /orders/{id}", "GET", "HTTP": never the path. "shop.Orders/Get", "grpc". "get users". */
struct slice span_attrs__name(const struct span *s, char *room, size_t size);
/* IPv4 in its own form, without brackets. */
struct slice span_attrs__address(const uint8_t address[16], char room[SPAN_ADDRESS_MAX]);

#endif /* RED_SPAN_ATTRS_H */
