// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Traces by their id: a pool that is touched only as far as it was ever needed, and
 * chains from a fixed table, so that nothing of it can fail or be rebuilt later. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "service.h"
#include "span_batch.h"
#include "tail_internal.h"

enum {
	FIRST_SPANS = 4, /* what most traces have */
	KEEP_SPANS = 16, /* longer arrays do not stay with an unused entry */
};

int tail_traces__init(struct tail_traces *ts, uint32_t max_undecided, uint64_t seed)
{
	uint32_t n_buckets = 1024;

	tail_link__init(&ts->undecided);
	tail_link__init(&ts->decided);
	tail_link__init(&ts->due);
	ts->seed = seed;
	if (max_undecided > UINT32_MAX / 4)
		return -EINVAL;
	ts->pool_size = max_undecided + TAIL_DECISIONS_MAX;
	while (n_buckets < ts->pool_size)
		n_buckets *= 2;
	ts->mask = n_buckets - 1;
	ts->pool = calloc(ts->pool_size, sizeof(*ts->pool));
	ts->buckets = calloc(n_buckets, sizeof(*ts->buckets));
	return ts->pool && ts->buckets ? 0 : -ENOMEM;
}

void tail_traces__free(struct tail_traces *ts)
{
	uint32_t i;

	for (i = 0; i < ts->pool_used; i++) {
		tail_trace__release(&ts->pool[i]);
		free(ts->pool[i].spans);
	}
	free(ts->pool);
	free(ts->buckets);
}

static struct tail_trace **chain_of(struct tail_traces *ts, const uint8_t id[16])
{
	uint64_t a, b;

	memcpy(&a, id, 8);
	memcpy(&b, id + 8, 8);
	return &ts->buckets[hash_fold(a ^ ts->seed, b) & ts->mask];
}

struct tail_trace *tail_traces__find(struct tail_traces *ts, const uint8_t id[16])
{
	struct tail_trace *tr = *chain_of(ts, id);

	while (tr && memcmp(tr->id, id, sizeof(tr->id)))
		tr = tr->chain;
	if (tr && tr->decided)
		tail_link__move(&ts->decided, &tr->order);
	return tr;
}

static struct tail_trace *take_unused(struct tail_traces *ts)
{
	struct tail_trace *tr = ts->unused;

	if (!tr)
		return &ts->pool[ts->pool_used++];
	ts->unused = tr->chain;
	return tr;
}

struct tail_trace *tail_traces__add(struct tail_traces *ts, const uint8_t id[16])
{
	struct tail_trace **head = chain_of(ts, id), *tr = take_unused(ts);

	*tr = (struct tail_trace){ .spans = tr->spans, .cap = tr->cap, .chain = *head };
	memcpy(tr->id, id, sizeof(tr->id));
	*head = tr;
	tail_link__init(&tr->due);
	tail_link__init(&tr->order);
	tail_link__move(&ts->undecided, &tr->order);
	ts->n_undecided++;
	return tr;
}

void tail_traces__forget(struct tail_traces *ts, struct tail_trace *tr)
{
	struct tail_trace **link = chain_of(ts, tr->id);

	while (*link != tr)
		link = &(*link)->chain;
	*link = tr->chain;
	tail_link__remove(&tr->order);
	tail_link__remove(&tr->due);
	if (tr->decided)
		ts->n_decided--;
	else
		ts->n_undecided--;
	tr->chain = ts->unused;
	ts->unused = tr;
}

static struct tail_trace *first_of(const struct tail_link *order)
{
	return tail_link__is_alone(order) ? NULL
					  : TAIL_ENTRY(order->next, struct tail_trace, order);
}

void tail_traces__set_decided(struct tail_traces *ts, struct tail_trace *tr)
{
	tr->decided = true;
	tail_link__remove(&tr->due);
	tail_link__move(&ts->decided, &tr->order);
	ts->n_undecided--;
	ts->n_decided++;
	if (ts->n_decided > TAIL_DECISIONS_MAX)
		tail_traces__forget(ts, first_of(&ts->decided));
}

struct tail_trace *tail_traces__oldest(const struct tail_traces *ts)
{
	return first_of(&ts->undecided);
}

struct tail_trace *tail_traces__next_due(const struct tail_traces *ts)
{
	if (tail_link__is_alone(&ts->due))
		return NULL;
	return TAIL_ENTRY(ts->due.next, struct tail_trace, due);
}

/* ---- held spans ---- */

/* The allocator's own share, and a place in an array that doubles. */
#define OVERHEAD (2 * sizeof(size_t) + 2 * sizeof(struct span *))

size_t tail_trace__cost(const struct span *s)
{
	return sizeof(*s) + span__strings_bytes(s) + OVERHEAD;
}

static int make_room_for_span(struct tail_trace *tr)
{
	uint32_t cap = tr->cap ? 2 * tr->cap : FIRST_SPANS;
	struct span **grown;

	if (tr->n < tr->cap)
		return 0;
	grown = realloc(tr->spans, cap * sizeof(struct span *));
	if (!grown)
		return -ENOMEM;
	tr->spans = grown;
	tr->cap = cap;
	return 0;
}

int tail_trace__hold(struct tail_trace *tr, const struct span *s)
{
	struct span *copy;

	if (make_room_for_span(tr))
		return -ENOMEM;
	copy = span__dup(s);
	if (!copy)
		return -ENOMEM;
	service__ref((struct service *)copy->service);
	tr->spans[tr->n++] = copy;
	tr->bytes += tail_trace__cost(s);
	return 0;
}

void tail_trace__release(struct tail_trace *tr)
{
	uint32_t i;

	for (i = 0; i < tr->n; i++) {
		service__put((struct service *)tr->spans[i]->service);
		free(tr->spans[i]);
	}
	tr->n = 0;
	tr->bytes = 0;
	if (tr->cap <= KEEP_SPANS)
		return;
	free(tr->spans);
	tr->spans = NULL;
	tr->cap = 0;
}
