/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The fields of one block of headers that somebody reads, kept until it is whole, and what the
 * ones say that HTTP/2 itself reads (RFC 9113 §8.3). Event loop only.
 */
#ifndef RED_HTTP2_BLOCK_H
#define RED_HTTP2_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "grpc.h"
#include "head_buf.h"
#include "proto.h"
#include "slice.h"

struct http2_block {
	struct head_buf *buf;
	uint32_t len;
	uint32_t n_unknown; /* fields of which nothing is known */
	bool cut;           /* not all are kept */
	bool no_memory;
};

/* `name` NULL: an unknown one. */
void http2_block__add(struct http2_block *b, struct proto_env *env, struct slice name,
		      struct slice value);
/* The fields one after the other; *at is 0 at first. */
bool http2_block__next(const struct http2_block *b, uint32_t *at, struct slice *name,
		       struct slice *value);
void http2_block__release(struct http2_block *b, struct proto_env *env);
void http2_block__free_pool(void);

struct http2_head {
	struct slice method, scheme, authority, path, protocol, host;
	struct grpc_fields rpc;
	uint16_t status;
	bool is_request, is_response; /* by what is known of it; both false: trailers perhaps */
};

void http2_head__read(struct http2_head *h, const struct http2_block *b);
/* Whether a field of this name may mean something to the above. */
bool http2_head__reads(struct slice name);

#endif /* RED_HTTP2_BLOCK_H */
