// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A build id is what a file says of itself. Whoever makes one can write another's into it,
 * so a plan is taken over only where size and all code at the places to be probed agree.
 */
#include "probe_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tls_functions.h"

struct probe_plan *probe_plan__new(const struct probe_site *sites, size_t n)
{
	struct probe_plan *plan = calloc(1, sizeof(*plan) + n * sizeof(*sites));

	if (!plan)
		return NULL;
	plan->refs = 1;
	plan->n = n;
	if (n)
		memcpy(plan->sites, sites, n * sizeof(*sites));
	return plan;
}

struct probe_plan *probe_plan__get(struct probe_plan *plan)
{
	plan->refs++;
	return plan;
}

void probe_plan__put(struct probe_plan *plan)
{
	if (plan && !--plan->refs)
		free(plan);
}

int probe_plan__read_heads(struct probe_plan *plan, int fd)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return -errno;
	plan->size = st.st_size;
	for (struct probe_site *s = plan->sites; s < plan->sites + plan->n; s++) {
		n = pread(fd, s->head, sizeof(s->head), s->offset);
		if (n <= 0)
			return n ? -errno : -EBADMSG;
		s->head_len = n;
	}
	return 0;
}

bool probe_plan__fits(const struct probe_plan *plan, int fd)
{
	uint8_t head[PROBE_HEAD];
	struct stat st;

	if (fstat(fd, &st) || (uint64_t)st.st_size != plan->size)
		return false;
	for (const struct probe_site *s = plan->sites; s < plan->sites + plan->n; s++)
		if (pread(fd, head, sizeof(head), s->offset) != s->head_len ||
		    memcmp(head, s->head, s->head_len))
			return false;
	return true;
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
