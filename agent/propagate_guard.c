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
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
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

int guard__start(struct guard *g, const struct loader_propagation *k)
{
	int fd[2];

	if (pipe(fd))
		return -errno;
	g->pid = fork();
	if (!g->pid) {
		close(fd[1]);
		watch(k, fd[0]);
	}
	close(fd[0]);
	g->fd = fd[1];
	if (g->pid > 0)
		return 0;
	close(g->fd);
	return -EAGAIN;
}

void guard__stop(struct guard *g)
{
	if (g->pid <= 0)
		return;
	if (write(g->fd, "x", 1) == 1)
		waitpid(g->pid, NULL, 0);
	close(g->fd);
	g->pid = 0;
}
