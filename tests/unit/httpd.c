// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The HTTP server, spoken to over real sockets. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "httpd.h"
#include "metrics.h"

#define METRICS   "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

/* ---- the application behind the server ---- */

static struct app {
	atomic_int err;    /* what snapshot returns */
	atomic_int points; /* in the snapshot */
	atomic_bool ready;
	atomic_int entered;   /* snapshots begun */
	pthread_mutex_t gate; /* held by a test: snapshots wait */
} app = { .gate = PTHREAD_MUTEX_INITIALIZER };

static int snapshot(void *arg, struct metrics **out)
{
	struct metric_family *f;
	struct metrics *m;

	atomic_fetch_add(&app.entered, 1);
	pthread_mutex_lock(&app.gate);
	pthread_mutex_unlock(&app.gate);
	if (app.err)
		return app.err;
	m = metrics__new(0);
	f = metrics__family(m, "test.value", "1", "A value.", METRIC_COUNTER, app.points);
	for (int i = 0; i < app.points; i++) {
		struct metric_attr *attr;

		metrics__point(m, f, 1, &attr)->value = i;
		*attr = (struct metric_attr){ .key = "i", .type = ATTR_INT, .num = i };
	}
	*out = m;
	return 0;
}

static bool ready(void *arg)
{
	return app.ready;
}

/* ---- a server and its clients ---- */

static struct httpd *serve(struct httpd_config c)
{
	char err[200] = "";
	struct httpd *h;

	app.err = 0;
	app.points = 1;
	app.ready = true;
	app.entered = 0;
	c.listen = c.listen ? c.listen : "127.0.0.1:0";
	c.snapshot = snapshot;
	c.ready = ready;
	h = httpd__new(&c, err, sizeof(err));
	if (!h)
		print_error("%s\n", err);
	assert_non_null(h);
	return h;
}

static int dial(const struct httpd *h)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(httpd__port(h)) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void say(int fd, const char *request)
{
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
}

struct answer {
	int status;
	char *raw, *body; /* one allocation; body is inside */
	size_t body_len;
};

/* Everything until the server closes. */
static struct answer hear(int fd)
{
	size_t len = 0, cap = 1 << 16;
	struct answer a = { .raw = malloc(cap + 1) };
	ssize_t n;

	while ((n = recv(fd, a.raw + len, cap - len, 0)) > 0) {
		len += (size_t)n;
		if (len == cap)
			a.raw = realloc(a.raw, (cap *= 2) + 1);
	}
	a.raw[len] = '\0';
	if (sscanf(a.raw, "HTTP/1.%*d %d", &a.status) == 1) {
		a.body = strstr(a.raw, "\r\n\r\n") + 4;
		a.body_len = len - (size_t)(a.body - a.raw);
	}
	close(fd);
	return a;
}

static struct answer ask(const struct httpd *h, const char *request)
{
	int fd = dial(h);

	say(fd, request);
	return hear(fd);
}

