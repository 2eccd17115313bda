/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the HTTP/2 protocol share: the state of one connection. */
#ifndef RED_HTTP2_INTERNAL_H
#define RED_HTTP2_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "conn.h"
#include "hpack.h"
#include "http2_block.h"
#include "http2_frame.h"
#include "http_txn.h"
#include "proto.h"

#define HTTP2_BUCKETS 8 /* a power of two */
#define HTTP2_NO_DIR  2

enum http2_at {
	HTTP2_AT_HEADER = 0, /* at, or within, a frame's first nine bytes */
	HTTP2_AT_PREFIX = 1,
	HTTP2_AT_PAYLOAD = 2, /* padding is none of it */
	HTTP2_AT_PADDING = 3,
	HTTP2_AT_LOST = 4, /* where a frame begins is not known */
};

/* The first byte of something, and who moved it. */
struct http2_place {
	uint64_t off, ts_ns;
	uint32_t tgid, tid;
};

/* One direction. */
struct http2_half {
	uint8_t at; /* enum http2_at */
	uint8_t have;
	bool in_block; /* what comes next continues it */
	char head[HTTP2_FRAME_HEADER];
	struct http2_frame frame;
	uint32_t left, padding;
	struct http2_place begin; /* of the frame */
	struct hpack hpack;
	/* The block of headers that is being read: */
	struct http2_block block;
	struct http2_frame opener; /* the frame that opened it, */
	struct http2_place opened; /* and where that began */
};

struct http2 {
	struct conn *conn;
	struct proto_env *env;
	uint8_t request_dir; /* HTTP2_NO_DIR: not known */
	bool verified;       /* the first bytes begin with a frame */
	bool shared;         /* by several threads, which send requests */
	bool preface_due;    /* after an upgrade, which the server answers without waiting for it */
	struct http2_half half[2];
	uint32_t first_request, last_request; /* streams of requests that were seen; 0 none */
	uint32_t last_accepted;               /* by the server's GOAWAY */
	uint32_t first_tid;                   /* who sent the first request */
	uint32_t n_streams, n_buckets;
	struct http_txn **buckets; /* `few`, or as many as it takes */
	struct http_txn *few[HTTP2_BUCKETS];
	uint64_t out_eof_ns, reset_ns;
};

static inline struct proto_stat *http2_stat(const struct http2 *h)
{
	return &h->env->stat[PROTO_HTTP2];
}

static inline bool http2_is_response(const struct http2 *h, enum red_dir dir)
{
	return h->request_dir == !dir;
}

static inline enum span_kind http2_kind(const struct http2 *h)
{
	return h->request_dir == RED_DIR_IN ? SPAN_SERVER : SPAN_CLIENT;
}

/* The kernel side knows the preface only where a call begins with so much of it that nothing
 * else can be meant: not in small pieces, nor behind a proxy's header. Once it is told, it
 * leaves out what does not begin with a frame: so not before the preface is whole, or bytes
 * are missed anyway. */
static inline void http2_tell(struct http2 *h)
{
	h->conn->asks |= !h->conn->walked;
}

/* ---- http2_stream.c: requests that are open, by their streams ---- */
void http2__streams_init(struct http2 *h);
void http2__streams_free(struct http2 *h);
struct http_txn *http2__find(const struct http2 *h, uint32_t stream);
void http2__add(struct http2 *h, struct http_txn *t, uint32_t stream);
void http2__finish(struct http2 *h, struct http_txn *t, uint64_t end_ns, const char *failure);
void http2__drop_all(struct http2 *h, enum proto_drop why);
void http2__fail_all(struct http2 *h, uint64_t ts_ns, uint8_t state_flags);
/* The last byte of one direction of a stream. */
void http2__half_ends(struct http2 *h, enum red_dir dir, uint32_t stream, uint64_t ts_ns);
void http2__reset(struct http2 *h, enum red_dir dir, uint32_t stream, uint32_t code,
		  uint64_t ts_ns);
/* Its server has said already that it will not. */
void http2__refused(struct http2 *h, struct http_txn *t, uint64_t ts_ns);
void http2__goaway(struct http2 *h, enum red_dir dir, uint32_t last, uint64_t ts_ns);

/* ---- http2_headers.c: blocks of headers, and what they begin and end ---- */
void http2__block_begins(struct http2 *h, enum red_dir dir);
void http2__block_bytes(struct http2 *h, enum red_dir dir, const char *p, size_t n);
void http2__block_ends(struct http2 *h, enum red_dir dir, uint64_t ts_ns);

/* ---- http2_end.c: how a conversation ends, see proto.h ---- */
/* Bytes of this direction were missed, headers or a reset perhaps. */
void http2__gap(struct http2 *h, enum red_dir dir);
void http2__eof(void *state, enum red_dir dir, const struct proto_end *e);
void http2__close(void *state, const struct proto_end *e);
void http2__drop(void *state, enum proto_drop why);
void http2__lost(void *state);

#endif /* RED_HTTP2_INTERNAL_H */
