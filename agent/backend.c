// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "backend.h"

#include <stddef.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "preempt.h"

static const struct backend_prog sock_progs[] = {
	{ "tp_sock_send", "sock_send_length", false },
	{ "tp_sock_recv", "sock_recv_length", false },
	{ NULL, NULL, false },
};

static const struct backend_prog sock_progs_7[] = {
	{ "perf_sock_send", "sock_send_length", false },
	{ "perf_sock_recv", "sock_recv_length", false },
	{ NULL, NULL, false },
};

static const struct backend_prog fentry_progs[] = {
	{ "fexit_tcp_sendmsg", "tcp_sendmsg", false },
	{ "fexit_tcp_recvmsg", "tcp_recvmsg", false },
	{ "fexit_tcp_sendpage", "tcp_sendpage", true },
	{ "fexit_tcp_splice_read", "tcp_splice_read", true },
	{ "fexit_unix_sendmsg", "unix_stream_sendmsg", true },
	{ "fexit_unix_recvmsg", "unix_stream_recvmsg", true },
	{ "fexit_unix_sendpage", "unix_stream_sendpage", true },
	{ NULL, NULL, false },
};

static const struct backend_prog kprobe_progs[] = {
	{ "kprobe_tcp_sendmsg", "tcp_sendmsg", false },
	{ "kretprobe_tcp_sendmsg", "tcp_sendmsg", false },
	{ "kprobe_tcp_recvmsg", "tcp_recvmsg", false },
	{ "kretprobe_tcp_recvmsg", "tcp_recvmsg", false },
	{ "kprobe_tcp_sendpage", "tcp_sendpage", true },
	{ "kretprobe_tcp_sendpage", "tcp_sendpage", true },
	{ "kprobe_tcp_splice_read", "tcp_splice_read", true },
	{ "kretprobe_tcp_splice_read", "tcp_splice_read", true },
	{ "kprobe_unix_sendmsg", "unix_stream_sendmsg", true },
	{ "kretprobe_unix_sendmsg", "unix_stream_sendmsg", true },
	{ "kprobe_unix_recvmsg", "unix_stream_recvmsg", true },
	{ "kretprobe_unix_recvmsg", "unix_stream_recvmsg", true },
	{ "kprobe_unix_sendpage", "unix_stream_sendpage", true },
	{ "kretprobe_unix_sendpage", "unix_stream_sendpage", true },
	{ NULL, NULL, false },
};

static const struct backend_prog syscall_progs[] = {
	{ "tp_sys_exit", "sys_exit", false },
	{ NULL, NULL, false },
};

static const struct backend_prog syscall_progs_7[] = {
	{ "perf_sys_exit", "sys_exit", false },
	{ NULL, NULL, false },
};

const struct backend backends[] = {
	{
		.id = BACKEND_SOCK,
		.name = "sock",
		.needs = "Linux 6.5 (sock_send_length, sock_recv_length tracepoints)",
		.misses = "payload of io_uring calls (counted without it); splice(2) from a socket",
		.progs = sock_progs,
		.progs_7 = sock_progs_7,
	},
	{
		.id = BACKEND_FENTRY,
		.name = "fentry",
		.needs = "BPF trampolines",
		.misses = "payload of io_uring calls (counted without it); receives that were "
			  "waiting when redeye started",
		.progs = fentry_progs,
		.unfit_7 = "since Linux 7.0 a trampoline's program can be preempted, and "
			   "other calls on its processor are then lost",
		.unfit_preempt = "this kernel is preemptible: a trampoline's program can be "
				 "preempted, and other calls on its processor are then lost",
	},
	{
		.id = BACKEND_KPROBE,
		.name = "kprobe",
		.needs = "CONFIG_KPROBES",
		.misses =
			"payload of io_uring calls; returns of calls beyond the kernel's limit of "
			"blocked return probes (counted as missed)",
		.progs = kprobe_progs,
	},
	{
		.id = BACKEND_SYSCALL,
		.name = "syscall",
		.needs = "Linux 5.10 with BTF",
		.misses = "io_uring; costs every system call of the host 50-75 ns",
		.progs = syscall_progs,
		.progs_7 = syscall_progs_7,
	},
	{ .name = NULL },
};

static bool since(unsigned int major, unsigned int minor)
{
	unsigned int has[2] = {};
	struct utsname u;

	if (uname(&u) || sscanf(u.release, "%u.%u", &has[0], &has[1]) < 1)
		return false;
	return has[0] > major || (has[0] == major && has[1] >= minor);
}

/* A trampoline keeps its task on the processor by migrate_disable(), which is preempt_disable()
 * before 5.11, but for real time. A tracepoint's programs, before 7.0, and a kprobe's always run
 * with preemption disabled, whatever the kernel. One that does not say what it is has what most
 * have that can choose: no preemption within the kernel. */
static bool preempts_trampolines(void)
{
	enum preempt is = preempt__here();

	return is == PREEMPT_RT || (is == PREEMPT_YES && since(5, 11));
}

const struct backend_prog *backend__progs(const struct backend *b)
{
	return b->progs_7 && since(7, 0) ? b->progs_7 : b->progs;
}

const char *backend__unfit(const struct backend *b)
{
	if (since(7, 0))
		return b->unfit_7;
	return b->unfit_preempt && preempts_trampolines() ? b->unfit_preempt : NULL;
}
