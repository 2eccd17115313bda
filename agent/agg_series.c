// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The table of series: open addressing by a 40-byte key, so that a known series
 * costs one probe and no allocation. Series only leave when a dead service
 * expires; then the table is rebuilt instead of keeping tombstones.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agg_internal.h"
#include "hash.h"

/* The conventions name none for sizes: empty bodies by themselves, then powers of four
 * from 256 B to 1 GiB. */
static const double size_bounds[] = {
	0,      0x1p8,  0x1p10, 0x1p12, 0x1p14, 0x1p16, 0x1p18,
	0x1p20, 0x1p22, 0x1p24, 0x1p26, 0x1p28, 0x1p30,
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
_Static_assert(COUNT(size_bounds) <= HIST_MAX_BOUNDS, "too many bounds");

enum { FIRST_SLOTS = 256 };

static uint64_t hash_key(const struct series_key *key)
{
	return hash_bytes(key, sizeof(*key));
}

int series__table_new(struct agg *agg)
{
	agg->slots = calloc(FIRST_SLOTS, sizeof(*agg->slots));
	agg->n_slots = FIRST_SLOTS;
	return agg->slots ? 0 : -ENOMEM;
}

static void insert(struct slot *slots, uint32_t n_slots, uint64_t hash, struct series *s)
{
	uint32_t i = (uint32_t)hash & (n_slots - 1);

	while (slots[i].s)
		i = (i + 1) & (n_slots - 1);
	slots[i] = (struct slot){ hash, s };
}

/* 0 as long as there is a free slot left for the search to end at. */
static int make_room(struct agg *agg)
{
	struct slot *slots;
	uint32_t i;

	if (2 * (agg->n_keyed + 1) <= agg->n_slots)
		return 0;
	slots = calloc(2 * (size_t)agg->n_slots, sizeof(*slots));
	if (!slots)
		return agg->n_keyed + 2 <= agg->n_slots ? 0 : -ENOMEM;
	for (i = 0; i < agg->n_slots; i++)
		if (agg->slots[i].s)
			insert(slots, 2 * agg->n_slots, agg->slots[i].hash, agg->slots[i].s);
	free(agg->slots);
	agg->slots = slots;
	agg->n_slots *= 2;
	return 0;
}

void series__rebuild_table(struct agg *agg)
{
	const struct agg_service *svc;
	struct series *s;

	memset(agg->slots, 0, agg->n_slots * sizeof(*agg->slots));
	for (svc = agg->services; svc; svc = svc->next)
		for (s = svc->first; s; s = s->next)
			if (!s->overflow)
				insert(agg->slots, agg->n_slots, hash_key(&s->key), s);
}

static struct series *find(const struct agg *agg, uint64_t hash, const struct label *l)
{
	uint32_t i = (uint32_t)hash & (agg->n_slots - 1);
	struct series *s;

	for (; (s = agg->slots[i].s); i = (i + 1) & (agg->n_slots - 1))
		if (agg->slots[i].hash == hash && !memcmp(&s->key, &l->key, sizeof(l->key)) &&
		    !memcmp(s->host, l->host, l->key.host_len))
			return s;
	return NULL;
}

struct series *series__find(const struct agg *agg, uint64_t hash)
{
	uint32_t i = (uint32_t)hash & (agg->n_slots - 1);

	for (; hash && agg->slots[i].s; i = (i + 1) & (agg->n_slots - 1))
		if (agg->slots[i].hash == hash)
			return agg->slots[i].s;
	return NULL;
}

static struct series *series_new(struct agg *agg, struct agg_service *svc, const struct label *l,
				 const struct span *span)
{
	const struct semconv *conv = class__semconv(l->key.class);
	uint32_t n_parts = agg->n_parts[l->key.class], i;
	size_t hists = n_parts * sizeof(struct hist);
	struct series *s = calloc(1, sizeof(*s) + hists + l->key.host_len + 1);

	if (!s)
		return NULL;
	s->key = l->key;
	s->name = l->name;
	s->host = memcpy((char *)s->parts + hists, l->host, l->key.host_len);
	s->start_ns = span->start_ns;
	hist__init(&s->parts[PART_DURATION], conv->bounds, conv->n_bounds);
	for (i = 1; i < n_parts; i++)
		hist__init(&s->parts[i], size_bounds, COUNT(size_bounds));
	*svc->last = s;
	svc->last = &s->next;
	return s;
}

static struct series *overflow(struct agg *agg, struct agg_service *svc, const struct span *span)
{
	uint32_t class = span__class(span);
	const struct label l = { .key.class = class };
	struct series *s = svc->overflow[class];

	if (!s) {
		s = series_new(agg, svc, &l, span);
		if (!s)
			return NULL;
		s->overflow = true;
		svc->overflow[class] = s;
	}
	agg->stats.overflowed_cnt++;
	return s;
}

struct series *series__get(struct agg *agg, struct agg_service *svc, const struct label *l,
			   struct span *span)
{
	uint64_t hash = hash_key(&l->key);
	struct series *s = find(agg, hash, l);

	span->series = hash;
	if (s)
		return s;
	if (!agg->full && svc->n_series[l->key.class] < agg->limit &&
	    agg->n_keyed < agg->limit_all && !make_room(agg))
		s = series_new(agg, svc, l, span);
	if (!s) {
		span->series = 0;
		return overflow(agg, svc, span);
	}
	insert(agg->slots, agg->n_slots, hash, s);
	agg->n_keyed++;
	svc->n_series[l->key.class]++;
	return s;
}

static void series_free(struct agg *agg, struct series *s)
{
	uint32_t i;

	for (i = 0; i < agg->n_parts[s->key.class]; i++)
		hist__free(&s->parts[i]);
	free(s->exemplars);
	free(s);
}

uint32_t series__drop_idle(struct agg *agg, struct agg_service *svc, uint64_t before_ns)
{
	struct series **link = &svc->first, *s;
	uint32_t n = 0;

	while ((s = *link)) {
		if (s->last_ns > before_ns) {
			link = &s->next;
			continue;
		}
		*link = s->next;
		if (s->overflow) {
			svc->overflow[s->key.class] = NULL;
		} else {
			svc->n_series[s->key.class]--;
			agg->n_keyed--;
		}
		series_free(agg, s);
		n++;
	}
	svc->last = link;
	return n;
}

size_t series__bytes(const struct agg *agg, const struct series *s)
{
	uint32_t n_parts = agg->n_parts[s->key.class], i;
	size_t bytes = sizeof(*s) + n_parts * sizeof(struct hist) + s->key.host_len + 1;

	for (i = 0; i < n_parts; i++)
		bytes += hist__bytes(&s->parts[i]);
	return bytes + exemplars__bytes(s);
}
