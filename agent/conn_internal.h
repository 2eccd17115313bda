/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the conn_*.c files share.
 *
 *   conn_table.c   which connections there are, and when one is asked about
 *   conn_stream.c  records to streams
 *   conn_proxy.c   what a proxy says first
 *   conn_tls.c     what is seen of TLS on the wire
 */
#ifndef RED_CONN_INTERNAL_H
#define RED_CONN_INTERNAL_H

#include "conn.h"

/* What was counted or read already. */
enum conn_tls_flags {
	CONN_TLS_SEEN = 1 << 0,
	CONN_TLS_JOINED = 1 << 1,
	CONN_TLS_UNSEEN = 1 << 2,
	CONN_TLS_READ = 1 << 3, /* this layer's hello, by enum red_dir */
};

#define NO_DIR          2
#define POLL_LEVELS     7 /* each doubles the interval */
#define PROCESS_BUCKETS 1024

struct conn_table {
	struct conn_table_config cfg;
	struct conn_stat stat;
	struct conn **buckets;
	uint32_t mask;
	size_t conn_bytes;
	struct conn lru;                    /* list heads */
	struct conn polls[POLL_LEVELS + 1]; /* the soonest first */
	struct conn *free;                  /* by hash_next */
	struct conn *by_process[PROCESS_BUCKETS];
};

/* ---- conn_table.c ---- */
struct conn *conn_table__find(const struct conn_table *t, uint64_t id);
/* The protocol has let go of it already. */
void conn_table__forget(struct conn_table *t, struct conn *c);
int conn_table__command(struct conn_table *t, struct conn *c, enum red_poll_cmd cmd);
/* A record of it came. */
void conn_table__touch(struct conn_table *t, struct conn *c, uint64_t ts_ns);
/* After anything happened: when to poll. Idle ones too, now and then: the end of a
 * UNIX socket is seen by no hook, and a RED_EV_CLOSE may have been lost. */
void conn_table__schedule(struct conn_table *t, struct conn *c);
/* A poll was. */
void conn_table__answered(struct conn_table *t, struct conn *c, uint64_t now_ns);

/* ---- conn_stream.c ---- */
/* Bytes for the protocol, if there is one. */
void conn_stream__give(struct conn_table *t, struct conn *c, enum red_dir dir,
		       const struct proto_bytes *b);

/* ---- conn_proxy.c: until c->proxy.at is PROXY_NONE ---- */
/* Leaves of *b, which has some, what is not the header's. */
void conn_proxy__bytes(struct conn_table *t, struct conn *c, enum red_dir dir,
		       struct proto_bytes *b);
/* How many of these, which were not seen, are the header's. */
uint64_t conn_proxy__skip(struct conn_table *t, struct conn *c, enum red_dir dir, uint64_t n);

/* ---- conn_tls.c ---- */
/* A record with RED_DATA_HELLO. */
void conn_tls__hello(struct conn_table *t, struct conn *c, const struct red_ev_data *ev);
/* A layer has begun. */
void conn_tls__joined(struct conn_table *t, struct conn *c);
void conn_tls__free(struct conn_table *t, struct conn *c);

#endif /* RED_CONN_INTERNAL_H */
