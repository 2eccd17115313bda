// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "options.h"
#include "otlp_config.h"

#define T OTLP_TRACES
#define M OTLP_METRICS
#define L OTLP_LOGS

#define GRPC_TRACES "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

static struct options all_on(struct otlp_options general, struct otlp_options own)
{
	return (struct options){ .traces_exporter = TRACES_OTLP,
				 .metrics_exporter = SIGNAL_OTLP,
				 .logs_exporter = SIGNAL_OTLP,
				 .otlp = general,
				 .otlp_traces = own,
				 .otlp_metrics = own,
				 .otlp_logs = own };
}

struct url_case {
	int line;
	enum otlp_signal signal;
	struct otlp_options general, own;
	const char *url; /* or, without a scheme, a part of the sentence */
};

#define E(...)                                                                                     \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}
#define NONE                                                                                       \
	{                                                                                          \
		0                                                                                  \
	}
#define URL(...)                                                                                   \
	{                                                                                          \
		__LINE__, __VA_ARGS__                                                              \
	}

/* clang-format off */
static struct url_case urls[] = {
	URL(T, NONE, NONE, "http://localhost:4318/v1/traces"),
	URL(M, NONE, NONE, "http://localhost:4318/v1/metrics"),
	URL(L, NONE, NONE, "http://localhost:4318/v1/logs"),
	URL(T, E(.protocol = "http/json"), NONE, "http://localhost:4318/v1/traces"),
	URL(T, E(.protocol = "grpc"), NONE, "http://localhost:4317" GRPC_TRACES),
	URL(M, E(.protocol = "grpc"), NONE, "http://localhost:4317/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"),
	URL(L, E(.protocol = "grpc"), NONE, "http://localhost:4317/opentelemetry.proto.collector.logs.v1.LogsService/Export"),
	URL(T, E(.endpoint = "http://c:1"), NONE, "http://c:1/v1/traces"),
	URL(T, E(.endpoint = "http://c:1/"), NONE, "http://c:1/v1/traces"),
	URL(T, E(.endpoint = "https://c/base"), NONE, "https://c/base/v1/traces"),
	URL(T, E(.endpoint = "https://c/base/"), NONE, "https://c/base/v1/traces"),
	URL(T, E(.endpoint = "http://[::1]:4318"), NONE, "http://[::1]:4318/v1/traces"),
	URL(T, E(.endpoint = "http://c:1"), E(.endpoint = "http://own:2/in"), "http://own:2/in"),
	URL(T, E(.endpoint = "http://c:1"), E(.endpoint = "http://own:2"), "http://own:2/"),
	URL(T, E(.endpoint = "http://c:1"), E(.endpoint = "http://own:2/"), "http://own:2/"),
	URL(T, E(.endpoint = "http://c:1/?k=v"), NONE, "query"),
	URL(T, E(.endpoint = "http://c:1"), E(.endpoint = "http://own:2/p?k=v"), "http://own:2/p?k=v"),
	URL(T, E(.endpoint = "http://c:1"), E(.protocol = "grpc"), "http://c:1" GRPC_TRACES),
	URL(T, E(.endpoint = "http://c:1/", .protocol = "grpc"), NONE, "http://c:1" GRPC_TRACES),
	URL(T, E(.endpoint = "https://c:1", .protocol = "grpc", .insecure = "true"), NONE, "https://c:1" GRPC_TRACES),
	URL(T, E(.endpoint = "c:1", .protocol = "grpc"), NONE, "https://c:1" GRPC_TRACES),
	URL(T, E(.endpoint = "c:1", .protocol = "grpc", .insecure = "true"), NONE, "http://c:1" GRPC_TRACES),
	URL(T, E(.endpoint = "c:1", .protocol = "grpc", .insecure = "true"), E(.insecure = "false"), "https://c:1" GRPC_TRACES),
	URL(T, E(.endpoint = "[::1]:1", .protocol = "grpc", .insecure = "true"), NONE, "http://[::1]:1" GRPC_TRACES),
	URL(T, E(.endpoint = "http://c:1/v1/traces", .protocol = "grpc"), NONE, "without a path"),
	URL(T, E(.endpoint = "c:1"), NONE, "does not begin with http"),
	URL(T, NONE, E(.endpoint = "c:1"), "does not begin with http"),
	URL(T, E(.endpoint = "http://"), NONE, "no host"),
	URL(T, E(.endpoint = "http:///x"), NONE, "no host"),
	URL(T, E(.endpoint = "http://user@/x"), NONE, "no host"),
	URL(T, E(.endpoint = "http://c:1/a b"), NONE, "space"),
	URL(T, NONE, E(.endpoint = "http://c:1/a\r\nX: y"), "space"),
	URL(T, E(.endpoint = "https://c", .client_key = "/k"), NONE, "a client key needs the certificate"),
	URL(T, E(.endpoint = "https://c", .client_certificate = "/k"), NONE, "a client certificate needs the key"),
	URL(T, E(.endpoint = "https://c", .client_key = "/dev/null"), E(.client_certificate = "/dev/null"), "needs the key"),
	URL(T, E(.endpoint = "https://c", .certificate = "/no/such"), NONE, "cannot read /no/such"),
	URL(T, E(.endpoint = "http://c", .certificate = "/no/such"), NONE, "http://c/v1/traces"),
	URL(T, E(.endpoint = "https://c", .client_key = "/dev/null", .client_certificate = "/dev/null"), NONE, "https://c/v1/traces"),
};
/* clang-format on */

