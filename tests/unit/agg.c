// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <arpa/inet.h>

#include "agg_fixture.h"

/* ---- what a series is ------------------------------------------------------------ */

static void test_server_duration(void **state)
{
	struct service *svc = service__get("shop", "prod", "i-1");
	struct agg *agg = agg_with(0, false);
	struct span s = server(svc, "/users/7", 200);
	const struct metric_family *f;
	const struct metric_point *p;
	struct metrics *m;

	agg__span(agg, &s);
	s.path = SLICE("/users/8");
	s.end_ns = s.start_ns + SEC;
	agg__span(agg, &s);
	s = server(svc, "/users/8", 503);
	agg__span(agg, &s);
	m = snapshot(agg);
	assert_int_equal(m->n_families, 1);
	f = family(m, "http.server.request.duration");
	assert_string_equal(f->unit, "s");
	assert_int_equal(f->kind, METRIC_HISTOGRAM);
	assert_int_equal(f->n_points, 2);
	p = &f->points[0];
	assert_string_equal(attrs(p), "http.request.method=GET,http.response.status_code=200,"
				      "http.route=/users/{id},network.protocol.version=1.1,"
				      "url.scheme=http");
	assert_int_equal(p->hist.count, 2);
	assert_true(p->hist.min == 0.02 && p->hist.max == 1 && p->hist.sum == 1.02);
	assert_int_equal(p->hist.n_bounds, 14);
	assert_true(p->hist.bounds[0] == 0.005 && p->hist.bounds[13] == 10);
	assert_int_equal(p->hist.counts[2], 1); /* (0.01, 0.025] */
	assert_int_equal(p->hist.counts[9], 1); /* (0.75, 1] */
	assert_true(p->start_unix_ns == NOW_UNIX - 90 * SEC);
	assert_string_equal(p->resource->service_name, "shop");
	assert_int_equal(p->resource->n_attrs, 3);
	assert_string_equal(p->resource->attrs[0].key, "service.instance.id");
	assert_string_equal(attrs(&f->points[1]),
			    "error.type=500,http.request.method=GET,http.response.status_code=503,"
			    "http.route=/users/{id},network.protocol.version=1.1,url.scheme=http");
	/* The snapshot outlives all that it came from. */
	agg__free(agg);
	service__put(svc);
	assert_string_equal(p->resource->service_namespace, "prod");
	assert_non_null(strstr(attrs(p), "http.route=/users/{id}"));
	metrics__put(m);
}

static void test_client_duration(void **state)
{
	struct service *svc = service__get("shop", "", "");
	struct agg *agg = agg_with(0, false);
	static const struct {
		const char *host;
		uint16_t port, family;
		const char *scheme, *want;
	} t[] = {
		{ "api", 8080, AF_INET, "http", "server.address=api,server.port=8080" },
		{ "API", 8080, AF_INET, "http", NULL },
		{ "api", 0, AF_INET, "http", "server.address=api,server.port=80" },
		{ "api", 0, AF_INET, "https", "server.address=api,server.port=443" },
		{ "docker", 0, AF_UNIX, "http", "server.address=docker" },
		{ "a b\xff\n", 1, AF_INET, "http", "server.address=a_b__,server.port=1" },
		{ "", 0, AF_INET6, "http", "server.address=10.1.2.3,server.port=9000" },
		{ "", 0, AF_UNIX, "http", "" },
	};
	const struct metric_family *f;
	struct metrics *m;
	uint32_t i, n = 0;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct span s = client(svc, t[i].host, t[i].port);

		s.family = t[i].family;
		s.scheme = t[i].scheme;
		s.peer_port = 9000;
		assert_int_equal(inet_pton(AF_INET6, "::ffff:10.1.2.3", s.peer_addr), 1);
		agg__span(agg, &s);
	}
	m = snapshot(agg);
	f = family(m, "http.client.request.duration");
	assert_int_equal(f->points[0].hist.count, 2);
	assert_int_equal(f->points[0].resource->n_attrs, 1); /* namespace and instance unknown */
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const char *base = "http.request.method=GET,http.response.status_code=200,"
				   "network.protocol.version=1.1";
		char want[256];

		if (!t[i].want)
			continue;
		snprintf(want, sizeof(want), "%s%s%s", base, *t[i].want ? "," : "", t[i].want);
		assert_string_equal(attrs(&f->points[n++]), want);
	}
	assert_int_equal(f->n_points, n);
	metrics__put(m);
	agg__free(agg);
	service__put(svc);
}

