// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Names, labels, negotiation and the two text formats. Protobuf: prom_proto.c. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prom_internal.h"

#define SCOPE "otel_scope_name=\"redeye\",otel_scope_version=\"" REDEYE_VERSION "\""
#define FFFD  "\xef\xbf\xbd"

/* ---- building ---- */

static struct metric_attr str(const char *key, const char *value)
{
	return (struct metric_attr){ .key = key, .type = ATTR_STRING, .str = value };
}

static struct metric_attr num(const char *key, int64_t value)
{
	return (struct metric_attr){ .key = key, .type = ATTR_INT, .num = value };
}

static struct metric_point *point(struct metrics *m, struct metric_family *f,
				  const struct metric_resource *r, double value)
{
	struct metric_point *p = metrics__point(m, f, 0, NULL);

	p->resource = r;
	p->value = value;
	return p;
}

static void attributes(struct metrics *m, struct metric_point *p, uint32_t n,
		       const struct metric_attr *attrs)
{
	p->attrs = memcpy(metrics__alloc(m, n * sizeof(*attrs)), attrs, n * sizeof(*attrs));
	p->n_attrs = n;
}

static struct metric_resource *resource(struct metrics *m, const char *namespace, const char *name,
					const char *instance)
{
	struct metric_resource *r = metrics__resource(m);

	r->service_namespace = namespace;
	r->service_name = name;
	r->service_instance_id = instance;
	return r;
}

static void histogram(struct metric_point *p)
{
	static const double bounds[] = { 0.005, 0.25, 1, 10 };
	static const uint64_t counts[] = { 1, 0, 4, 2, 3 };

	p->hist.count = 10;
	p->hist.sum = 123.25;
	p->hist.n_bounds = 4;
	p->hist.bounds = bounds;
	p->hist.counts = counts;
}

/* One service with a counter, a gauge and a histogram, and one gauge of redeye itself. */
static struct metrics *small_snapshot(void)
{
	static const struct metric_attr about[] = {
		{ .key = "host.name", .str = "n1" },
		{ .key = "service.instance.id", .str = "i-1" },
		{ .key = "service.name", .str = "cart" },
		{ .key = "service.namespace", .str = "shop" },
	};
	struct metrics *m = metrics__new(1);
	struct metric_resource *r = resource(m, "shop", "cart", "i-1");
	struct metric_family *f;
	struct metric_point *p;

	r->attrs = about;
	r->n_attrs = 4;
	f = metrics__family(m, "http.server.request.duration", "s", "Duration.", METRIC_HISTOGRAM,
			    9);
	p = point(m, f, r, 0);
	histogram(p);
	attributes(m, p, 2,
		   (struct metric_attr[]){ str("http.request.method", "GET"),
					   num("http.response.status_code", 200) });
	f = metrics__family(m, "network.io", "By", "Bytes \"moved\" \\ all\nof them",
			    METRIC_COUNTER, 9);
	point(m, f, r, 17)->start_unix_ns = 5;
	f = metrics__family(m, "http.server.active_requests", "{request}", "", METRIC_UPDOWN, 9);
	point(m, f, r, -3);
	f = metrics__family(m, "redeye.ring.used", "1", "Fill.", METRIC_GAUGE, 9);
	point(m, f, NULL, 0.1);
	metrics__family(m, "redeye.unused", "1", "No points.", METRIC_GAUGE, 9);
	return m;
}

static char *written(struct metrics *m, enum prom_format format, unsigned int flags)
{
	struct buf out = { 0 };

	assert_true(metrics__ok(m));
	assert_int_equal(prom__write_with(m, format, flags, &out), 0);
	buf__putc(&out, '\0');
	return out.p;
}

static void expect(struct metrics *m, enum prom_format format, unsigned int flags, const char *want)
{
	char *got = written(m, format, flags);

	assert_string_equal(got, want);
	free(got);
	metrics__put(m);
}

/* ---- the formats ---- */

#define SHOP                                                                                       \
	"job=\"shop/"                                                                              \
	"cart\",instance=\"i-1\",service_name=\"cart\",service_namespace=\"shop\"," SCOPE