static void check_url_case(const struct url_case *c)
{
	struct options o = all_on(c->general, c->own);
	struct otlp_endpoint e;
	char err[300] = "";
	int rc = otlp_config__resolve(&o, c->signal, &e, err, sizeof(err));

	if (!strncmp(c->url, "http://", 7) || !strncmp(c->url, "https://", 8)) {
		if (rc != 1 || strcmp(e.url, c->url))
			fail_msg("line %d: %d '%s' %s", c->line, rc, rc == 1 ? e.url : "", err);
	} else if (rc != -EINVAL || !strstr(err, c->url) || e.url) {
		fail_msg("line %d: %d '%s'", c->line, rc, err);
	}
	otlp_endpoint__free(&e);
}

static void resolves_urls(void **state)
{
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
		check_url_case(&urls[i]);
}

static void knows_who_sends(void **state)
{
	/* clang-format off */
	static const struct {
		int traces, metrics, logs;
		bool endpoint;
		int want[OTLP_SIGNAL__CNT];
	} cases[] = {
		{ TRACES_AUTO, SIGNAL_AUTO, SIGNAL_AUTO, false, { 0, 0, 0 } },
		{ TRACES_AUTO, SIGNAL_AUTO, SIGNAL_AUTO, true, { 1, 1, 0 } },
		{ TRACES_OTLP, SIGNAL_OTLP, SIGNAL_OTLP, false, { 1, 1, 1 } },
		{ TRACES_NONE, SIGNAL_NONE, SIGNAL_NONE, true, { 0, 0, 0 } },
		{ TRACES_ZIPKIN, SIGNAL_AUTO, SIGNAL_NONE, true, { 0, 1, 0 } },
		{ TRACES_CONSOLE, SIGNAL_NONE, SIGNAL_OTLP, true, { 0, 0, 1 } },
	};
	/* clang-format on */
	struct otlp_endpoint e;
	char err[200];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct options o = { .traces_exporter = cases[i].traces,
				     .metrics_exporter = cases[i].metrics,
				     .logs_exporter = cases[i].logs };

		o.otlp.endpoint = cases[i].endpoint ? "http://c" : NULL;
		for (int s = 0; s < OTLP_SIGNAL__CNT; s++) {
			assert_int_equal(otlp_config__resolve(&o, s, &e, err, sizeof(err)),
					 cases[i].want[s]);
			otlp_endpoint__free(&e);
		}
	}
}

