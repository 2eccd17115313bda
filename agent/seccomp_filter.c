// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * An allow list. What is not on it fails with ENOSYS, as on a kernel that does not have it, and
 * nothing is killed: the next C library or libcurl will try a call that is newer than this list,
 * and has a way without; with EPERM it would believe that there is one and fail. To whoever
 * has taken the process over it makes no difference, and a monitoring agent that ends because a
 * library was updated is a worse outcome than a refused call. The kernel's audit log
 * has each call that was refused (SCMP_FLTATR_CTL_LOG; type=1326).
 *
 * What the list is for: no execve, no new processes, no ptrace or process_vm_*, no mount,
 * namespace, module, key, kexec or time call, no sockets but of the Internet and of UNIX (and
 * netlink, for getaddrinfo), no memory that is writable and executable, no ioctl that types into a
 * terminal. bpf() and perf_event_open() are on it: programs and probes come and go with the
 * processes that are watched.
 *
 * The list was made of what the tests make under strace, and of what glibc, libcurl, GnuTLS and
 * libmicrohttpd call instead on other kernels.
 */
#include "seccomp_filter.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>

#define NAMESPACES                                                                                 \
	(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | \
	 CLONE_NEWCGROUP)

/* By name: a libseccomp that does not know one leaves it out, as does an architecture. */
static const char *const allowed[] = {
	/* files */
	"access",
	"close",
	"close_range",
	"dup",
	"dup2",
	"dup3",
	"faccessat",
	"faccessat2",
	"fadvise64",
	"fallocate",
	"fchmod",
	"fchmodat",
	"fcntl",
	"fdatasync",
	"flock",
	"fstat",
	"fstatfs",
	"fsync",
	"ftruncate",
	"getcwd",
	"getdents64",
	"link",
	"linkat",
	"lseek",
	"lstat",
	"memfd_create",
	"mkdir",
	"mkdirat",
	"newfstatat",
	"open",
	"openat",
	"openat2",
	"pread64",
	"preadv",
	"pwrite64",
	"pwritev",
	"read",
	"readlink",
	"readlinkat",
	"readv",
	"rename",
	"renameat",
	"renameat2",
	"rmdir",
	"stat",
	"statfs",
	"statx",
	"umask",
	"unlink",
	"unlinkat",
	"write",
	"writev",
	/* memory */
	"brk",
	"clone3",
	"madvise",
	"membarrier",
	"mincore",
	"mremap",
	"munmap",
	/* threads */
	"exit",
	"exit_group",
	"futex",
	"get_robust_list",
	"getcpu",
	"getpid",
	"getppid",
	"getpriority",
	"gettid",
	"rseq",
	"sched_get_priority_max",
	"sched_get_priority_min",
	"sched_getaffinity",
	"sched_getparam",
	"sched_getscheduler",
	"sched_yield",
	"set_robust_list",
	"set_tid_address",
	"tgkill",
	/* signals */
	"restart_syscall",
	"rt_sigaction",
	"rt_sigpending",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigsuspend",
	"rt_sigtimedwait",
	"sigaltstack",
	"signalfd4",
	"pause",
	/* time */
	"alarm",
	"clock_getres",
	"clock_gettime",
	"clock_nanosleep",
	"gettimeofday",
	"nanosleep",
	"setitimer",
	"time",
	"timerfd_create",
	"timerfd_gettime",
	"timerfd_settime",
	"times",
	/* waiting */
	"epoll_create1",
	"epoll_ctl",
	"epoll_pwait",
	"epoll_pwait2",
	"epoll_wait",
	"eventfd2",
	"pipe",
	"pipe2",
	"poll",
	"ppoll",
	"pselect6",
	"select",
	/* sockets that there are */
	"accept",
	"accept4",
	"bind",
	"connect",
	"getpeername",
	"getsockname",
	"getsockopt",
	"listen",
	"recvfrom",
	"recvmmsg",
	"recvmsg",
	"sendmmsg",
	"sendmsg",
	"sendto",
	"setsockopt",
	"shutdown",
	"socketpair",
	/* who and where we are; capset can only give away */
	"capget",
	"capset",
	"getegid",
	"geteuid",
	"getgid",
	"getgroups",
	"getrandom",
	"getresgid",
	"getresuid",
	"getrlimit",
	"getrusage",
	"getuid",
	"prlimit64",
	"setrlimit",
	"sysinfo",
	"uname",
	/* the kernel side */
	"bpf",
	"perf_event_open",
	/* of x86 */
	"arch_prctl",
	NULL,
};

/* Allowed when argument `arg`, of which `mask` is looked at, is `value`. */
struct condition {
	const char *name;
	unsigned int arg;
	uint64_t mask, value;
};

#define INT_MASK UINT32_MAX /* an int: the upper half is whatever the register had */

