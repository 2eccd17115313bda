// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * access_log [N [FILE]]: what a line of the access log costs. "format" is the line
 * alone; "loop" what the event loop spends on a span; "thread" the processor time
 * of the writing thread, system calls to FILE (/dev/null) included. FILE "": the first alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../unit/spans.h"
#include "access_log_internal.h"
#include "loop.h"

static uint64_t cpu_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* As one of a server with tracing: no headers or query kept. */
static struct span typical(void)
{
	struct span s = server_span();

	memset(s.trace.trace_id, 0xa5, sizeof(s.trace.trace_id));
	memset(s.trace.span_id, 0x5a, sizeof(s.trace.span_id));
	s.path = SLICE("/api/users/4711/orders");
	s.route = SLICE("/api/users/{id}/orders");
	s.request_id = SLICE("1d0b5f2e-6c0b-4ce0-9d3c-2b1e5a0c9f11");
	return s;
}

static const struct access_log_secrets none;

static void format(unsigned long n, const struct span *s)
{
	uint64_t start = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
	static char room[ACCESS_LOG_LINE];
	size_t bytes = 0;

	for (unsigned long i = 0; i < n; i++)
		bytes += access_log_line__write(room, s, (int64_t)i * 1000, &none);
	printf("format %6.0f ns/line, %zu bytes/line\n",
	       (double)(cpu_ns(CLOCK_THREAD_CPUTIME_ID) - start) / (double)n, bytes / n);
	fwrite(room, 1, access_log_line__write(room, s, 0, &none), stdout);
}

/* No faster than the thread writes: nothing is dropped. */
static void whole(unsigned long n, const struct span *s, const char *to)
{
	struct access_log_config c = { .to = to };
	struct access_log_stats st;
	char err[200] = "";
	struct access_log *log = access_log__new(&c, err, sizeof(err));
	uint64_t loop = 0, all = cpu_ns(CLOCK_PROCESS_CPUTIME_ID), at;

	if (!log)
		exit((fprintf(stderr, "%s\n", err), 1));
	for (unsigned long i = 0; i < n; i += 512) {
		at = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
		for (int k = 0; k < 512; k++)
			access_log__add(log, s);
		loop += cpu_ns(CLOCK_THREAD_CPUTIME_ID) - at;
		do {
			access_log__stats(log, &st);
		} while (st.queued > 4096 && !nanosleep(&(struct timespec){ 0, 100000 }, NULL));
	}
	while (access_log__stats(log, &st), st.queued)
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	all = cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - all;
	printf("loop   %6.0f ns/span\nthread %6.0f ns/line\n%lu lines, %lu dropped\n",
	       (double)loop / (double)st.added, (double)(all - loop) / (double)st.added,
	       (unsigned long)st.lines, (unsigned long)(st.added - st.lines));
	access_log__free(log);
}

int main(int argc, char **argv)
{
	unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
	struct span s = typical();

	format(n, &s);
	if (argc < 3 || *argv[2])
		whole(n, &s, argc > 2 ? argv[2] : "/dev/null");
	return 0;
}