static void own_values_win(void **state)
{
	struct options o = all_on((struct otlp_options){ .endpoint = "http://c",
							 .protocol = "grpc",
							 .headers = "a=1",
							 .compression = "gzip",
							 .timeout_ns = 5 },
				  (struct otlp_options){ .protocol = "http/json",
							 .headers = "b=2",
							 .compression = "none",
							 .timeout_ns = 7 });
	struct otlp_endpoint e;
	char err[200];

	assert_int_equal(otlp_config__resolve(&o, M, &e, err, sizeof(err)), 1);
	assert_int_equal(e.protocol, OTLP_HTTP_JSON);
	assert_int_equal(e.encoding, OTLP_JSON);
	assert_false(e.gzip);
	assert_int_equal(e.timeout_ns, 7);
	assert_int_equal(e.n_headers, 1);
	assert_string_equal(e.headers[0], "b: 2");
	otlp_endpoint__free(&e);
	o.otlp_metrics = (struct otlp_options){ 0 };
	o.metric_timeout_ns = 3; /* of the whole export */
	assert_int_equal(otlp_config__resolve(&o, M, &e, err, sizeof(err)), 1);
	assert_int_equal(e.protocol, OTLP_GRPC);
	assert_int_equal(e.encoding, OTLP_PROTOBUF);
	assert_true(e.gzip);
	assert_int_equal(e.timeout_ns, 3);
	assert_string_equal(e.headers[0], "a: 1");
	otlp_endpoint__free(&e);
}

static void user_is_not_shown(void **state)
{
	struct options o = all_on((struct otlp_options){ .endpoint = "https://u:p@c/b" },
				  (struct otlp_options){ 0 });
	struct otlp_endpoint e;
	char err[200];

	assert_int_equal(otlp_config__resolve(&o, T, &e, err, sizeof(err)), 1);
	assert_string_equal(e.url, "https://u:p@c/b/v1/traces");
	assert_string_equal(e.shown, "https://c/b/v1/traces");
	otlp_endpoint__free(&e);
}

/* clang-format off */
static const struct {
	const char *protocol, *endpoint;
	bool own; /* of one signal, so it is used as it stands */
	const char *said; /* in the sentence, or as what is shown */
} secrets[] = {
	{ "http/protobuf", "u:secret@c:4318", false, " c:4318 " },
	{ "http/protobuf", "https://u:secret@c:1", false, "https://c:1/v1/traces" },
	{ "http/protobuf", "https://u:secret@", false, "https:// " },
	{ "http/protobuf", "https://u:secret@/x", true, "https:///x " },
	{ "http/protobuf", "https://u:/secret@c", true, "https://c" },
	{ "http/protobuf", "https://secret@u:secret@c/x", true, "https://c/x" },
	{ "http/protobuf", "https://c/x?key=secret", true, "https://c/x" },
	{ "http/protobuf", "https://c/x#secret", true, "https://c/x" },
	{ "http/protobuf", "https://u:secret@c/x?key=secret", true, "https://c/x" },
	{ "http/protobuf", "https://c?key=secret", true, "https://c" },
	{ "http/protobuf", "https://c/?mail=secret@secret", true, "https://..." },
	{ "http/protobuf", "https://u:secret?secret@c", true, "https://..." },
	{ "http/protobuf", "ftp://u:secret@c/x?secret", true, " ftp://c/x " },
	{ "http/protobuf", "c?secret://secret", true, " c " },
	{ "grpc", "u:secret@c:4317", false, "https://c:4317" GRPC_TRACES },
	{ "grpc", "u:secret@c:4317/x", false, "not c:4317/x" },
	{ "grpc", "http://u:secret@c?secret", false, "not http://c" },
	{ "grpc", "ftp://u:secret@c", false, " ftp://c/" },
};
/* clang-format on */

static void secrets_are_not_shown(void **state)
{
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		struct otlp_options given = { .protocol = (char *)secrets[i].protocol,
					      .endpoint = (char *)secrets[i].endpoint };
		struct options o = { .traces_exporter = TRACES_OTLP };
		struct otlp_endpoint e;
		char err[300] = "";
		int rc;

		*(secrets[i].own ? &o.otlp_traces : &o.otlp) = given;
		rc = otlp_config__resolve(&o, T, &e, err, sizeof(err));
		if (strstr(err, "secret") || (rc == 1 && strcmp(e.shown, secrets[i].said)) ||
		    (rc != 1 && !strstr(err, secrets[i].said)))
			fail_msg("'%s' gave %d '%s' '%s'", secrets[i].endpoint, rc,
				 rc == 1 ? e.shown : "", err);
		otlp_endpoint__free(&e);
	}
}

