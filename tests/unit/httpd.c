// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the HTTP server answers, and at which addresses. */
#include <zlib.h>

#include "httpd_fixture.h"

/* ---- requests ---- */

static void serves_metrics(void **state)
{
	struct httpd *h = serve((struct httpd_config){ 0 });
	struct answer a = ask(h, METRICS "\r\n");
	struct httpd_stats stats;

	assert_int_equal(a.status, 200);
	assert_string_equal(a.body, one_point);
	assert_non_null(
		strstr(a.raw, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
	assert_non_null(strstr(a.raw, "X-Content-Type-Options: nosniff\r\n"));
	assert_non_null(strstr(a.raw, "Cache-Control: no-store\r\n"));
	assert_non_null(strstr(a.raw, "Vary: Accept, Accept-Encoding\r\n"));
	assert_null(strstr(a.raw, "Content-Encoding"));
	free(a.raw);
	expect(h, METRICS "Accept: application/openmetrics-text\r\n\r\n", 200,
	       "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8; "
	       "escaping=underscores\r\n");
	expect(h, METRICS "Accept: application/openmetrics-text\r\n\r\n", 200, "\n# EOF\n");
	expect(h,
	       METRICS "Accept: application/vnd.google.protobuf;proto=io.prometheus.client."
		       "MetricFamily;encoding=delimited\r\n\r\n",
	       200, "encoding=delimited\r\n");
	httpd__stats(h, &stats);
	assert_int_equal(stats.scrapes[PROM_TEXT_0_0_4], 1);
	assert_int_equal(stats.scrapes[PROM_OPENMETRICS_1], 2);
	assert_int_equal(stats.scrapes[PROM_PROTOBUF], 1);
	assert_true(stats.bytes > 3 * strlen(one_point));
	assert_int_equal(stats.refused + stats.errors + stats.cut_off, 0);
	httpd__free(h);
}

static void serves_the_rest(void **state)
{
	struct httpd *h = serve((struct httpd_config){ 0 });

	expect(h, GET("/healthz"), 200, "\r\n\r\nok\n");
	expect(h, GET("/readyz"), 200, "\r\n\r\nok\n");
	app.ready = false;
	expect(h, GET("/readyz"), 503, "\r\n\r\nnot ready\n");
	expect(h, GET("/healthz"), 200, "ok\n");
	expect(h, GET("/"), 200, "/metrics ");
	expect(h, "GET /metrics?name=x HTTP/1.1\r\nHost: [::1]:1\r\nConnection: close\r\n\r\n", 200,
	       one_point);
	expect(h, GET("/metrics/"), 404, "not found\n");
	expect(h, GET("/../etc/passwd"), 404, "Cache-Control: no-store\r\n");
	expect(h,
	       "POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: "
	       "3\r\n\r\nabc",
	       405, "Allow: GET, HEAD\r\n");
	expect(h, "DELETE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405, "only GET");
	httpd__free(h);
}

static void head_has_no_body(void **state)
{
	struct httpd *h = serve((struct httpd_config){ 0 });
	struct answer a =
		ask(h, "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
	char length[60];

	snprintf(length, sizeof(length), "Content-Length: %zu\r\n", strlen(one_point));
	assert_int_equal(a.status, 200);
	assert_int_equal(a.body_len, 0);
	assert_non_null(strstr(a.raw, length));
	free(a.raw);
	httpd__free(h);
}

static void keeps_connections_and_ignores_bodies(void **state)
{
	struct httpd *h = serve((struct httpd_config){ 0 });
	int fd = dial(h), n = 0;
	struct answer a;

	for (int i = 0; i < 7; i++)
		say(fd, "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n123456789");
	say(fd, "GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\nabc\r\n0\r\n\r\n");
	say(fd, GET("/healthz"));
	a = hear(fd);
	for (const char *p = a.raw; (p = strstr(p, "HTTP/1.1 200")); p++)
		n++;
	assert_int_equal(n, 9);
	free(a.raw);
	httpd__free(h);
}

static void reports_failures(void **state)
{
	struct httpd *h = serve((struct httpd_config){ .max_bytes = 1, .max_answer = 100000 });
	struct httpd_stats stats;

	app.err = -ETIMEDOUT;
	expect(h, METRICS "\r\n", 503, "no snapshot of the metrics: Connection timed out\n");
	app.err = -ENOMEM;
	expect(h, METRICS "\r\n", 500, "no snapshot of the metrics: Cannot allocate memory\n");
	app.err = 0;
	app.points = 50000;
	expect(h, METRICS "\r\n", 500, "the answer would take more than 100000 bytes\n");
	expect(h, METRICS "Accept-Encoding: gzip\r\n\r\n", 500, "more than 100000 bytes\n");
	app.points = 1;
	expect(h, METRICS "\r\n", 200, one_point); /* a failure leaves nothing behind */
	httpd__stats(h, &stats);
	assert_int_equal(stats.errors, 4);
	assert_int_equal(stats.scrapes[PROM_TEXT_0_0_4], 1);
	httpd__free(h);
}

static void compresses(void **state)
{
	struct httpd *h = serve((struct httpd_config){ 0 });
	static char plain[1 << 20];
	struct answer a, b;
	z_stream z = { .next_out = (Bytef *)plain, .avail_out = sizeof(plain) };

	app.points = 997;
	a = ask(h, METRICS "Accept-Encoding: gzip;q=0\r\n\r\n");
	b = ask(h, METRICS "Accept-Encoding: br, gzip\r\n\r\n");
	assert_null(strstr(a.raw, "Content-Encoding"));
	assert_non_null(strstr(b.raw, "Content-Encoding: gzip\r\n"));
	assert_true(b.body_len < a.body_len / 5);
	z.next_in = (Bytef *)b.body;
	z.avail_in = (uInt)b.body_len;
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	inflateEnd(&z);
	assert_int_equal(z.total_out, a.body_len);
	assert_memory_equal(plain, a.body, a.body_len);
	free(a.raw);
	free(b.raw);
	httpd__free(h);
}

/* ---- who may ---- */

#define FROM(host, headers)                                                                        \
	"GET /metrics HTTP/1.1\r\nHost: " host "\r\nConnection: close\r\n" headers "\r\n"

static void pages_of_elsewhere(void **state)
{
	struct httpd *h = serve((struct httpd_config){ 0 });
	struct httpd_stats stats;

	expect(h, FROM("localhost:9464", ""), 200, one_point);
	expect(h, FROM("127.0.0.1", "Origin: http://127.0.0.1\r\n"), 200, one_point);
	expect(h, FROM("rebound.example", ""), 403,
	       "without a bearer token only by an address or localhost\n");
	expect(h, FROM("rebound.example", "Sec-Fetch-Mode: navigate\r\n"), 403,
	       "only by an address");
	expect(h, "GET /metrics HTTP/1.0\r\n\r\n", 200, one_point); /* no browser */
	expect(h, FROM("localhost", "Origin: http://evil.example\r\n"), 403,
	       "not for pages of another origin\n");
	expect(h, FROM("localhost", "Sec-Fetch-Site: cross-site\r\n"), 403, "another origin");
	/* somebody follows a link: that page cannot read it */
	expect(h, FROM("localhost", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n"),
	       200, one_point);
	expect(h, FROM("localhost", "Origin: http://evil.example\r\nSec-Fetch-Mode: navigate\r\n"),
	       403, "another origin");
	httpd__stats(h, &stats);
	assert_int_equal(stats.refused, 5);
	httpd__free(h);
}

/* Prometheus comes by the address of the pod or by a name of the service. */
static void any_name_where_others_may_ask(void **state)
{
	struct httpd *h = serve((struct httpd_config){ .listen = "0.0.0.0:0" });

	expect(h, FROM("redeye.monitoring.svc:9464", ""), 200, one_point);
	expect(h, FROM("redeye.monitoring.svc", "Sec-Fetch-Site: cross-site\r\n"), 403,
	       "another origin");
	httpd__free(h);
}

/* ---- addresses ---- */

static void address_in_use(void **state)
{
	struct httpd *h = serve((struct httpd_config){ 0 });
	char want[200], taken[40];

	snprintf(taken, sizeof(taken), "127.0.0.1:%d", httpd__port(h));
	snprintf(want, sizeof(want), "cannot listen on %s: Address already in use", taken);
	refuses_to_start(&(struct httpd_config){ .listen = taken }, EADDRINUSE, want);
	httpd__free(h);
	httpd__free(NULL);
}

static void reaches(const struct httpd *h, const char *address)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(httpd__port(h)) };
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	struct answer got;

	assert_int_equal(inet_pton(AF_INET6, address, &a.sin6_addr), 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	say(fd, GET("/healthz"));
	got = hear(fd);
	assert_int_equal(got.status, 200);
	free(got.raw);
}

static void ipv6(void **state)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool have = fd >= 0 && !bind(fd, (struct sockaddr *)&a, sizeof(a));
	struct httpd *h;

	close(fd);
	if (!have) {
		print_message("skipped: no IPv6 here\n");
		skip();
	}
	h = serve((struct httpd_config){ .listen = "[::1]:0" });
	reaches(h, "::1");
	httpd__free(h);
	h = serve((struct httpd_config){ .listen = ":0" });
	reaches(h, "::1");
	reaches(h, "::ffff:127.0.0.1");
	expect(h, GET("/healthz"), 200, "ok\n");
	httpd__free(h);
	h = serve((struct httpd_config){ .listen = "localhost:0" });
	expect(h, GET("/healthz"), 200, "ok\n");
	httpd__free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serves_metrics),
		cmocka_unit_test(serves_the_rest),
		cmocka_unit_test(head_has_no_body),
		cmocka_unit_test(keeps_connections_and_ignores_bodies),
		cmocka_unit_test(reports_failures),
		cmocka_unit_test(compresses),
		cmocka_unit_test(pages_of_elsewhere),
		cmocka_unit_test(any_name_where_others_may_ask),
		cmocka_unit_test(address_in_use),
		cmocka_unit_test(ipv6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
