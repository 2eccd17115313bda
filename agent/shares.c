// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "shares.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redeye.h"
#include "self_builder.h"
#include "service.h"

#define NAME_MAX_BYTES 520

#define UNKNOWN "unknown"
#define OTHER   "other"
#define OTHERS  RED_SHARES /* its series is behind those of the places */

struct place {
	char *name;         /* who has it, or had it last; NULL: nobody yet */
	uint32_t processes; /* that are there, guests included */
	uint32_t guests;    /* those of other names */
	uint64_t left;      /* when the last of them left, by `clock`; 0: there was none */
	uint64_t base;      /* what had been refused when its series began */
};

struct shares {
	struct shares_ops ops;
	uint64_t clock;
	uint64_t others; /* refused of places that had guests and have none any more */
	uint32_t hashes[RED_SHARES];
	struct place places[RED_SHARES];
};

struct shares *shares__new(const struct shares_ops *ops)
{
	struct shares *sh = calloc(1, sizeof(*sh));

	if (sh)
		sh->ops = *ops;
	return sh;
}

void shares__free(struct shares *sh)
{
	if (!sh)
		return;
	for (uint32_t i = 1; i < RED_SHARES; i++)
		free(sh->places[i].name);
	free(sh);
}

/* FNV-1a, 32 bits. */
static uint32_t hash(const char *s)
{
	uint32_t h = 2166136261u;

	while (*s)
		h = (h ^ (uint8_t)*s++) * 16777619u;
	return h;
}

static uint64_t refused(const struct shares *sh, uint32_t i)
{
	return sh->ops.refused(sh->ops.arg, i) - sh->places[i].base;
}

/* The kernel side's count goes on. */
static void begin_series(struct shares *sh, uint32_t i)
{
	sh->places[i].base = sh->ops.refused(sh->ops.arg, i);
}

static uint32_t find(const struct shares *sh, const char *name, uint32_t h)
{
	for (uint32_t i = 1; i < RED_SHARES; i++) {
		if (sh->hashes[i] == h && sh->places[i].name && !strcmp(sh->places[i].name, name))
			return i;
	}
	return 0;
}

/* The place that has had no process for the longest; 0: all have some. */
static uint32_t longest_empty(const struct shares *sh)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < RED_SHARES; i++) {
		const struct place *p = &sh->places[i];

		if (!p->processes && (!best || p->left < sh->places[best].left))
			best = i;
	}
	return best;
}

/* Gives the name a place of its own; 0: there is none. */
static uint32_t take_over(struct shares *sh, const char *name, uint32_t h)
{
	uint32_t i = longest_empty(sh);
	char *copy = i ? strdup(name) : NULL;

	if (!copy)
		return 0;
	free(sh->places[i].name);
	sh->places[i].name = copy;
	sh->hashes[i] = h;
	sh->ops.begin(sh->ops.arg, i);
	begin_series(sh, i);
	return i;
}

static uint32_t take(struct shares *sh, const struct service *s)
{
	char name[NAME_MAX_BYTES];
	uint32_t i, h;

	snprintf(name, sizeof(name), "%s%s%s", s->namespace, *s->namespace ? "/" : "", s->name);
	h = hash(name);
	i = find(sh, name, h);
	if (!i)
		i = take_over(sh, name, h);
	if (i) {
		sh->places[i].processes++;
		return i;
	}
	/* All have processes, or there is no memory. */
	i = 1 + h % (RED_SHARES - 1);
	if (!sh->places[i].guests++)
		begin_series(sh, i);
	sh->places[i].processes++;
	return i + SHARES_GUEST;
}

static void give_back(struct shares *sh, uint32_t share)
{
	uint32_t i = shares__place(share);
	struct place *p = &sh->places[i];

	if (share > SHARES_GUEST && !--p->guests) {
		sh->others += refused(sh, i);
		begin_series(sh, i);
	}
	if (!--p->processes)
		p->left = ++sh->clock;
}

uint32_t shares__move(struct shares *sh, uint32_t from, const struct service *to)
{
	if (from)
		give_back(sh, from);
	return to ? take(sh, to) : 0;
}

const char *shares__name(const struct shares *sh, uint32_t place)
{
	if (place >= RED_SHARES || sh->places[place].guests)
		return OTHER;
	return sh->places[place].name ? sh->places[place].name : UNKNOWN;
}

/* A service may be called as those are that have no name: there are no two series of one. */
static uint32_t series_of(const struct shares *sh, uint32_t place)
{
	const char *name = shares__name(sh, place);

	if (!strcmp(name, OTHER))
		return OTHERS;
	return strcmp(name, UNKNOWN) ? place : 0;
}

void shares__metrics(const struct shares *sh, struct self_builder *b)
{
	struct self_label l[] = { { "service", NULL }, { NULL, NULL } };
	uint64_t sums[OTHERS + 1] = { [OTHERS] = sh->others };
	struct metric_family *f;
	uint32_t i, points = 0;
	const char *name;

	for (i = 0; i < RED_SHARES; i++)
		sums[series_of(sh, i)] += refused(sh, i);
	for (i = 0; i <= OTHERS; i++)
		points += !!sums[i];
	f = self__family(b, "redeye.share.refused", "{event}", METRIC_COUNTER, points,
			 "Events not written, because their service had its share of a ring that "
			 "filled.");
	for (i = 0; i <= OTHERS; i++) {
		if (!sums[i])
			continue;
		name = i ? shares__name(sh, i) : UNKNOWN;
		l[0].value = metrics__strdup(b->m, name, strlen(name));
		self__point(b, f, sums[i], l);
	}
}
