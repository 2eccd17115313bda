// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where servers were seen to serve, and to which address the names lead that clients use: both
 * from spans, in two tables of fixed size where a newcomer takes the place of another one
 * that its hash chooses. All addresses that mean "this host" are one.
 *
 * Two services that serve at the same address and port in different network namespaces
 * (pods that each listen on localhost) cannot be told apart here: who was seen last is it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "callee.h"
#include "hash.h"
#include "history_internal.h"

enum { WAYS = 4, ENDPOINTS_MIN = 256, ENDPOINTS_MAX = 4096 };

struct place {
	uint8_t addr[16];
	uint16_t port;
};

struct endpoint {
	struct place at;
	struct hservice *service; /* NULL: free */
};

struct peer_slot {
	uint64_t hash; /* of its name, with a seed; 0: free */
	struct place at;
};

int endpoints__init(struct history *h)
{
	struct endpoints *e = &h->endpoints;

	e->n = ENDPOINTS_MIN;
	while (e->n < ENDPOINTS_MAX && e->n < h->limit / 8192)
		e->n *= 2;
	e->servers = room__alloc(h, ROOM_TABLES, e->n * sizeof(*e->servers));
	e->peers = room__alloc(h, ROOM_TABLES, e->n * sizeof(*e->peers));
	return e->servers && e->peers ? 0 : -ENOMEM;
}

void endpoints__free(struct history *h)
{
	struct endpoints *e = &h->endpoints;
	uint32_t i;

	for (i = 0; e->servers && i < e->n; i++)
		if (e->servers[i].service)
			hservice__unref(h, e->servers[i].service);
	room__free(h, ROOM_TABLES, e->servers, e->n * sizeof(*e->servers));
	room__free(h, ROOM_TABLES, e->peers, e->n * sizeof(*e->peers));
	*e = (struct endpoints){ 0 };
}

/* ---- addresses ---------------------------------------------------------------------------- */

static bool is_this_host(const uint8_t a[16])
{
	static const uint8_t zero[16], mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (!memcmp(a, mapped, sizeof(mapped)))
		return a[12] == 127 || !memcmp(a + 12, zero, 4);
	return !memcmp(a, zero, 15) && a[15] <= 1;
}

static struct place place_of(const uint8_t addr[16], uint16_t port)
{
	struct place p;

	memset(&p, 0, sizeof(p));
	if (!is_this_host(addr))
		memcpy(p.addr, addr, sizeof(p.addr));
	p.port = port;
	return p;
}

static bool same_place(const struct place *a, const struct place *b)
{
	return a->port == b->port && !memcmp(a->addr, b->addr, sizeof(a->addr));
}

static struct endpoint *ways_of(const struct history *h, const struct place *p)
{
	uint64_t hash = hash_mix(hash_mix(h->admit.seed, p->port), hash_bytes(p->addr, 16));

	return &h->endpoints.servers[hash & (h->endpoints.n - WAYS)];
}

static const struct hservice *serves_at(const struct history *h, const struct place *p)
{
	struct endpoint *e = ways_of(h, p);
	int i;

	for (i = 0; i < WAYS; i++)
		if (e[i].service && same_place(&e[i].at, p))
			return e[i].service;
	return NULL;
}

/* ---- names ---------------------------------------------------------------------------------- */

static uint64_t name_hash(const struct history *h, const char *name)
{
	uint64_t hash = h->admit.seed;

	for (; *name; name++)
		hash = hash_mix(hash, (uint8_t)*name);
	return hash | 1;
}

static struct peer_slot *peer_ways(const struct history *h, uint64_t hash)
{
	return &h->endpoints.peers[(hash >> 8) & (h->endpoints.n - WAYS)];
}

/* "192.0.2.1:80", "[2001:db8::1]:80", "localhost:80" */
static bool parse_place(const char *peer, struct place *out)
{
	const char *colon = strrchr(peer, ':');
	uint8_t addr[16] = { [10] = 0xff, [11] = 0xff };
	size_t len = colon ? (size_t)(colon - peer) : 0;
	char host[64];

	if (!len || len >= sizeof(host))
		return false;
	memcpy(host, peer, len);
	host[len] = '\0';
	if (host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		if (inet_pton(AF_INET6, host + 1, addr) != 1)
			return false;
	} else if (strcmp(host, "localhost") && inet_pton(AF_INET, host, addr + 12) != 1) {
		return false;
	}
	*out = place_of(addr, (uint16_t)atoi(colon + 1));
	return true;
}

const struct hservice *endpoints__resolve(const struct history *h, const char *peer)
{
	uint64_t hash = name_hash(h, peer);
	struct peer_slot *slot = peer_ways(h, hash);
	struct place p;
	int i;

	for (i = 0; i < WAYS; i++)
		if (slot[i].hash == hash)
			return serves_at(h, &slot[i].at);
	return parse_place(peer, &p) ? serves_at(h, &p) : NULL;
}

/* ---- learning ---------------------------------------------------------------------------------
 */

static void learn_server(struct history *h, const struct place *p, struct hservice *service)
{
	struct endpoint *e = ways_of(h, p), *to = NULL;
	int i;

	for (i = 0; i < WAYS && !to; i++)
		if (e[i].service && same_place(&e[i].at, p))
			to = &e[i];
	for (i = 0; i < WAYS && !to; i++)
		if (!e[i].service)
			to = &e[i];
	if (!to)
		to = &e[p->port % WAYS];
	if (to->service == service && same_place(&to->at, p))
		return;
	service->refs++;
	if (to->service)
		hservice__unref(h, to->service);
	*to = (struct endpoint){ *p, service };
}

static void learn_peer(struct history *h, const struct place *p, const char *peer)
{
	uint64_t hash = name_hash(h, peer);
	struct peer_slot *slot = peer_ways(h, hash), *to = NULL;
	int i;

	for (i = 0; i < WAYS && !to; i++)
		if (slot[i].hash == hash)
			to = &slot[i];
	for (i = 0; i < WAYS && !to; i++)
		if (!slot[i].hash)
			to = &slot[i];
	if (!to)
		to = &slot[hash >> 4 & (WAYS - 1)];
	*to = (struct peer_slot){ hash, *p };
}

void endpoints__learn(struct history *h, const struct span *s, struct hservice *service)
{
	char host[CALLEE_HOST_MAX + 1], peer[320];
	struct place p;

	if (s->family != AF_INET && s->family != AF_INET6)
		return;
	if (s->kind == SPAN_SERVER) {
		p = place_of(s->local_addr, s->local_port);
		learn_server(h, &p, service);
		return;
	}
	p = place_of(s->peer_addr, s->peer_port);
	if (peer__name(peer, sizeof(peer), (struct slice){ host, callee__host(host, s) },
		       callee__port(s)))
		learn_peer(h, &p, peer);
}