#define GET      SHOP ",http_request_method=\"GET\",http_response_status_code=\"200\""
#define DURATION "http_server_request_duration_seconds"

static void text(void **state)
{
	expect(small_snapshot(), PROM_TEXT_0_0_4, 0,
	       "# HELP target_info Target metadata\n"
	       "# TYPE target_info gauge\n"
	       "target_info{job=\"shop/cart\",instance=\"i-1\",host_name=\"n1\","
	       "service_instance_id=\"i-1\",service_name=\"cart\",service_namespace=\"shop\"} 1\n"
	       "# HELP " DURATION " Duration.\n"
	       "# TYPE " DURATION " histogram\n" DURATION "_bucket{" GET
	       ",le=\"0.005\"} 1\n" DURATION "_bucket{" GET ",le=\"0.25\"} 1\n" DURATION
	       "_bucket{" GET ",le=\"1\"} 5\n" DURATION "_bucket{" GET ",le=\"10\"} 7\n" DURATION
	       "_bucket{" GET ",le=\"+Inf\"} 10\n" DURATION "_sum{" GET "} 123.25\n" DURATION
	       "_count{" GET "} 10\n"
	       "# HELP network_io_bytes_total Bytes \"moved\" \\\\ all\\nof them\n"
	       "# TYPE network_io_bytes_total counter\n"
	       "network_io_bytes_total{" SHOP "} 17\n"
	       "# TYPE http_server_active_requests gauge\n"
	       "http_server_active_requests{" SHOP "} -3\n"
	       "# HELP redeye_ring_used_ratio Fill.\n"
	       "# TYPE redeye_ring_used_ratio gauge\n"
	       "redeye_ring_used_ratio{" SCOPE "} 0.1\n");
}

static void openmetrics(void **state)
{
	expect(small_snapshot(), PROM_OPENMETRICS_1, 0,
	       "# TYPE target info\n"
	       "# HELP target Target metadata\n"
	       "target_info{job=\"shop/cart\",instance=\"i-1\",host_name=\"n1\","
	       "service_instance_id=\"i-1\",service_name=\"cart\",service_namespace=\"shop\"} 1\n"
	       "# TYPE " DURATION " histogram\n"
	       "# UNIT " DURATION " seconds\n"
	       "# HELP " DURATION " Duration.\n" DURATION "_bucket{" GET
	       ",le=\"0.005\"} 1\n" DURATION "_bucket{" GET ",le=\"0.25\"} 1\n" DURATION
	       "_bucket{" GET ",le=\"1.0\"} 5\n" DURATION "_bucket{" GET
	       ",le=\"10.0\"} 7\n" DURATION "_bucket{" GET ",le=\"+Inf\"} 10\n" DURATION "_sum{" GET
	       "} 123.25\n" DURATION "_count{" GET "} 10\n"
	       "# TYPE network_io_bytes counter\n"
	       "# UNIT network_io_bytes bytes\n"
	       "# HELP network_io_bytes Bytes \\\"moved\\\" \\\\ all\\nof them\n"
	       "network_io_bytes_total{" SHOP "} 17\n"
	       "# TYPE http_server_active_requests gauge\n"
	       "http_server_active_requests{" SHOP "} -3\n"
	       "# TYPE redeye_ring_used_ratio gauge\n"
	       "# UNIT redeye_ring_used_ratio ratio\n"
	       "# HELP redeye_ring_used_ratio Fill.\n"
	       "redeye_ring_used_ratio{" SCOPE "} 0.1\n"
	       "# EOF\n");
}

static void no_scope_no_labels(void **state)
{
	struct metrics *m = metrics__new(0);
	struct metric_family *f = metrics__family(m, "up", "", "", METRIC_GAUGE, 1);

	point(m, f, NULL, 1);
	f = metrics__family(m, "h", "", "", METRIC_HISTOGRAM, 1);
	point(m, f, NULL, 0)->hist = (struct metric_hist){ 0 };
	expect(m, PROM_TEXT_0_0_4, PROM_NO_SCOPE,
	       "# TYPE up gauge\nup 1\n"
	       "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 0\nh_sum 0\nh_count 0\n");
}

