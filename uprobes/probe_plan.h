/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where in a file which program is attached. Two files that are the same (a library in
 * two containers) share a plan. Owned by the prober's worker.
 */
#ifndef RED_PROBE_PLAN_H
#define RED_PROBE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROBE_SITES_MAX 256 /* of one file; a Go function has a dozen returns */
#define PROBE_HEAD      16
#define PROBE_BUILD_ID  68

struct probe_site {
	uint64_t offset;     /* in the file */
	const char *program; /* borrowed: tls_functions.c's */
	uint8_t kind;        /* enum tls_kind */
	uint8_t role;        /* enum tls_role; 0: the end of a function */
	bool ret;            /* a return probe */
	uint8_t head_len;
	uint8_t head[PROBE_HEAD]; /* what is at `offset` */
};

struct probe_plan {
	uint32_t refs;
	uint32_t kinds; /* 1 << enum tls_kind: of what is there, probed or not */
	uint32_t marks; /* enum red_target */
	uint64_t size;  /* of the file */
	char build_id[PROBE_BUILD_ID];
	char why[160]; /* "", or what is there and cannot be probed, in a sentence */
	size_t n;
	struct probe_plan *next; /* in the cache */
	struct probe_site sites[];
};

/* With one reference; the sites are copied. NULL: no memory. */
struct probe_plan *probe_plan__new(const struct probe_site *sites, size_t n);
struct probe_plan *probe_plan__get(struct probe_plan *plan);
void probe_plan__put(struct probe_plan *plan); /* accepts NULL */

/* Reads what is at each site, and the size. 0 or -errno. */
int probe_plan__read_heads(struct probe_plan *plan, int fd);

/* Is all that probes rest on the same in this file? */
bool probe_plan__fits(const struct probe_plan *plan, int fd);

/* The kinds (bits) whose minimum is among the sites for which `have` says so; NULL: all. */
uint32_t probe_plan__usable(const struct probe_plan *plan, const bool *have);

#endif /* RED_PROBE_PLAN_H */
