// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Chains in buckets, twice as many when they get long; numbers from 0, the lowest free one
 * first, so that arrays by number stay short. */
#include "history_internal.h"

#include <errno.h>

enum { FIRST_BUCKETS = 64, FIRST_IDS = 64 };

static void link_in(struct node **buckets, uint32_t n_buckets, struct node *n)
{
	struct node **at = &buckets[n->hash & (n_buckets - 1)];

	n->next = *at;
	*at = n;
}

static int grow_buckets(struct history *h, struct table_of *t)
{
	uint32_t size = t->n_buckets ? 2 * t->n_buckets : FIRST_BUCKETS, i;
	struct node **buckets, *n, *next;

	if (t->n < t->n_buckets)
		return 0;
	buckets = room__alloc(h, ROOM_TABLES, size * sizeof(*buckets));
	if (!buckets)
		return t->n_buckets ? 0 : -ENOMEM;
	for (i = 0; i < t->n_buckets; i++)
		for (n = t->buckets[i]; n; n = next) {
			next = n->next;
			link_in(buckets, size, n);
		}
	room__free(h, ROOM_TABLES, t->buckets, t->n_buckets * sizeof(*buckets));
	t->buckets = buckets;
	t->n_buckets = size;
	return 0;
}

/* The lowest free number, with room for it. */
static int free_id(struct history *h, struct table_of *t, uint32_t *out)
{
	uint32_t id = t->free_below, size;
	struct node **by_id;

	while (id < t->n_ids && t->by_id[id])
		id++;
	if (id == t->ids_size) {
		size = id ? 2 * id : FIRST_IDS;
		by_id = room__resize(h, ROOM_TABLES, t->by_id, id * sizeof(*by_id),
				     size * sizeof(*by_id));
		if (!by_id)
			return -ENOMEM;
		t->by_id = by_id;
		t->ids_size = size;
	}
	*out = id;
	return 0;
}

int table_of__add(struct history *h, struct table_of *t, struct node *n)
{
	if (grow_buckets(h, t) || free_id(h, t, &n->id))
		return -ENOMEM;
	link_in(t->buckets, t->n_buckets, n);
	t->by_id[n->id] = n;
	t->free_below = n->id + 1;
	if (n->id >= t->n_ids)
		t->n_ids = n->id + 1;
	t->n++;
	return 0;
}

void table_of__remove(struct table_of *t, struct node *n)
{
	struct node **link = &t->buckets[n->hash & (t->n_buckets - 1)];

	while (*link != n)
		link = &(*link)->next;
	*link = n->next;
	t->by_id[n->id] = NULL;
	if (n->id < t->free_below)
		t->free_below = n->id;
	while (t->n_ids && !t->by_id[t->n_ids - 1])
		t->n_ids--;
	if (t->free_below > t->n_ids)
		t->free_below = t->n_ids;
	t->n--;
}

void table_of__free(struct history *h, struct table_of *t)
{
	room__free(h, ROOM_TABLES, t->buckets, t->n_buckets * sizeof(struct node *));
	room__free(h, ROOM_TABLES, t->by_id, t->ids_size * sizeof(struct node *));
	*t = (struct table_of){ 0 };
}
