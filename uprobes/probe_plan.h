/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where in a file which program is attached. Owned by the prober's worker. */
#ifndef RED_PROBE_PLAN_H
#define RED_PROBE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROBE_SITES_MAX 256 /* of one file; a Go function has a dozen returns */

struct probe_site {
	uint64_t offset;     /* in the file */
	const char *program; /* borrowed: tls_functions.c's */
	uint8_t kind;        /* enum tls_kind */
	uint8_t role;        /* enum tls_role; 0: the end of a function */
	bool ret;            /* a return probe */
};

struct probe_plan {
	uint32_t kinds; /* 1 << enum tls_kind: of what is there, probed or not */
	uint32_t marks; /* enum red_target */
	char why[160];  /* "", or what is there and cannot be probed, in a sentence */
	size_t n;
	struct probe_site sites[]; /* of each function its ends, then its entry */
};

/* The sites are copied. NULL: no memory. */
struct probe_plan *probe_plan__new(const struct probe_site *sites, size_t n);
void probe_plan__free(struct probe_plan *plan); /* accepts NULL */

bool probe_plan__has_returns(const struct probe_plan *plan);

/* The kinds (bits) whose minimum is among the entries for which `have` says so; NULL: all. */
uint32_t probe_plan__usable(const struct probe_plan *plan, const bool *have);

#endif /* RED_PROBE_PLAN_H */
