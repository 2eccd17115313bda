/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Spans for a history's store. */
#ifndef RED_TEST_HISTORY_SPANS_H
#define RED_TEST_HISTORY_SPANS_H

#include "history_fixture.h"

static const struct service web = { .id = 1, .name = "web", .namespace = "", .instance = "" };
static const struct service shop = { .id = 2, .name = "shop", .namespace = "eu", .instance = "" };

/* With this number as trace id and span id, at this second after BEGIN. */
static inline struct span span_at(const struct service *v, uint32_t second, uint64_t trace,
				  uint64_t id, uint64_t parent)
{
	struct span s = {
		.kind = SPAN_SERVER,
		.service = v,
		.tgid = 42,
		.start_ns = mono_at(BEGIN + second) + id,
		.request_end_ns = mono_at(BEGIN + second) + id + 7,
		.end_ns = mono_at(BEGIN + second) + id + 3 * MS,
		.method = "GET",
		.method_original = SLICE("GET"),
		.path = SLICE("/orders/7"),
		.query = SLICE("q=1"),
		.route = SLICE("/orders/{id}"),
		.request_id = SLICE("req-1"),
		.host = SLICE("shop.example"),
		.scheme = "http",
		.protocol_version = "1.1",
		.status = 200,
		.family = AF_INET,
		.local_addr = { [10] = 0xff, 0xff, 10, 0, 0, 1 },
		.peer_addr = { [10] = 0xff, 0xff, 10, 0, 0, 2 },
		.local_port = 8080,
		.peer_port = 40000,
	};

	trace = trace ? __builtin_bswap64(trace) : 0;
	memcpy(s.trace.trace_id + 8, &trace, 8);
	memcpy(s.trace.span_id, &id, 8);
	memcpy(s.trace.parent_id, &parent, 8);
	return s;
}

static inline void keep(struct history *h, struct span s)
{
	span_store__add(h, &s, OFFSET_NS);
}

static inline struct history_span_filter any_span(void)
{
	return (struct history_span_filter){ .names = ALL };
}

#endif /* RED_TEST_HISTORY_SPANS_H */
