// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Services, routes, series, the graph, status: the numbers of the history in JSON. */
#include <unistd.h>

#include "api_fixture.h"
#include "api_internal.h"

#define HOSTILE "</script><b>\"\\\n\x01\x7f\xff\xc3(\xe2\x80\xa8"
#define SHOWN   "</script><b>\"\\\n\x01\x7f\xef\xbf\xbd\xef\xbf\xbd(\xe2\x80\xa8"

static struct api *api;

static void is_stats(const cJSON *j, double count, double rate, double errors, double mean)
{
	is_number(j, "count", count);
	is_number(j, "rate", rate);
	is_number(j, "errors", errors);
	is_number(j, "error_ratio", count ? errors / count : 0);
	if (count) {
		is_number(j, "mean", mean);
		is_number(j, "p50", mean * 1.5);
		is_number(j, "p95", mean * 1.95);
		is_number(j, "p99", mean * 1.99);
	} else {
		is_null(j, "mean");
		is_null(j, "p50");
		is_null(j, "p95");
		is_null(j, "p99");
	}
}

/* ---- the list, and status -------------------------------------------------- */

static void lists_itself(void **state)
{
	cJSON *j = ask(api, "/api/v1/");

	is_text(j, "version", REDEYE_VERSION);
	is_text(j, "endpoints.2.path", "/api/v1/services");
	is_text(j, "endpoints.7.path", "/api/v1/traces/{trace_id}");
	has(j, "endpoints", 9);
	cJSON_Delete(j);
}

static int snapshot(void *arg, struct metrics **out)
{
	struct metrics *m;
	struct metric_family *f;
	struct metric_attr *attr;

	if (arg)
		return -ETIMEDOUT;
	m = metrics__new(0);
	f = metrics__family(m, "redeye.events.dropped", "{event}", "Help.", METRIC_COUNTER, 1);
	metrics__point(m, f, 1, &attr)->value = 5;
	*attr = (struct metric_attr){ .key = "reason", .type = ATTR_STRING, .str = HOSTILE };
	f = metrics__family(m, "redeye.processes.selected", "{process}", "", METRIC_UPDOWN, 1);
	metrics__point(m, f, 0, &attr)->value = 3;
	f = metrics__family(m, "http.server.active_requests", "1", "", METRIC_UPDOWN, 1);
	metrics__point(m, f, 0, &attr)->value = 9;
	metrics__family(m, "redeye.something.time", "s", "", METRIC_HISTOGRAM, 1);
	*out = m;
	return 0;
}

static bool not_ready(void *arg)
{
	return false;
}

static void status(void **state)
{
	struct api_config c = { .history = &the_history,
				.backend = "kprobe",
				.watching = "--exe " HOSTILE,
				.memory_limit_bytes = 64 << 20,
				.snapshot = snapshot,
				.ready = not_ready };
	struct api *a = api__new(&c);
	cJSON *j;

	fake.state.spans_from_ns = 1000000000123456789;
	j = ask(a, "/api/v1/status");
	is_text(j, "backend", "kprobe");
	is_text(j, "watching", "--exe " SHOWN);
	is_number(j, "pid", getpid());
	is_number(j, "processes", 3);
	is_number(j, "memory.limit_bytes", 64 << 20);
	assert_true(at(j, "memory.rss_bytes")->valuedouble > 0);
	assert_true(cJSON_IsFalse(at(j, "ready")));
	assert_true(cJSON_IsFalse(at(j, "traces")));
	is_number(j, "history.series", 7);
	is_number(j, "history.steps.0.to", 1000001000);
	is_number(j, "history.steps.1.step", 10);
	is_number(j, "history.spans_from", 1000000000.123456);
	has(j, "metrics", 2);
	is_text(j, "metrics.0.name", "redeye.events.dropped");
	is_text(j, "metrics.0.kind", "counter");
	is_text(j, "metrics.0.attrs.reason", SHOWN);
	is_number(j, "metrics.0.value", 5);
	cJSON_Delete(j);
	api__set_watching(a, "--port 7");
	api__free(a);

	c.history = NULL;
	c.arg = &c; /* no snapshot in time */
	a = api__new(&c);
	j = ask(a, "/api/v1/status");
	is_null(j, "history");
	is_null(j, "processes");
	is_null(j, "metrics");
	cJSON_Delete(j);
	api__free(a);
}

