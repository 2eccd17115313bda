/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What one connection of the test does, from its number alone: both ends make the same
 * script and so know every byte that should come. See stream.c.
 */
#ifndef RED_TEST_SCRIPT_H
#define RED_TEST_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rng {
	uint64_t s;
};

uint32_t rng__pick(struct rng *r, uint32_t n); /* 0 to n - 1 */

enum conn_kind {
	CONN_HTTP = 0,
	CONN_TLS = 1,      /* begins like a TLS record */
	CONN_BINARY = 2,   /* anything */
	CONN_GREETING = 3, /* the server speaks first, then lines */
};

enum conn_end {
	END_CLOSE = 0,
	END_HALF = 1, /* the client closes its half, the server answers once more */
	END_RESET = 2,
};

struct script {
	uint32_t seed;
	enum conn_kind kind;
	enum conn_end end;
	bool ipv6, nonblock, nodelay, tiny_sndbuf, ask_fionread;
	uint32_t n_messages;
	struct rng rng; /* for the messages, in order */
	bool lazy;      /* the client pauses between requests */
	bool calm;      /* nothing of the kind that ends it */
	bool clean;     /* so far nothing that ends propagation on this connection */
	bool tunnel;    /* what follows is no HTTP any more */
};

#define STEPS_MAX 4

/* First `send` bytes go out, then an answer of `reply` bytes comes (0: none). */
struct step {
	uint32_t send, reply;
};

struct message {
	uint8_t *p;
	size_t n;
	size_t line;  /* a header may be inserted here; 0: must not */
	size_t first; /* so many bytes at least in the first call; 0: cut within the head */
	bool should;  /* a fit kernel inserts */
	bool again;   /* of_should only if taken in again after a pause */
	bool file;    /* the body by sendfile */
	bool more;    /* the head with MSG_MORE */
	struct step steps[STEPS_MAX];
	uint32_t n_steps;
};

#define MESSAGE_MAX (1200 * 1024)
#define REPLY_MAX   (300 * 1024)

void script__start(struct script *s, uint32_t seed);
/* The next message, in m->p which has room for MESSAGE_MAX. `every`: not only the first
 * request of a connection can be touched. */
void script__next(struct script *s, struct message *m, uint32_t index, bool every);
/* An answer of this script, n bytes: one of HTTP when there is room for a head. */
void script__reply(const struct script *s, uint8_t *p, size_t n);

#endif /* RED_TEST_SCRIPT_H */
