// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A pipe that nobody reads: the one who writes to it goes on. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "loop.h"
#include "outlet.h"

static const char chunk[10000];

/* More than any pipe or socket takes; how much went out before it was full. */
static size_t fill(const struct outlet *o)
{
	size_t all = 0;
	ssize_t n;

	while ((n = outlet__put(o, chunk, sizeof(chunk))) > 0)
		all += (size_t)n;
	assert_int_equal(n, -EAGAIN);
	assert_false(outlet__wait_for(o->fd, mono_ns()));
	return all;
}

static void drain(int fd, size_t n)
{
	char room[sizeof(chunk)];
	ssize_t got;

	for (; n; n -= (size_t)got) {
		got = read(fd, room, n < sizeof(room) ? n : sizeof(room));
		assert_true(got > 0);
	}
}

static void check(int from, int to)
{
	int flags = fcntl(to, F_GETFL);
	struct outlet o;

	assert_int_equal(outlet__open(&o, to), 0);
	for (int i = 0; i < 3; i++)
		drain(from, fill(&o));
	assert_int_equal(fcntl(to, F_GETFL), flags); /* who else has it is not changed */
	o.blocking = true;                           /* as where it cannot be opened anew */
	if (!S_ISSOCK(o.type)) {
		flags = fcntl(o.fd, F_GETFL);
		assert_int_equal(fcntl(o.fd, F_SETFL, flags & ~O_NONBLOCK), 0);
	}
	drain(from, fill(&o));
	outlet__close(&o);
	outlet__close(&o);
	close(from);
	close(to);
}

static void pipes(void **state)
{
	int p[2];

	assert_int_equal(pipe(p), 0);
	check(p[0], p[1]);
}

static void sockets(void **state)
{
	int p[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p), 0);
	check(p[0], p[1]);
}

static void terminals(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	struct outlet o;

	assert_int_equal(grantpt(master) | unlockpt(master), 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(slave >= 0);
	assert_int_equal(outlet__open(&o, slave), 0);
	assert_false(o.blocking);
	assert_true(fill(&o) > 0);
	outlet__close(&o);
	close(slave);
	close(master);
}

static void files_keep_their_position(void **state)
{
	FILE *f = tmpfile();
	struct outlet o;

	assert_int_equal(write(fileno(f), "ab", 2), 2);
	assert_int_equal(outlet__open(&o, fileno(f)), 0);
	assert_int_equal(outlet__put(&o, "cd", 2), 2);
	assert_int_equal(lseek(fileno(f), 0, SEEK_CUR), 4);
	outlet__close(&o);
	fclose(f);
	assert_int_equal(outlet__open(&o, -1), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pipes),
		cmocka_unit_test(sockets),
		cmocka_unit_test(terminals),
		cmocka_unit_test(files_keep_their_position),
	};

	alarm(60); /* instead of standing still for ever */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
