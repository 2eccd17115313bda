// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The arena behind struct metrics: a list of zeroed chunks that is only ever
 * appended to. Points keep the address of their resource, and builders keep
 * the address of their family, so neither array may move: both get their full
 * size at the start. calloc takes blocks of that size fresh from the kernel, so
 * that the part nobody uses costs address space only.
 */
#include "metrics.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

#define CHUNK_BYTES MEMORY_LARGE /* a snapshot leaves no holes behind */

struct chunk {
	struct chunk *next;
	size_t used, size;
	_Alignas(8) char data[];
};

struct arena {
	struct metrics m; /* first: the public pointer is the arena's */
	atomic_uint refs;
	bool broken;
	size_t bytes;
	uint32_t max_points[METRICS_MAX_FAMILIES]; /* of the family with the same index */
	struct chunk *chunks;                      /* the newest first, the only one with room */
};

static struct arena *arena_of(struct metrics *m)
{
	return (struct arena *)m;
}

static void arena__free(struct arena *a)
{
	struct chunk *c, *next;

	if (!a)
		return;
	for (c = a->chunks; c; c = next) {
		next = c->next;
		free(c);
	}
	free(a->m.families);
	free(a->m.resources);
	free(a);
}

struct metrics *metrics__new(uint64_t unix_ns)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->m.unix_ns = unix_ns;
	atomic_init(&a->refs, 1);
	a->bytes = sizeof(*a);
	a->m.families = calloc(METRICS_MAX_FAMILIES, sizeof(*a->m.families));
	a->m.resources = calloc(METRICS_MAX_RESOURCES, sizeof(*a->m.resources));
	if (!a->m.families || !a->m.resources) {
		arena__free(a);
		errno = ENOMEM;
		return NULL;
	}
	return &a->m;
}

struct metrics *metrics__ref(struct metrics *m)
{
	atomic_fetch_add_explicit(&arena_of(m)->refs, 1, memory_order_relaxed);
	return m;
}

void metrics__put(struct metrics *m)
{
	/* acq_rel: the thread that frees must see every other thread's last read done. */
	if (m && atomic_fetch_sub_explicit(&arena_of(m)->refs, 1, memory_order_acq_rel) == 1)
		arena__free(arena_of(m));
}

bool metrics__ok(const struct metrics *m)
{
	return !((const struct arena *)m)->broken;
}

static void *broken(struct arena *a)
{
	a->broken = true;
	return NULL;
}

static struct chunk *chunk__new(struct arena *a, size_t least)
{
	size_t size = least > CHUNK_BYTES ? least : CHUNK_BYTES;
	struct chunk *c = calloc(1, sizeof(*c) + size);

	if (!c)
		return NULL;
	c->size = size;
	c->next = a->chunks;
	a->chunks = c;
	a->bytes += sizeof(*c) + size;
	return c;
}

void *metrics__alloc(struct metrics *m, size_t bytes)
{
	struct arena *a = arena_of(m);
	struct chunk *c = a->chunks;
	void *p;

	if (a->broken || bytes > SIZE_MAX / 2)
		return broken(a);
	bytes = (bytes + 7) & ~(size_t)7;
	if (!c || c->size - c->used < bytes)
		c = chunk__new(a, bytes);
	if (!c)
		return broken(a);
	p = c->data + c->used;
	c->used += bytes;
	return p;
}

const char *metrics__strdup(struct metrics *m, const char *s, size_t len)
{
	size_t n = strnlen(s, len);
	char *p = metrics__alloc(m, n + 1);

	return p ? memcpy(p, s, n) : NULL;
}

struct metric_family *metrics__family(struct metrics *m, const char *name, const char *unit,
				      const char *help, enum metric_kind kind, uint32_t max_points)
{
	struct arena *a = arena_of(m);
	struct metric_family *f;
	struct metric_point *points;

	if (m->n_families == METRICS_MAX_FAMILIES)
		return broken(a);
	points = metrics__alloc(m, max_points * sizeof(*points));
	if (!points)
		return NULL;
	a->max_points[m->n_families] = max_points;
	f = &m->families[m->n_families++];
	*f = (struct metric_family){
		.name = name, .unit = unit, .help = help, .kind = kind, .points = points
	};
	return f;
}

struct metric_point *metrics__point(struct metrics *m, struct metric_family *f, uint32_t n_attrs,
				    struct metric_attr **attrs)
{
	struct metric_attr *room;
	struct metric_point *p;

	if (f->n_points == arena_of(m)->max_points[f - m->families])
		return NULL;
	room = metrics__alloc(m, n_attrs * sizeof(*room));
	if (!room)
		return NULL;
	p = &f->points[f->n_points++];
	p->attrs = room;
	p->n_attrs = n_attrs;
	if (attrs)
		*attrs = room;
	return p;
}

struct metric_resource *metrics__resource(struct metrics *m)
{
	struct metric_resource *r;

	if (m->n_resources == METRICS_MAX_RESOURCES || arena_of(m)->broken)
		return broken(arena_of(m));
	r = &m->resources[m->n_resources++];
	r->service_name = r->service_namespace = r->service_instance_id = "";
	return r;
}