static void exemplars(void **state)
{
	static const struct metric_exemplar e[] = {
		{ .value = 0.5,
		  .unix_ns = 1700000000123456789,
		  .trace_id = { 0xab },
		  .span_id = { 1 } },
		{ .value = 11, .unix_ns = 1700000001000000000, .trace_id = { [15] = 0xcd } },
	};
	struct metrics *m[2];
	struct metric_point *p;
	struct metric_family *f;
	int i;

	for (i = 0; i < 2; i++) {
		m[i] = metrics__new(0);
		f = metrics__family(m[i], "h", "", "", METRIC_HISTOGRAM, 1);
		p = point(m[i], f, NULL, 0);
		histogram(p);
		p->hist.exemplars = e;
		p->hist.n_exemplars = 2;
	}
	expect(m[0], PROM_OPENMETRICS_1, PROM_NO_SCOPE,
	       "# TYPE h histogram\n"
	       "h_bucket{le=\"0.005\"} 1\nh_bucket{le=\"0.25\"} 1\n"
	       "h_bucket{le=\"1.0\"} 5 # {trace_id=\"ab000000000000000000000000000000\","
	       "span_id=\"0100000000000000\"} 0.5 1700000000.123\n"
	       "h_bucket{le=\"10.0\"} 7\n"
	       "h_bucket{le=\"+Inf\"} 10 # {trace_id=\"000000000000000000000000000000cd\","
	       "span_id=\"0000000000000000\"} 11 1700000001.000\n"
	       "h_sum 123.25\nh_count 10\n# EOF\n");
	expect(m[1], PROM_TEXT_0_0_4, PROM_NO_SCOPE,
	       "# TYPE h histogram\n"
	       "h_bucket{le=\"0.005\"} 1\nh_bucket{le=\"0.25\"} 1\nh_bucket{le=\"1\"} 5\n"
	       "h_bucket{le=\"10\"} 7\nh_bucket{le=\"+Inf\"} 10\nh_sum 123.25\nh_count 10\n");
}

static void empty(void **state)
{
	expect(metrics__new(0), PROM_TEXT_0_0_4, 0, "");
	expect(metrics__new(0), PROM_OPENMETRICS_1, 0, "# EOF\n");
	expect(metrics__new(0), PROM_PROTOBUF, 0, "");
}

static void values(void **state)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ -1, "-1" },
		{ 0.1, "0.1" },
		{ 1.0 / 3, "0.3333333333333333" },
		{ 1e15, "1e+15" },
		{ 123456789012345, "123456789012345" },
		{ 999999999999999, "999999999999999" },
		{ 1e14 + 0.5, "100000000000000.5" },
		{ -0.0, "-0" },
		{ 5e-324, "4.94065645841247e-324" },
		{ 0.1 + 0.2, "0.30000000000000004" },
		{ INFINITY, "+Inf" },
		{ -INFINITY, "-Inf" },
		{ NAN, "NaN" },
		{ 1.7976931348623157e308, "1.7976931348623157e+308" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct metrics *m = metrics__new(0);
		char want[100];

		point(m, metrics__family(m, "v", "", "", METRIC_GAUGE, 1), NULL, cases[i].value);
		snprintf(want, sizeof(want), "# TYPE v gauge\nv %s\n", cases[i].text);
		expect(m, PROM_TEXT_0_0_4, PROM_NO_SCOPE, want);
	}
}

/* ---- names ---- */