static void test_unknown_body_sizes(void **state)
{
	struct service *svc = service__get("shop", "", "");
	struct agg *agg = agg_with(0, true);
	struct span s = server(svc, "/a", 200);
	struct metrics *m;

	s.flags = SPAN_HEAD_CUT | SPAN_REQUEST_SIZE_UNKNOWN;
	agg__span(agg, &s);
	agg__span(agg, &s);
	s.flags = SPAN_HEAD_CUT | SPAN_RESPONSE_SIZE_UNKNOWN;
	agg__span(agg, &s);
	m = snapshot(agg);
	assert_int_equal(total(family(m, "http.server.request.duration")), 3);
	assert_int_equal(total(family(m, "http.server.request.body.size")), 1);
	assert_int_equal(total(family(m, "http.server.response.body.size")), 2);
	metrics__put(m);
	agg__free(agg);
	service__put(svc);
}

static void test_body_sizes(void **state)
{
	struct service *svc = service__get("shop", "", "");
	struct agg *agg = agg_with(0, true);
	struct span s = server(svc, "/a", 200);
	const struct metric_family *f;
	struct metrics *m;

	agg__span(agg, &s);
	s = server(svc, "/a", 0); /* no response, no response size */
	s.error_type = "timeout";
	agg__span(agg, &s);
	s = client(svc, "api", 1);
	agg__span(agg, &s);
	m = snapshot(agg);
	assert_int_equal(m->n_families, 6);
	f = family(m, "http.server.request.body.size");
	assert_string_equal(f->unit, "By");
	assert_int_equal(total(f), 2);
	assert_true(f->points[0].hist.sum == 7);
	f = family(m, "http.server.response.body.size");
	assert_int_equal(total(f), 1);
	assert_true(f->points[0].hist.max == 300);
	assert_int_equal(f->points[0].hist.counts[2], 1); /* (256, 1024] */
	assert_int_equal(total(family(m, "http.client.request.body.size")), 1);
	assert_int_equal(total(family(m, "http.client.response.body.size")), 1);
	assert_non_null(strstr(attrs(&family(m, "http.server.request.duration")->points[1]),
			       "error.type=timeout,http.request.method=GET,http.route=/a,"));
	metrics__put(m);
	agg__free(agg);
	service__put(svc);
}

/* Two copies of one literal are one name. */
static void test_names_by_content(void **state)
{
	static char get1[] = "GET", get2[] = "GET";
	struct service *svc = service__get("shop", "", "");
	struct agg *agg = agg_with(0, false);
	struct span s = server(svc, "/a", 200);

	s.method = get1;
	agg__span(agg, &s);
	s.method = get2;
	agg__span(agg, &s);
	assert_int_equal(stats(agg).series, 1);
	agg__free(agg);
	service__put(svc);
}

static void test_clock_steps_do_not_move_the_start(void **state)
{
	struct service *svc = service__get("shop", "", "");
	struct agg *agg = agg_with(0, false);
	struct span s = server(svc, "/a", 200);
	struct metrics *m;

	agg__span(agg, &s);
	m = snapshot(agg);
	metrics__put(m);
	m = metrics__new(NOW_UNIX + 500 * SEC);
	assert_int_equal(agg__snapshot(agg, m, NOW_UNIX + 500 * SEC, 101 * SEC), 0);
	assert_true(m->families[0].points[0].start_unix_ns == NOW_UNIX - 90 * SEC);
	metrics__put(m);
	agg__free(agg);
	service__put(svc);
}

static void test_backward_span_lasts_zero(void **state)
{
	struct service *svc = service__get("shop", "", "");
	struct agg *agg = agg_with(0, false);
	struct span s = server(svc, "/a", 200);
	struct metrics *m;

	s.end_ns = s.start_ns - 1;
	agg__span(agg, &s);
	m = snapshot(agg);
	assert_int_equal(total(&m->families[0]), 1);
	assert_true(m->families[0].points[0].hist.max == 0);
	metrics__put(m);
	agg__free(agg);
	service__put(svc);
}

