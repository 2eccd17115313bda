// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Since Linux 6.11 the end of a return probe on x86-64 is a system call that only the kernel's
 * own trampoline makes (335, uretprobe). A seccomp filter that was written before, which is what
 * container runtimes and systemd put around services, refuses it, and the process returns to
 * nowhere: it dies of the first call of its TLS library. Since 6.14, and in later ones of the
 * stable kernels before, seccomp lets that call pass ("seccomp: passthrough uretprobe systemcall
 * without filtering"). No version says which it is, so a child of ours is put under such a
 * filter, and called.
 */
#include "return_trial.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "uprobe_link.h"

#define NR_URETPROBE 335 /* arch/x86/entry/syscalls/syscall_64.tbl */

/* ---- the child: it may be a copy of a process with threads ------------------------------- */

static int confine(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NR_URETPROBE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(filter) / sizeof(*filter), filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0);
}

/* Says that it is ready, waits for the probe, calls, and says that it goes on. */
static void child(int say, int go, void (*function)(void))
{
	struct rlimit no_core = { 0 };
	char byte = 0;

	setrlimit(RLIMIT_CORE, &no_core);
	if (confine() || write(say, &byte, 1) != 1 || read(go, &byte, 1) != 1)
		_exit(1);
	function();
	_exit(write(say, &byte, 1) != 1);
}

/* ---- the trial --------------------------------------------------------------------------- */

static __attribute__((noinline)) void returns(void)
{
	__asm__ volatile("");
}

static struct uprobe_link *attach(pid_t pid, void (*function)(void))
{
	struct uprobe_program prog = { .name = "trial", .multi = uprobe_link__has_multi() };
	struct uprobe_link *link;

	prog.fd = uprobe_link__empty_program(prog.multi);
	if (prog.fd < 0)
		return NULL;
	link = uprobe_link__attach_own(&prog, pid, (const void *)function);
	close(prog.fd);
	return link;
}

/* True unless it had a probe, and said nothing after it. Not by how it ended: with SIGCHLD ignored,
 * as may be inherited, there is nothing to wait for. */
static bool goes_on(pid_t pid, int said, int go, void (*function)(void))
{
	struct uprobe_link *link = NULL;
	bool well = true;
	char byte = 0;

	if (read(said, &byte, 1) == 1)
		link = attach(pid, function);
	if (link && write(go, &byte, 1) == 1)
		well = read(said, &byte, 1) == 1;
	close(go); /* it ends, if it waits */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (link)
		uprobe_link__destroy(link);
	return well;
}

bool return_trial__of(void (*function)(void))
{
	int said[2], go[2];
	bool well;
	pid_t pid;

	if (pipe2(said, O_CLOEXEC))
		return true;
	if (pipe2(go, O_CLOEXEC)) {
		close(said[0]);
		close(said[1]);
		return true;
	}
	pid = fork();
	if (!pid) {
		close(go[1]);
		child(said[1], go[0], function);
	}
	close(said[1]);
	close(go[0]);
	well = pid < 0 || goes_on(pid, said[0], go[1], function);
	if (pid < 0)
		close(go[1]);
	close(said[0]);
	return well;
}

bool return_trial__survived(void)
{
#ifdef __x86_64__
	/* The call came together with links of many probes to a process (6.10), or after. */
	return !uprobe_link__has_multi() || return_trial__of(returns);
#else
	return true;
#endif
}
