// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "history.h"

void history_dist__add(struct history_dist *to, const struct history_dist *from)
{
	to->count += from->count;
	to->errors += from->errors;
	to->sum += from->sum;
	for (int i = 0; i < HISTORY_BUCKETS; i++)
		if (__builtin_add_overflow(to->buckets[i], from->buckets[i], &to->buckets[i]))
			to->buckets[i] = UINT32_MAX;
}
