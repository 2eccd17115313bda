/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What putting probes on files needs from outside. All are called from the prober's
 * threads; every `arg` is ops.arg. Members left NULL are the real ones.
 */
#ifndef RED_PROBE_OPS_H
#define RED_PROBE_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uprobe_program;
struct probe_plan;

struct probe_ops {
	/* NULL: the kernel refused it. */
	const struct uprobe_program *(*program)(void *arg, const char *name);
	/* Tells the kernel side what a process is in for (enum red_target), before the first
	 * of its probes can fire. 0 or -errno. */
	int (*mark)(void *arg, uint32_t tgid, uint32_t flags);

	/* Where functions are; never NULL but for want of memory. See probe_plan.h. */
	struct probe_plan *(*find)(void *arg, int fd);

	/* A link, or NULL and errno. pid -1: all processes. */
	void *(*attach)(void *arg, const struct uprobe_program *prog, int pid, int fd,
			uint64_t offset, bool ret);
	void (*detach)(void *arg, void *link);
	/* May return probes be put into this process, or (0) into any one that maps a file? */
	bool (*returns)(void *arg, uint32_t tgid);
	/* Does a file that is mapped now have a breakpoint at this offset? */
	bool (*probed)(void *arg, int fd, uint64_t offset);
	void *arg;
};

#endif /* RED_PROBE_OPS_H */
