/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Spans, for the tests and benchmarks of what writes them. */
#ifndef RED_TEST_SPANS_H
#define RED_TEST_SPANS_H

#include <arpa/inet.h>

#include "service.h"
#include "span_batch.h"

#define OFFSET_NS 1700000000000000000 /* unix minus monotonic */

static const struct service shop = {
	.refs = 1, .id = 1, .name = "shop", .namespace = "eu", .instance = "shop-0"
};
static const struct service cart = {
	.refs = 1, .id = 2, .name = "cart", .namespace = "", .instance = ""
};

#define MAPPED(a, b, c, d)                                                                         \
	{                                                                                          \
		[10] = 0xff, 0xff, a, b, c, d                                                      \
	}

static inline struct span server_span(void)
{
	return (struct span){
		.kind = SPAN_SERVER,
		.tgid = 42,
		.service = &shop,
		.trace = { .trace_id = { 0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6, 0xa3, 0xce,
					 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36 },
			   .span_id = { 0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7 },
			   .parent_id = { 1, 2, 3, 4, 5, 6, 7, 8 },
			   .flags = TRACE_SAMPLED | TRACE_RANDOM,
			   .link = TRACE_LINK_HEADER,
			   .remote = 1 },
		.tracestate = SLICE("a=1,b=2"),
		.request_id = SLICE("req-1"),
		.start_ns = 1500000000,
		.request_end_ns = 1501000000,
		.response_start_ns = 1502000000,
		.end_ns = 1502500000,
		.method = "GET",
		.method_original = SLICE("GET"),
		.path = SLICE("/orders/7"),
		.query = SLICE("q=1&sig=secret&z"),
		.route = SLICE("/orders/{id}"),
		.host = SLICE("Shop.example"),
		.host_port = 8080,
		.scheme = "http",
		.protocol_version = "1.1",
		.status = 200,
		.request_body_bytes = 3,
		.response_body_bytes = 5000000000,
		.family = AF_INET,
		.local_port = 80,
		.peer_port = 40000,
		.local_addr = MAPPED(10, 0, 0, 1),
		.peer_addr = MAPPED(10, 0, 100, 2),
	};
}

static inline struct span client_span(void)
{
	struct span s = server_span();

	s.kind = SPAN_CLIENT;
	s.route = s.tracestate = s.request_id = (struct slice){ 0 };
	s.trace.link = TRACE_LINK_THREAD;
	s.trace.remote = 0;
	s.status = 404;
	s.error_type = "404";
	return s;
}

/* A bidirectional stream, as gRPC has it over HTTP/2. */
static const struct span_rpc a_call = {
	.system = "grpc",
	.method = SLICE("shop.Orders/Watch"),
	.status = "OK",
	.timeout_ns = 2500000000,
	.request_messages = 1,
	.response_messages = 3,
	.request_message_bytes = 12,
	.response_message_bytes = 3000,
	.response_first_ns = 1500500000,
	.counted = true,
};

static const struct span_rpc a_failed_call = {
	.system = "grpc",
	.method = SLICE("shop.Orders/Get"),
	.status = "NOT_FOUND",
	.message = SLICE("no order 7"),
};

static inline struct span rpc_server_span(void)
{
	struct span s = server_span();

	s.method = "POST";
	s.protocol_version = "2";
	s.path = SLICE("/shop.Orders/Watch");
	s.query = (struct slice){ 0 };
	s.rpc = &a_call;
	s.route = a_call.method;
	return s;
}

static inline struct span rpc_client_span(void)
{
	struct span s = client_span();

	s.method = "POST";
	s.protocol_version = "2";
	s.path = SLICE("/shop.Orders/Get");
	s.query = (struct slice){ 0 };
	s.status = 200;
	s.error_type = "NOT_FOUND";
	s.rpc = &a_failed_call;
	s.route = a_failed_call.method;
	return s;
}

#endif /* RED_TEST_SPANS_H */