static const struct condition conditional[] = {
	{ "socket", 0, INT_MASK, AF_UNIX },
	{ "socket", 0, INT_MASK, AF_INET },
	{ "socket", 0, INT_MASK, AF_INET6 },
	{ "socket", 0, INT_MASK, AF_NETLINK },

	{ "mmap", 2, PROT_WRITE | PROT_EXEC, 0 },
	{ "mmap", 2, PROT_WRITE | PROT_EXEC, PROT_WRITE },
	{ "mmap", 2, PROT_WRITE | PROT_EXEC, PROT_EXEC },
	{ "mprotect", 2, PROT_EXEC, 0 },
	{ "pkey_mprotect", 2, PROT_EXEC, 0 },

	/* Threads only; for clone3 see below. */
	{ "clone", 0, CLONE_THREAD | NAMESPACES, CLONE_THREAD },

	{ "prctl", 0, INT_MASK, PR_SET_NAME },
	{ "prctl", 0, INT_MASK, PR_GET_NAME },
	{ "prctl", 0, INT_MASK, PR_CAPBSET_READ },
	{ "prctl", 0, INT_MASK, PR_SET_NO_NEW_PRIVS },
	{ "prctl", 0, INT_MASK, PR_GET_NO_NEW_PRIVS },
	{ "prctl", 0, INT_MASK, 0x53564d41 /* PR_SET_VMA: malloc names its memory */ },

	{ "ioctl", 1, INT_MASK, PERF_EVENT_IOC_SET_BPF },
	{ "ioctl", 1, INT_MASK, PERF_EVENT_IOC_ENABLE },
	{ "ioctl", 1, INT_MASK, PERF_EVENT_IOC_DISABLE },
	{ "ioctl", 1, INT_MASK, FIONBIO },
	{ "ioctl", 1, INT_MASK, FIONREAD },
	{ "ioctl", 1, INT_MASK, TCGETS },
	{ "ioctl", 1, INT_MASK, TCSETS },
	{ "ioctl", 1, INT_MASK, TCSETSW },
	{ "ioctl", 1, INT_MASK, TCSETSF },
	{ "ioctl", 1, INT_MASK, 0x802c542a /* TCGETS2, of glibc 2.42 */ },
	{ "ioctl", 1, INT_MASK, 0x402c542b /* TCSETS2 */ },
	{ "ioctl", 1, INT_MASK, 0x402c542c /* TCSETSW2 */ },
	{ "ioctl", 1, INT_MASK, 0x402c542d /* TCSETSF2 */ },
	{ "ioctl", 1, INT_MASK, TCSBRK },
	{ "ioctl", 1, INT_MASK, TCFLSH },
	{ "ioctl", 1, INT_MASK, TIOCGWINSZ },
	{ "ioctl", 1, INT_MASK, TIOCGPGRP },
};

/* The guard of --propagate: a process of this program, and its end. */
static const struct condition forking[] = {
	{ "clone", 0, CLONE_THREAD | NAMESPACES, 0 },
	{ "fork", 0, 0, 0 },
	{ "wait4", 0, 0, 0 },
};

static int allow(scmp_filter_ctx f, const struct condition *c)
{
	int nr = seccomp_syscall_resolve_name(c->name);

	if (nr == __NR_SCMP_ERROR)
		return 0;
	if (!c->mask)
		return seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 0);
	return seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 1,
				SCMP_CMP64(c->arg, SCMP_CMP_MASKED_EQ, c->mask, c->value));
}

static int allow_all(scmp_filter_ctx f, const struct condition *c, size_t n)
{
	int err = 0;

	for (size_t i = 0; !err && i < n; i++)
		err = allow(f, &c[i]);
	return err;
}

static int add_rules(scmp_filter_ctx f, const struct seccomp_filter_config *c)
{
	int err = 0;

	for (const char *const *name = allowed; !err && *name; name++)
		err = allow(f, &(struct condition){ *name, 0, 0, 0 });
	if (!err)
		err = allow_all(f, conditional, sizeof(conditional) / sizeof(conditional[0]));
	if (!err && c->fork)
		err = allow_all(f, forking, sizeof(forking) / sizeof(forking[0]));
	return err;
}

/* With all threads, or not at all. Older libraries and kernels lack one or the other of the rest,
 * and the filter is as good without. */
static scmp_filter_ctx new_filter(uint32_t otherwise, bool log)
{
	scmp_filter_ctx f = seccomp_init(otherwise);

	if (!f)
		return NULL;
	seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	seccomp_attr_set(f, SCMP_FLTATR_CTL_LOG, log);
	seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree */
	if (!seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1))
		return f;
	seccomp_release(f);
	return NULL;
}

/* A filter of its own, because it is no event for the audit log: clone3 has its flags in memory,
 * where no filter can see them, so it must fail. The C library tries it for each thread and goes
 * on with clone. */
static int refuse_clone3(void)
{
	int nr = seccomp_syscall_resolve_name("clone3"), err = 0;
	scmp_filter_ctx f;

	if (nr == __NR_SCMP_ERROR)
		return 0; /* nor is it in the list then */
	f = new_filter(SCMP_ACT_ALLOW, false);
	if (!f)
		return -ENOTSUP;
	err = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), nr, 0);
	if (!err)
		err = seccomp_load(f);
	seccomp_release(f);
	return err;
}

static int refuse_others(const struct seccomp_filter_config *c)
{
	scmp_filter_ctx f = new_filter(SCMP_ACT_ERRNO(ENOSYS), true);
	int err;

	if (!f)
		return -ENOTSUP;
	err = add_rules(f, c);
	if (!err)
		err = seccomp_load(f);
	seccomp_release(f);
	return err;
}

/* seccomp() and prctl() are not in the list: the last one comes last. */
static int install(const struct seccomp_filter_config *c)
{
	int err = refuse_clone3();

	return err ? err : refuse_others(c);
}

int seccomp_filter__install(const struct seccomp_filter_config *c, char *why, size_t why_size)
{
	int err;

#ifdef __SANITIZE_ADDRESS__ /* at its end it looks for leaks, by ptrace */
	snprintf(why, why_size, "built with sanitizers");
	return -ENOTSUP;
#endif
	err = install(c);
	if (err)
		snprintf(why, why_size, "%s", strerror(-err));
	return err;
}