static void test_learned_share_and_configured(void **state)
{
	static char *templates[] = { "/users/{name}" };
	const struct str_list list = { templates, 1 };
	struct agg_config c = { .learn_routes = true, .max_routes = 100, .routes = &list };
	struct service *svc = service__get("shop", "", "");
	struct agg *agg = agg__new(&c);
	struct span s = server(svc, "/users/bob", 200);
	struct agg_stats st;

	agg__span(agg, &s);
	s.path = SLICE("/other");
	agg__span(agg, &s);
	s = server(svc, "/nothing", 404); /* teaches nothing */
	agg__span(agg, &s);
	st = stats(agg);
	assert_int_equal(st.routes_learned, 1);
	agg__free(agg);

	templates[0] = (char[]){ "users" };
	assert_null(agg__new(&c));
	assert_int_equal(errno, EINVAL);
	service__put(svc);
}

/* ---- exemplars ---------------------------------------------------------------------- */

static void keep(struct agg *agg, struct span *s, uint8_t id, uint64_t duration_ns)
{
	memset(s->trace.trace_id, id, sizeof(s->trace.trace_id));
	memset(s->trace.span_id, id, sizeof(s->trace.span_id));
	s->end_ns = s->start_ns + duration_ns;
	agg__span(agg, s);
	agg__exemplar(agg, s);
}

static void test_exemplars(void **state)
{
	struct service *svc = service__get("shop", "", "");
	struct agg *agg = agg_with(0, false);
	struct span s = server(svc, "/users/7", 200), other = client(svc, "db", 80);
	const struct metric_hist *h;
	struct metrics *m;

	keep(agg, &s, 1, 20000000);
	keep(agg, &s, 2, 20000001); /* of the same bucket: the latest stays */
	keep(agg, &s, 3, 20 * SEC);
	agg__span(agg, &other); /* not kept */
	other.series = 0;
	agg__exemplar(agg, &other); /* of an overflow series */
	m = snapshot(agg);
	h = &family(m, "http.server.request.duration")->points[0].hist;
	assert_int_equal(h->n_exemplars, 2);
	assert_true(h->exemplars[0].value == 0.020000001);
	assert_int_equal(h->exemplars[0].trace_id[15], 2);
	assert_int_equal(h->exemplars[0].span_id[0], 2);
	assert_true(h->exemplars[0].unix_ns == NOW_UNIX - 90 * SEC + 20000001);
	assert_int_equal(h->exemplars[1].trace_id[0], 3);
	h = &family(m, "http.client.request.duration")->points[0].hist;
	assert_int_equal(h->n_exemplars, 0);
	metrics__put(m);
	agg__free(agg);
	service__put(svc);
}

/* Backends store one that is scraped again with another time once more. */
static void test_exemplar_time_stays(void **state)
{
	struct service *svc = service__get("shop", "", "");
	struct agg *agg = agg_with(0, false);
	struct span s = server(svc, "/a", 200);
	const struct metric_hist *h;
	uint64_t first, drift;
	struct metrics *m;

	keep(agg, &s, 1, 20000000);
	m = snapshot(agg);
	first = m->families[0].points[0].hist.exemplars[0].unix_ns;
	metrics__put(m);
	for (drift = 1; drift < SEC; drift *= 1000) {
		m = metrics__new(NOW_UNIX + drift);
		assert_int_equal(agg__snapshot(agg, m, NOW_UNIX + drift, 100 * SEC), 0);
		h = &m->families[0].points[0].hist;
		assert_int_equal(h->n_exemplars, 1);
		assert_true(h->exemplars[0].unix_ns == first);
		metrics__put(m);
	}
	keep(agg, &s, 2, 20000001); /* another request has its own */
	m = snapshot(agg);
	assert_true(m->families[0].points[0].hist.exemplars[0].unix_ns == first + 1);
	metrics__put(m);
	agg__free(agg);
	service__put(svc);
}

/* ---- active requests ---------------------------------------------------------------- */

static void request_start(struct agg *agg, struct service *svc, enum span_kind kind,
			  const char *method, const char *scheme)
{
	struct request r = { .kind = kind, .service = svc, .method = method, .scheme = scheme };

	agg__request_start(agg, &r);
}

