// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The API and the page over HTTP: who may ask, what is kept, what streams. */
#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <sys/un.h>
#include <zlib.h>

#include "api.h"
#include "fake_history.h"
#include "httpd_fixture.h"

#define REQUEST(method, target, headers)                                                           \
	method " " target " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" headers "\r\n"
#define API(target)            REQUEST("GET", "/api/v1/" target, "")
#define API_H(target, headers) REQUEST("GET", "/api/v1/" target, headers)
#define HTML                   "Accept: text/html,application/xhtml+xml\r\n"
#define STREAM                 "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"

static char token_file[] = "/tmp/redeye-httpd-api-XXXXXX";
static struct api *api;

static struct httpd *api_server(struct httpd_config c)
{
	struct api_config config = { .history = &the_history, .snapshot = snapshot };

	fake_reset();
	api = api__new(&config);
	c.api = api;
	return serve(c);
}

static void end(struct httpd *h)
{
	httpd__free(h);
	api__free(api);
}

/* ---- answers --------------------------------------------------------------- */

static void answers(void **state)
{
	struct httpd *h = api_server((struct httpd_config){ 0 });

	fake_row("shop", SPAN_SERVER, dist_of(120, 3, 0.004));
	expect(h, API("services"), 200, "Content-Type: application/json\r\n");
	expect(h, API("services"), 200, "\"name\":\"shop\"");
	expect(h, API("services?q=SH%4fP&limit=1"), 200, "\"total\":1,");
	expect(h, API("services?q=a+b%00"), 400,
	       "{\"error\":\"the value of q has a NUL in it\"}\n");
	expect(h, API("services?route"), 400, "has no parameter 'route'");
	expect(h, API("services?%ff=1"), 400, "unknown parameter '\xef\xbf\xbd'");
	expect(h, API("routes?route"), 200, "\"routes\":[");
	assert_true(fake.filter.route.set && !fake.filter.route.text);
	expect(h, API("routes?route=%2Fp%2F%7Bid%7D"), 200, "\"routes\":[");
	expect(h, API("nothing"), 404, "{\"error\":\"there is no /api/v1/nothing: see /api/v1/\"}");
	expect(h, API("traces/%3Cb%3E"), 400, "{\"error\":\"a trace id");
	expect(h, API(""), 200, "/api/v1/traces/{trace_id}");
	expect(h, REQUEST("GET", "/api/v9/%3Cb%3E", ""), 404, "/api/v9/\\u003cb>");
	expect(h, REQUEST("GET", "/api/", ""), 404, "{\"error\":");
	expect(h, REQUEST("GET", "/apix", ""), 404, "\r\n\r\nnot found\n");
	expect(h, REQUEST("POST", "/api/v1/services", "Content-Length: 0\r\n"), 405,
	       "{\"error\":\"only GET and HEAD\"}\n");
	expect(h, REQUEST("PUT", "/api/v1/status", "Content-Length: 0\r\n"), 405,
	       "Allow: GET, HEAD\r\n");
	fake.no_memory = true;
	expect(h, API("services"), 503, "{\"error\":\"no memory for the answer\"}\n");
	expect(h, API("services"), 503, "Cache-Control: no-store\r\n");
	end(h);
}

static void without_an_api(void **state)
{
	struct httpd *h = serve((struct httpd_config){ 0 });

	expect(h, API("services"), 404, "{\"error\":\"there is no API here\"}\n");
	httpd__free(h);
}

static void every_answer_is_guarded(void **state)
{
	static const char *const headers[] = {
		"X-Content-Type-Options: nosniff\r\n",
		"Referrer-Policy: no-referrer\r\n",
		"Cross-Origin-Resource-Policy: same-origin\r\n",
		"Cross-Origin-Opener-Policy: same-origin\r\n",
		"Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
		"img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
		"frame-ancestors 'none'; require-trusted-types-for 'script'\r\n",
	};
	static const char *const requests[] = {
		REQUEST("GET", "/", HTML),
		REQUEST("GET", "/", ""),
		REQUEST("GET", "/index.html", ""),
		API("services"),
		API("services?x=1"),
		API("nothing"),
		REQUEST("GET", "/nothing", ""),
		METRICS "\r\n",
		API_H("services", "Origin: http://evil.example\r\n"),
		REQUEST("HEAD", "/api/v1/events", ""),
	};
	struct httpd *h = api_server((struct httpd_config){ 0 });

	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		struct answer a = ask(h, requests[i]);

		for (size_t k = 0; k < sizeof(headers) / sizeof(*headers); k++)
			assert_non_null(strstr(a.raw, headers[k]));
		assert_null(strstr(a.raw, "Access-Control"));
		assert_non_null(strstr(a.raw, "Cache-Control: no-"));
		free(a.raw);
	}
	end(h);
}

