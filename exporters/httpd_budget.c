// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "httpd_internal.h"

#include <errno.h>

bool httpd_budget__is_spent(const struct httpd_budget *b)
{
	return atomic_load(&b->waiting) >= b->max;
}

int httpd_budget__take(struct httpd_budget *b, size_t len)
{
	size_t waiting = atomic_load(&b->waiting);

	do {
		if (waiting && (waiting >= b->max || len > b->max - waiting))
			return -ENOSPC;
	} while (!atomic_compare_exchange_weak(&b->waiting, &waiting, waiting + len));
	return 0;
}

void httpd_budget__give_back(struct httpd_budget *b, size_t len)
{
	atomic_fetch_sub(&b->waiting, len);
}
