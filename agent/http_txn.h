/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One HTTP request from its head to the end of its response, whatever version of
 * HTTP carries it, and how it becomes a span. The head's bytes are gone when it is
 * needed, so the parts that matter are copied; short ones into the structure itself.
 * Finished ones are kept for reuse. Event loop only.
 *
 * Each is counted by the protocol that saw it begin, whoever sees its end.
 */
#ifndef RED_HTTP_TXN_H
#define RED_HTTP_TXN_H

#include <stdbool.h>
#include <stdint.h>

#include "grpc.h"
#include "http1_target.h"
#include "options.h"
#include "proto.h"
#include "request.h"
#include "request_headers.h"
#include "service.h"
#include "span.h"

struct conn;

#define HTTP_TXN_INLINE 240

enum http_txn_flags {
	HTTP_TXN_HEAD = 1 << 0, /* a HEAD request */
	HTTP_TXN_CONNECT = 1 << 1,
	HTTP_TXN_CUT = 1 << 2,             /* a head was not captured whole */
	HTTP_TXN_INFERRED = 1 << 3,        /* its end was not seen by framing */
	HTTP_TXN_UNKNOWN = 1 << 4,         /* a field refers to what was not seen */
	HTTP_TXN_ANSWERED = 1 << 5,        /* HTTP/2: the final response has begun */
	HTTP_TXN_NO_REQUEST_SIZE = 1 << 6, /* of its body: where it begins was not seen */
	HTTP_TXN_NO_RESPONSE_SIZE = 1 << 7,
};

/* What a head says, and where it was. */
struct http_request {
	struct slice method, target, host;
	bool authority;                        /* the target is one, as that of CONNECT */
	const char *version;                   /* static, as in struct span */
	const struct request_headers *headers; /* NULL: they are not looked at */
	const struct grpc_fields *rpc;         /* what it says if it is a call */
	enum span_kind kind;
	bool blocking; /* as in struct request */
	bool multiplexed;
	uint32_t tgid, tid; /* who moved its first byte, */
	uint64_t off;       /* which is there in its direction, */
	uint64_t start_ns;  /* and moved then */
	struct conn *conn;
};

struct http_txn {
	struct http_txn *next; /* whoever has it may use this, */
	uint32_t stream;       /* and this */
	struct proto_env *env;
	struct proto_stat *stat;
	uint32_t flags; /* enum http_txn_flags */
	struct request req;
	const char *version;
	uint64_t request_end_ns, response_start_ns;
	uint64_t request_body_bytes, response_body_bytes;
	uint16_t status;
	uint16_t method_len, target_len, host_len;
	uint32_t n_headers;
	struct grpc_call *rpc; /* NULL: it is none */
	struct span_header headers[SPAN_HEADERS_MAX];
	struct http1_target target; /* its parts, in text */
	char *text;                 /* method, target, host, then what headers gave */
	char text_inline[HTTP_TXN_INLINE];
};

/* A request was seen to begin. NULL: refused; that is counted. */
struct http_txn *http_txn__begin(struct proto_env *env, struct proto_stat *stat,
				 const struct http_request *r);
/* The head of its answer, or the trailers, as far as calls are concerned; `unknown`: not
 * all of it is known. */
void http_txn__answer(struct http_txn *t, const struct grpc_fields *f, bool unknown);

/* Each ends it, by a span or without one. */
void http_txn__finish(struct http_txn *t, uint64_t end_ns, const char *failure);
void http_txn__drop(struct http_txn *t, enum proto_drop why);

void http_txn__free_pool(void);

#endif /* RED_HTTP_TXN_H */