/* What receivers take by default: gRPC a message of 4 MiB, confighttp a body of 20. */
static void requests_stay_below_the_receivers_limit(void **state)
{
	static const char *const names[] = { "http/protobuf", "http/json", "grpc" };

	for (int i = 0; i < 3; i++) {
		struct options o = all_on((struct otlp_options){ .protocol = (char *)names[i] },
					  (struct otlp_options){ 0 });
		struct otlp_endpoint e;
		char err[200];

		assert_int_equal(otlp_config__resolve(&o, M, &e, err, sizeof(err)), 1);
		assert_int_equal(e.body_max, i == 2 ? (4 << 20) - (64 << 10) : 16 << 20);
		otlp_endpoint__free(&e);
	}
}

static void zipkin(void **state)
{
	struct options o = { .zipkin_endpoint = "http://z:9411/api/v2/spans" };
	struct otlp_endpoint e;
	char err[200];

	assert_int_equal(otlp_config__zipkin(&o, &e, err, sizeof(err)), 0);
	o.traces_exporter = TRACES_ZIPKIN;
	assert_int_equal(otlp_config__zipkin(&o, &e, err, sizeof(err)), 1);
	assert_string_equal(e.url, o.zipkin_endpoint);
	assert_int_equal(e.encoding, OTLP_ZIPKIN_JSON);
	otlp_endpoint__free(&e);
	o.zipkin_endpoint = "http:///api";
	assert_int_equal(otlp_config__zipkin(&o, &e, err, sizeof(err)), -EINVAL);
	assert_null(e.url);
}

/* ---- headers: text, then the lines it gives, joined by '|', or "!" and a part of the sentence */

/* clang-format off */
static const char *const headers[][2] = {
	{ "", "" },
	{ "a=1", "a: 1" },
	{ "a=1,b=2", "a: 1|b: 2" },
	{ " a = 1 , b=2 ,", "a: 1|b: 2" },
	{ ",,a=1", "a: 1" },
	{ "Authorization=Bearer%20x%3D%3D", "Authorization: Bearer x==" },
	{ "a=b=c", "a: b=c" },
	{ "a=%c3%A4", "a: \xc3\xa4" },
	{ "a=", "a;" },
	{ "a=%2C", "a: ," },
	{ "a", "!header 1" },
	{ "a=1,b", "!header 2" },
	{ "=1", "!header 1" },
	{ "a b=1", "!header 1" },
	{ "a:=1", "!header 1" },
	{ "a=%", "!a has a value" },
	{ "a=%4", "!a has a value" },
	{ "a=%4g", "!a has a value" },
	{ "a=%0d%0aX: y", "!a has a value" },
	{ "a=%00", "!a has a value" },
	{ "a=%7f", "!a has a value" },
	{ "a=\x01", "!a has a value" },
	{ "Content-Type=x", "!redeye's own" },
	{ "GRPC-Timeout=1S", "!redeye's own" },
	{ "te=x", "!redeye's own" },
};
/* clang-format on */

static void check_headers(const char *text, const char *want)
{
	struct otlp_endpoint e = { 0 };
	char err[200] = "", got[200] = "";
	int rc = otlp_headers__parse(text, &e, err, sizeof(err));

	for (size_t i = 0; i < e.n_headers; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", i ? "|" : "",
			 e.headers[i]);
	if (*want == '!' ? rc != -EINVAL || !strstr(err, want + 1) : rc || strcmp(got, want))
		fail_msg("'%s' gave %d '%s' '%s'", text, rc, got, err);
	otlp_endpoint__free(&e);
}

static void reads_headers(void **state)
{
	char many[65 * 4 + 1] = "";

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		check_headers(headers[i][0], headers[i][1]);
	for (int i = 0; i < 65; i++)
		strcat(many, "a=1,");
	check_headers(many, "!more than 64");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resolves_urls),
		cmocka_unit_test(knows_who_sends),
		cmocka_unit_test(own_values_win),
		cmocka_unit_test(user_is_not_shown),
		cmocka_unit_test(zipkin),
		cmocka_unit_test(reads_headers),
		cmocka_unit_test(secrets_are_not_shown),
		cmocka_unit_test(requests_stay_below_the_receivers_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
