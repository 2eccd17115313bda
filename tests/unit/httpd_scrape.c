// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A scrape of as many series as redeye keeps by default: what it answers, and what it takes to
 * hold meanwhile. */
#include <malloc.h>
#include <zlib.h>

#include "httpd_fixture.h"
#include "prom.h"

/* ---- what all buffers have reserved ---- */

static atomic_size_t live_bytes, most_bytes;
static atomic_int fail_in; /* the n-th from now gets no memory; 0: none */

static void *t_realloc(void *old, size_t size)
{
	size_t before = malloc_usable_size(old), now, most = most_bytes;
	void *p = fail_in && !--fail_in ? NULL : realloc(old, size);

	if (!p) {
		errno = ENOMEM;
		return NULL;
	}
	now = atomic_fetch_add(&live_bytes, malloc_usable_size(p) - before) +
	      malloc_usable_size(p) - before;
	while (now > most && !atomic_compare_exchange_weak(&most_bytes, &most, now))
		;
	return p;
}

static void *t_calloc(size_t n, size_t size)
{
	void *p = t_realloc(NULL, n * size);

	return p ? memset(p, 0, n * size) : NULL;
}

static void t_free(void *p)
{
	atomic_fetch_sub(&live_bytes, malloc_usable_size(p));
	free(p);
}

#define realloc t_realloc
#define calloc  t_calloc
#define free    t_free
#include "../../agent/buf.c"
#include "../../exporters/httpd_scrape.c"
#undef realloc
#undef calloc
#undef free

/* ---- a full table ---- */

/* So much of --cardinality-limit's default, of the server's own limit, and of what is held. */
#define PART     4
#define SERVICES 4
#define SERIES   (8000 / PART)
#define LIMIT    ((64 << 20) / PART)
#define HELD     ((16 << 20) / PART)
#define N_EXP    40

static const double seconds_bounds[] = { 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
					 0.5,   0.75, 1,     2.5,  5,     7.5, 10 };
static const double size_bounds[] = { 0,        256,       1024,      4096,    16384,
				      65536,    262144,    1048576,   4194304, 16777216,
				      67108864, 268435456, 1073741824 };

static uint64_t random_state = 1;

static uint64_t pick(uint64_t n)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (random_state >> 33) % n;
}

static uint64_t *counts(struct metrics *m, uint32_t n, uint64_t *sum)
{
	uint64_t *c = metrics__alloc(m, n * sizeof(*c));

	for (uint32_t i = 0; i < n; i++)
		*sum += c[i] = pick(3) ? pick(100000) : 0;
	return c;
}

static void one_exemplar(struct metrics *m, struct metric_hist *h)
{
	struct metric_exemplar *e = metrics__alloc(m, sizeof(*e));

	e->value = h->bounds[5];
	e->unix_ns = UINT64_C(1795555555000000000) + pick(1000000000);
	for (size_t i = 0; i < sizeof(e->trace_id); i++)
		e->trace_id[i] = (uint8_t)pick(256);
	for (size_t i = 0; i < sizeof(e->span_id); i++)
		e->span_id[i] = (uint8_t)pick(256);
	h->exemplars = e;
	h->n_exemplars = 1;
}

static void fill_histogram(struct metrics *m, struct metric_hist *h, const double *bounds,
			   uint32_t n)
{
	uint64_t same = 0;

	h->bounds = bounds;
	h->n_bounds = n;
	h->counts = counts(m, n + 1, &h->count);
	h->sum = (double)pick(1000000000) / 1e6;
	h->exp.scale = 3;
	h->exp.offset = -20;
	h->exp.counts = counts(m, N_EXP, &same);
	h->exp.n_counts = N_EXP;
	h->exp.zero_count = h->count > same ? h->count - same : 0;
	one_exemplar(m, h);
}

