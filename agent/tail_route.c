// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is known of each route of each service, or method of RPC: how often it was seen,
 * up to a few, and how long it takes. A route that was idle for an hour gives its place
 * to another; as long as none is, further routes are not observed. */
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "rpc_methods.h"
#include "service.h"
#include "tail_internal.h"

enum { BUCKETS = 8192 };

struct tail_route {
	struct tail_route *chain;
	struct tail_link used; /* of tail_routes */
	uint64_t hash, last_ns;
	uint32_t service, seen;
	const char *method;   /* static, as in spans */
	struct tail_p99 *p99; /* behind this, or NULL */
	size_t route_len;
	char route[];
};

struct tail_routes {
	bool slowest;
	uint64_t seed;
	uint32_t n;
	struct tail_link used; /* least recently first */
	struct tail_route *buckets[BUCKETS];
};

struct tail_routes *tail_routes__new(bool slowest, uint64_t seed)
{
	struct tail_routes *rs = calloc(1, sizeof(*rs));

	if (!rs)
		return NULL;
	rs->slowest = slowest;
	rs->seed = seed;
	tail_link__init(&rs->used);
	return rs;
}

static void forget_route(struct tail_routes *rs, struct tail_route *r)
{
	struct tail_route **link = &rs->buckets[r->hash % BUCKETS];

	while (*link != r)
		link = &(*link)->chain;
	*link = r->chain;
	tail_link__remove(&r->used);
	rs->n--;
	free(r->p99);
	free(r);
}

static struct tail_route *least_used(const struct tail_routes *rs)
{
	return TAIL_ENTRY(rs->used.next, struct tail_route, used);
}

void tail_routes__free(struct tail_routes *rs)
{
	if (!rs)
		return;
	while (rs->n)
		forget_route(rs, least_used(rs));
	free(rs);
}

static uint64_t hash_route(const struct tail_routes *rs, const struct span *s)
{
	uint64_t h = rs->seed ^ s->service->id;

	h = hash_seeded(h, s->method, strlen(s->method));
	return hash_seeded(h, s->route.p, s->route.len);
}

static bool is_of(const struct tail_route *r, const struct span *s)
{
	return r->service == s->service->id && r->route_len == s->route.len &&
	       !strcmp(r->method, s->method) &&
	       (!r->route_len || !memcmp(r->route, s->route.p, r->route_len));
}

static struct tail_route *find_route(const struct tail_routes *rs, uint64_t hash,
				     const struct span *s)
{
	struct tail_route *r = rs->buckets[hash % BUCKETS];

	while (r && !(r->hash == hash && is_of(r, s)))
		r = r->chain;
	return r;
}

static struct tail_route *route_new(const struct tail_routes *rs, uint64_t hash,
				    const struct span *s)
{
	struct tail_route *r = calloc(1, sizeof(*r) + s->route.len);

	if (!r)
		return NULL;
	r->p99 = rs->slowest ? calloc(1, sizeof(*r->p99)) : NULL;
	if (rs->slowest && !r->p99) {
		free(r);
		return NULL;
	}
	r->hash = hash;
	r->service = s->service->id;
	r->method = s->method;
	r->route_len = s->route.len;
	if (r->route_len)
		memcpy(r->route, s->route.p, r->route_len);
	return r;
}

static bool make_room_for_route(struct tail_routes *rs, uint64_t now_ns)
{
	struct tail_route *r;

	if (rs->n < TAIL_ROUTES_MAX)
		return true;
	r = least_used(rs);
	if (now_ns - r->last_ns < TAIL_ROUTE_IDLE_NS)
		return false;
	forget_route(rs, r);
	return true;
}

static struct tail_route *add_route(struct tail_routes *rs, uint64_t hash, const struct span *s,
				    uint64_t now_ns)
{
	struct tail_route *r = make_room_for_route(rs, now_ns) ? route_new(rs, hash, s) : NULL;

	if (!r)
		return NULL;
	r->chain = rs->buckets[hash % BUCKETS];
	rs->buckets[hash % BUCKETS] = r;
	tail_link__init(&r->used);
	rs->n++;
	return r;
}

/* What no name was found for may be many routes. */
static bool has_name(const struct span *s)
{
	return s->route.len && !slice_eq(s->route, slice_of(rpc_method_other));
}

unsigned int tail_routes__see(struct tail_routes *rs, const struct span *s, uint64_t now_ns)
{
	unsigned int seen = 0;
	struct tail_route *r;
	uint64_t hash;

	if (s->kind != SPAN_SERVER)
		return 0;
	hash = hash_route(rs, s);
	r = find_route(rs, hash, s);
	if (!r)
		r = add_route(rs, hash, s, now_ns);
	if (!r)
		return TAIL_SEEN_LOST;
	r->last_ns = now_ns;
	tail_link__move(&rs->used, &r->used);
	if (has_name(s) && r->seen < TAIL_ROUTE_FIRST) {
		r->seen++;
		seen |= TAIL_SEEN_NEW;
	}
	if (r->p99) {
		seen |= tail_p99__is_below(r->p99, tail_duration_ns(s)) ? TAIL_SEEN_SLOWEST : 0;
		tail_p99__add(r->p99, tail_duration_ns(s));
	}
	return seen;
}