/* ---- services -------------------------------------------------------------- */

static void services(void **state)
{
	cJSON *j;

	fake_row("web", SPAN_CLIENT, dist_of(60, 6, 0.5));
	fake_row("shop", SPAN_SERVER, dist_of(120, 3, 0.004))->in_flight = 2;
	fake_row("web", SPAN_SERVER, dist_of(30, 0, 0.25));
	fake_row("cron", SPAN_CLIENT, dist_of(600, 0, 0.1))->last = 0;
	j = ask(api, "/api/v1/services?points=3");
	assert_int_equal(fake.group, HISTORY_BY_SERVICE);
	assert_int_equal(fake.n_spark, 3);
	is_number(j, "total", 3);
	is_null(j, "next");
	is_text(j, "services.0.name", "cron"); /* by rate; what only asks, by what it asks */
	is_null(j, "services.0.server");
	is_null(j, "services.0.last");
	is_text(j, "services.1.name", "shop");
	is_null(j, "services.1.client");
	is_number(j, "services.1.in_flight", 2);
	is_number(j, "services.1.last", 1000000999);
	is_stats(at(j, "services.1.server"), 120, 2, 3, 0.004);
	is_number(j, "services.1.server.total_count", 1120);
	is_number(j, "services.1.server.total_errors", 3);
	has(j, "services.1.spark.rate", 3);
	is_number(j, "services.1.spark.rate.2", 4 / 20.0);
	is_number(j, "services.1.spark.errors.2", 0.25);
	is_text(j, "services.2.name", "web");
	is_stats(at(j, "services.2.server"), 30, 0.5, 0, 0.25);
	is_stats(at(j, "services.2.client"), 60, 1, 6, 0.5);
	cJSON_Delete(j);
}

static void check_order(const char *url, const char *want)
{
	cJSON *j = ask(api, url), *s;
	char got[200] = "";

	cJSON_ArrayForEach(s, at(j, "services"))
	{
		strcat(got, *got ? " " : "");
		strcat(got, cJSON_GetStringValue(cJSON_GetObjectItem(s, "name")));
	}
	assert_string_equal(got, want);
	cJSON_Delete(j);
}

static void sorts_and_searches(void **state)
{
	fake_row("b", SPAN_SERVER, dist_of(10, 5, 0.3));
	fake_row("A", SPAN_SERVER, dist_of(20, 0, 0.2));
	fake_row("none", SPAN_SERVER, dist_of(0, 0, 0));
	fake_row("c", SPAN_SERVER, dist_of(10, 1, 0.1))->name.namespace = "Zone";
	check_order("/api/v1/services", "A b c none");
	check_order("/api/v1/services?order=asc", "none b c A");
	check_order("/api/v1/services?sort=errors", "b c A none");
	check_order("/api/v1/services?sort=p95", "b A c none");
	check_order("/api/v1/services?sort=p95&order=asc", "c A b none"); /* unknown: last */
	check_order("/api/v1/services?sort=p50&limit=1", "b");
	check_order("/api/v1/services?sort=name", "A b c none");
	check_order("/api/v1/services?sort=name&order=desc", "none c b A");
	check_order("/api/v1/services?q=N", "c none"); /* the name, or the namespace */
	check_order("/api/v1/services?q=zone", "c");
	check_order("/api/v1/services?q=", "A b c none");
	check_order("/api/v1/services?offset=3", "none");
	check_order("/api/v1/services?offset=4294967295", "");
}

