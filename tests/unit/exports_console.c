// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Spans on a standard output that nobody reads. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "exporter.h"
#include "log.h"
#include "loop.h"
#include "options.h"
#include "span_queue.h"
#include "spans.h"

#define SECOND 1000000000ull

enum { SPANS = 4096 }; /* more than a pipe takes */

/* The exporter with the pipe's end as its standard output. */
static void *start(int to)
{
	static struct options options = { .span_queue = 2 * SPANS, .span_batch = 64 };
	const struct export_env env = { .options = &options };
	int ours = dup(STDOUT_FILENO);
	char err[200] = "";
	void *x;

	fflush(stdout);
	assert_int_equal(dup2(to, STDOUT_FILENO), STDOUT_FILENO);
	x = console_exporter.start(&env, err, sizeof(err));
	assert_int_equal(dup2(ours, STDOUT_FILENO), STDOUT_FILENO);
	close(ours);
	assert_non_null(x);
	return x;
}

static void add(void *x, int n)
{
	struct span s = server_span();

	while (n--)
		console_exporter.span(x, &s);
	console_exporter.tick(x, mono_ns() + SECOND);
}

static struct span_queue_stats stats_of(void *x)
{
	struct export_figures figures;
	struct span_queue_stats stats;

	console_exporter.figures(x, &figures, &stats);
	return stats;
}

static void ends_although_nobody_reads(void **state)
{
	uint64_t begin;
	int p[2];
	void *x;

	assert_int_equal(pipe(p), 0);
	x = start(p[1]);
	add(x, SPANS);
	begin = mono_ns();
	console_exporter.free(x);
	assert_true(mono_ns() - begin < 10 * SECOND);
	close(p[0]);
	close(p[1]);
}

/* It is waited for who stands still: nothing is lost, no line is cut. */
static void goes_on_when_it_is_read(void **state)
{
	static char text[4 << 20];
	size_t len = 0, lines = 0;
	int p[2];
	void *x;

	assert_int_equal(pipe(p), 0);
	x = start(p[1]);
	add(x, SPANS);
	while (stats_of(x).queued)
		if (poll(&(struct pollfd){ .fd = p[0], .events = POLLIN }, 1, 10) > 0)
			len += (size_t)read(p[0], text + len, sizeof(text) - len);
	assert_int_equal(stats_of(x).lost + stats_of(x).dropped, 0);
	console_exporter.free(x);
	close(p[1]);
	for (ssize_t n; (n = read(p[0], text + len, sizeof(text) - len)) > 0;)
		len += (size_t)n;
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	assert_int_equal(lines, SPANS);
	close(p[0]);
}

static void loses_all(int to)
{
	void *x = start(to);

	add(x, 64);
	while (stats_of(x).queued)
		poll(NULL, 0, 1);
	assert_int_equal(stats_of(x).lost, 64);
	console_exporter.free(x);
	close(to);
}

static void what_cannot_be_written_is_counted(void **state)
{
	int p[2];

	assert_int_equal(pipe(p), 0);
	close(p[0]);
	loses_all(p[1]);
	loses_all(open("/dev/full", O_WRONLY));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_although_nobody_reads),
		cmocka_unit_test(goes_on_when_it_is_read),
		cmocka_unit_test(what_cannot_be_written_is_counted),
	};

	log__init(LOG_LEVEL_ERROR);
	signal(SIGPIPE, SIG_IGN);
	alarm(120); /* instead of standing still for ever */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