static void names(void **state)
{
	static const struct {
		const char *name, *unit, *full, *om_unit;
		enum metric_kind kind;
	} cases[] = {
		{ "http.server.request.duration", "s", "http_server_request_duration_seconds",
		  "seconds", METRIC_HISTOGRAM },
		{ "rpc.server.call.duration", "s", "rpc_server_call_duration_seconds", "seconds",
		  METRIC_HISTOGRAM },
		{ "gen_ai.client.token.usage", "{token}", "gen_ai_client_token_usage", "",
		  METRIC_HISTOGRAM },
		{ "process.cpu.time", "s", "process_cpu_time_seconds_total", "seconds",
		  METRIC_COUNTER },
		{ "hw.gpu.utilization", "1", "hw_gpu_utilization_ratio", "ratio", METRIC_GAUGE },
		{ "a.ratio.b", "1", "a_b_ratio", "ratio", METRIC_GAUGE },
		{ "a", "1", "a_total", "", METRIC_COUNTER },
		{ "a", "1", "a", "", METRIC_UPDOWN },
		{ "obi.network.flow.bytes", "{bytes}", "obi_network_flow_bytes_total", "",
		  METRIC_COUNTER },
		{ "io.bytes", "By", "io_bytes_total", "bytes", METRIC_COUNTER },
		{ "bytes.sent", "By", "bytes_sent_total", "", METRIC_COUNTER },
		{ "kilobytes", "By", "kilobytes_bytes", "bytes", METRIC_GAUGE },
		{ "x.total.total", "s", "x_seconds_total", "seconds", METRIC_COUNTER },
		{ "x.total", "", "x_total", "", METRIC_GAUGE },
		{ "throughput", "By/s", "throughput_bytes_per_second", "bytes_per_second",
		  METRIC_GAUGE },
		{ "rate", "{request}/s", "rate_per_second", "per_second", METRIC_GAUGE },
		{ "rate", "MBy/min", "rate_megabytes_per_minute", "megabytes_per_minute",
		  METRIC_GAUGE },
		{ "bytes.rate", "By/s", "bytes_rate_per_second", "", METRIC_GAUGE },
		{ "load", "%", "load_percent", "percent", METRIC_GAUGE },
		{ "x", "foo-bar!", "x_foo_bar", "foo_bar", METRIC_GAUGE },
		{ "9lives", "", "_9lives", "", METRIC_GAUGE },
		{ "a--b..c__d", "", "a_b_c_d", "", METRIC_GAUGE },
		{ "_a_", "", "a", "", METRIC_GAUGE },
		{ "job:x:rate5m", "", "job:x:rate5m", "", METRIC_GAUGE },
		{ "s\xc3\xbc\xc3\x9f", "", "s", "", METRIC_GAUGE },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct prom_name n;

		assert_int_equal(prom_name__of(&n, cases[i].name, cases[i].unit, cases[i].kind), 0);
		assert_string_equal(n.full, cases[i].full);
		assert_string_equal(n.unit, cases[i].om_unit);
	}
}

static void impossible_names(void **state)
{
	char longest[512];
	struct prom_name n;

	memset(longest, 'x', sizeof(longest));
	longest[511] = '\0';
	assert_int_equal(prom_name__of(&n, longest, "s", METRIC_COUNTER), -ENAMETOOLONG);
	longest[255] = '\0'; /* OTel's limit */
	assert_int_equal(prom_name__of(&n, longest,
				       "1234567890123456789012345678901/1234567890123456",
				       METRIC_COUNTER),
			 0);
	assert_int_equal(strlen(n.full), 255 + 1 + 31 + 5 + 15 + 6);
	assert_int_equal(prom_name__of(&n, "", "s", METRIC_GAUGE), -EINVAL);
	assert_int_equal(prom_name__of(&n, "._-", "s", METRIC_GAUGE), -EINVAL);
}