static void request_end(struct agg *agg, struct service *svc, enum span_kind kind,
			const char *method, const char *scheme)
{
	struct request r = { .kind = kind, .service = svc, .method = method, .scheme = scheme };

	agg__request_end(agg, &r);
}

static void test_active_requests(void **state)
{
	struct service *svc = service__get("shop", "", "");
	struct agg *agg = agg_with(0, false);
	const struct metric_family *f;
	struct metrics *m;

	request_start(agg, svc, SPAN_SERVER, "GET", "http");
	request_start(agg, svc, SPAN_SERVER, "GET", "http");
	request_start(agg, svc, SPAN_SERVER, "POST", "https");
	request_start(agg, svc, SPAN_CLIENT, "GET", "http");
	request_end(agg, svc, SPAN_SERVER, "POST", "https");
	m = snapshot(agg);
	assert_int_equal(m->n_families, 1);
	f = family(m, "http.server.active_requests");
	assert_string_equal(f->unit, "{request}");
	assert_int_equal(f->kind, METRIC_UPDOWN);
	assert_int_equal(f->n_points, 2);
	assert_string_equal(attrs(&f->points[0]), "http.request.method=GET,url.scheme=http");
	assert_true(f->points[0].value == 2);
	assert_true(f->points[1].value == 0);
	metrics__put(m);

	/* never negative, whatever is lost */
	request_end(agg, svc, SPAN_SERVER, "POST", "https");
	request_end(agg, svc, SPAN_SERVER, "PUT", "http");
	m = snapshot(agg);
	f = family(m, "http.server.active_requests");
	assert_true(f->points[1].value == 0);
	assert_int_equal(stats(agg).unbalanced_cnt, 2);
	metrics__put(m);
	agg__free(agg);
	service__put(svc);
}

/* ---- cardinality ----------------------------------------------------------------------- */

static void test_overflow_counts_within_the_limit(void **state)
{
	struct service *svc = service__get("shop", "", "");
	struct agg *agg = agg_with(4, true);
	const struct metric_family *f;
	struct metrics *m;
	struct span s;
	uint16_t i;

	for (i = 0; i < 10; i++) {
		s = server(svc, "/a", (uint16_t)(200 + i));
		agg__span(agg, &s);
	}
	s = server(svc, "/a", 200); /* known before the overflow: keeps going */
	agg__span(agg, &s);
	m = snapshot(agg);
	f = family(m, "http.server.request.duration");
	assert_int_equal(f->n_points, 4);
	assert_int_equal(f->points[0].hist.count, 2);
	assert_string_equal(attrs(&f->points[3]), "otel.metric.overflow=1");
	assert_int_equal(f->points[3].attrs[0].type, ATTR_BOOL);
	assert_int_equal(f->points[3].hist.count, 7);
	assert_int_equal(total(f), 11);
	assert_int_equal(total(family(m, "http.server.response.body.size")), 11);
	assert_int_equal(family(m, "http.server.response.body.size")->n_points, 4);
	assert_int_equal(stats(agg).overflowed_cnt, 7);
	metrics__put(m);
	agg__free(agg);
	service__put(svc);
}

static void test_limit_is_per_service_and_kind_and_over_all(void **state)
{
	enum { LIMIT = 5, SERVICES = 12 };
	struct service *svc[SERVICES];
	struct agg *agg = agg_with(LIMIT, false);
	char text[32];
	struct span s;
	uint16_t i, j;

	for (i = 0; i < SERVICES; i++) {
		snprintf(text, sizeof(text), "s%d", i);
		svc[i] = service__get(text, "", "");
		for (j = 0; j < 20; j++) {
			s = server(svc[i], "/a", (uint16_t)(200 + j));
			agg__span(agg, &s);
			s = client(svc[i], "h", (uint16_t)(1 + j));
			agg__span(agg, &s);
		}
	}
	assert_int_equal(stats(agg).series, AGG_ALL_SERVICES * LIMIT + 2 * SERVICES);
	assert_int_equal(stats(agg).lost_cnt, 0);
	agg__free(agg);
	for (i = 0; i < SERVICES; i++)
		service__put(svc[i]);
}