static void service(struct metrics *m, int i)
{
	struct metric_resource *r = metrics__resource(m);
	char text[100];
	int n;

	n = snprintf(text, sizeof(text), "checkout-%d", i);
	r->service_name = metrics__strdup(m, text, (size_t)n);
	r->service_namespace = "shop";
	n = snprintf(text, sizeof(text), "shop.checkout-%d-7d9c8b6f5d-x2x9z.app", i);
	r->service_instance_id = metrics__strdup(m, text, (size_t)n);
}

/* Labels of the i-th series of a service, the same in each family. */
static const struct metric_attr *labels(struct metrics *m, int i, uint32_t *n)
{
	const struct metric_attr all[] = {
		{ .key = "http.request.method", .str = i % 2 ? "GET" : "POST" },
		{ .key = "http.response.status_code", .type = ATTR_INT, .num = 200 + i % 5 },
		{ .key = "http.route", .str = "" },
		{ .key = "network.protocol.version", .str = "1.1" },
		{ .key = "url.scheme", .str = "http" },
	};
	struct metric_attr *a = metrics__alloc(m, sizeof(all));
	char route[80];

	memcpy(a, all, sizeof(all));
	*n = sizeof(all) / sizeof(*all);
	a[2].str = metrics__strdup(m, route,
				   (size_t)snprintf(route, sizeof(route),
						    "/api/customers/{id}/orders-%d/{id}", i / 10));
	return a;
}

static void family(struct metrics *m, const char *name, const char *unit, const double *bounds,
		   uint32_t n_bounds)
{
	struct metric_family *f =
		metrics__family(m, name, unit, "What it is.", METRIC_HISTOGRAM, SERIES);

	for (int i = 0; i < SERIES; i++) {
		struct metric_point *p = metrics__point(m, f, 0, NULL);

		p->resource = &m->resources[i % SERVICES];
		p->attrs = labels(m, i / SERVICES, &p->n_attrs);
		p->start_unix_ns = UINT64_C(1795555555000000000);
		fill_histogram(m, &p->hist, bounds, n_bounds);
	}
}

static struct metrics *full;

static int fill(void **state)
{
	full = metrics__new(1);
	for (int i = 0; i < SERVICES; i++)
		service(full, i);
	family(full, "http.server.request.duration", "s", seconds_bounds, 14);
	family(full, "http.server.request.body.size", "By", size_bounds, 13);
	family(full, "http.server.response.body.size", "By", size_bounds, 13);
	return metrics__ok(full) ? 0 : -1;
}

static int drop(void **state)
{
	metrics__put(full);
	return 0;
}

static int full_snapshot(void *arg, struct metrics **out)
{
	*out = metrics__ref(full);
	return 0;
}

/* ---- scrapes ---- */

static const char *const accepts[] = {
	[PROM_TEXT_0_0_4] = "Accept: text/plain\r\n",
	[PROM_OPENMETRICS_1] = "Accept: application/openmetrics-text\r\n",
	[PROM_PROTOBUF] = "Accept: application/vnd.google.protobuf;"
			  "proto=io.prometheus.client.MetricFamily;encoding=delimited\r\n",
};

static struct httpd *server(void)
{
	return serve((struct httpd_config){ .max_answer = LIMIT, .snapshot = full_snapshot });
}

static struct answer scrape(const struct httpd *h, const char *method, int format, bool gzip)
{
	char request[400];
	struct answer a;

	snprintf(request, sizeof(request),
		 "%s /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s%s\r\n", method,
		 accepts[format], gzip ? "Accept-Encoding: gzip\r\n" : "");
	most_bytes = live_bytes;
	a = ask(h, request);
	if (a.status != 200)
		print_error("%d %.200s\n", a.status, a.raw);
	assert_int_equal(a.status, 200);
	assert_true(!!strstr(a.raw, "Content-Encoding: gzip\r\n") == gzip);
	return a;
}

