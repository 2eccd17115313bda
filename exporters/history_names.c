// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What series are called, in three levels: services (name and namespace), their routes (what
 * a line of the page is about), and the series of these, which are those of /metrics. What
 * is known of one is in one piece of memory, its text behind it.
 *
 * Frames refer to series by number, so a number is not used again while they do. When the
 * tables are full, the series that no snapshot has any more and that were counted up longest ago
 * are forgotten, and with them the frames from before that: the past gets shorter, not wrong.
 */
#include "history_internal.h"

#include <errno.h>
#include <string.h>

#include "hash.h"

enum { TABLES_SHARE = 4 /* a quarter of the limit is the most that names and values get */ };

static bool tables_full(const struct history *h)
{
	return atomic_load_explicit(&h->room[ROOM_TABLES], memory_order_relaxed) >
	       h->limit / TABLES_SHARE;
}

static uint64_t hash_text(uint64_t hash, const char *s)
{
	return hash_mix(hash, s ? hash_bytes(s, strlen(s)) : 1);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static size_t text_bytes(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

static const char *put_text(char **at, const char *s)
{
	size_t n = text_bytes(s);
	char *copy = *at;

	if (!n)
		return NULL;
	memcpy(copy, s, n);
	*at += n;
	return copy;
}

/* ---- services ------------------------------------------------------------------------- */

static uint64_t service_hash(const char *name, const char *namespace)
{
	return hash_text(hash_text(0, name), namespace);
}

static struct hservice *find_service(const struct history *h, uint64_t hash, const char *name,
				     const char *namespace)
{
	struct node *n = table_of__first(&h->services, hash);
	struct hservice *s;

	for (; n; n = n->next) {
		s = (struct hservice *)n;
		if (n->hash == hash && !strcmp(s->name, name) && !strcmp(s->namespace, namespace))
			return s;
	}
	return NULL;
}

const struct hservice *hservice__find(const struct history *h, const char *name,
				      const char *namespace)
{
	return find_service(h, service_hash(name, namespace), name, namespace);
}

struct hservice *hservice__intern(struct history *h, const char *name, const char *namespace)
{
	uint64_t hash = service_hash(name, namespace);
	struct hservice *s = find_service(h, hash, name, namespace);
	size_t bytes = sizeof(*s) + text_bytes(name) + text_bytes(namespace);
	char *at;

	if (s || tables_full(h))
		return s;
	s = room__alloc(h, ROOM_TABLES, bytes);
	if (!s)
		return NULL;
	at = (char *)(s + 1);
	s->bytes = (uint32_t)bytes;
	s->node.hash = hash;
	s->name = put_text(&at, name);
	s->namespace = put_text(&at, namespace);
	if (!table_of__add(h, &h->services, &s->node))
		return s;
	room__free(h, ROOM_TABLES, s, bytes);
	return NULL;
}

void hservice__unref(struct history *h, struct hservice *s)
{
	if (--s->refs)
		return;
	table_of__remove(&h->services, &s->node);
	room__free(h, ROOM_TABLES, s, s->bytes);
}

/* One that nobody came to refer to. */
static void drop_unused(struct history *h, struct hservice *s)
{
	s->refs++;
	hservice__unref(h, s);
}

/* ---- routes ----------------------------------------------------------------------------- */

static uint64_t route_hash(const struct history_name *n)
{
	uint64_t hash = hash_mix(service_hash(n->service, n->namespace), n->kind);

	hash = hash_text(hash_text(hash, n->protocol), n->method);
	return hash_text(hash_text(hash, n->route), n->peer);
}

static bool is_called(const struct hroute *r, const struct history_name *n)
{
	return r->name.kind == n->kind && same_text(r->name.protocol, n->protocol) &&
	       same_text(r->name.method, n->method) && same_text(r->name.route, n->route) &&
	       same_text(r->name.peer, n->peer) && !strcmp(r->service->name, n->service) &&
	       !strcmp(r->service->namespace, n->namespace);
}

static struct hroute *find_route(const struct history *h, uint64_t hash,
				 const struct history_name *name)
{
	struct node *n = table_of__first(&h->routes, hash);

	for (; n; n = n->next)
		if (n->hash == hash && is_called((struct hroute *)n, name))
			return (struct hroute *)n;
	return NULL;
}

const struct hroute *hroute__find(const struct history *h, const struct history_name *name)
{
	return find_route(h, route_hash(name), name);
}

static struct hroute *make_route(struct history *h, uint64_t hash, const struct history_name *n)
{
	size_t bytes = sizeof(struct hroute) + text_bytes(n->protocol) + text_bytes(n->method) +
		       text_bytes(n->route) + text_bytes(n->peer);
	struct hroute *r = room__alloc(h, ROOM_TABLES, bytes);
	char *at = (char *)(r + 1);

	if (!r)
		return NULL;
	r->bytes = (uint32_t)bytes;
	r->node.hash = hash;
	r->name.kind = n->kind;
	r->name.protocol = put_text(&at, n->protocol);
	r->name.method = put_text(&at, n->method);
	r->name.route = put_text(&at, n->route);
	r->name.peer = put_text(&at, n->peer);
	r->service = hservice__intern(h, n->service, n->namespace);
	if (r->service && !table_of__add(h, &h->routes, &r->node)) {
		r->service->refs++;
		return r;
	}
	if (r->service && !r->service->refs)
		drop_unused(h, r->service);
	room__free(h, ROOM_TABLES, r, bytes);
	return NULL;
}

static void free_route(struct history *h, struct hroute *r)
{
	table_of__remove(&h->routes, &r->node);
	hservice__unref(h, r->service);
	room__free(h, ROOM_TABLES, r->recent, RECENT_BUCKETS * sizeof(*r->recent));
	room__free(h, ROOM_TABLES, r, r->bytes);
}

/* ---- series ------------------------------------------------------------------------------ */

static struct hseries *find_series(const struct history *h, uint64_t hash,
				   const struct point_name *p)
{
	struct node *n = table_of__first(&h->series, hash);
	struct hseries *s;

	for (; n; n = n->next) {
		s = (struct hseries *)n;
		if (n->hash == hash && s->key_len == p->key.len &&
		    !memcmp(s->key, p->key.p, p->key.len) && is_called(s->route, &p->name))
			return s;
	}
	return NULL;
}

/* Into its service's list, which is by number: nearly always the highest. */
static void link_by_number(struct hservice *v, struct hseries *s)
{
	struct hseries *before = v->last;

	while (before && before->node.id > s->node.id)
		before = before->prev_in_service;
	s->prev_in_service = before;
	s->next_in_service = before ? before->next_in_service : v->first;
	*(before ? &before->next_in_service : &v->first) = s;
	*(s->next_in_service ? &s->next_in_service->prev_in_service : &v->last) = s;
}

static void unlink_series(struct hseries *s)
{
	struct hservice *v = s->route->service;
	struct hseries **link = &s->route->series;

	*(s->prev_in_service ? &s->prev_in_service->next_in_service : &v->first) =
		s->next_in_service;
	*(s->next_in_service ? &s->next_in_service->prev_in_service : &v->last) =
		s->prev_in_service;
	while (*link != s)
		link = &(*link)->next_in_route;
	*link = s->next_in_route;
	s->route->n_series--;
}

static void drop_route_if_unused(struct history *h, struct hroute *r)
{
	if (!r->n_series)
		free_route(h, r);
}

static struct hseries *make_series(struct history *h, uint64_t hash, struct hroute *r,
				   const struct point_name *p)
{
	size_t bytes = sizeof(struct hseries) + p->key.len + text_bytes(p->name.status);
	struct hseries *s = room__alloc(h, ROOM_TABLES, bytes);
	char *at;

	if (!s)
		return NULL;
	s->node.hash = hash;
	if (table_of__add(h, &h->series, &s->node)) {
		room__free(h, ROOM_TABLES, s, bytes);
		return NULL;
	}
	s->bytes = (uint32_t)bytes;
	s->route = r;
	s->class = p->class;
	s->error = p->error;
	s->scale = BUCKET_SCALE;
	s->is_new = true;
	s->key_len = (uint32_t)p->key.len;
	if (p->key.len)
		memcpy(s->key, p->key.p, p->key.len);
	at = s->key + p->key.len;
	s->status = put_text(&at, p->name.status);
	s->next_in_route = r->series;
	r->series = s;
	r->n_series++;
	link_by_number(r->service, s);
	return s;
}

void hseries__forget(struct history *h, struct hseries *s)
{
	struct hroute *r = s->route;

	unlink_series(s);
	table_of__remove(&h->series, &s->node);
	past__free(h, &s->past[FINE]);
	past__free(h, &s->past[COARSE]);
	room__free(h, ROOM_TABLES, s, s->bytes);
	drop_route_if_unused(h, r);
}

/* ---- room for new ones --------------------------------------------------------------------- */

/* During a step those that it has still to come to are of the snapshot before. */
static bool has_gone(const struct history *h, const struct hseries *s)
{
	return s->seen + 1 < h->snapshot;
}

static uint32_t oldest_gone(const struct history *h)
{
	uint32_t oldest = UINT32_MAX, i;
	const struct hseries *s;

	for (i = 0; i < h->series.n_ids; i++) {
		s = hseries__by_id(h, i);
		if (s && has_gone(h, s) && s->counted < oldest)
			oldest = s->counted;
	}
	return oldest;
}

static void forget_counted_before(struct history *h, uint32_t until)
{
	struct hseries *s;
	uint32_t i;

	for (i = 0; i < h->series.n_ids; i++) {
		s = hseries__by_id(h, i);
		if (s && has_gone(h, s) && s->counted < until)
			hseries__forget(h, s);
	}
}

/* Forgets the oldest eighth of the time in which any has gone. False: none has. */
static bool forget_gone(struct history *h)
{
	uint32_t oldest = oldest_gone(h), until, now = h->frames[FINE].end;

	if (oldest == UINT32_MAX)
		return false;
	until = oldest < now ? oldest + (now - oldest) / 8 + 1 : oldest + 1;
	frames__drop_before(h, &h->frames[FINE], until);
	frames__drop_before(h, &h->frames[COARSE], until);
	forget_counted_before(h, until);
	return true;
}

static bool has_room(struct history *h)
{
	if (!tables_full(h))
		return true;
	if (h->full_in == h->snapshot)
		return false;
	while (tables_full(h))
		if (!forget_gone(h)) {
			h->full_in = h->snapshot;
			return false;
		}
	return true;
}

int hseries__get(struct history *h, const struct point_name *p, struct hseries **out)
{
	uint64_t of_route = route_hash(&p->name);
	uint64_t hash = hash_mix(of_route, hash_bytes(p->key.p, p->key.len));
	struct hseries *s = find_series(h, hash, p);
	struct hroute *r;

	*out = s;
	if (s)
		return 0;
	if (!has_room(h))
		return -ENOMEM;
	r = find_route(h, of_route, &p->name);
	if (!r)
		r = make_route(h, of_route, &p->name);
	s = r ? make_series(h, hash, r, p) : NULL;
	if (r)
		drop_route_if_unused(h, r);
	*out = s;
	return s ? 0 : -ENOMEM;
}

void hseries__forget_all(struct history *h)
{
	struct hseries *s;
	uint32_t i;

	for (i = 0; i < h->series.n_ids; i++) {
		s = hseries__by_id(h, i);
		if (s)
			hseries__forget(h, s);
	}
}

void hseries__expire(struct history *h)
{
	uint32_t fine = h->frames[FINE].from, coarse = h->frames[COARSE].from;
	uint32_t from = coarse < fine ? coarse : fine, i;
	struct hseries *s;

	for (i = 0; i < h->series.n_ids; i++) {
		s = hseries__by_id(h, i);
		if (s && has_gone(h, s) && s->counted < from)
			hseries__forget(h, s);
	}
}
