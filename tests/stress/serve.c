// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * serve: a fast HTTP/1 server without memory. It finds heads in whatever pieces
 * they come and keeps nothing of them but a hash, so that 10,000 connections and
 * heads of any length cost it nothing. Bodies it does not know.
 *
 *	/hold		answered when SIGUSR1 comes
 *	others		200; by the hash of the target one in 16 is 404, one in 64 500,
 *			but /fixed... is always 200
 *	no request	400, and the connection ends
 *
 * serve echo sends back what it gets instead.
 * Says LISTEN PORT, ends with SIGTERM.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire.h"

#define MAX_FDS    65536
#define HEAD_MAX   (1 << 20)
#define TARGET_SEE 8 /* bytes of the target that are kept */

struct conn {
	bool open, held;
	uint8_t match;  /* bytes of \r\n\r\n seen */
	uint8_t spaces; /* in the request line, so far */
	uint8_t seen;   /* bytes of the target in `target` */
	char target[TARGET_SEE];
	uint32_t hash;
	uint32_t head; /* bytes of this head so far */
};

static struct conn conns[MAX_FDS];
static int epoll_fd;
static bool echo;

static void watch(int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev))
		die("epoll_ctl");
}

static void next_head(struct conn *c)
{
	*c = (struct conn){ .open = true, .held = c->held, .hash = 2166136261u };
}

static void end(int fd)
{
	conns[fd].open = false;
	close(fd);
}

static const char *answer(const struct conn *c)
{
	if (!memcmp(c->target, "/fixed", 6))
		return REPLY("200");
	return c->hash % 16 == 3 ? REPLY("404") : c->hash % 64 == 5 ? REPLY("500") : REPLY("200");
}

/* One byte of a head; true when it was the last one. */
static bool head_byte(struct conn *c, char b)
{
	static const char stop[] = "\r\n\r\n";

	c->head++;
	if (b == stop[c->match])
		c->match++;
	else
		c->match = b == '\r';
	if (b == ' ')
		c->spaces++;
	else if (c->spaces == 1) {
		c->hash = (c->hash ^ (uint8_t)b) * 16777619u;
		if (c->seen < TARGET_SEE)
			c->target[c->seen++] = b;
	}
	return c->match == 4;
}

static bool bad(const struct conn *c, char b)
{
	return c->head > HEAD_MAX || (!c->head && (b < 'A' || b > 'Z'));
}

/* Answers of one read go out in one write. False: the connection is over. */
static bool serve(int fd, const char *p, ssize_t n)
{
	char out[BATCH_MAX * 4];
	struct conn *c = &conns[fd];
	size_t len = 0;
	bool good = true;

	for (; n-- > 0 && good; p++) {
		good = !bad(c, *p);
		if (good && !head_byte(c, *p))
			continue;
		if (len + REPLY_LEN > sizeof(out))
			return false;
		if (good && c->seen == 5 && !memcmp(c->target, "/hold", 5)) {
			c->held = true;
		} else {
			memcpy(out + len, good ? answer(c) : REPLY("400"), REPLY_LEN);
			len += REPLY_LEN;
		}
		next_head(c);
	}
	return (!len || send(fd, out, len, MSG_NOSIGNAL) == (ssize_t)len) && good;
}

static void on_input(int fd)
{
	char buf[BATCH_MAX];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 || !(echo ? send(fd, buf, n, MSG_NOSIGNAL) == n : serve(fd, buf, n)))
		end(fd);
}

static void on_connection(int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		if (fd >= MAX_FDS) {
			close(fd);
			continue;
		}
		conns[fd].held = false;
		next_head(&conns[fd]);
		watch(fd);
	}
}

static void release(void)
{
	for (int fd = 0; fd < MAX_FDS; fd++) {
		if (!conns[fd].open || !conns[fd].held)
			continue;
		conns[fd].held = false;
		if (send(fd, REPLY("200"), REPLY_LEN, MSG_NOSIGNAL) != (ssize_t)REPLY_LEN)
			end(fd);
	}
}

static void on_signal(int fd)
{
	struct signalfd_siginfo si;

	if (read(fd, &si, sizeof(si)) != sizeof(si) || si.ssi_signo == SIGTERM)
		exit(0);
	release();
}

static int signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, 0);
}

static int listen_loopback(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 4096) ||
	    getsockname(fd, (struct sockaddr *)&a, &len))
		die("listen");
	printf("LISTEN %u\n", ntohs(a.sin_port));
	fflush(stdout);
	return fd;
}

int main(int argc, char **argv)
{
	struct epoll_event ev[256];
	int signal_fd = signals(), listener, i, n;

	echo = argc > 1 && !strcmp(argv[1], "echo");
	need_files(12000);
	epoll_fd = epoll_create1(0);
	listener = listen_loopback();
	watch(listener);
	watch(signal_fd);
	for (;;) {
		n = epoll_wait(epoll_fd, ev, 256, -1);
		for (i = 0; i < n; i++) {
			if (ev[i].data.fd == listener)
				on_connection(listener);
			else if (ev[i].data.fd == signal_fd)
				on_signal(signal_fd);
			else
				on_input(ev[i].data.fd);
		}
	}
}