static void head_has_no_body(void **state)
{
	struct httpd *h = api_server((struct httpd_config){ 0 });
	struct answer a = ask(h, REQUEST("HEAD", "/api/v1/services", ""));

	assert_int_equal(a.status, 200);
	assert_int_equal(a.body_len, 0);
	assert_non_null(strstr(a.raw, "Content-Length: "));
	free(a.raw);
	a = ask(h, REQUEST("HEAD", "/api/v1/events", ""));
	assert_int_equal(a.status, 200);
	assert_int_equal(a.body_len, 0);
	free(a.raw);
	fake_await_watches(0);
	end(h);
}

static void compresses(void **state)
{
	struct httpd *h = api_server((struct httpd_config){ 0 });
	static char plain[1 << 16];
	z_stream z = { .next_out = (Bytef *)plain, .avail_out = sizeof(plain) };
	struct answer a, b;

	b = ask(h, API_H("services", "Accept-Encoding: gzip\r\n"));
	assert_null(strstr(b.raw, "Content-Encoding")); /* too short */
	free(b.raw);
	for (int i = 0; i < 20; i++)
		fake_row("shop", SPAN_SERVER, dist_of(120, 3, 0.004))->name.namespace =
			&"aaaaaaaaaaaaaaaaaaaa"[i];
	a = ask(h, API("services"));
	b = ask(h, API_H("services", "Accept-Encoding: gzip\r\n"));
	assert_non_null(strstr(b.raw, "Content-Encoding: gzip\r\n"));
	assert_non_null(strstr(b.raw, "Vary: Accept, Accept-Encoding\r\n"));
	assert_true(b.body_len < a.body_len / 3);
	z.next_in = (Bytef *)b.body;
	z.avail_in = (uInt)b.body_len;
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	inflateEnd(&z);
	assert_int_equal(z.total_out, a.body_len);
	assert_memory_equal(plain, a.body, a.body_len);
	free(a.raw);
	free(b.raw);
	end(h);
}

/* ---- what a client has already --------------------------------------------- */

static void etag_of(struct answer a, char tag[64])
{
	const char *at = strstr(a.raw, "ETag: ");

	assert_non_null(at);
	assert_int_equal(sscanf(at, "ETag: %63s", tag), 1);
	free(a.raw);
}

static int status_with(const struct httpd *h, const char *target, const char *tag)
{
	char request[400];
	struct answer a;

	snprintf(request, sizeof(request),
		 "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nIf-None-Match: "
		 "%s\r\n\r\n",
		 target, tag);
	a = ask(h, request);
	if (a.status == 304)
		assert_int_equal(a.body_len, 0);
	assert_non_null(strstr(a.raw, "ETag: W/\""));
	free(a.raw);
	return a.status;
}

static void etags(void **state)
{
	struct httpd *h = api_server((struct httpd_config){ 0 });
	char tag[64];
	int asked;

	fake_row("shop", SPAN_SERVER, dist_of(120, 3, 0.004));
	etag_of(ask(h, API("services")), tag);
	asked = fake.asked;
	assert_int_equal(status_with(h, "/api/v1/services", tag), 304);
	assert_int_equal(fake.asked, asked); /* nothing was computed */
	fake.state.generation++;
	assert_int_equal(status_with(h, "/api/v1/services", tag), 304); /* all is as it was */
	assert_int_equal(fake.asked, asked + 1);
	fake.rows[0].dist.count++;
	fake.state.generation++;
	assert_int_equal(status_with(h, "/api/v1/services", tag), 200);
	assert_int_equal(status_with(h, "/api/v1/services", "\"something\""), 200);
	etag_of(ask(h, REQUEST("GET", "/", HTML)), tag);
	assert_int_equal(status_with(h, "/index.html", tag), 304);
	assert_int_equal(status_with(h, "/index.html", "W/\"1-1\""), 200);
	end(h);
}

