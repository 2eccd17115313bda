// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A process that does nothing until redeye has ended, and then takes the sockets out
 * of the sockhash before the sock_ops program goes.
 *
 * When redeye is killed, the kernel drops its programs and maps, but in its own time
 * and order: the sock_ops program first, the sockhash some grace periods later. A
 * socket in between that was established and has not sent yet would stay in the
 * sockhash over its first answer, and FIONREAD would say that nothing has come (see
 * bpf/propagate.h). So the guard holds the same links and maps, notices the end of a
 * pipe, and goes by the order. It is forked while other threads may hold locks: it
 * makes system calls and nothing else.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "privileges.h"
#include "propagate_internal.h"

/* No new sockets, those that are there out, and once more for those that were just on
 * their way in. */
void propagation__empty(const struct loader_propagation *k)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	uint64_t key;
	int i;

	if (!*k->off)
		*k->off = RED_PROP_OFF_USER;
	for (i = 0; i < 2; i++) {
		while (!bpf_map_get_next_key(k->hash_fd, NULL, &key))
			if (bpf_map_delete_elem(k->hash_fd, &key) && errno != ENOENT)
				break;
		if (!i)
			nanosleep(&pause, NULL);
	}
}

/* The kernel has close_range() since 5.9. */
static void close_all(unsigned int first, unsigned int last)
{
	struct rlimit most = { .rlim_cur = 1024 };

	if (!syscall(SYS_close_range, first, last, 0))
		return;
	getrlimit(RLIMIT_NOFILE, &most);
	for (; first <= last && first < most.rlim_cur; first++)
		close(first);
}

/* What redeye closes while the guard lives must be closed: its listeners, its locks, its
 * probes. The descriptors to keep are in order. */
static void close_all_but(const int *keep, size_t n)
{
	int from = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (keep[i] > from)
			close_all(from, keep[i] - 1);
		from = keep[i] + 1;
	}
	close_all(from, ~0u);
}

static void watch(const struct loader_propagation *k, int fd)
{
	char byte;

	prctl(PR_SET_NAME, "redeye-guard");
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	privileges__keep(1ull << CAP_BPF | 1ull << CAP_NET_ADMIN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (read(fd, &byte, 1) == 0)
		propagation__empty(k);
	_exit(0);
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int guard__start(struct guard *g, const struct loader_propagation *k, const int *links,
		 size_t n_links)
{
	int fd[2], keep[MAX_CGROUPS + 3];
	size_t n = 0;

	if (pipe2(fd, O_CLOEXEC))
		return -errno;
	for (; n < n_links && n < MAX_CGROUPS; n++)
		keep[n] = links[n];
	keep[n++] = k->hash_fd;
	keep[n++] = k->msg_fd;
	keep[n++] = fd[0];
	qsort(keep, n, sizeof(*keep), by_number);
	g->pid = fork();
	if (!g->pid) {
		close_all_but(keep, n);
		watch(k, fd[0]);
	}
	close(fd[0]);
	g->fd = fd[1];
	if (g->pid > 0)
		return 0;
	close(g->fd);
	return -EAGAIN;
}

bool guard__has_ended(struct guard *g)
{
	/* With SIGCHLD ignored, as may be inherited, it leaves nothing to wait for. */
	if (g->pid <= 0 || !waitpid(g->pid, NULL, WNOHANG))
		return false;
	close(g->fd);
	g->pid = 0;
	return true;
}

/* Whether or not it is still there to hear it, it has ended by then. */
void guard__stop(struct guard *g)
{
	ssize_t n;

	if (g->pid <= 0)
		return;
	n = write(g->fd, "x", 1);
	(void)n;
	close(g->fd);
	while (waitpid(g->pid, NULL, 0) < 0 && errno == EINTR)
		;
	g->pid = 0;
}
