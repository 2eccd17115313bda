/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef RED_PROPAGATE_INTERNAL_H
#define RED_PROPAGATE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "loader.h"

/* What the kernel side counted, over all processors. */
struct propagate_counts {
	uint64_t n[RED_PROP__CNT];
};

extern const char *const propagate_outcomes[RED_PROP__CNT];

int propagate_counts__read(const struct loader_propagation *k, struct propagate_counts *out);

/* Refusals of the kernel, against what they were up to a minute ago. */
struct refusals {
	struct propagate_counts since;
	uint64_t since_ns;
};

/* Why these are too many to be chance; NULL: they are not. */
const char *refusals__look(struct refusals *r, const struct propagate_counts *now, uint64_t now_ns);

/* Redeye's own connections, with the programs attached to its own cgroup: 0, or -errno
 * with the first difference in why. Reads the ring empty. */
int canary__run(struct loader *l, const struct loader_propagation *k, char *why, size_t why_size);

/* The directory of a cgroup v2 path; "": of redeye's own. 0 or -errno. */
int cgroup__dir(char *dir, size_t size, const char *path);

/* Takes every socket out of the sockhash, for good. Some 10 ms. */
void propagation__empty(const struct loader_propagation *k);

#define MAX_CGROUPS 16

struct guard {
	pid_t pid;
	int fd;
};

/* Holds what is attached now: these links, the sockhash and its program, and no other descriptor
 * of ours. 0 or -errno. */
int guard__start(struct guard *g, const struct loader_propagation *k, const int *links,
		 size_t n_links);
/* By itself: once. */
bool guard__has_ended(struct guard *g);
void guard__stop(struct guard *g); /* accepts one that was not started, zeroed */

#endif /* RED_PROPAGATE_INTERNAL_H */