/* ---- the page -------------------------------------------------------------- */

static void the_page(void **state)
{
	struct httpd *h = api_server((struct httpd_config){ .token_file = token_file });
	struct answer a;

	a = ask(h, REQUEST("GET", "/", HTML)); /* open: there is no data in it */
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.raw, "Content-Type: text/html; charset=utf-8\r\n"));
	assert_non_null(strstr(a.raw, "Cache-Control: no-cache\r\n"));
	assert_int_equal(strncasecmp(a.body, "<!doctype html>", 15), 0);
	free(a.raw);
	expect(h, REQUEST("GET", "/index.html", ""), 200, "<html");
	expect(h, REQUEST("GET", "/", ""), 401, "a bearer token is needed\n");
	expect(h, REQUEST("GET", "/", "Accept: */*\r\nAuthorization: Bearer s3cret\r\n"), 200,
	       "/metrics ");
	expect(h, REQUEST("GET", "/page_embedded", ""), 404, "not found");
	expect(h, REQUEST("GET", "//index.html", ""), 404, "not found");
	expect(h, REQUEST("GET", "/../index.html", ""), 404, "not found");
	expect(h, REQUEST("PUT", "/index.html", "Content-Length: 0\r\n"), 405, "only GET and HEAD");
	end(h);
}

/* ---- who may --------------------------------------------------------------- */

static void other_origins(void **state)
{
	struct httpd *h = api_server((struct httpd_config){ 0 });
	struct httpd_stats stats;

	expect(h, API_H("services", "Origin: http://localhost\r\nSec-Fetch-Site: same-origin\r\n"),
	       200, "services");
	expect(h, API_H("services", "Sec-Fetch-Site: none\r\n"), 200, "services");
	expect(h, API_H("services", "Origin: http://localhost:1\r\n"), 403,
	       "{\"error\":\"not for pages of another origin\"}\n");
	expect(h, API_H("services", "Origin: null\r\n"), 403, "another origin");
	expect(h, API_H("events", "Sec-Fetch-Site: same-site\r\n"), 403, "another origin");
	expect(h, "GET /api/v1/status HTTP/1.1\r\nHost: x.example\r\nConnection: close\r\n\r\n",
	       403, "{\"error\":\"without a bearer token only by an address or localhost\"}\n");
	expect(h, "GET /api/v1/status HTTP/1.0\r\n\r\n", 403, "only by an address");
	httpd__stats(h, &stats);
	assert_int_equal(stats.refused, 5);
	assert_int_equal(fake.asked, 2);
	end(h);
}

static void the_token(void **state)
{
	struct httpd *h = api_server((struct httpd_config){ .token_file = token_file });

	expect(h, API("services"), 401, "{\"error\":\"a bearer token is needed\"}\n");
	expect(h, API("events"), 401, "WWW-Authenticate: Bearer realm=\"redeye\"\r\n");
	expect(h, API_H("services", "Authorization: Bearer s3cret\r\n"), 200, "services");
	expect(h,
	       "GET /api/v1/services HTTP/1.1\r\nHost: n1.example\r\nConnection: close\r\n"
	       "Authorization: Bearer s3cret\r\n\r\n",
	       200, "services");
	expect(h, API_H("services", "Authorization: Bearer s3cret\r\nOrigin: http://evil\r\n"), 403,
	       "another origin");
	end(h);
}

static bool address_elsewhere(struct in_addr *out)
{
	struct ifaddrs *all = NULL, *a;
	bool found = false;

	if (getifaddrs(&all))
		return false;
	for (a = all; a && !found; a = a->ifa_next) {
		found = a->ifa_addr && a->ifa_addr->sa_family == AF_INET && a->ifa_flags & IFF_UP &&
			!(a->ifa_flags & IFF_LOOPBACK);
		if (found)
			*out = ((struct sockaddr_in *)a->ifa_addr)->sin_addr;
	}
	freeifaddrs(all);
	return found;
}

static struct answer ask_from(const struct httpd *h, struct in_addr address, const char *request)
{
	int fd = dial_at(h, address);

	say(fd, request);
	return hear(fd);
}

