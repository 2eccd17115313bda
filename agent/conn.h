/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Connections in user space: records in, two streams with exact offsets out to
 * a protocol. Owned by the event loop.
 *
 * Bounded: at most max_conns, the one idle the longest goes first, and what it
 * had open is counted as dropped.
 */
#ifndef RED_CONN_USER_H
#define RED_CONN_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto.h"
#include "proxy_header.h"
#include "redeye.h"

struct conn {
	struct conn *hash_next;
	struct conn *lru_prev, *lru_next;          /* all, the most recently active first */
	struct conn *poll_prev, *poll_next;        /* those that wait as long for a poll */
	struct conn **process_link, *process_next; /* those of its process, among others */
	uint64_t id;
	uint64_t sk;
	uint64_t ino;         /* see struct red_ev_open */
	uint64_t expected[2]; /* next offset, by enum red_dir */
	uint64_t last_ns;     /* last record */
	uint64_t inserted;    /* bytes that the kernel side has added to what it sends */
	uint64_t turn_ns[2];  /* when the direction last turned this way */
	uint64_t next_poll_ns;
	uint32_t tgid;
	uint16_t family;
	uint16_t local_port, peer_port;
	uint16_t layer;       /* of TLS, which these bytes are of; 0: as on the wire */
	uint16_t hello_layer; /* which `handshake` and `said` are about */
	uint16_t data_cap;    /* HTTP/2: bytes of each DATA frame that are wanted */
	uint8_t local_addr[16], peer_addr[16];
	uint8_t established;         /* seen from its first byte, nothing lost */
	uint8_t first_dir, last_dir; /* of the first and the last record; 2 at first */
	uint8_t mode;                /* what the kernel was last told, enum red_poll_cmd */
	uint8_t misses;              /* turns that no protocol recognised */
	uint8_t over;                /* TCP is; the process has not closed yet */
	uint8_t asks;                /* the kernel is to be told of HTTP/2, with data_cap */
	uint8_t walked;              /* the last record shows that it knows: it is in pieces */
	uint8_t polled;              /* is on the poll list */
	uint8_t poll_level;
	uint8_t gone;                    /* the kernel did not know it at the last poll */
	uint8_t held_nonblock;           /* who moved the first byte, while it is not known */
	uint32_t held_tid;               /* whether it is the proxy's */
	struct proxy_header proxy;       /* of the present layer */
	uint8_t tls;                     /* conn_tls.c's, as the next two */
	struct tls_handshake *handshake; /* while one is being read */
	struct span_tls *said;           /* what the last one said, or NULL */
	const struct proto *proto;
	void *state; /* the protocol's, behind this structure */
};

struct conn_table_config {
	uint32_t max_conns;
	struct proto_env *env;
	/* Ask the kernel about a connection; NULL in a replay. */
	int (*poll)(void *arg, const struct conn *c, enum red_poll_cmd cmd);
	void *arg;
};

struct conn_stat {
	uint64_t opened, closed, evicted;
	uint64_t no_memory;    /* connections that are not followed for lack of memory */
	uint64_t unknown;      /* records of connections without a RED_EV_OPEN */
	uint64_t unclassified; /* connections given up: no known protocol */
	uint64_t polls;
	uint64_t tls;            /* connections that speak TLS, */
	uint64_t tls_joined;     /* of these, whose plaintext is seen, */
	uint64_t tls_unseen;     /* and for which no library was found (perhaps only at first) */
	uint64_t old_layer;      /* records of a layer that was over */
	uint64_t hellos_bad;     /* hellos that were none, */
	uint64_t hellos_no_room; /* for which there was no memory, */
	uint64_t names_bad;      /* and names in them that no host has */
	uint32_t open;
};

struct conn_table;

struct conn_table *conn_table__new(const struct conn_table_config *c);
void conn_table__free(struct conn_table *t); /* accepts NULL */

/* Each takes one whole record, whose length has been checked. */
void conn_table__open(struct conn_table *t, const struct red_ev_open *ev);
void conn_table__data(struct conn_table *t, const struct red_ev_data *ev);
void conn_table__state(struct conn_table *t, const struct red_ev_state *ev);

/* Polls what waits for it. Returns when to be called next, UINT64_MAX: not needed. */
uint64_t conn_table__tick(struct conn_table *t, uint64_t now_ns);

/* Gives up those of a process that is not watched any more. Should it be again, the kernel side
 * opens them anew, as ones that were there before. */
void conn_table__drop_process(struct conn_table *t, uint32_t tgid);

/* Gives up n connections, those idle the longest that wait for nothing, and the memory of those
 * that ended. */
void conn_table__shrink(struct conn_table *t, uint32_t n);

const struct conn_stat *conn_table__stat(const struct conn_table *t);

/* HTTP/2: so many bytes of each DATA frame are wanted from now on. */
void conn__want_data(struct conn *c, uint16_t cap);

/* What the handshake of the connection's present layer said; NULL: nothing known. */
const struct span_tls *conn__tls(const struct conn *c);

#endif /* RED_CONN_USER_H */
