// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Every piece of memory that the history keeps is counted here, with what malloc itself
 * adds to it, before it is allocated. Frames are what gives way: when something else needs
 * room, or they themselves do, the oldest chunk goes. It is one of the fine log until that is
 * short against the coarse one, since a long past is worth more than one in seconds; but a
 * minute of seconds is kept as long as there is anything else.
 */
#include "history_internal.h"

#include <stdlib.h>
#include <string.h>

/* As glibc has it on 64 bits: a word in front, multiples of 16, at least 32. */
static uint64_t heap_bytes(size_t n)
{
	size_t with_head = (n + 8 + 15) & ~(size_t)15;

	return with_head < 32 ? 32 : with_head;
}

uint64_t room__used(const struct history *h)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < ROOM__CNT; i++)
		sum += atomic_load_explicit(&h->room[i], memory_order_relaxed);
	return sum;
}

enum { COARSE_TO_FINE = 8, FINE_MIN = 60 /* seconds */ };

static uint32_t length(const struct frames *f)
{
	return f->from < f->end ? f->end - f->from : 0;
}

/* Which log gives way. */
static struct frames *dispensable(struct history *h)
{
	struct frames *fine = &h->frames[FINE], *coarse = &h->frames[COARSE];

	if (!fine->chunks.n)
		return coarse;
	if (!coarse->chunks.n)
		return fine;
	return length(fine) > FINE_MIN && length(fine) * COARSE_TO_FINE > length(coarse) ? fine
											 : coarse;
}

static bool drop_a_chunk(struct history *h)
{
	struct frames *f = dispensable(h);

	if (!f->chunks.n)
		return false;
	frames__drop_oldest(h, f);
	return true;
}

static bool make_room(struct history *h, uint64_t bytes)
{
	if (bytes > h->limit)
		return false;
	while (room__used(h) + bytes > h->limit)
		if (!drop_a_chunk(h))
			return false;
	return true;
}

void room__keep_limit(struct history *h)
{
	make_room(h, 0);
}

void *room__alloc(struct history *h, enum room_kind kind, size_t bytes)
{
	void *p = make_room(h, heap_bytes(bytes)) ? calloc(1, bytes) : NULL;

	if (p)
		atomic_fetch_add_explicit(&h->room[kind], heap_bytes(bytes), memory_order_relaxed);
	return p;
}

void room__free(struct history *h, enum room_kind kind, void *p, size_t bytes)
{
	if (!p)
		return;
	free(p);
	atomic_fetch_sub_explicit(&h->room[kind], heap_bytes(bytes), memory_order_relaxed);
}

void *room__resize(struct history *h, enum room_kind kind, void *p, size_t from, size_t to)
{
	void *fresh = room__alloc(h, kind, to);

	if (!fresh)
		return NULL;
	if (p)
		memcpy(fresh, p, from < to ? from : to);
	room__free(h, kind, p, from);
	return fresh;
}

/* ---- chunks ------------------------------------------------------------------------------ */

uint32_t chunk__size(const struct history *h)
{
	return h->chunk_bytes - (uint32_t)sizeof(struct chunk);
}

struct chunk *chunks__add(struct history *h, struct chunks *l, size_t least)
{
	struct chunk *c = least <= chunk__size(h) ? room__alloc(h, l->room, h->chunk_bytes) : NULL;

	if (!c)
		return NULL;
	if (l->newest) /* making room may have taken it */
		l->newest->next = c;
	else
		l->oldest = c;
	l->newest = c;
	l->n++;
	return c;
}

void chunks__drop_oldest(struct history *h, struct chunks *l)
{
	struct chunk *c = l->oldest;

	l->oldest = c->next;
	if (!l->oldest)
		l->newest = NULL;
	l->n--;
	room__free(h, l->room, c, h->chunk_bytes);
}