static void unpack(struct answer *a, size_t room)
{
	char *plain = malloc(room);
	z_stream z = { .next_in = (Bytef *)a->body,
		       .avail_in = (uInt)a->body_len,
		       .next_out = (Bytef *)plain,
		       .avail_out = (uInt)room };

	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	inflateEnd(&z);
	free(a->raw);
	a->raw = a->body = plain;
	a->body_len = z.total_out;
}

/* What the server held for it at most, and the whole answer. */
static void is_answered(const struct httpd *h, int format, bool gzip)
{
	size_t before = live_bytes, most;
	struct answer a = scrape(h, "GET", format, gzip);
	struct buf want = { 0 };

	most = most_bytes - before;
	assert_int_equal(prom__write(full, format, &want), 0);
	if (gzip)
		unpack(&a, want.len + 1);
	assert_int_equal(a.body_len, want.len);
	assert_memory_equal(a.body, want.p, want.len);
	assert_in_range(most, 1, HELD);
	buf__free(&want);
	free(a.raw);
}

static void a_full_table_in_gzip(void **state)
{
	struct httpd *h = server();

	for (int format = 0; format < PROM_FORMATS; format++)
		is_answered(h, format, true);
	httpd__free(h);
	assert_int_equal(live_bytes, 0);
}

/* Only for who takes nothing better. */
static void a_full_table_as_it_is(void **state)
{
	struct httpd *h = server();

	for (int format = 0; format < PROM_FORMATS; format++)
		is_answered(h, format, false);
	httpd__free(h);
	assert_int_equal(live_bytes, 0);
}

/* Its length is known before it is sent, and HEAD tells it. */
static void head_of_a_full_table(void **state)
{
	struct httpd *h = server();
	struct buf want = { 0 };
	char length[60];
	struct answer a;

	assert_int_equal(prom__write(full, PROM_TEXT_0_0_4, &want), 0);
	snprintf(length, sizeof(length), "Content-Length: %zu\r\n", want.len);
	buf__free(&want);
	a = scrape(h, "HEAD", PROM_TEXT_0_0_4, false);
	assert_non_null(strstr(a.raw, length));
	assert_int_equal(a.body_len, 0);
	free(a.raw);
	httpd__free(h);
	assert_int_equal(live_bytes, 0);
}

/* The limit is on what is kept, and there still is one. */
static void too_much_is_still_refused(void **state)
{
	struct httpd *h =
		serve((struct httpd_config){ .max_answer = LIMIT / 64, .snapshot = full_snapshot });
	struct httpd_stats stats;

	expect(h, METRICS "Accept-Encoding: gzip\r\n\r\n", 500, "would take more than");
	expect(h, METRICS "\r\n", 500, "would take more than");
	httpd__stats(h, &stats);
	assert_int_equal(stats.errors, 2);
	httpd__free(h);
	assert_int_equal(live_bytes, 0);
}

/* One status or the other, and nothing is left behind; to give memory back may fail in peace. */
static unsigned int fails_cleanly(const struct httpd *h, const char *request)
{
	unsigned int n_failed = 0;
	bool failed = true;

	for (int n = 1; failed; n++) {
		struct answer a;

		fail_in = n;
		a = ask(h, request);
		failed = !fail_in;
		fail_in = 0;
		if (a.status == 500)
			assert_non_null(strstr(a.body, "Cannot allocate memory"));
		else
			assert_int_equal(a.status, 200);
		n_failed += a.status == 500;
		free(a.raw);
	}
	return n_failed;
}

static void no_memory(void **state)
{
	struct httpd *h = serve((struct httpd_config){ 0 });

	app.points = 20011; /* so many that it is packed for all */
	assert_true(fails_cleanly(h, METRICS "Accept-Encoding: gzip\r\n\r\n") > 5);
	assert_true(fails_cleanly(h, METRICS "\r\n") > 5);
	httpd__free(h);
	assert_int_equal(live_bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_table_in_gzip),
		cmocka_unit_test(a_full_table_as_it_is),
		cmocka_unit_test(head_of_a_full_table),
		cmocka_unit_test(too_much_is_still_refused),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, fill, drop);
}
