/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the HTTP/1 protocol share: the state of one connection. */
#ifndef RED_HTTP1_INTERNAL_H
#define RED_HTTP1_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "conn.h"
#include "head_buf.h"
#include "http1_chunk.h"
#include "http1_head.h"
#include "http1_target.h"
#include "http_txn.h"
#include "proto.h"

#define QUIET_NS    1000000000ull
#define STRIKES_MAX 8
#define STRAY_BYTES 2 /* an empty line behind a body, which some clients send */

enum half_state {
	HALF_HEAD = 0,   /* at, or within, a message head */
	HALF_LENGTH = 1, /* `left` bytes of body to come */
	HALF_CHUNKED = 2,
	HALF_CHUNK_LOST = 3, /* chunked, position lost: look at the last bytes */
	HALF_UNTIL_CLOSE = 4,
	HALF_UNKNOWN = 5, /* the head was cut, so the framing is not known */
	HALF_UNSYNCED = 6,
	HALF_TUNNEL = 7,    /* no HTTP any more (101, CONNECT) */
	HALF_MALFORMED = 8, /* UNSYNCED, but no byte was missed: it was no HTTP */
};

/* What a direction ends with, when its last bytes were not captured. */
enum half_tail {
	TAIL_UNKNOWN = 0,
	TAIL_BLANK = 1, /* an empty line */
	TAIL_OTHER = 2,
};

enum role {
	ROLE_UNKNOWN = 0,
	ROLE_SERVER = 1,
	ROLE_CLIENT = 2,
};

struct half {
	enum half_state state;
	uint32_t buf_len;
	struct head_buf *buf; /* an incomplete head */
	uint64_t left;
	uint64_t first_ns;  /* the message's first byte, */
	uint64_t first_off; /* where it is, */
	uint32_t first_tid; /* and who moved it */
	bool first_nonblock;
	uint64_t last_ns;
	struct http1_chunk chunk;
	struct http_txn *txn; /* whose message this is; NULL: nobody's */
	uint64_t body_bytes;
	uint8_t tail;     /* enum half_tail, in HALF_CHUNK_LOST */
	bool has_trailer; /* one was announced */
	bool expects;     /* 100 (Continue), before the body is sent */
	bool alone;       /* no request was open when this head began */
	bool turned;      /* to this direction, but only empty lines came since */
};

struct http1 {
	struct conn *conn;
	struct proto_env *env;
	enum role role;
	struct half half[2];
	struct http_txn *oldest, *newest; /* requests without a finished response */
	uint32_t n_txns;
	uint64_t bad_ns; /* a malformed request was seen then, and not answered yet */
	uint64_t out_eof_ns;
	uint64_t reset_ns;         /* the peer reset the connection */
	uint32_t burst;            /* requests since the traffic last turned their way */
	uint8_t strikes;           /* turns in a row that made no sense */
	struct http_txn *upgraded; /* a request that HTTP/2 will answer */
	bool refused;              /* requests were, so what is answered next is not known */
	bool overlaps;             /* the client may send requests while it waits for answers */
	bool overlapped;           /* the same before the last skip */
	bool bursts;               /* it sends several at once, but then waits for all answers */
};

static inline struct proto_stat *stat_of(const struct http1 *h)
{
	return &h->env->stat[PROTO_HTTP1];
}

static inline bool is_response(const struct http1 *h, enum red_dir dir)
{
	return (h->role == ROLE_SERVER) == (dir == RED_DIR_OUT);
}

static inline enum red_dir response_dir(const struct http1 *h)
{
	return h->role == ROLE_SERVER ? RED_DIR_OUT : RED_DIR_IN;
}

static inline enum span_kind kind_of(const struct http1 *h)
{
	return h->role == ROLE_CLIENT ? SPAN_CLIENT : SPAN_SERVER;
}

/* ---- http1_queue.c: requests that wait for their answers ---- */
/* NULL: refused and counted. */
struct http_txn *http1__begin(struct http1 *h, const struct http1_head *head, uint64_t first_ns,
			      uint32_t tgid);
void http1__read_rpc(const struct http1_head *head, struct grpc_fields *f);
/* The message of this direction begins with these bytes. */
void http1__first(struct half *f, const struct proto_bytes *b);
void http1__finish(struct http1 *h, struct http_txn *t, uint64_t end_ns, const char *failure);
void http1__drop_all(struct http1 *h, enum proto_drop why);
/* It is no longer this connection's. */
void http1__unlink(struct http1 *h, struct http_txn *t);
void http1__message_end(struct http1 *h, enum red_dir dir, uint64_t end_ns);
/* The end of a message that framing does not tell. */
void http1__infer_end(struct http1 *h, enum red_dir dir);
/* Bytes of this direction were missed, messages perhaps. */
void http1__gap(struct http1 *h, enum red_dir dir);
void http1__buf_release(struct http1 *h, struct half *f);

/* ---- http1_message.c: heads, and what they begin ---- */
/* In HALF_HEAD. Returns how many of the bytes it took. */
size_t http1__head_bytes(struct http1 *h, enum red_dir dir, const struct proto_bytes *b);
/* These n bytes are all of this head that will come. */
void http1__head_cut(struct http1 *h, enum red_dir dir, const char *p, size_t n,
		     const struct proto_bytes *b);
size_t http1__empty_lines(const struct proto_bytes *b);

/* ---- http1_begins.c: where it is not known that a message begins ---- */
/* Either the start line is whole, or what is there of it can hardly be anything else. */
bool http1__begins(const struct http1 *h, const struct proto_bytes *b, bool response);

/* ---- http1_upgrade.c: when it goes on as HTTP/2 ---- */
/* Answered by a 101: is that to be, and was it taken note of? */
bool http1__upgrades(struct http1 *h, struct http_txn *t, const struct http1_head *answer);
/* The client's preface, instead of a request: `h` is no more. */
bool http1__preface(struct http1 *h, enum red_dir dir, const struct proto_bytes *b);
/* The rest of the call that upgraded: `h` is no more. */
void http1__upgrade(struct http1 *h, enum red_dir dir, const struct proto_bytes *rest);

/* ---- http1_end.c: how a conversation ends, see proto.h ---- */
void http1__quiet(void *state, uint64_t now_ns);
void http1__eof(void *state, enum red_dir dir, const struct proto_end *e);
void http1__close(void *state, const struct proto_end *e);
void http1__drop(void *state, enum proto_drop why);
void http1__lost(void *state);

#endif /* RED_HTTP1_INTERNAL_H */
