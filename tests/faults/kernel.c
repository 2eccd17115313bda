// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A kernel that lacks something. FAULTS_REFUSE=WHAT=ERRNO,... where WHAT is
 *
 *	the full name of a BPF program	it does not load
 *	attach:NAME			it loads, and cannot be attached (tracepoints)
 *	map:NAME			a map cannot be created
 *	perf, multi, sched, seccomp	perf_event_open; links of many uprobes; sched_setattr;
 *seccomp
 *
 * The kernel knows 15 characters of a program's name, too few to tell ours apart: the whole
 * name is in the type information that is loaded with it.
 */
#include <bpf/btf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim.h"

#define LINK_UPROBE_MULTI 48

static long (*real_syscall)(long, ...);

static bool is_refused(const char *name)
{
	long code = listed(getenv("FAULTS_REFUSE"), name);

	if (code <= 0)
		return false;
	errno = code;
	return true;
}

/* By descriptor: read when it is loaded, because later redeye has no right to. */
static struct btf *types[1024];

static void keep_types(int fd, const union bpf_attr *attr)
{
	if (fd < 0 || fd >= (int)(sizeof(types) / sizeof(types[0])))
		return;
	btf__free(types[fd]);
	types[fd] = btf__new((const void *)(uintptr_t)attr->btf, attr->btf_size);
}

static const char *program_name(const union bpf_attr *attr)
{
	const struct bpf_func_info *first = (const void *)(uintptr_t)attr->func_info;
	const struct btf *btf = attr->func_info_cnt ? types[attr->prog_btf_fd & 1023] : NULL;

	return btf ? btf__name_by_offset(btf, btf__type_by_id(btf, first->type_id)->name_off)
		   : attr->prog_name;
}

static bool refuse_bpf(long cmd, union bpf_attr *attr)
{
	char name[64];
	long n;

	switch (cmd) {
	case BPF_PROG_LOAD:
		return is_refused(program_name(attr));
	case BPF_MAP_CREATE:
		snprintf(name, sizeof(name), "map:%s", attr->map_name);
		n = listed(getenv("FAULTS_MAPS"), attr->map_name);
		if (n > 0)
			attr->max_entries = n;
		return is_refused(name);
	case BPF_RAW_TRACEPOINT_OPEN:
		if (!attr->raw_tracepoint.name)
			return false;
		snprintf(name, sizeof(name), "attach:%s",
			 (const char *)(uintptr_t)attr->raw_tracepoint.name);
		return is_refused(name);
	case BPF_LINK_CREATE:
		return attr->link_create.attach_type == LINK_UPROBE_MULTI && is_refused("multi");
	default:
		return false;
	}
}

long syscall(long number, ...)
{
	long a[6], rc;
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (!real_syscall)
		real_syscall = next_symbol("syscall");
	if ((number == SYS_bpf && refuse_bpf(a[0], (union bpf_attr *)a[1])) ||
	    (number == SYS_perf_event_open && is_refused("perf")) ||
	    (number == SYS_sched_setattr && is_refused("sched")) ||
	    (number == SYS_seccomp && is_refused("seccomp")))
		return -1;
	rc = real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (number == SYS_bpf && a[0] == BPF_BTF_LOAD && getenv("FAULTS_REFUSE"))
		keep_types(rc, (union bpf_attr *)a[1]);
	return rc;
}
