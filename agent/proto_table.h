/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which protocols there are, and by which conventions their spans are described: one row
 * each, of which everything else is made. See docs/adding-a-protocol.md.
 */
#ifndef RED_PROTO_TABLE_H
#define RED_PROTO_TABLE_H

/* In the order in which they are asked whether a conversation is theirs: the row X(HTTP1,
 * http1) is PROTO_HTTP1, and what http1_proto says (proto.h). */
#define PROTO_TABLE(X)                                                                             \
	X(HTTP1, http1)                                                                            \
	X(HTTP2, http2)

/* A family of protocols has one of these: X(RPC, rpc) is SEMCONV_RPC and rpc_semconv
 * (semconv.h). HTTP is the first, and what a span is without further details. */
#define SEMCONV_TABLE(X)                                                                           \
	X(HTTP, http)                                                                              \
	X(RPC, rpc)

#endif /* RED_PROTO_TABLE_H */
