// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "probe_plan.h"

#include <stdlib.h>
#include <string.h>

#include "tls_functions.h"

struct probe_plan *probe_plan__new(const struct probe_site *sites, size_t n)
{
	struct probe_plan *plan = calloc(1, sizeof(*plan) + n * sizeof(*sites));

	if (!plan)
		return NULL;
	plan->n = n;
	if (n)
		memcpy(plan->sites, sites, n * sizeof(*sites));
	return plan;
}

void probe_plan__free(struct probe_plan *plan)
{
	free(plan);
}

uint32_t probe_plan__usable(const struct probe_plan *plan, const bool *have)
{
	uint8_t roles[TLS_KIND__CNT] = { 0 };
	uint32_t usable = 0;

	for (size_t i = 0; i < plan->n; i++)
		if (!have || have[i])
			roles[plan->sites[i].kind] |= plan->sites[i].role;
	for (unsigned int k = 0; k < TLS_KIND__CNT; k++)
		if ((roles[k] & TLS_MINIMUM) == TLS_MINIMUM)
			usable |= 1u << k;
	return usable;
}

bool probe_plan__has_returns(const struct probe_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		if (plan->sites[i].ret)
			return true;
	return false;
}
