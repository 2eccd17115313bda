// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * storm PORT RATE SECONDS: waits for a line, then starts RATE processes a second, each a
 * new program that lives for one request and ends:
 *
 *	storm call PORT		makes a request to PORT (three of four)
 *	storm serve		listens, answers a request of its own child, and ends
 *
 * Says DONE STARTED FAILED.
 */
#include <arpa/inet.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

extern char **environ;

static const char request[] = "GET /fixed/storm HTTP/1.1\r\nHost: storm:8080\r\n"
			      "Connection: close\r\n\r\n";

static struct sockaddr_in loopback(unsigned int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int call(unsigned int port)
{
	struct sockaddr_in to = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	size_t got = 0;
	char buf[256];
	ssize_t n;

	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) ||
	    write(fd, request, sizeof(request) - 1) != sizeof(request) - 1)
		return 1;
	while (got < REPLY_LEN && (n = read(fd, buf, sizeof(buf))) > 0)
		got += n;
	return got != REPLY_LEN;
}

static int serve(void)
{
	struct sockaddr_in a = loopback(0);
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0), conn, status = 1;
	char buf[4096];
	pid_t child;

	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 1) ||
	    getsockname(fd, (struct sockaddr *)&a, &len))
		return 1;
	child = fork();
	if (!child)
		_exit(call(ntohs(a.sin_port)));
	conn = accept(fd, NULL, NULL);
	if (read(conn, buf, sizeof(buf)) <= 0 ||
	    write(conn, REPLY("200"), REPLY_LEN) != (ssize_t)REPLY_LEN)
		return 1;
	waitpid(child, &status, 0);
	return status != 0;
}

static int start(char *self, char *port, unsigned int i)
{
	char *calls[] = { self, "call", port, NULL }, *serves[] = { self, "serve", NULL };
	pid_t pid;

	return posix_spawn(&pid, self, NULL, NULL, i % 4 == 3 ? serves : calls, environ);
}

static unsigned int reap(int flags, unsigned int *running)
{
	unsigned int failed = 0;
	int status;

	while (*running && waitpid(-1, &status, flags) > 0) {
		failed += status != 0;
		--*running;
	}
	return failed;
}

static void wait_until(const struct timespec *t0, double seconds)
{
	struct timespec t = *t0;

	t.tv_nsec += (long)(seconds * 1e6) % 1000000 * 1000;
	t.tv_sec += (time_t)seconds + t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static int storm(char **argv)
{
	unsigned int rate = atoi(argv[2]), n = rate * atoi(argv[3]), running = 0, failed = 0, i;
	struct timespec t0;
	char go[16];

	if (read(STDIN_FILENO, go, sizeof(go)) <= 0)
		return 1;
	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (i = 0; i < n; i++) {
		wait_until(&t0, (double)i / rate);
		if (start(argv[0], argv[1], i))
			failed++;
		else
			running++;
		failed += reap(WNOHANG, &running);
	}
	failed += reap(0, &running);
	printf("DONE %u %u\n", n, failed);
	fflush(stdout);
	return read(STDIN_FILENO, go, sizeof(go)) < 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "call"))
		return call(atoi(argv[2]));
	if (argc == 2 && !strcmp(argv[1], "serve"))
		return serve();
	return argc == 4 ? storm(argv) : 2;
}