static uint64_t rng_state;

static uint32_t rnd(uint32_t n)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return (uint32_t)((rng_state >> 32) % n);
}

static void random_span(struct span *s, char buf[64], const struct service *svc)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "_OTHER" };
	static const char *const errors[] = { NULL, "500", "timeout", "connection_reset" };
	int n = snprintf(buf, 64, "/%x/%x/%x", rnd(1 << 20), rnd(50), rnd(1 << 30));

	*s = server(svc, "", (uint16_t)(100 + rnd(500)));
	s->method = methods[rnd(4)];
	s->error_type = errors[rnd(4)];
	s->end_ns = s->start_ns + rnd(4) * (uint64_t)rnd(UINT32_MAX);
	s->response_body_bytes = (uint64_t)rnd(UINT32_MAX) << rnd(30);
	s->path = (struct slice){ buf, (size_t)n };
	if (rnd(3))
		return;
	s->kind = SPAN_CLIENT;
	s->host = s->path;
	s->host_port = (uint16_t)rnd(65536);
}

static void test_a_million_random_spans(void **state)
{
	enum { SPANS = 1000000, LIMIT = 300, SERVICES = 3 };
	struct service *svc[SERVICES];
	struct agg *agg = agg_with(LIMIT, true);
	struct agg_stats st;
	struct metrics *m;
	struct span s;
	char buf[64];
	int i;

	svc[0] = service__get("a", "", "");
	svc[1] = service__get("b", "", "");
	svc[2] = service__get("c", "", "");
	rng_state = 88172645463325252;
	for (i = 0; i < SPANS; i++) {
		random_span(&s, buf, svc[rnd(SERVICES)]);
		agg__span(agg, &s);
	}
	st = stats(agg);
	assert_int_equal(st.lost_cnt, 0);
	assert_true(st.series <= AGG_ALL_SERVICES * LIMIT + 2 * SERVICES);
	assert_true(st.routes_learned <= 100 * SERVICES);
	assert_true(st.bytes < 10 * 1000 * 1000);
	m = snapshot(agg);
	assert_true(family(m, "http.server.request.duration")->n_points <= SERVICES * LIMIT);
	assert_true(family(m, "http.client.request.duration")->n_points <= SERVICES * LIMIT);
	assert_int_equal(total(family(m, "http.server.request.duration")) +
				 total(family(m, "http.client.request.duration")),
			 SPANS);
	assert_int_equal(total(family(m, "http.server.response.body.size")) +
				 total(family(m, "http.client.response.body.size")),
			 SPANS);
	metrics__put(m);
	agg__free(agg);
	for (i = 0; i < SERVICES; i++) {
		assert_int_equal(svc[i]->refs, 1);
		service__put(svc[i]);
	}
}

/* ---- expiry ------------------------------------------------------------------------------ */

static void test_series_of_a_running_service_stay(void **state)
{
	struct service *svc = service__get("shop", "", "");
	struct agg *agg = agg_with(0, false);
	struct span s = server(svc, "/a", 200);

	agg__span(agg, &s);
	agg__expire(agg, 100000 * SEC);
	assert_int_equal(stats(agg).series, 1);
	service__put(svc);
	agg__expire(agg, 100000 * SEC);
	assert_int_equal(stats(agg).series, 0);
	assert_int_equal(stats(agg).services, 0);
	agg__free(agg);
}

