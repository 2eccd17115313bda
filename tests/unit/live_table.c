// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table into a pipe that is not read for a while. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "live_table.h"
#include "loop.h"

#define SECOND 1000000000ull

static char note[9001]; /* more than a page, and no whole ones */
static char text[4 << 20];
static size_t len;

static void print(struct live_table *t, uint64_t at)
{
	struct metrics *m = metrics__new(at * SECOND);

	live_table__print(t, m, note);
	metrics__put(m);
}

static void hear(int fd)
{
	ssize_t n;

	while ((n = read(fd, text + len, sizeof(text) - len)) > 0)
		len += (size_t)n;
}

/* All that came are whole tables; how many. */
static int tables(void)
{
	size_t at = 0;
	int n = 0;

	for (text[len] = '\0'; text[at]; n++) {
		at += text[at] == '\n'; /* between two */
		assert_int_equal(strncmp(text + at, "SERVICE", 7), 0);
		at += strcspn(text + at, "x");
		assert_int_equal(strncmp(text + at, note, strlen(note)), 0);
		at += sizeof(note);
	}
	assert_int_equal(at, len);
	return n;
}

static void nobody_reads(void **state)
{
	struct live_table *t;
	int p[2], printed = 0;

	assert_int_equal(pipe2(p, 0), 0);
	assert_int_equal(fcntl(p[0], F_SETFL, O_NONBLOCK), 0);
	t = live_table__new(p[1]);
	assert_non_null(t);
	while (live_table__is_read(t)) {
		assert_true(printed < 1000);
		print(t, ++printed);
	}
	for (int i = 0; i < 7; i++)
		print(t, 1000); /* nothing */
	hear(p[0]);
	assert_true(live_table__is_read(t)); /* the rest of the one that was cut */
	print(t, 2000);
	hear(p[0]);
	assert_int_equal(tables(), printed + 1);
	live_table__free(t);
	close(p[0]);
	close(p[1]);
}

static void ends_although_nobody_reads(void **state)
{
	uint64_t begin;
	struct live_table *t;
	int p[2], n = 0;

	assert_int_equal(pipe2(p, 0), 0);
	t = live_table__new(p[1]);
	while (live_table__is_read(t))
		print(t, ++n);
	begin = mono_ns();
	live_table__free(t);
	assert_true(mono_ns() - begin < 10 * SECOND);
	live_table__free(NULL);
	close(p[0]);
	close(p[1]);
}

static int set_up(void **state)
{
	memset(note, 'x', sizeof(note) - 1);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_reads),
		cmocka_unit_test(ends_although_nobody_reads),
	};

	alarm(60); /* instead of standing still for ever */
	return cmocka_run_group_tests(tests, set_up, NULL);
}