/* Following `next` gives each once. */
static void pages(void **state)
{
	static char names[50][16];
	char url[200] = "/api/v1/services?q=s%3Ca&limit=7&sort=name";
	int seen = 0, n = 0;

	for (int i = 0; i < 50; i++) {
		snprintf(names[i], sizeof(names[i]), "s<a %02d", i);
		fake_row(names[i], SPAN_SERVER, dist_of(1, 0, 1));
	}
	while (*url) {
		char room[4096];
		struct api_request r = request_of(url, room);
		cJSON *j, *s;

		r.params[0].value = SLICE("s<a"); /* as decoded */
		j = call(api, &r, 200);
		is_number(j, "total", 50);
		cJSON_ArrayForEach(s, at(j, "services"))
		{
			assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(s, "name")),
					    names[seen]);
			seen++;
		}
		*url = '\0';
		if (!cJSON_IsNull(at(j, "next")))
			strcpy(url, cJSON_GetStringValue(at(j, "next")));
		if (!n++)
			assert_string_equal(url,
					    "/api/v1/services?q=s%3Ca&limit=7&sort=name&offset=7");
		cJSON_Delete(j);
	}
	assert_int_equal(seen, 50);
	assert_int_equal(n, 8);
}

/* ---- routes ---------------------------------------------------------------- */

static struct history_name route(const char *method, const char *name, const char *status)
{
	return (struct history_name){ .service = "shop",
				      .namespace = "eu",
				      .kind = SPAN_SERVER,
				      .protocol = "http",
				      .method = method,
				      .route = name,
				      .status = status };
}

static void routes(void **state)
{
	cJSON *j;

	fake_row("", SPAN_SERVER, dist_of(90, 0, 0.1))->name = route("GET", "/p/{id}", "200");
	fake_row("", SPAN_SERVER, dist_of(600, 0, 0.1))->name = route("GET", NULL, "200");
	fake_row("", SPAN_SERVER, dist_of(2, 0, 0.1))->name = route("GET", "/p/{id}", "404");
	fake_row("", SPAN_SERVER, dist_of(4, 4, 0.1))->name = route("GET", "/p/{id}", NULL);
	fake_row("", SPAN_SERVER, dist_of(0, 0, 0.1))->name = route("GET", "/p/{id}", "500");
	fake_row("", SPAN_CLIENT, dist_of(6, 0, 1))->name =
		(struct history_name){ .service = "shop",
				       .namespace = "eu",
				       .kind = SPAN_CLIENT,
				       .protocol = "grpc",
				       .route = "cart.Cart/Get",
				       .peer = "cart:80",
				       .status = HOSTILE };
	j = ask(api, "/api/v1/routes?service=shop");
	assert_int_equal(fake.group, HISTORY_BY_STATUS);
	is_number(j, "total", 3);
	is_number(j, "routes.0.count", 600);
	is_null(j, "routes.0.route");
	is_text(j, "routes.1.route", "/p/{id}");
	is_text(j, "routes.1.kind", "server");
	is_text(j, "routes.1.namespace", "eu");
	is_text(j, "routes.1.method", "GET");
	is_null(j, "routes.1.peer");
	is_stats(at(j, "routes.1"), 96, 1.6, 4, 0.1);
	is_number(j, "routes.1.total_count", 4096);
	is_number(j, "routes.1.total_errors", 4);
	has(j, "routes.1.statuses", 3);
	is_number(j, "routes.1.statuses.200", 90);
	is_number(j, "routes.1.statuses.404", 2);
	is_number(j, "routes.1.statuses.none", 4);
	is_null(j, "routes.2.method");
	is_text(j, "routes.2.peer", "cart:80");
	is_text(j, "routes.2.kind", "client");
	is_text(j, "routes.2.protocol", "grpc");
	is_number(j, "routes.2.statuses." SHOWN, 6);
	cJSON_Delete(j);
	j = ask(api, "/api/v1/routes?q=CART");
	is_number(j, "total", 1);
	cJSON_Delete(j);
}

/* ---- series ---------------------------------------------------------------- */