static void one_head_per_name(void **state)
{
	struct metrics *m = metrics__new(0);

	point(m, metrics__family(m, "a.b", "", "First.", METRIC_GAUGE, 1), NULL, 1);
	point(m, metrics__family(m, "c", "", "", METRIC_GAUGE, 1), NULL, 2);
	point(m, metrics__family(m, "a_b", "", "Second.", METRIC_UPDOWN, 1), NULL, 3);
	point(m, metrics__family(m, "a-b", "", "", METRIC_GAUGE, 1), NULL, 4);
	point(m, metrics__family(m, "c", "", "another type", METRIC_COUNTER, 1), NULL, 5);
	point(m, metrics__family(m, "d", "", "", METRIC_COUNTER, 1), NULL, 6);
	point(m, metrics__family(m, "d.total", "", "also d_total", METRIC_GAUGE, 1), NULL, 7);
	point(m, metrics__family(m, "target.info", "", "ours", METRIC_GAUGE, 1), NULL, 8);
	point(m, metrics__family(m, "...", "", "no name", METRIC_GAUGE, 1), NULL, 9);
	expect(m, PROM_TEXT_0_0_4, PROM_NO_SCOPE,
	       "# HELP a_b First.\n# TYPE a_b gauge\na_b 1\na_b 3\na_b 4\n"
	       "# TYPE c gauge\nc 2\n# TYPE d_total counter\nd_total 6\n");
}

static void one_target_per_service(void **state)
{
	struct metrics *m = metrics__new(0);

	resource(m, "", "b", "1");
	resource(m, "", "a", "");
	resource(m, "n", "b", "1");
	resource(m, "", "b", "1");
	expect(m, PROM_TEXT_0_0_4, 0,
	       "# HELP target_info Target metadata\n# TYPE target_info gauge\n"
	       "target_info{job=\"a\"} 1\n"
	       "target_info{job=\"b\",instance=\"1\"} 1\n"
	       "target_info{job=\"n/b\",instance=\"1\"} 1\n");
}

/* ---- labels ---- */

static void expect_labels(const char *want, uint32_t n, const struct metric_attr *attrs)
{
	struct metrics *m = metrics__new(0);
	struct metric_family *f = metrics__family(m, "g", "", "", METRIC_GAUGE, 1);
	char line[400];

	attributes(m, point(m, f, NULL, 1), n, attrs);
	snprintf(line, sizeof(line), "# TYPE g gauge\ng{%s} 1\n", want);
	expect(m, PROM_TEXT_0_0_4, PROM_NO_SCOPE, line);
}

