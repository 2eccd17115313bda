// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * farm FILE SERVERS SERVICES: waits for a line, then starts SERVERS processes, each a new
 * program that serves HTTP/1 on a port of its own until it is ended:
 *
 *	farm serve FILE SERVERS I	the I-th; its service is called load-NN, NN = I mod SERVICES
 *
 * Each notes its port, its pid and how many requests it has answered in its slot of FILE. It
 * takes whole requests only, one at a time, as drive.c sends them: what else comes is `torn`.
 * Ends, with all of them, when standard input ends.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <spawn.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "farm.h"

static struct slot *self;

/* ---- a server ---------------------------------------------------------------- */

static int kind_of(const char *request, ssize_t n)
{
	static const char *const starts[N_KINDS] = {
		[ITEM] = "GET /items/",
		[MISSING] = "GET /missing/",
		[BROKEN] = "GET /broken/",
	};
	int kind;

	if (n < 4 || memcmp(request + n - 4, "\r\n\r\n", 4))
		return -1;
	for (kind = 0; kind < N_KINDS; kind++)
		if (!strncmp(request, starts[kind], strlen(starts[kind])))
			return kind;
	return -1;
}

/* False: the connection is over. */
static bool answer(int fd)
{
	static const char *const replies[N_KINDS] = {
		[ITEM] = REPLY("200"),
		[MISSING] = REPLY("404"),
		[BROKEN] = REPLY("500"),
	};
	char buf[2048];
	ssize_t n = read(fd, buf, sizeof(buf) - 1);
	int kind;

	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	buf[n] = '\0';
	kind = kind_of(buf, n);
	if (kind < 0) {
		self->torn++;
		return false;
	}
	if (send(fd, replies[kind], REPLY_LEN, MSG_NOSIGNAL) != (ssize_t)REPLY_LEN)
		return false;
	self->answered[kind]++;
	return true;
}

static void watch(int epoll_fd, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev))
		die("epoll_ctl");
}

static void take_connections(int epoll_fd, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		watch(epoll_fd, fd);
}

static int listen_loopback(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 1024) ||
	    getsockname(fd, (struct sockaddr *)&a, &len))
		die("listen");
	self->pid = getpid();
	__atomic_store_n(&self->port, ntohs(a.sin_port), __ATOMIC_RELEASE);
	return fd;
}

static _Noreturn void serve(void)
{
	struct epoll_event ev[64];
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC), listener = listen_loopback(), i, n;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	watch(epoll_fd, listener);
	for (;;) {
		n = epoll_wait(epoll_fd, ev, 64, -1);
		for (i = 0; i < n; i++) {
			if (ev[i].data.fd == listener)
				take_connections(epoll_fd, listener);
			else if (!answer(ev[i].data.fd))
				close(ev[i].data.fd);
		}
	}
}

/* ---- all of them --------------------------------------------------------------- */

static pid_t start(char **argv, unsigned int i)
{
	char index[16], name[64];
	char *child[] = { argv[0], "serve", argv[1], argv[2], index, NULL };
	char *environment[] = { name, NULL };
	pid_t pid;

	snprintf(index, sizeof(index), "%u", i);
	snprintf(name, sizeof(name), "OTEL_SERVICE_NAME=load-%02u", i % atoi(argv[3]));
	if (posix_spawn(&pid, argv[0], NULL, NULL, child, environment))
		die("posix_spawn");
	return pid;
}

static void wait_listening(const struct slot *slots, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		while (!__atomic_load_n(&slots[i].port, __ATOMIC_ACQUIRE)) {
			if (waitpid(-1, NULL, WNOHANG) > 0)
				die("a server ended");
			usleep(1000);
		}
	}
}

static int farm(char **argv)
{
	unsigned int n = atoi(argv[2]), i;
	struct slot *slots = map_slots(argv[1], n);
	pid_t *pids = calloc(n, sizeof(*pids));
	char buf[16];

	if (!pids || read(STDIN_FILENO, buf, sizeof(buf)) <= 0)
		return 1;
	for (i = 0; i < n; i++)
		pids[i] = start(argv, i);
	wait_listening(slots, n);
	printf("READY %u\n", n);
	fflush(stdout);
	while (read(STDIN_FILENO, buf, sizeof(buf)) > 0)
		;
	for (i = 0; i < n; i++)
		kill(pids[i], SIGTERM);
	while (wait(NULL) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "serve")) {
		self = map_slots(argv[2], atoi(argv[3])) + atoi(argv[4]);
		serve();
	}
	return argc == 4 ? farm(argv) : 2;
}
