/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Can the kernel take the processor from a task within the kernel? No system call says so; what is
 * there to read is.
 */
#ifndef RED_PREEMPT_H
#define RED_PREEMPT_H

enum preempt {
	PREEMPT_UNKNOWN = 0,
	PREEMPT_NO = 1,  /* "none", "voluntary" */
	PREEMPT_YES = 2, /* "full", "lazy" */
	PREEMPT_RT = 3,  /* nearly everywhere */
};

struct preempt_texts {
	const char *version; /* uname -v */
	const char *debug; /* /sys/kernel/debug/sched/preempt; "": not readable, as the next ones */
	const char *cmdline; /* /proc/cmdline */
	const char *config; /* lines of the kernel's configuration that begin with CONFIG_PREEMPT */
};

enum preempt preempt__read(const struct preempt_texts *t);

/* Of the running kernel; found out once. */
enum preempt preempt__here(void);

#endif /* RED_PREEMPT_H */