static void label_names(void **state)
{
	static const char *const cases[][2] = {
		{ "http.request.method", "http_request_method" },
		{ "a--b__c", "a_b_c" },
		{ "1st", "key_1st" },
		{ "__name__", "_name_" },
		{ "a:b", "a_b" },
		{ "gr\xc3\xb6\xc3\x9f"
		  "e",
		  "gr_e" },
		{ "bad\xff\n\"", "bad_" },
		{ "", "_" },
		{ "job", "exported_job" },
		{ "instance", "exported_instance" },
		{ "le", "exported_le" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char want[100];

		snprintf(want, sizeof(want), "%s=\"v\"", cases[i][1]);
		expect_labels(want, 1, &(struct metric_attr){ .key = cases[i][0], .str = "v" });
	}
}

static void label_values(void **state)
{
	static const char *const cases[][2] = {
		{ "back\\slash", "back\\\\slash" },
		{ "quo\"te", "quo\\\"te" },
		{ "line\nfeed", "line\\nfeed" },
		{ "\\n", "\\\\n" },
		{ "tab\tstays", "tab\tstays" },
		{ "a\"} 1\nevil 2", "a\\\"} 1\\nevil 2" },
		{ "cr\rlf", "cr" FFFD "lf" },
		{ "\x1b[31m\x7f\x01", FFFD "[31m" FFFD FFFD },
		{ "nel\xc2\x85"
		  "ls\xe2\x80\xa8",
		  "nel" FFFD "ls" FFFD },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "cut \xe2\x82", "cut " FFFD FFFD },
		{ "\xff\xfe", FFFD FFFD },
		{ "over\xc0\xaf", "over" FFFD FFFD },
		{ "\xed\xa0\x80", FFFD FFFD FFFD },
		{ "\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD },
		{ "\xc3\"", FFFD "\\\"" }, /* an open sequence does not swallow the quote */
		{ "", "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char want[100];

		snprintf(want, sizeof(want), "k=\"%s\"", cases[i][1]);
		expect_labels(want, 1, &(struct metric_attr){ .key = "k", .str = cases[i][0] });
	}
}

static void label_types(void **state)
{
	expect_labels("a=\"-9223372036854775808\",b=\"true\",c=\"false\"", 3,
		      (struct metric_attr[]){ num("a", INT64_MIN),
					      { .key = "b", .type = ATTR_BOOL, .num = 1 },
					      { .key = "c", .type = ATTR_BOOL } });
}

static void label_collisions(void **state)
{
	expect_labels("a_b=\"1;2;3\",a_c=\"x\"", 4,
		      (struct metric_attr[]){ str("a-b", "1"), str("a.b", "2"), str("a.c", "x"),
					      str("a_b", "3") });
	expect_labels("exported_job=\"1;2\"", 2,
		      (struct metric_attr[]){ str("exported.job", "1"), str("job", "2") });
}

/* What is ours may be neither changed nor doubled by an attribute. */
static void label_spoofing(void **state)
{
	struct metrics *m = metrics__new(0);
	struct metric_family *f = metrics__family(m, "g", "", "", METRIC_GAUGE, 1);
	struct metric_point *p = point(m, f, resource(m, "", "web", ""), 1);
	char *got;

	attributes(m, p, 3,
		   (struct metric_attr[]){ str("instance", "evil"), str("otel.scope.name", "evil"),
					   str("service.name", "evil") });
	got = written(m, PROM_TEXT_0_0_4, 0);
	assert_non_null(strstr(got, "\ng{job=\"web\",service_name=\"web\"," SCOPE
				    ",exported_instance=\"evil\",exported_otel_scope_name=\"evil\","
				    "exported_service_name=\"evil\"} 1\n"));
	free(got);
	metrics__put(m);
}

/* Every byte pair as a value: always one line, always valid UTF-8. */
static void label_fuzz(void **state)
{
	for (int i = 1; i < 256; i++) {
		for (int j = 1; j < 256; j++) {
			const char value[] = { (char)i, (char)j, 0 };
			struct prom_labels l = { 0 };
			struct metric_attr a = str("k", value);
			struct metric_point p = { .attrs = &a, .n_attrs = 1 };
			struct buf again = { 0 };

			prom_labels__of_point(&l, &p, PROM_NO_SCOPE);
			prom_labels__clean(&again, prom_labels__value(&l, 0));
			buf__putc(&again, '\0');
			assert_string_equal(again.p, prom_labels__value(&l, 0));
			assert_null(strpbrk(again.p, "\r\v\f\x1b"));
			buf__free(&again);
			prom_labels__free(&l);
		}
	}
}

/* ---- limits ---- */

/* Every possible limit: the error is reported and nothing else happens. */
static void limits(void **state)
{
	for (int format = 0; format < PROM_FORMATS; format++) {
		struct metrics *m = small_snapshot();
		struct buf out = { 0 };
		size_t full;

		assert_int_equal(prom__write(m, format, &out), 0);
		full = out.len;
		buf__free(&out);
		for (size_t max = 1; max < full; max++) {
			buf__init(&out, max);
			assert_int_equal(prom__write(m, format, &out), -ENOSPC);
			assert_true(out.len <= max);
			buf__free(&out);
		}
		buf__init(&out, full);
		assert_int_equal(prom__write(m, format, &out), 0);
		buf__free(&out);
		metrics__put(m);
	}
}

/* ---- pieces ---- */

struct taken {
	struct buf all;
	size_t n, longest;
	size_t fail_at; /* so many pieces are taken; 0: all */
};

static int take(void *arg, const void *data, size_t len)
{
	struct taken *t = arg;

	if (++t->n == t->fail_at)
		return -EIO;
	assert_true(!t->fail_at || t->n < t->fail_at); /* nothing comes behind an error */
	t->longest = len > t->longest ? len : t->longest;
	buf__append(&t->all, data, len);
	return 0;
}

static struct metrics *large_snapshot(void)
{
	struct metrics *m = small_snapshot();
	struct metric_family *f =
		metrics__family(m, "test.sizes", "By", "Sizes.", METRIC_HISTOGRAM, 997);
	char name[40];

	for (int i = 0; i < 997; i++) {
		struct metric_point *p = point(m, f, &m->resources[0], 0);

		histogram(p);
		attributes(m, p, 1, (struct metric_attr[]){ num("i", i) });
	}
	for (int i = 0; i < 997; i++) {
		snprintf(name, sizeof(name), "service-%d", i);
		resource(m, "many", metrics__strdup(m, name, sizeof(name)), "");
	}
	return m;
}

/* Together they are what is written at once. Only protobuf cannot cut a family. */
static void pieces(void **state)
{
	struct metrics *m = large_snapshot();

	for (int format = 0; format < PROM_FORMATS; format++) {
		const size_t longest = format == PROM_PROTOBUF ? 1 << 20 : PROM_PIECE + 4096;
		struct buf whole = { 0 };
		struct taken t = { 0 };

		assert_int_equal(prom__write(m, format, &whole), 0);
		assert_int_equal(prom__write_to(m, format, 0, &(struct prom_sink){ take, &t, 0 }),
				 0);
		assert_true(t.n > 1);
		assert_in_range(t.longest, PROM_PIECE, longest);
		assert_int_equal(t.all.len, whole.len);
		assert_memory_equal(t.all.p, whole.p, whole.len);
		buf__free(&t.all);
		buf__free(&whole);
	}
	metrics__put(m);
}

static void pieces_that_are_not_taken(void **state)
{
	struct metrics *m = large_snapshot();

	for (int format = 0; format < PROM_FORMATS; format++) {
		struct taken all = { 0 };

		prom__write_to(m, format, 0, &(struct prom_sink){ take, &all, 0 });
		for (size_t at = 1; at <= all.n; at++) {
			struct taken t = { .fail_at = at };
			const struct prom_sink sink = { take, &t, 0 };

			assert_int_equal(prom__write_to(m, format, 0, &sink), -EIO);
			assert_int_equal(t.n, at);
			buf__free(&t.all);
		}
		buf__free(&all.all);
	}
	metrics__put(m);
}

static void a_piece_that_is_too_long(void **state)
{
	struct metrics *m = large_snapshot();

	for (int format = 0; format < PROM_FORMATS; format++) {
		struct taken t = { 0 };
		const struct prom_sink sink = { take, &t, PROM_PIECE / 2 };

		assert_int_equal(prom__write_to(m, format, 0, &sink), -ENOSPC);
		buf__free(&t.all);
	}
	metrics__put(m);
}

/* ---- negotiation ---- */

#define PB_TYPE                                                                                    \
	"application/"                                                                             \
	"vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"

static void negotiation(void **state)
{
	static const struct {
		const char *accept;
		enum prom_format format;
	} cases[] = {
		{ NULL, PROM_TEXT_0_0_4 },
		{ "", PROM_TEXT_0_0_4 },
		{ "*/*", PROM_TEXT_0_0_4 },
		{ "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", PROM_TEXT_0_0_4 },
		{ "image/png", PROM_TEXT_0_0_4 },
		{ "application/openmetrics-text", PROM_OPENMETRICS_1 },
		{ "Application/OpenMetrics-Text; Version=\"1.0.0\"", PROM_OPENMETRICS_1 },
		{ "application/openmetrics-text;version=0.0.1", PROM_TEXT_0_0_4 },
		{ "application/openmetrics-text;version=2.0.0-rc0,text/plain;q=0.1",
		  PROM_TEXT_0_0_4 },
		{ PB_TYPE, PROM_PROTOBUF },
		{ "application/vnd.google.protobuf", PROM_TEXT_0_0_4 },
		{ "application/"
		  "vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
		  PROM_TEXT_0_0_4 },
		/* Prometheus 3, without and with native histograms */
		{ "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
		  "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;"
		  "escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
		  PROM_OPENMETRICS_1 },
		{ PB_TYPE ";escaping=allow-utf-8;q=0.7,application/openmetrics-text;version=1.0.0;"
			  "escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
		  PROM_PROTOBUF },
		/* Prometheus 2 */
		{ "application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
		  "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		  PROM_OPENMETRICS_1 },
		{ "text/plain;q=0.9,application/openmetrics-text;q=0.8", PROM_TEXT_0_0_4 },
		{ "text/plain,application/openmetrics-text", PROM_TEXT_0_0_4 },
		{ "application/openmetrics-text,text/plain", PROM_OPENMETRICS_1 },
		{ "application/openmetrics-text;q=0,*/*", PROM_TEXT_0_0_4 },
		{ "application/openmetrics-text;q=0", PROM_TEXT_0_0_4 },
		{ "text/plain;q=0.001,application/openmetrics-text;q=0.002", PROM_OPENMETRICS_1 },
		{ "text/plain;q=0.5 , application/openmetrics-text ; q=0.75", PROM_OPENMETRICS_1 },
		{ "application/openmetrics-text;q=banana,text/plain;q=0.1", PROM_TEXT_0_0_4 },
		{ "application/openmetrics-text;q=1.001", PROM_TEXT_0_0_4 },
		{ "application/openmetrics-text;x=\"a,b;c\\\"\";q=0.5,text/plain;q=0.4",
		  PROM_OPENMETRICS_1 },
		{ ",;,=;q=,\"", PROM_TEXT_0_0_4 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(prom__negotiate(cases[i].accept), cases[i].format);
	/* We name our own types, so what we answer must be what we understand. */
	for (int f = 0; f < PROM_FORMATS; f++)
		assert_int_equal(prom__negotiate(prom__content_type(f)), f);
}

static void gzip(void **state)
{
	static const struct {
		const char *accept;
		bool yes;
	} cases[] = {
		{ NULL, false },
		{ "", false },
		{ "gzip", true },
		{ "GZip", true },
		{ "x-gzip", true },
		{ "deflate, gzip;q=0.5", true },
		{ "gzip;q=0", false },
		{ "gzip; q=0.000", false },
		{ "*", true },
		{ "*;q=0", false },
		{ "gzip;q=0,*", false },
		{ "*;q=0,gzip", true },
		{ "identity", false },
		{ "gzipped", false },
		{ "br;q=1.0, *;q=0.1", true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(prom__accepts_gzip(cases[i].accept), cases[i].yes);
}

/* ---- Prometheus itself ---- */

static void promtool_agrees(void **state)
{
	struct metrics *m;
	char *got;
	FILE *tool;

	if (system("promtool --version >/dev/null 2>&1") != 0) {
		print_message("skipped: promtool is not installed\n");
		skip();
	}
	m = small_snapshot();
	attributes(m, &m->families[1].points[0], 1,
		   (struct metric_attr[]){ str("k", "\xff\"\n\r\\") });
	m->families[2].help = "promtool misses a help text.";
	got = written(m, PROM_TEXT_0_0_4, 0);
	tool = popen("promtool check metrics", "w");
	assert_non_null(tool);
	fputs(got, tool);
	assert_int_equal(pclose(tool), 0);
	free(got);
	metrics__put(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text),
		cmocka_unit_test(openmetrics),
		cmocka_unit_test(no_scope_no_labels),
		cmocka_unit_test(exemplars),
		cmocka_unit_test(empty),
		cmocka_unit_test(values),
		cmocka_unit_test(names),
		cmocka_unit_test(impossible_names),
		cmocka_unit_test(one_head_per_name),
		cmocka_unit_test(one_target_per_service),
		cmocka_unit_test(label_names),
		cmocka_unit_test(label_values),
		cmocka_unit_test(label_types),
		cmocka_unit_test(label_collisions),
		cmocka_unit_test(label_spoofing),
		cmocka_unit_test(label_fuzz),
		cmocka_unit_test(limits),
		cmocka_unit_test(pieces),
		cmocka_unit_test(pieces_that_are_not_taken),
		cmocka_unit_test(a_piece_that_is_too_long),
		cmocka_unit_test(negotiation),
		cmocka_unit_test(gzip),
		cmocka_unit_test(promtool_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
