// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Without the rights each backend would be refused by itself, in its own words. In a PID namespace
 * nothing would: /proc (and --pid) speak of other numbers than the kernel, so redeye would watch
 * processes that nobody has selected, and tell their requests under names of others.
 */
#include "preflight.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "privileges.h"

#define CAP_SYS_ADMIN 21
#define CAP_PERFMON   38
#define CAP_BPF       39

#define INIT_PIDNS "pid:[4026531836]" /* PROC_PID_INIT_INO, the same everywhere */

/* Before 5.8 there are neither CAP_BPF nor CAP_PERFMON, and CAP_SYS_ADMIN stands for both. */
bool preflight__may_load(void)
{
	const uint64_t both = 1ull << CAP_BPF | 1ull << CAP_PERFMON;
	uint64_t have = privileges__effective();

	return have & 1ull << CAP_SYS_ADMIN || (have & both) == both;
}

bool preflight__own_pidns(void)
{
	char ns[64] = "";

	return readlink("/proc/self/ns/pid", ns, sizeof(ns) - 1) > 0 && strcmp(ns, INIT_PIDNS);
}

int preflight__check(char *err, size_t err_size)
{
	if (!preflight__may_load())
		snprintf(err, err_size,
			 "watching takes root, or CAP_BPF and CAP_PERFMON: see redeye doctor");
	else if (preflight__own_pidns())
		snprintf(err, err_size,
			 "redeye is in a PID namespace of its own, where process numbers are "
			 "others than "
			 "the kernel's: it takes the host's (hostPID: true, --pid=host)");
	else
		return 0;
	return -EPERM;
}
