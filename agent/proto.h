/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a protocol is to the rest: a table row. conn_stream.c turns records into a
 * stream per direction, with exact byte counts, and calls the row; the row
 * keeps its state, and hands finished transactions to the sink. A parser never
 * sees a record, a socket or an exporter.
 *
 * To add a protocol: docs/adding-a-protocol.md.
 */
#ifndef RED_PROTO_H
#define RED_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto_table.h"
#include "redeye.h"
#include "request.h"
#include "span.h"

struct conn;
struct head_buf;
struct header_wants;
struct options;

/* What a protocol may ask of its surroundings. */
struct proto_ops {
	/* A request was seen to begin: its trace is filled in. end is called exactly once
	 * for each start, after the span if there is one. */
	void (*start)(void *arg, struct request *r);
	void (*end)(void *arg, struct request *r);
	void (*span)(void *arg, struct span *s);              /* the route is filled in */
	struct service *(*service)(void *arg, uint32_t tgid); /* borrowed */
	bool (*ended)(void *arg, uint32_t tgid);              /* has the process exited? */
	void (*opaque)(void *arg, uint32_t tgid); /* it serves what no protocol here reads */
	void *arg;
};

enum proto_drop {
	PROTO_DROP_EVICTED = 0, /* its connection was, to keep a bound */
	PROTO_DROP_FULL = 1,    /* too many open requests */
	PROTO_DROP_NO_MEMORY = 2,
	PROTO_DROP_LOST = 3,         /* bytes that were needed did not arrive */
	PROTO_DROP_ENDED = 4,        /* redeye stopped */
	PROTO_DROP_NOT_SELECTED = 5, /* its process is not watched any more */
	PROTO_DROP__CNT = 6,
};

extern const char *const proto_drop_names[PROTO_DROP__CNT];

/* observed == emitted + in_flight + sum(dropped), always. */
struct proto_stat {
	uint64_t observed;
	uint64_t emitted;
	uint64_t in_flight;
	uint64_t dropped[PROTO_DROP__CNT];
	uint64_t malformed;    /* messages that were none */
	uint64_t unmatched;    /* answers to requests from before redeye */
	uint64_t gaps;         /* messages whose beginning was not captured */
	uint64_t heads_cut;    /* heads longer than what was captured */
	uint64_t heads_gone;   /* half heads that gave way to younger ones */
	uint64_t bad_contexts; /* trace contexts that were none */
	uint64_t unknown;      /* fields that refer to what was not seen (HTTP/2) */
	uint64_t pushed;       /* responses that nobody asked for (HTTP/2) */
	uint64_t no_memory;    /* blocks of header fields that could not be decoded (HTTP/2) */
};

enum proto_index {
#define X(NAME, name) PROTO_##NAME,
	PROTO_TABLE(X)
#undef X
		PROTO__CNT
};

/* Shared by all connections of one pipeline. */
struct proto_env {
	struct proto_ops ops;
	const struct options *options;
	const struct header_wants *wants; /* NULL: no traces, headers are not looked at */
	struct proto_stat stat[PROTO__CNT];
	uint32_t n_requests, max_requests; /* open ones, over all connections */
	uint64_t max_head_bytes;           /* in incomplete heads, over all connections */
	uint64_t head_bytes;
	struct head_buf *oldest_head, *youngest_head;
	uint64_t max_tls_bytes; /* what handshakes said, over all connections */
	uint64_t tls_bytes;
};

struct proto_bytes {
	const char *p;
	size_t len;
	uint64_t off; /* of *p in its direction */
	uint64_t ts_ns;
	uint32_t tgid, tid;
	bool nonblock; /* the socket's mode */
	bool first;    /* the direction of traffic has just turned */
	bool frame;    /* *p begins a frame, as far as the kernel side can tell (HTTP/2) */
};

struct proto_end {
	uint64_t ts_ns;
	uint8_t flags; /* enum red_state_flags */
	bool goes_on;  /* the connection, with another conversation: TLS within a tunnel */
};

struct proto {
	const char *name;
	size_t state_size;
	/* What the kernel side is to copy of a connection of this protocol; 0: RED_POLL_MODE_AUTO,
	 * which is heads, as far as HTTP has them. */
	enum red_poll_cmd mode;
	/* Can a conversation begin, or go on, with these bytes? */
	bool (*match)(const struct proto_bytes *b);
	int (*open)(void *state, struct conn *c, struct proto_env *env);
	void (*bytes)(void *state, enum red_dir dir, const struct proto_bytes *b);
	/* n more bytes moved that were not captured, the last at last_ns; tail is
	 * what the direction ends with now, or NULL. n may be 0. */
	void (*skip)(void *state, enum red_dir dir, uint64_t n, uint64_t last_ns,
		     const uint8_t *tail);
	/* No byte for a while, as far as this poll at now_ns can tell. May be NULL. */
	void (*quiet)(void *state, uint64_t now_ns);
	void (*eof)(void *state, enum red_dir dir, const struct proto_end *e);
	void (*close)(void *state, const struct proto_end *e);
	/* Gives up: everything open is dropped for this reason. Frees what it holds. */
	void (*drop)(void *state, enum proto_drop why);
	/* Records of this connection were lost: what is open will not be completed, and
	 * what comes next may be the middle of something. */
	void (*lost)(void *state);
	/* Does it wait for something that only a poll of the socket would tell? */
	bool (*pending)(const void *state);
	/* Nothing more can be learned from this connection's bytes. */
	bool (*done)(const void *state);
};

#define X(NAME, name) extern const struct proto name##_proto;
PROTO_TABLE(X)
#undef X

extern const struct proto *const protos[PROTO__CNT + 1]; /* ends with NULL */

#endif /* RED_PROTO_H */
