// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The spans that are kept, in three rings: what is slow and what failed does not go because
 * much that is ordinary comes. Each has its share of a quarter of the limit; when it is used
 * up the oldest chunk goes. An index by trace id chains what is in all three.
 */
#include "history_internal.h"

#include <errno.h>

#include "service.h"

enum { SPANS_SHARE = 4, INDEX_MIN = 256, INDEX_MAX = 16384 };

static const uint32_t sixteenths[RINGS] = {
	[RING_ORDINARY] = 10,
	[RING_SLOW] = 3,
	[RING_ERRORS] = 3,
};

static uint32_t most_chunks(const struct history *h, enum span_ring ring)
{
	uint64_t n = h->limit / SPANS_SHARE * sixteenths[ring] / 16 / h->chunk_bytes;

	return n ? (uint32_t)n : 1;
}

int span_store__init(struct history *h)
{
	struct span_store *st = &h->spans;
	int i;

	for (i = 0; i < RINGS; i++)
		st->rings[i].room = ROOM_SPANS;
	st->n_index = INDEX_MIN;
	while (st->n_index < INDEX_MAX && st->n_index < h->limit / 2048)
		st->n_index *= 2;
	st->index = room__alloc(h, ROOM_TABLES, st->n_index * sizeof(*st->index));
	return st->index ? 0 : -ENOMEM;
}

static struct record **bucket(const struct history *h, const uint8_t trace_id[16])
{
	return &h->spans.index[trace__hash(h->admit.seed, trace_id) & (h->spans.n_index - 1)];
}

const struct record *span_store__bucket(const struct history *h, const uint8_t trace_id[16])
{
	return *bucket(h, trace_id);
}

static void unlink_record(struct history *h, struct record *r)
{
	*r->link = r->next;
	if (r->next)
		r->next->link = r->link;
	hservice__unref(h, (struct hservice *)h->services.by_id[r->service]);
	h->spans.n--;
}

static void drop_oldest(struct history *h, struct chunks *ring)
{
	struct chunk *c = ring->oldest;
	uint32_t at = 0;

	while (at < c->used) {
		struct record *r = (struct record *)(c->data + at);

		at += r->bytes;
		unlink_record(h, r);
	}
	chunks__drop_oldest(h, ring);
}

void span_store__free(struct history *h)
{
	int i;

	for (i = 0; i < RINGS; i++)
		while (h->spans.rings[i].n)
			drop_oldest(h, &h->spans.rings[i]);
	room__free(h, ROOM_TABLES, h->spans.index, h->spans.n_index * sizeof(*h->spans.index));
	h->spans.index = NULL;
}

void span_store__keep_limit(struct history *h)
{
	int i;

	for (i = 0; i < RINGS; i++)
		while (h->spans.rings[i].n > most_chunks(h, i))
			drop_oldest(h, &h->spans.rings[i]);
}

static struct record *room_for(struct history *h, enum span_ring i, size_t bytes)
{
	struct chunks *ring = &h->spans.rings[i];
	struct chunk *c = ring->newest;

	if (!c || chunk__size(h) - c->used < bytes) {
		while (ring->n && ring->n >= most_chunks(h, i))
			drop_oldest(h, ring);
		c = chunks__add(h, ring, bytes);
	}
	if (!c)
		return NULL;
	c->used += (uint32_t)bytes;
	return (struct record *)(c->data + c->used - bytes);
}

static void link_record(struct history *h, struct record *r)
{
	struct record **at = bucket(h, r->trace.trace_id);

	r->next = *at;
	r->link = at;
	if (r->next)
		r->next->link = &r->next;
	*at = r;
	h->spans.n++;
}

static enum span_ring ring_of(const struct history *h, const struct span *s)
{
	if (s->error_type)
		return RING_ERRORS;
	return slow__is(h, s) ? RING_SLOW : RING_ORDINARY;
}

void span_store__add(struct history *h, const struct span *s, int64_t unix_minus_mono_ns)
{
	struct hservice *service = hservice__intern(h, s->service->name, s->service->namespace);
	struct record *r = NULL;

	if (service) {
		service->refs++;
		endpoints__learn(h, s, service);
		r = room_for(h, ring_of(h, s), record__bytes(&h->cfg, s));
	}
	if (r) {
		record__write(r, &h->cfg, s, unix_minus_mono_ns);
		r->service = service->node.id;
		link_record(h, r);
		return;
	}
	if (service)
		hservice__unref(h, service);
	atomic_fetch_add_explicit(&h->no_room, 1, memory_order_relaxed);
}