static void expect(const struct httpd *h, const char *request, int status, const char *contains)
{
	struct answer a = ask(h, request);

	assert_int_equal(a.status, status);
	if (!strstr(a.raw, contains))
		print_error("no \"%s\" in: %s\n", contains, a.raw);
	assert_non_null(strstr(a.raw, contains));
	free(a.raw);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- requests ---- */

static const char one_point[] =
	"# HELP test_value_total A value.\n# TYPE test_value_total counter\n"
	"test_value_total{otel_scope_name=\"redeye\",otel_scope_version=\"" REDEYE_VERSION
	"\",i=\"0\"} 0\n";

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
	expect(h, GET("/metrics?name=x"), 200, one_point);
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
	struct answer a = ask(h, "HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
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
	struct httpd *h = serve((struct httpd_config){ .max_bytes = 100000 });
	struct httpd_stats stats;

	app.err = -ETIMEDOUT;
	expect(h, METRICS "\r\n", 503, "no snapshot of the metrics: Connection timed out\n");
	app.err = -ENOMEM;
	expect(h, METRICS "\r\n", 500, "no snapshot of the metrics: Cannot allocate memory\n");
	app.err = 0;
	app.points = 5000;
	expect(h, METRICS "\r\n", 503, "would pass the limit of 100000 bytes");
	app.points = 1;
	expect(h, METRICS "\r\n", 200, one_point); /* a failure leaves nothing behind */
	httpd__stats(h, &stats);
	assert_int_equal(stats.errors, 3);
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

/* ---- the token ---- */

static char dir[] = "/tmp/redeye-httpd-XXXXXX";

static const char *file(const char *name)
{
	static char path[2][sizeof(dir) + 32];
	static int n;

	n = !n;
	snprintf(path[n], sizeof(path[n]), "%s/%s", dir, name);
	return path[n];
}

/* As Kubernetes and editors do it: a new file takes the old one's place. */
static void put_token(const char *token)
{
	FILE *f = fopen(file("token.new"), "w");

	assert_non_null(f);
	fputs(token, f);
	fclose(f);
	assert_int_equal(rename(file("token.new"), file("token")), 0);
}

static void wants_the_token(void **state)
{
	static const char *const wrong[] = {
		"",
		"Authorization: Bearer\r\n",
		"Authorization: Bearer \r\n",
		"Authorization: Bearer s3cre\r\n",
		"Authorization: Bearer s3crett\r\n",
		"Authorization: Bearer s3creT\r\n",
		"Authorization: Basic s3cret\r\n",
		"Authorization: s3cret\r\n",
		"Authorization: Bearer s3crets3cret\r\n",
	};
	struct httpd_stats stats;
	char request[300];
	struct httpd *h;

	put_token("s3cret\n");
	h = serve((struct httpd_config){ .token_file = file("token") });
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		snprintf(request, sizeof(request), METRICS "%s\r\n", wrong[i]);
		expect(h, request, 401, "WWW-Authenticate: Bearer realm=\"redeye\"\r\n");
	}
	expect(h, METRICS "Authorization: Bearer s3cret\r\n\r\n", 200, one_point);
	expect(h, METRICS "authorization: bEARER   s3cret\r\n\r\n", 200, one_point);
	expect(h, GET("/"), 401, "a bearer token is needed\n");
	expect(h, GET("/healthz"), 200, "ok\n");
	expect(h, GET("/readyz"), 200, "ok\n");
	assert_int_equal(app.entered, 2); /* the refused did not cost a snapshot */
	httpd__stats(h, &stats);
	assert_int_equal(stats.refused, sizeof(wrong) / sizeof(*wrong) + 1);

	put_token("another-one");
	expect(h, METRICS "Authorization: Bearer s3cret\r\n\r\n", 401, "");
	expect(h, METRICS "Authorization: Bearer another-one\r\n\r\n", 200, "");
	put_token(" \n");
	expect(h, METRICS "Authorization: Bearer \r\n\r\n", 401, "");
	expect(h, METRICS "Authorization: Bearer another-one\r\n\r\n", 401, "");
	unlink(file("token"));
	expect(h, METRICS "Authorization: Bearer another-one\r\n\r\n", 401, "");
	put_token("back");
	expect(h, METRICS "Authorization: Bearer back\r\n\r\n", 200, "");
	httpd__free(h);
}

/* ---- addresses ---- */

static void refuses_to_start(const struct httpd_config *c, int want_errno, const char *want)
{
	char err[200] = "";

	assert_null(httpd__new(c, err, sizeof(err)));
	assert_int_equal(errno, want_errno);
	assert_string_equal(err, want);
}

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

static void bad_files(void **state)
{
	char want[200];

	snprintf(want, sizeof(want), "cannot read token file %s: No such file or directory",
		 file("none"));
	refuses_to_start(
		&(struct httpd_config){ .listen = "127.0.0.1:0", .token_file = file("none") },
		ENOENT, want);
	put_token("\n");
	snprintf(want, sizeof(want), "token file %s is empty", file("token"));
	refuses_to_start(
		&(struct httpd_config){ .listen = "127.0.0.1:0", .token_file = file("token") },
		EINVAL, want);
	refuses_to_start(&(struct httpd_config){ .listen = "127.0.0.1:0", .tls_cert = "x" }, EINVAL,
			 "TLS needs both a certificate and a key");
	snprintf(want, sizeof(want), "cannot read TLS certificate %s: No such file or directory",
		 file("none"));
	refuses_to_start(&(struct httpd_config){ .listen = "127.0.0.1:0",
						 .tls_cert = file("none"),
						 .tls_key = file("token") },
			 ENOENT, want);
}

/* Which descriptors are open; a server that did not start must not leave one behind. */
static int open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void bad_certificate(void **state)
{
	int before = open_fds();
	char err[200] = "";
	struct httpd_config c = { .listen = "127.0.0.1:0" };

	put_token("this is no PEM");
	c.tls_cert = file("token");
	c.tls_key = c.tls_cert;
	assert_null(httpd__new(&c, err, sizeof(err)));
	assert_int_equal(strncmp(err, "cannot serve HTTP on 127.0.0.1:0: ", 34), 0);
	assert_true(strlen(err) > 34 && strcmp(err + 34, "Invalid argument") != 0);
	assert_int_equal(open_fds(), before);
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

/* ---- clients that misbehave ---- */

static void stalled_clients_delay_nobody(void **state)
{
	struct httpd *h = serve((struct httpd_config){ .max_connections = 40 });
	double start = seconds();
	int silent[31];

	for (int i = 0; i < 31; i++) {
		silent[i] = dial(h);
		say(silent[i], "G");
	}
	for (int i = 0; i < 101; i++)
		expect(h, METRICS "\r\n", 200, one_point);
	assert_true(seconds() - start < 5);
	start = seconds();
	httpd__free(h); /* with all of them still connected */
	assert_true(seconds() - start < 1);
	for (int i = 0; i < 31; i++)
		close(silent[i]);
}

/* An answer larger than every socket buffer, of which nothing is read. */
static void slow_readers_delay_nobody(void **state)
{
	struct httpd *h = serve((struct httpd_config){ 0 });
	int fd = dial(h), small = 4096;
	double start;
	char begin[13] = "";

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	app.points = 200003;
	say(fd, METRICS "\r\n");
	assert_int_equal(poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 30000), 1);
	app.points = 1;
	expect(h, METRICS "\r\n", 200, one_point);
	expect(h, GET("/healthz"), 200, "ok\n");
	start = seconds();
	httpd__free(h);
	assert_true(seconds() - start < 1);
	assert_int_equal(recv(fd, begin, 12, MSG_WAITALL), 12);
	assert_string_equal(begin, "HTTP/1.1 200"); /* the rest was cut off */
	close(fd);
}

/* A scrape that waits for the event loop holds up other scrapes, and nothing else. */
static void slow_snapshots_delay_only_scrapes(void **state)
{
	struct httpd *h = serve((struct httpd_config){ .timeout_s = 1 });
	int waiting, second;
	struct answer a;

	pthread_mutex_lock(&app.gate);
	waiting = dial(h);
	say(waiting, METRICS "\r\n");
	while (!app.entered)
		poll(NULL, 0, 1);
	expect(h, GET("/healthz"), 200, "ok\n");
	second = dial(h);
	say(second, METRICS "\r\n");
	a = hear(second); /* gives up after timeout_s */
	assert_int_equal(a.status, 503);
	free(a.raw);
	assert_int_equal(app.entered, 1); /* never two snapshots at once */
	pthread_mutex_unlock(&app.gate);
	a = hear(waiting);
	assert_int_equal(a.status, 200);
	free(a.raw);
	httpd__free(h);
}

/* Never silent for as long as a second, and never done. */
static void dripping_clients_are_cut_off(void **state)
{
	struct httpd *h = serve((struct httpd_config){ .timeout_s = 1, .max_connections = 2 });
	double start = seconds();
	struct httpd_stats stats;
	int fd = dial(h);

	say(fd, "GET /metrics HTTP/1.1\r\nX: ");
	do {
		poll(NULL, 0, 100);
		if (send(fd, "a", 1, MSG_NOSIGNAL) < 0)
			break;
	} while (seconds() - start < 20);
	assert_true(seconds() - start < 5);
	assert_true(seconds() - start > 1.5);
	httpd__stats(h, &stats);
	assert_int_equal(stats.cut_off, 1);
	expect(h, METRICS "\r\n", 200, one_point);
	close(fd);
	httpd__free(h);
}

static void silent_clients_time_out(void **state)
{
	struct httpd *h = serve((struct httpd_config){ .timeout_s = 1 });
	double start = seconds();
	struct answer a = ask(h, "GET /metrics");

	assert_true(seconds() - start < 4);
	free(a.raw);
	httpd__free(h);
}

static void hostile_requests(void **state)
{
	static char long_request[1 << 20];
	struct httpd *h = serve((struct httpd_config){ 0 });
	static const char *const cases[] = {
		"\r\n\r\n",
		"\x16\x03\x01\x02",
		"GET\r\n\r\n",
		"GET /metrics\r\n\r\n",
		"GET  HTTP/1.1\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"GET /metrics HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
		"GET /metrics HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"GET /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"GET /%00%ff%zz HTTP/1.1\r\nHost: x\r\n\r\n",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int fd = dial(h);
		struct answer a;

		say(fd, cases[i]);
		shutdown(fd, SHUT_WR);
		a = hear(fd);
		free(a.raw);
	}
	memset(long_request, 'a', sizeof(long_request) - 1);
	memcpy(long_request, "GET /", 5);
	for (int i = 0; i < 3; i++) {
		int fd = dial(h);

		(void)!send(fd, long_request, sizeof(long_request) - 1, MSG_NOSIGNAL);
		free(hear(fd).raw);
	}
	expect(h, METRICS "\r\n", 200, one_point);
	httpd__free(h);
}

static atomic_int failed;

static void *scrape_some(void *arg)
{
	for (int i = 0; i < 7; i++) {
		struct answer a = ask(arg, METRICS "Accept-Encoding: gzip\r\n\r\n");

		/* No assert: cmocka's do not work on other threads. */
		if (a.status != 200) {
			print_error("[%s]\n", a.raw);
			atomic_fetch_add(&failed, 1);
		}
		free(a.raw);
	}
	return NULL;
}

/* Twice as many clients as connections: those that do not fit wait in the queue. */
static void many_at_once(void **state)
{
	struct httpd *h = serve((struct httpd_config){ 0 });
	struct httpd_stats stats;
	pthread_t threads[64];

	app.points = 31;
	for (int i = 0; i < 64; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, scrape_some, h), 0);
	for (int i = 0; i < 64; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(failed, 0);
	httpd__stats(h, &stats);
	assert_int_equal(stats.scrapes[PROM_TEXT_0_0_4], 64 * 7);
	assert_int_equal(stats.errors, 0);
	httpd__free(h);
}

/* One connection is all there is, and somebody sits on it. */
static void waits_for_a_place(void **state)
{
	struct httpd *h = serve((struct httpd_config){ .timeout_s = 1, .max_connections = 1 });
	int silent = dial(h);

	say(silent, "GET /");
	expect(h, METRICS "\r\n", 200, one_point);
	expect(h, GET("/healthz"), 200, "ok\n");
	close(silent);
	httpd__free(h);
}

/* Without a descriptor for the client it waits, and the server does not spin. */
static void runs_out_of_descriptors(void **state)
{
	struct httpd *h = serve((struct httpd_config){ 0 });
	int fds[1024], n = 0, fd = dial(h);
	struct rlimit old, tight;
	struct timespec cpu[2];
	struct answer a;

	say(fd, GET("/healthz"));
	free(hear(fd).raw); /* everything is warm, and one number free */
	fd = dial(h);
	getrlimit(RLIMIT_NOFILE, &old);
	tight = (struct rlimit){ .rlim_cur = 256, .rlim_max = old.rlim_max };
	poll(NULL, 0, 50); /* until the server has taken fd */
	setrlimit(RLIMIT_NOFILE, &tight);
	while (n < 1024 && (fds[n] = open("/dev/null", O_RDONLY)) >= 0)
		n++;
	close(fds[--n]);
	int late = dial(h); /* takes the last one: there is none for the server's end */

	say(late, GET("/healthz"));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu[0]);
	assert_int_equal(poll(&(struct pollfd){ .fd = late, .events = POLLIN }, 1, 500), 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu[1]);
	assert_true(cpu[1].tv_sec - cpu[0].tv_sec + (cpu[1].tv_nsec - cpu[0].tv_nsec) / 1e9 < 0.1);
	while (n)
		close(fds[--n]);
	setrlimit(RLIMIT_NOFILE, &old);
	a = hear(late);
	assert_int_equal(a.status, 200);
	free(a.raw);
	close(fd);
	httpd__free(h);
}

