/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of this client agree on; exchange.c says what it does. */
#ifndef RED_HARM_EXCHANGE_H
#define RED_HARM_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What one connection came to: the same seed must give the same record. */
struct record {
	uint64_t sent, got; /* hashes of all bytes (HTTP/2: of all streams) */
	uint64_t bytes_sent, bytes_got;
	uint32_t requests, reopened;
	uint32_t errors; /* no answer, half of one, or a wrong echo */
	uint32_t resets; /* of these, or besides, connections that were reset */
	uint32_t alerts; /* TLS */
};

struct options {
	unsigned int port;
	const char *menu;     /* a letter for each kind of request, more often: more likely */
	const char *statuses; /* "200,404,500": what /status/ is asked for */
	const char *ca;       /* or NULL: no TLS */
	const char *versions; /* "1.2,1.3" */
	bool http2;
};

extern struct options opt;

#define BODY_MAX 20000

/* ---- chance, the same in each run ---- */

static inline uint32_t any(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*seed >> 33) % below;
}

static inline void hash(uint64_t *h, const void *data, size_t n)
{
	const uint8_t *p = data;

	while (n--)
		*h = (*h ^ *p++) * 1099511628211ull;
}

#define HASH_BEGIN 14695981039346656037ull

/* The path that an item of the menu asks for. */
size_t write_path(char item, uint64_t *seed, char *to);
size_t make_body(uint64_t *seed, char *to); /* up to BODY_MAX bytes */

/* exchange.c: waits until one more request may be made. */
void take_turn(void);

/* ---- peer.c: a connection, plain or with TLS ---- */

struct peer {
	int fd;
	void *ssl;
};

void peers__init(void);
int peer__open(struct peer *p, unsigned int connection, struct record *r);
void peer__close(struct peer *p);
bool peer__write(struct peer *p, const void *data, size_t n, struct record *r);
long peer__read(struct peer *p, void *buf, size_t n, struct record *r); /* 0: end, -1: error */

/* Makes n requests on connection number k, and as many connections as that takes. */
void http1__run(unsigned int k, unsigned int n, struct record *r);
void http2__run(unsigned int k, unsigned int n, struct record *r);

#endif /* RED_HARM_EXCHANGE_H */
