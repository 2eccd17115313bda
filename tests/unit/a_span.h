/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A span with everything in it, for tests of what writes spans. */
#ifndef RED_TEST_A_SPAN_H
#define RED_TEST_A_SPAN_H

#include <sys/socket.h>

#include "service.h"
#include "span.h"

static const struct service a_service = {
	.refs = 1, .id = 1, .name = "shop", .namespace = "", .instance = ""
};

static inline struct span a_span(void)
{
	return (struct span){
		.kind = SPAN_SERVER,
		.tgid = 42,
		.service = &a_service,
		.trace = { .trace_id = { 0x4b, 0xf9, 0x2f, [15] = 0x36 },
			   .span_id = { 0x00, 0xf0, [7] = 0xb7 } },
		.request_id = SLICE("req-1"),
		.start_ns = 1500000000,
		.end_ns = 1502500499,
		.method = "GET",
		.method_original = SLICE("GET"),
		.path = SLICE("/users/7"),
		.query = SLICE("x=1"),
		.route = SLICE("/users/{id}"),
		.host = SLICE("shop.example"),
		.host_port = 8080,
		.scheme = "http",
		.protocol_version = "1.1",
		.status = 200,
		.request_body_bytes = 3,
		.response_body_bytes = 5000000000,
		.family = AF_INET,
		.local_port = 80,
		.peer_port = 40000,
		.local_addr = { [10] = 0xff, 0xff, 10, 0, 0, 1 },
		.peer_addr = { [10] = 0xff, 0xff, 10, 0, 0, 2 },
		.headers = { { "user-agent", SLICE("curl/8") }, { "x-tenant", SLICE("a\"b") } },
		.n_headers = 2,
	};
}

#endif /* RED_TEST_A_SPAN_H */
