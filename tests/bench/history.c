// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * history [SECONDS [REQUESTS [serve]]]: 500 services with 10 routes each that ask one another,
 * so many requests a second (1,000), and spans of them: what a span costs on the event loop, a
 * second on the history's thread, and each query. CPU time. With "serve": nothing is timed here,
 * the API and the page are served ("LISTEN port"), and seconds go on, until standard input ends.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agg.h"
#include "api.h"
#include "history_internal.h"
#include "httpd.h"
#include "service.h"

#define SEC   UINT64_C(1000000000)
#define BEGIN UINT32_C(1700000000)

enum { SERVICES = 500, ROUTES = 10, PATHS = SERVICES * ROUTES };

static struct history *h;
static struct agg *agg;
static const struct service *services[SERVICES];
static char paths[ROUTES][32];
static uint32_t begin_s = BEGIN, now_s = BEGIN, requests = 1000;
static const struct history_filter all = { .kind = -1 };
static struct metrics *latest; /* under the lock */
static pthread_mutex_t latest_lock = PTHREAD_MUTEX_INITIALIZER;

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t rnd(void)
{
	static uint64_t x = 88172645463325252;

	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

static struct span a_span(uint32_t which)
{
	uint64_t end = (now_s - begin_s + 1000) * SEC + rnd() % SEC;
	struct span s = {
		.kind = SPAN_SERVER,
		.service = services[which / ROUTES],
		.end_ns = end,
		.start_ns = end - 1000000 - (1000000ull << rnd() % 6) - rnd() % 3000000,
		.method = "GET",
		.path = slice_of(paths[which % ROUTES]),
		.scheme = "http",
		.protocol_version = "1.1",
		.status = rnd() % 50 ? 200 : 500,
		.family = AF_INET,
		.local_addr = { [10] = 0xff, 0xff, 10, 0, 0, 1 },
		.local_port = (uint16_t)(1024 + which / ROUTES),
	};
	uint64_t id[2] = { rnd(), rnd() };

	s.error_type = s.status == 500 ? "500" : NULL;
	memcpy(s.trace.trace_id, id, sizeof(id));
	memcpy(s.trace.span_id, id, 8);
	return s;
}

/* The same as the client of another service sees it. */
static struct span a_call(struct span s)
{
	s.kind = SPAN_CLIENT;
	memcpy(s.peer_addr, s.local_addr, sizeof(s.peer_addr));
	s.peer_port = (uint16_t)(1024 + (s.local_port + 7) % SERVICES);
	s.service = services[(s.local_port - 1024) % 100];
	s.path = (struct slice){ 0 };
	return s;
}

static double step(void)
{
	uint64_t at = (uint64_t)++now_s * SEC;
	struct metrics *m = metrics__new(at);
	double t;

	if (agg__snapshot(agg, m, at, (now_s - begin_s + 1000) * SEC))
		abort();
	history__tick(h, (now_s - begin_s + 1000) * SEC);
	while (1) {
		struct span_queue_stats st;

		history__take_spans(h, 0);
		span_queue__stats(h->queue, &st);
		if (st.queued < 256)
			break;
	}
	t = seconds();
	history__step(h, m, at);
	t = seconds() - t;
	pthread_mutex_lock(&latest_lock);
	metrics__put(latest);
	latest = m;
	pthread_mutex_unlock(&latest_lock);
	return t;
}

static void ask(uint32_t n)
{
	while (n--) {
		struct span s = a_span((uint32_t)(rnd() % 3 ? rnd() % PATHS : rnd() % 500));

		if (n % 10 == 0)
			s = a_call(s);

		agg__span(agg, &s);
		history__span(h, &s);
	}
}

static void fill(uint32_t n)
{
	double worst = 0, sum = 0, t;
	uint32_t i;

	for (i = 0; i < n; i++) {
		ask(requests);
		t = step();
		sum += t;
		worst = t > worst ? t : worst;
	}
	printf("  a second's step                 %8.2f ms, at most %.2f ms\n", sum / n * 1e3,
	       worst * 1e3);
}

/* ---- spans ------------------------------------------------------------------------------ */

static void bench_spans(void)
{
	enum { N = 200000 };
	struct span *v = malloc(N * sizeof(*v));
	struct span_queue_stats before, after;
	double t;
	int i;

	for (i = 0; i < N; i++) {
		v[i] = a_span((uint32_t)(rnd() % PATHS));
		v[i].series = rnd() % PATHS * UINT64_C(0x9e3779b97f4a7c15);
	}
	for (i = 0; i < N; i++) /* what such a rate does to the choice */
		history__span(h, &v[i]);
	step();
	for (i = 0; i < N; i++)
		history__span(h, &v[i]); /* this second's budgets are used up */
	span_queue__stats(h->queue, &before);
	t = seconds();
	for (i = 0; i < N; i++)
		history__span(h, &v[i]);
	t = seconds() - t;
	span_queue__stats(h->queue, &after);
	printf("  history__span, left out         %8.1f ns (%llu of %d were taken)\n", t / N * 1e9,
	       (unsigned long long)(after.added - before.added), N);
	while (after.queued >= 256) {
		history__take_spans(h, 0);
		span_queue__stats(h->queue, &after);
	}
	t = seconds();
	for (i = 0; i < 3000; i++)
		span_queue__add(h->queue, &v[i]);
	t = seconds() - t;
	printf("  and when it is taken, besides   %8.1f ns\n", t / 3000 * 1e9);
	t = seconds();
	for (i = 0; i < 11; i++)
		history__take_spans(h, 0);
	t = seconds() - t;
	printf("  to be kept, on the thread       %8.1f ns\n", t / (11 * 256) * 1e9);
	free(v);
}

/* ---- queries ------------------------------------------------------------------------------ */

static void rows(struct history_range r, enum history_group by, uint32_t n_spark)
{
	history_rows__free(history__rows(h, &all, r, by, n_spark));
}

static void services_60(void)
{
	rows((struct history_range){ now_s - 60, now_s }, HISTORY_BY_SERVICE, 60);
}

static void routes_60(void)
{
	rows((struct history_range){ now_s - 60, now_s }, HISTORY_BY_STATUS, 0);
}

static void routes_900(void)
{
	rows((struct history_range){ now_s - 900, now_s }, HISTORY_BY_ROUTE, 0);
}

static void series_900(void)
{
	history_series__free(
		history__series(h, &all, (struct history_range){ now_s - 900, now_s }, 300));
}

static void one_service_900(void)
{
	struct history_filter f = all;

	f.service = (struct history_match){ true, "service-7" };
	history_series__free(
		history__series(h, &f, (struct history_range){ now_s - 900, now_s }, 300));
}

static void series_6h(void)
{
	history_series__free(history__series(h, &all, (struct history_range){ 0, 0 }, 300));
}

static void edges(void)
{
	history_edges__free(history__edges(h, (struct history_range){ now_s - 300, now_s }));
}

static void traces(void)
{
	const struct history_span_filter f = { .names = { .kind = -1 } };

	history_traces__free(history__traces(h, &f, HISTORY_NEWEST, 0, 50));
}

static void traces_by_text(void)
{
	const struct history_span_filter f = { .names = { .kind = -1, .status = "5xx" },
					       .text = "route" };

	history_traces__free(history__traces(h, &f, HISTORY_LONGEST, 0, 50));
}

static const struct {
	const char *name;
	void (*run)(void);
} queries[] = {
	{ "services, 60 s, 60 points", services_60 },
	{ "routes with statuses, 60 s", routes_60 },
	{ "routes, 15 min", routes_900 },
	{ "series of all, 15 min", series_900 },
	{ "series of a service, 15 min", one_service_900 },
	{ "series of all, all there is", series_6h },
	{ "edges, 5 min", edges },
	{ "traces, newest", traces },
	{ "traces, by text and status", traces_by_text },
};

static void bench_queries(void)
{
	size_t i;
	int k;

	for (i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		double best = 1e9, t;

		for (k = 0; k < 5; k++) {
			t = seconds();
			queries[i].run();
			t = seconds() - t;
			best = t < best ? t : best;
		}
		printf("  %-30s  %8.2f ms\n", queries[i].name, best * 1e3);
	}
}

/* ---- serving ------------------------------------------------------------------------------ */

static int snapshot(void *arg, struct metrics **out)
{
	pthread_mutex_lock(&latest_lock);
	*out = metrics__ref(latest);
	pthread_mutex_unlock(&latest_lock);
	return 0;
}

static int serve(void)
{
	struct api_config a = { .history = h,
				.backend = "none",
				.watching = "--all",
				.traces = true,
				.memory_limit_bytes = 64 << 20,
				.snapshot = snapshot };
	struct httpd_config c = { .listen = "127.0.0.1:0", .snapshot = snapshot };
	struct pollfd in = { .events = POLLIN };
	struct httpd *server;
	char err[256];

	c.api = api__new(&a);
	server = c.api ? httpd__new(&c, err, sizeof(err)) : NULL;
	if (!server)
		return 1;
	printf("LISTEN %u\n", httpd__port(server));
	fflush(stdout);
	while (!poll(&in, 1, 1000)) {
		ask(requests);
		step();
	}
	httpd__free(server);
	api__free(c.api);
	return 0;
}

static void bench(uint32_t n)
{
	struct history_state st;

	fill(n);
	bench_spans();
	bench_queries();
	history__state(h, &st);
	printf("  %u series, %u spans, fine %u s, coarse %u s, %.1f of %.1f MiB\n", st.series,
	       st.spans, st.fine.to - st.fine.from, st.coarse.to - st.coarse.from,
	       (double)st.bytes / (1 << 20), (double)st.limit_bytes / (1 << 20));
}

int main(int argc, char **argv)
{
	bool serves = argc > 3 && !strcmp(argv[3], "serve");
	const struct history_config c = { .limit_bytes = 32 << 20 };
	const struct agg_config ac = { .cardinality_limit = 16000,
				       .learn_routes = true,
				       .max_routes = 100 };
	uint32_t n = argc > 1 ? (uint32_t)atoi(argv[1]) : 1000;
	struct history_state st;
	char name[32];
	int i, rc = 0;

	if (serves)
		now_s = begin_s = (uint32_t)time(NULL) - n;
	if (argc > 2)
		requests = (uint32_t)atoi(argv[2]);
	h = history__bare(&c, begin_s * SEC);
	agg = agg__new(&ac);
	for (i = 0; i < SERVICES; i++) {
		snprintf(name, sizeof(name), "service-%d", i);
		services[i] = service__get(name, "", NULL);
	}
	for (i = 0; i < ROUTES; i++)
		snprintf(paths[i], sizeof(paths[i]), "/route/number%c", 'a' + i);
	if (serves) {
		/* Up to now, so that a browser's clock is right about it. */
		fill(n);
		rc = serve();
	} else {
		bench(n);
	}
	history__state(h, &st);
	history__free(h);
	agg__free(agg);
	metrics__put(latest);
	return rc || st.bytes > st.limit_bytes;
}