static void series(void **state)
{
	cJSON *j;

	fake.n_points = 3;
	memset(fake.points, 0, sizeof(fake.points));
	for (int i = 0; i < 3; i++)
		fake.points[i].from = 1000000940 + 10 * (uint32_t)i;
	fake.points[1].dist = dist_of(20, 5, 0.5);
	fake.points[1].dist.buckets[103] = 7;
	fake.points[1].classes[HISTORY_CLASS_2XX] = 15;
	fake.points[1].classes[HISTORY_CLASS_5XX] = 5;
	fake.points[2].dist = dist_of(0, 0, 0);
	fake.points[2].dist.buckets[101] = 1;
	j = ask(api, "/api/v1/series?points=17&heat=1");
	assert_int_equal(fake.points_max, 17);
	is_number(j, "step", 10);
	is_number(j, "t.1", 1000000950);
	is_number(j, "count.1", 20);
	is_number(j, "rate.1", 2);
	is_number(j, "errors.1", 5);
	is_number(j, "error_ratio.1", 0.25);
	is_number(j, "mean.1", 0.5);
	is_number(j, "p99.1", 0.995);
	is_null(j, "p50.0");
	is_null(j, "mean.0");
	is_number(j, "count.0", 0);
	has(j, "classes", 2);
	has(j, "classes.2xx", 3);
	is_number(j, "classes.5xx.1", 5);
	has(j, "heat.bounds", 4);
	is_number(j, "heat.bounds.0", history_bucket__bound(100));
	has(j, "heat.cells", 3);
	has(j, "heat.cells.0", 0);
	is_number(j, "heat.cells.1.1.0", 3);
	is_number(j, "heat.cells.1.1.1", 7);
	is_number(j, "heat.cells.2.0.0", 1);
	cJSON_Delete(j);
	j = ask(api, "/api/v1/series");
	assert_null(cJSON_GetObjectItem(j, "heat"));
	assert_int_equal(fake.points_max, 300);
	cJSON_Delete(j);
	fake.n_points = 0;
	j = ask(api, "/api/v1/series?heat=1");
	has(j, "heat.bounds", 0);
	cJSON_Delete(j);
}

/* ---- graph ----------------------------------------------------------------- */

static const cJSON *node(const cJSON *j, const char *id)
{
	cJSON *n;

	cJSON_ArrayForEach(
		n, at(j, "nodes")) if (!strcmp(cJSON_GetStringValue(at(n, "id")), id)) return n;
	fail_msg("no node %s", id);
	return NULL;
}

static const cJSON *edge(const cJSON *j, const char *from, const char *to)
{
	cJSON *e;

	cJSON_ArrayForEach(e, at(j, "edges"))
	{
		if (!strcmp(cJSON_GetStringValue(at(e, "from")), from) &&
		    !strcmp(cJSON_GetStringValue(at(e, "to")), to))
			return e;
	}
	fail_msg("no edge from %s to %s", from, to);
	return NULL;
}

