/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Links: probes that are there. The worker attaches them; they are closed by whatever
 * thread has the time.
 */
#ifndef RED_PROBE_ATTACH_H
#define RED_PROBE_ATTACH_H

#include <stdatomic.h>
#include <stdint.h>

#include "probe_ops.h"
#include "probe_plan.h"

/* Links that are open are those attached and not detached. */
struct probe_counts {
	_Atomic uint64_t attached, detached;
};

struct probe_link {
	struct probe_link *next;
	void *handle;
	const struct probe_ops *ops;
	struct probe_counts *counts;
};

uint64_t probe_counts__open(struct probe_counts *c);
void probe_link__close(struct probe_link *link); /* takes as long as the kernel takes */

struct probe_batch {
	struct probe_link *links;
	struct probe_link *dropped; /* of functions that are not wholly probed: to be closed */
	uint32_t n;                 /* of `links` */
	uint32_t refused;           /* sites without a program */
	uint32_t failed;            /* functions with one that the kernel did not take */
	int err;                    /* of the first of these */
	uint32_t usable;            /* kinds whose minimum is attached */
};

/* Attaches what it can of a plan; a site that fails costs its function. With a process that is
 * gone it stops (err -ESRCH). */
void probe_attach__all(struct probe_batch *b, const struct probe_ops *ops, struct probe_counts *c,
		       const struct probe_plan *plan, int pid, int fd);

#endif /* RED_PROBE_ATTACH_H */