static void test_expiry_waits_for_idleness(void **state)
{
	struct service *svc = service__get("shop", "", ""), *other = service__get("other", "", "");
	struct agg *agg = agg_with(3, false);
	struct span s = server(svc, "/a", 200);
	struct metrics *m;
	uint16_t i;

	for (i = 0; i < 5; i++) { /* 2 and the overflow series */
		s = server(svc, "/a", (uint16_t)(200 + i));
		s.end_ns = (uint64_t)(100 + i) * SEC;
		agg__span(agg, &s);
	}
	request_start(agg, svc, SPAN_SERVER, "GET", "http");
	s = server(other, "/b", 200);
	agg__span(agg, &s);
	service__put(svc);
	agg__expire(agg, 200 * SEC);
	assert_int_equal(stats(agg).series, 4);
	agg__expire(agg, 400 * SEC); /* the first one ended at 100 s */
	assert_int_equal(stats(agg).series, 3);
	s = server(svc, "/a", 201);
	s.end_ns = 103 * SEC;
	agg__span(agg, &s); /* still found in the table that was rebuilt */
	assert_int_equal(stats(agg).series, 3);
	agg__expire(agg, 404 * SEC);
	assert_int_equal(stats(agg).series, 1);
	assert_int_equal(stats(agg).services, 2); /* a request is under way */
	agg__span(agg, &s);
	assert_int_equal(stats(agg).series, 2);
	agg__expire(agg, 404 * SEC);
	assert_int_equal(stats(agg).series, 1);
	request_end(agg, svc, SPAN_SERVER, "GET", "http");
	agg__expire(agg, 404 * SEC);
	assert_int_equal(stats(agg).services, 1);
	m = snapshot(agg);
	assert_int_equal(m->n_families, 1);
	assert_string_equal(m->families[0].points[0].resource->service_name, "other");
	metrics__put(m);

	/* What is new after it gets on the same list. */
	svc = service__get("third", "", "");
	s = server(svc, "/c", 200);
	agg__span(agg, &s);
	assert_int_equal(stats(agg).services, 2);
	service__put(svc);
	service__put(other);
	agg__expire(agg, 10000 * SEC);
	assert_int_equal(stats(agg).services, 0);
	assert_int_equal(stats(agg).series, 0);
	agg__free(agg);
}

static void test_room_comes_back_after_expiry(void **state)
{
	struct agg *agg = agg_with(20, false);
	char text[32];
	struct span s;
	int round;
	uint16_t i;

	for (round = 0; round < 200; round++) {
		struct service *svc;

		snprintf(text, sizeof(text), "job-%d", round);
		svc = service__get(text, "", "");
		for (i = 0; i < 15; i++) {
			s = server(svc, "/a", (uint16_t)(200 + i));
			s.end_ns = (uint64_t)round * 1000 * SEC + 20 * SEC;
			agg__span(agg, &s);
		}
		service__put(svc);
		agg__expire(agg, (uint64_t)round * 1000 * SEC + 999 * SEC);
		assert_int_equal(stats(agg).services, 0);
	}
	assert_int_equal(stats(agg).overflowed_cnt, 0);
	assert_true(stats(agg).bytes < 50000);
	agg__free(agg);
}

static void test_services_have_a_cap(void **state)
{
	struct agg *agg = agg_with(0, false);
	struct service **svc = calloc(AGG_MAX_SERVICES + 1, sizeof(struct service *));
	struct span s;
	char text[32];
	int i;

	for (i = 0; i <= AGG_MAX_SERVICES; i++) {
		snprintf(text, sizeof(text), "%d", i);
		svc[i] = service__get(text, "", "");
		s = server(svc[i], "/a", 200);
		agg__span(agg, &s);
	}
	assert_int_equal(stats(agg).services, AGG_MAX_SERVICES);
	assert_int_equal(stats(agg).lost_cnt, 1);
	metrics__put(snapshot(agg));
	agg__free(agg);
	for (i = AGG_MAX_SERVICES; i >= 0; i--)
		service__put(svc[i]);
	free(svc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server_duration),
		cmocka_unit_test(test_client_duration),
		cmocka_unit_test(test_body_sizes),
		cmocka_unit_test(test_unknown_body_sizes),
		cmocka_unit_test(test_names_by_content),
		cmocka_unit_test(test_clock_steps_do_not_move_the_start),
		cmocka_unit_test(test_backward_span_lasts_zero),
		cmocka_unit_test(test_learned_share_and_configured),
		cmocka_unit_test(test_exemplars),
		cmocka_unit_test(test_exemplar_time_stays),
		cmocka_unit_test(test_active_requests),
		cmocka_unit_test(test_overflow_counts_within_the_limit),
		cmocka_unit_test(test_limit_is_per_service_and_kind_and_over_all),
		cmocka_unit_test(test_a_million_random_spans),
		cmocka_unit_test(test_series_of_a_running_service_stay),
		cmocka_unit_test(test_expiry_waits_for_idleness),
		cmocka_unit_test(test_room_comes_back_after_expiry),
		cmocka_unit_test(test_services_have_a_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