static void graph(void **state)
{
	const cJSON *e;
	cJSON *j;

	fake_row("web", SPAN_SERVER, dist_of(300, 0, 0.1));
	fake_row("web", SPAN_CLIENT, dist_of(250, 0, 0.1));
	fake_row("shop", SPAN_SERVER, dist_of(150, 9, 0.1))->name.namespace = "eu/1";
	fake_row("clients", SPAN_SERVER, dist_of(0, 0, 0));
	fake.n_edges = 3;
	fake.edges[0] = (struct history_edge){ "web",  "",     "shop:80",
					       "shop", "eu/1", dist_of(100, 10, 0.2) };
	fake.edges[1] =
		(struct history_edge){ "web", "", "db:5432", NULL, NULL, dist_of(150, 0, 0.5) };
	fake.edges[2] =
		(struct history_edge){ "gone<", "", HOSTILE, "web", "", dist_of(300, 0, 0.1) };
	j = ask(api, "/api/v1/graph");
	has(j, "nodes", 6);
	has(j, "edges", 4);
	is_stats(node(j, "web"), 300, 1, 0, 0.1);
	is_text(node(j, "service:eu%2F1/shop"), "name", "shop");
	is_text(node(j, "service:eu%2F1/shop"), "namespace", "eu/1");
	is_text(node(j, "service:/clients"), "kind", "service");
	is_text(node(j, "gone<"), "kind", "service");
	is_stats(node(j, "gone<"), 0, 0, 0, 0);
	is_text(node(j, "peer:db:5432"), "kind", "external");
	is_null(node(j, "peer:db:5432"), "count");
	is_text(node(j, "clients"), "kind", "clients");
	is_stats(edge(j, "web", "peer:db:5432"), 150, 0.5, 0, 0.5);
	is_text(edge(j, "web", "peer:db:5432"), "seen", "client");
	is_stats(edge(j, "gone<", "web"), 300, 1, 0, 0.1); /* all that web served */
	e = edge(j, "clients", "service:eu%2F1/shop");
	is_text(e, "seen", "server");
	is_number(e, "count", 50);
	is_number(e, "errors", 0); /* the client saw more than the server */
	is_null(e, "p95");
	cJSON_Delete(j);
	fake.n_edges = fake.n_rows = 0;
	j = ask(api, "/api/v1/graph");
	has(j, "nodes", 0);
	cJSON_Delete(j);
}

/* ---- bounds ---------------------------------------------------------------- */

static void no_memory(void **state)
{
	static const char *const paths[] = { "services",
					     "routes",
					     "series",
					     "graph",
					     "traces",
					     "traces/0123456789abcdef"
					     "0123456789abcdef" };
	char url[100];

	fake.no_memory = true;
	for (size_t i = 0; i < N(paths); i++) {
		snprintf(url, sizeof(url), "/api/v1/%s", paths[i]);
		refuses(api, url, 503, "no memory for the answer");
	}
}

static void too_long(void **state)
{
	struct api_request r = { .path = "/api/v1/services" };
	struct buf out = { .max = 2000 };
	cJSON *j;

	for (int i = 0; i < 20; i++)
		fake_row("shop", SPAN_SERVER, dist_of(1, 0, 1))->name.namespace =
			&"aaaaaaaaaaaaaaaaaaaa"[i];
	assert_int_equal(api__answer(api, &r, &out), 413);
	j = parse_json(&out);
	is_text(j, "error", "the answer would be longer than 2000 bytes");
	cJSON_Delete(j);
	buf__free(&out);
}

/* Room for the text, not for the escapes. */
static void too_long_when_escaped(void **state)
{
	struct buf out = { .max = 20 };

	buf__puts(&out, "\"<<<<\"");
	api_json__escape(&out);
	assert_int_equal(out.err, -ENOSPC);
	buf__free(&out);
}

static void generations(void **state)
{
	struct api *other;
	uint64_t first = api__generation(api, "/api/v1/services");

	assert_true(first != 0);
	assert_int_equal(api__generation(api, "/api/v1/services"), first);
	assert_int_equal(api__generation(api, "/api/v1/status"), 0);
	assert_int_equal(api__generation(api, "/api/v1/nothing"), 0);
	fake.state.generation++;
	assert_int_not_equal(api__generation(api, "/api/v1/services"), first);
	other = new_api(&the_history); /* another start of redeye begins to count anew */
	assert_int_not_equal(api__generation(other, "/api/v1/services"), first);
	api__free(other);
	other = new_api(NULL);
	assert_int_equal(api__generation(other, "/api/v1/services"), 0);
	api__free(other);
}

static int set_up(void **state)
{
	api = new_api(&the_history);
	return 0;
}

static int tear_down(void **state)
{
	api__free(api);
	api__free(NULL);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lists_itself),
		TEST(status),
		TEST(services),
		TEST(sorts_and_searches),
		TEST(pages),
		TEST(routes),
		TEST(series),
		TEST(graph),
		TEST(no_memory),
		TEST(too_long),
		TEST(too_long_when_escaped),
		TEST(generations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