/* The server's threads must not take the process's signals. */
static void signals_stay_away(void **state)
{
	struct httpd *h = serve((struct httpd_config){ 0 });
	struct timespec soon = { .tv_sec = 5 };
	sigset_t usr1;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
	expect(h, GET("/healthz"), 200, "ok\n");
	kill(getpid(), SIGUSR1); /* would end the process where a thread had it unblocked */
	assert_int_equal(sigtimedwait(&usr1, NULL, &soon), SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
	httpd__free(h);
}

/* ---- TLS ---- */

static int shell(const char *fmt, ...)
{
	char command[1000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	return system(command);
}

static void tls(void **state)
{
	double start;
	struct httpd *h;
	int fd;

	if (shell("openssl version >/dev/null 2>&1") != 0) {
		print_message("skipped: openssl is not installed\n");
		skip();
	}
	assert_int_equal(
		shell("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
		      "-addext subjectAltName=IP:127.0.0.1 -keyout %s/key -out %s/cert 2>/dev/null",
		      dir, dir),
		0);
	h = serve((struct httpd_config){ .tls_cert = file("cert"), .tls_key = file("key") });
	fd = dial(h); /* a client that never begins its handshake */
	assert_int_equal(
		shell("printf 'GET /metrics HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n"
		      "\\r\\n' | openssl s_client -quiet -verify_return_error -CAfile %s/cert "
		      "-connect 127.0.0.1:%d 2>/dev/null | grep -q '^test_value_total{'",
		      dir, httpd__port(h)),
		0);
	assert_int_not_equal(shell("openssl s_client -tls1_1 -connect 127.0.0.1:%d </dev/null "
				   ">/dev/null 2>&1",
				   httpd__port(h)),
			     0);
	start = seconds();
	httpd__free(h);
	assert_true(seconds() - start < 1);
	close(fd);
}

static int make_dir(void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	return shell("rm -r %s", dir);
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
		cmocka_unit_test(wants_the_token),
		cmocka_unit_test(address_in_use),
		cmocka_unit_test(bad_files),
		cmocka_unit_test(bad_certificate),
		cmocka_unit_test(ipv6),
		cmocka_unit_test(stalled_clients_delay_nobody),
		cmocka_unit_test(slow_readers_delay_nobody),
		cmocka_unit_test(slow_snapshots_delay_only_scrapes),
		cmocka_unit_test(dripping_clients_are_cut_off),
		cmocka_unit_test(silent_clients_time_out),
		cmocka_unit_test(hostile_requests),
		cmocka_unit_test(many_at_once),
		cmocka_unit_test(waits_for_a_place),
		cmocka_unit_test(runs_out_of_descriptors),
		cmocka_unit_test(signals_stay_away),
		cmocka_unit_test(tls),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
