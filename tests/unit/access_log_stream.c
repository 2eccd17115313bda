// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lines into a pipe that has room for any part of them: what is read is whole lines, as many
 * as were counted, and what was not read was counted as dropped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access_log_internal.h"

#define ROUNDS 997

static struct access_log_counts counts;
static struct access_log_stream stream;
static struct access_log_lines lines;

static char got[32 << 20];
static size_t got_len;

static void take(int fd, size_t max)
{
	ssize_t n;

	while (max && (n = read(fd, got + got_len, max)) > 0) {
		got_len += (size_t)n;
		max -= (size_t)n;
	}
}

/* Line i is one letter, as often as i says. */
static void fill(uint32_t round)
{
	uint32_t at = 0, i, n = 1 + round % 7;

	for (i = 0; i < n; i++) {
		uint32_t len = (round * 7919 + i * 104729) % (i % 3 ? 300 : 15000);

		memset(lines.text + at, 'a' + (int)(len % 26), len);
		at += len;
		lines.text[at++] = '\n';
		lines.end[i] = at;
	}
	lines.n = n;
}

static uint64_t whole_lines(void)
{
	uint64_t n = 0;
	char *p = got, *end;

	for (; (end = memchr(p, '\n', got_len - (size_t)(p - got))); p = end + 1, n++) {
		size_t len = (size_t)(end - p);

		for (size_t i = 0; i < len; i++)
			assert_int_equal(p[i], 'a' + (int)(len % 26));
	}
	assert_ptr_equal(p, got + got_len);
	return n;
}

static void any_part(int in, int out, mode_t type, bool blocking)
{
	uint64_t given = 0, refused = 0;
	int err = 0;

	memset(&counts, 0, sizeof(counts));
	got_len = 0;
	access_log_stream__init(&stream, &counts);
	access_log_stream__open(&stream,
				(struct outlet){ .fd = in, .blocking = blocking, .type = type });
	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint32_t next = 0;

		fill(round);
		given += lines.n;
		err = access_log_stream__write(&stream, &lines, &next, lines.n, 0);
		assert_true(err == 0 || err == -EAGAIN);
		assert_true(err == -EAGAIN || next == lines.n);
		refused += lines.n - next;
		take(out, (round * 31337) % 20000);
	}
	for (lines.n = 0; stream.tail_len;) { /* only what was begun */
		uint32_t next = 0;

		take(out, sizeof(got) - got_len);
		access_log_stream__write(&stream, &lines, &next, 0, 0);
	}
	take(out, sizeof(got) - got_len);
	assert_int_equal(whole_lines(), counts.lines);
	assert_int_equal(got_len, counts.bytes);
	assert_int_equal(counts.lines + refused, given);
	assert_true(counts.lines > ROUNDS && refused > ROUNDS);
	access_log_stream__close(&stream);
	close(out);
}

static void a_pipe(void **state)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	fcntl(ends[1], F_SETPIPE_SZ, 8192);
	any_part(ends[1], ends[0], S_IFIFO, false);
}

/* That was given to us as it is, and must stay so. */
static void a_pipe_that_blocks(void **state)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	fcntl(ends[1], F_SETPIPE_SZ, 8192);
	any_part(ends[1], ends[0], S_IFIFO, true);
}

static void a_socket(void **state)
{
	int ends[2], small = 4096;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	any_part(ends[1], ends[0], S_IFSOCK, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pipe),
		cmocka_unit_test(a_pipe_that_blocks),
		cmocka_unit_test(a_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