static void other_machines(void **state)
{
	struct in_addr address = { 0 };
	struct httpd *h;

	if (!address_elsewhere(&address)) {
		print_message("skipped: no address here but loopback\n");
		skip();
	}
	h = api_server((struct httpd_config){ .listen = ":0" });
	is(ask_from(h, address, API("services")), 403,
	   "{\"error\":\"from other machines only with a bearer token: see option "
	   "listen-token-file\"}\n");
	is(ask_from(h, address, REQUEST("GET", "/", HTML)), 200, "<html");
	is(ask_from(h, loopback, API("services")), 200, "services");
	end(h);
	h = api_server((struct httpd_config){ .listen = ":0", .token_file = token_file });
	is(ask_from(h, address, API_H("services", "Authorization: Bearer s3cret\r\n")), 200,
	   "services");
	end(h);
}

/* The first time it is opened. */
static int dial_unix(struct httpd *h)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char err[200] = "";

	snprintf(a.sun_path, sizeof(a.sun_path), "%s.sock", token_file);
	if (access(a.sun_path, F_OK))
		assert_int_equal(httpd__add_socket(h, a.sun_path, err, sizeof(err)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void over_the_socket(void **state)
{
	struct httpd *h = api_server((struct httpd_config){ .token_file = token_file });
	int fd = dial_unix(h);

	say(fd, "GET /api/v1/services HTTP/1.1\r\nHost: redeye\r\nConnection: close\r\n\r\n");
	is(hear(fd), 200, "\"services\":[]");
	end(h);
}

/* ---- answers that nobody reads --------------------------------------------- */

#define LONG_NAME 6000011 /* bytes: more than a socket's buffers take */

static bool is_served(int fd, const char *request)
{
	struct answer a;

	say(fd, request);
	a = hear(fd);
	free(a.raw);
	if (a.status != 200)
		assert_int_equal(a.status, 503);
	return a.status == 200;
}

/* Of the metrics and of the API, by TCP and by the socket: what waits of one is in nobody's way. */
static void each_kind_has_its_own_budget(void **state)
{
	static char name[LONG_NAME + 1];
	static const char *const request[] = { METRICS "\r\n", API("services") };

	memset(name, 'n', LONG_NAME);
	for (int waits = 0; waits < 4; waits++) {
		struct httpd *h = api_server((struct httpd_config){ .max_bytes = 1 << 18 });
		int local = dial_unix(h), slow = waits & 2 ? local : dial(h);

		app.points = 100003;
		fake_row(name, SPAN_SERVER, dist_of(1, 0, 1));
		begin_answer(slow, request[waits & 1]);
		app.points = 1;
		fake.n_rows = 0;
		for (int other = 0; other < 4; other++) {
			int fd = other & 2 ? dial_unix(h) : dial(h);

			assert_int_equal(is_served(fd, request[other & 1]), other != waits);
		}
		end(h);
		close(slow);
		if (slow != local)
			close(local);
	}
}

/* ---- events ---------------------------------------------------------------- */

/* What arrives until `want` is in it. */
static const char *hear_until(int fd, const char *want)
{
	static char got[1 << 16];
	size_t len = 0;
	ssize_t n;

	got[0] = '\0';
	while (!strstr(got, want)) {
		assert_true(len < sizeof(got) - 1);
		n = recv(fd, got + len, sizeof(got) - 1 - len, 0);
		if (n <= 0)
			fail_msg("no \"%s\" in: %s", want, got);
		len += (size_t)n;
		got[len] = '\0';
	}
	return got;
}

static void stream(void **state)
{
	struct httpd *h = api_server((struct httpd_config){ .timeout_s = 2 });
	double start = seconds();
	int fd = dial(h);

	say(fd, STREAM);
	assert_non_null(strstr(hear_until(fd, ":\n\n"), "Content-Type: text/event-stream\r\n"));
	for (int i = 0; i < 3; i++) {
		fake_happens(1, 0, 0);
		hear_until(fd, "event: tick\ndata: {\"t\":1000001000,\"services\":[]}\n\n");
	}
	/* Longer than a request may take, and without a word of the client. */
	while (seconds() - start < 5)
		hear_until(fd, ":\n\n");
	close(fd);
	fake_await_watches(0);
	end(h);
}

/* Two of the eight places are for those of the other kind. */
static void at_most_six_streams(void **state)
{
	struct httpd *h = api_server((struct httpd_config){ 0 });
	int fds[HISTORY_WATCHES_MAX];

	for (int i = 0; i < HISTORY_WATCHES_MAX; i++) {
		fds[i] = i < 6 ? dial(h) : dial_unix(h);
		say(fds[i], STREAM);
		hear_until(fds[i], ":\n\n");
		if (i < 5)
			continue;
		expect(h, API("events"), 503, "{\"error\":\"6 clients have events already\"}\n");
		expect(h, REQUEST("HEAD", "/api/v1/events", ""), 503, "503");
	}
	expect(h, API("services"), 200, "services");
	close(fds[0]);
	fake_await_watches(HISTORY_WATCHES_MAX - 1);
	fds[0] = dial(h);
	say(fds[0], STREAM);
	hear_until(fds[0], ":\n\n");
	for (int i = 0; i < HISTORY_WATCHES_MAX; i++)
		close(fds[i]);
	fake_await_watches(0);
	end(h);
}

static void shutdown_ends_streams(void **state)
{
	struct httpd *h = api_server((struct httpd_config){ 0 });
	int fds[3];
	double start;

	for (int i = 0; i < 3; i++) {
		fds[i] = dial(h);
		say(fds[i], STREAM);
		hear_until(fds[i], ":\n\n");
	}
	start = seconds();
	end(h);
	assert_true(seconds() - start < 0.5);
	assert_int_equal(fake.watches, 0);
	for (int i = 0; i < 3; i++)
		free(hear(fds[i]).raw);
}

/* More than its buffers hold, of which it reads nothing: the place is free again soon. */
static void stalled_streams_are_cut_off(void **state)
{
	struct httpd *h = api_server((struct httpd_config){ .stall_s = 1, .timeout_s = 60 });
	static char path[4096];
	struct httpd_stats stats = { 0 };
	int fd = dial(h), small = 4096;
	double start;

	memset(path, 'a', sizeof(path));
	for (int i = 0; i < 100; i++)
		fake.spans[i].span =
			(struct span){ .method = "GET", .path = { path, sizeof(path) } };
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	say(fd, "GET /api/v1/events?spans=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
	fake_await_watches(1);
	start = seconds();
	while (!stats.cut_off && seconds() - start < 20) {
		fake_happens(0, 100, 0);
		poll(NULL, 0, 20);
		httpd__stats(h, &stats);
	}
	assert_int_equal(stats.cut_off, 1);
	fake_await_watches(0);
	assert_true(seconds() - start < 10);
	close(fd);
	end(h);
}

/* A stream is no client that hangs about: those who wait do not take its place. */
static void streams_keep_their_place(void **state)
{
	struct httpd *h = api_server((struct httpd_config){ .max_connections = 2 });
	int fd = dial(h), silent;

	say(fd, STREAM);
	hear_until(fd, ":\n\n");
	silent = dial(h);
	say(silent, "G");
	for (int i = 0; i < 3; i++)
		expect(h, GET("/healthz"), 200, "ok\n"); /* instead of the silent one */
	fake_happens(1, 0, 0);
	hear_until(fd, "event: tick\n");
	close(fd);
	close(silent);
	end(h);
}

static int set_up(void **state)
{
	int fd = mkstemp(token_file);

	if (fd < 0 || write(fd, "s3cret\n", 7) != 7)
		return -1;
	return close(fd);
}

static int tear_down(void **state)
{
	return unlink(token_file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(without_an_api),
		cmocka_unit_test(every_answer_is_guarded),
		cmocka_unit_test(head_has_no_body),
		cmocka_unit_test(compresses),
		cmocka_unit_test(etags),
		cmocka_unit_test(the_page),
		cmocka_unit_test(other_origins),
		cmocka_unit_test(the_token),
		cmocka_unit_test(other_machines),
		cmocka_unit_test(over_the_socket),
		cmocka_unit_test(each_kind_has_its_own_budget),
		cmocka_unit_test(stream),
		cmocka_unit_test(at_most_six_streams),
		cmocka_unit_test(shutdown_ends_streams),
		cmocka_unit_test(stalled_streams_are_cut_off),
		cmocka_unit_test(streams_keep_their_place),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
