// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A token bucket for each service, of one second's worth of traces. Credit is counted in
 * traces times nanoseconds, so that nothing is ever rounded. A bucket that was left
 * alone for a second is full, which is the same as not being there: the table needs
 * places only for services of the last second. Ids are given out one after the other,
 * so their last bits are spread evenly; should five of one row be busy at once, the one
 * not asked for longest begins anew.
 */
#include <stdlib.h>

#include "tail_internal.h"

enum { ROWS = 1024, WAYS = 4 };

#define SECOND UINT64_C(1000000000)

struct bucket {
	uint32_t service; /* 0: nobody's */
	uint64_t last_ns, credit;
};

struct tail_limit {
	uint64_t per_s;
	struct bucket rows[ROWS][WAYS];
};

struct tail_limit *tail_limit__new(uint32_t per_s)
{
	struct tail_limit *l = calloc(1, sizeof(*l));

	if (l)
		l->per_s = per_s;
	return l;
}

void tail_limit__free(struct tail_limit *l)
{
	free(l);
}

static struct bucket *bucket_of_service(struct tail_limit *l, uint32_t service, uint64_t now_ns)
{
	struct bucket *row = l->rows[service % ROWS], *oldest = row;
	int i;

	for (i = 0; i < WAYS; i++) {
		if (row[i].service == service)
			return &row[i];
		if (row[i].last_ns < oldest->last_ns)
			oldest = &row[i];
	}
	*oldest = (struct bucket){ service, now_ns, l->per_s * SECOND };
	return oldest;
}

bool tail_limit__take(struct tail_limit *l, uint32_t service, uint64_t now_ns)
{
	struct bucket *b = bucket_of_service(l, service, now_ns);
	uint64_t elapsed = now_ns - b->last_ns, full = l->per_s * SECOND;

	b->last_ns = now_ns;
	b->credit += (elapsed < SECOND ? elapsed : SECOND) * l->per_s;
	if (b->credit > full)
		b->credit = full;
	if (b->credit < SECOND)
		return false;
	b->credit -= SECOND;
	return true;
}
