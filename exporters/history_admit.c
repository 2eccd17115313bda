// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which spans are worth a copy, decided in some nanoseconds on the event loop. In this order:
 *
 *   - errors;
 *   - traces that a hash of their id chooses, whole: as many bits of it must be 0 as
 *     keep the number of spans near ADMIT_ORDINARY a second, by what the last second had;
 *   - what belongs to a trace of which something else than that was taken;
 *   - of each series the slowest of the last seconds;
 *   - of each series that had no span in a while, so that rare ones and where they serve are
 *     known. When there are more of these than may be taken, the while gets longer.
 *
 * Each has a number that it may take in a second. What is known of series is in sets of a few,
 * chosen by hash, where a newcomer replaces the one that had no span for the longest: two that
 * are busy do not push each other out, and spend what is for all that are rare; more than a set
 * has places for do so once a second.
 */
#include "history_internal.h"

#include <string.h>

#include "hash.h"

enum { RARE_AFTER_MIN = 10, RARE_AFTER_MAX = 640, FORGET_SECONDS = 8 };

uint64_t trace__hash(uint64_t seed, const uint8_t trace_id[16])
{
	uint64_t w[2];

	memcpy(w, trace_id, sizeof(w));
	/* Once more: ids that are counters have all their difference in the highest bits. */
	return hash_mix(hash_mix(hash_mix(seed, w[0]), w[1]), 0);
}

static bool may(uint32_t *taken, uint32_t most)
{
	if (*taken >= most)
		return false;
	++*taken;
	return true;
}

/* The slowest of the last seconds: its mark goes down with time. */
static void fade(struct admit_slot *slot, uint32_t second)
{
	uint32_t ago = second - slot->second;

	slot->max_us =
		ago < FORGET_SECONDS ? slot->max_us - slot->max_us / FORGET_SECONDS * ago : 0;
	slot->second = second;
}

static struct admit_slot *find_slot(struct admit_slot *set, uint32_t tag)
{
	int i;

	for (i = 0; i < ADMIT_WAYS; i++)
		if (set[i].taken && set[i].tag == tag)
			return &set[i];
	return NULL;
}

/* The one that had no span for the longest. A free one's second is 0. */
static struct admit_slot *oldest_slot(struct admit_slot *set)
{
	struct admit_slot *oldest = set;
	int i;

	for (i = 1; i < ADMIT_WAYS; i++)
		if (set[i].second < oldest->second)
			oldest = &set[i];
	return oldest;
}

static bool is_remarkable(struct admit *a, const struct span *s)
{
	uint64_t us = s->end_ns > s->start_ns ? (s->end_ns - s->start_ns) / 1000 : 0;
	uint32_t tag = s->series >> 32 & 0xffffff;
	struct admit_slot *set = &a->slots[s->series & (ADMIT_SLOTS - ADMIT_WAYS)];
	struct admit_slot *slot = find_slot(set, tag);

	us = us < UINT32_MAX ? us : UINT32_MAX;
	if (!slot) {
		slot = oldest_slot(set);
		if (slot->taken && slot->since == (uint8_t)a->second)
			return false;
		if (!may(&a->rare, ADMIT_RARE))
			return false;
		*slot = (struct admit_slot){ .tag = tag,
					     .since = (uint8_t)a->second,
					     .max_us = (uint32_t)us,
					     .second = a->second,
					     .taken = a->second };
		return true;
	}
	if (slot->second != a->second)
		fade(slot, a->second);
	if (us > slot->max_us && may(&a->slow, ADMIT_SLOW)) {
		slot->max_us = (uint32_t)us;
		slot->taken = a->second;
		return true;
	}
	if (a->second - slot->taken < a->rare_after || !may(&a->rare, ADMIT_RARE))
		return false;
	slot->taken = a->second;
	return true;
}

bool admit__span(struct admit *a, const struct span *s)
{
	uint64_t hash = trace__hash(a->seed, s->trace.trace_id);
	uint64_t *wanted = &a->wanted[hash >> 32 & (ADMIT_WANTED - 1)];

	a->offered++;
	if (!(hash & a->mask) && may(&a->ordinary, 2 * ADMIT_ORDINARY))
		return true;
	if (s->error_type && may(&a->errors, ADMIT_ERRORS)) {
		*wanted = hash;
		return true;
	}
	if (*wanted == hash && may(&a->followed, ADMIT_FOLLOWED))
		return true;
	if (!is_remarkable(a, s))
		return false;
	*wanted = hash;
	return true;
}

void admit__second(struct admit *a, uint32_t second)
{
	uint32_t seconds = second - a->second, n = seconds ? a->offered / seconds : a->offered;

	for (a->mask = 0; n > ADMIT_ORDINARY; n /= 2)
		a->mask = a->mask << 1 | 1;
	if (a->rare == ADMIT_RARE && a->rare_after < RARE_AFTER_MAX)
		a->rare_after *= 2;
	else if (a->rare < ADMIT_RARE / 4 && a->rare_after > RARE_AFTER_MIN)
		a->rare_after /= 2;
	a->offered = a->ordinary = a->errors = a->slow = a->rare = a->followed = 0;
	a->second = second;
}
