// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who may change the log level over HTTP, and how it is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "httpd_internal.h"
#include "log.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define PATH     "/admin/log-level"
#define TOKEN    "Authorization: Bearer s3cret\r\n"

static char token_file[] = "/tmp/redeye-httpd-admin-XXXXXX";

static int snapshot(void *arg, struct metrics **out)
{
	return -EAGAIN;
}

static struct httpd *serve(const char *listen, const char *token, bool remote)
{
	struct httpd_config c = {
		.listen = listen, .token_file = token, .admin_remote = remote, .snapshot = snapshot
	};
	char err[200] = "";
	struct httpd *h = httpd__new(&c, err, sizeof(err));

	if (!h)
		print_error("%s\n", err);
	assert_non_null(h);
	log__init(LOG_LEVEL_ERROR);
	return h;
}

/* What the server at `address` says to it; valid until the next call. */
static const char *says(const struct httpd *h, struct in_addr address, const char *request,
			size_t request_len)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(httpd__port(h)),
				 .sin_addr = address };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	static char text[8192];
	size_t len = 0;
	ssize_t n;

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(send(fd, request, request_len, MSG_NOSIGNAL), request_len);
	while ((n = recv(fd, text + len, sizeof(text) - 1 - len, 0)) > 0)
		len += (size_t)n;
	text[len] = 0;
	close(fd);
	return text;
}

static const struct in_addr loopback = { .s_addr = 0x0100007f };

static const char *ask_from(const struct httpd *h, struct in_addr address, const char *line,
			    const char *headers, const char *body)
{
	char request[16384];
	int n = snprintf(request, sizeof(request),
			 "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%sContent-Length: %zu"
			 "\r\n\r\n%s",
			 line, headers, strlen(body), body);

	return says(h, address, request, (size_t)n);
}

static const char *ask(const struct httpd *h, const char *line, const char *headers,
		       const char *body)
{
	return ask_from(h, loopback, line, headers, body);
}

static void is(const char *answer, int status, const char *contains)
{
	int got = 0;

	sscanf(answer, "HTTP/1.1 %d", &got);
	if (got != status || !strstr(answer, contains))
		print_error("not %d \"%s\": %s\n", status, contains, answer);
	assert_int_equal(got, status);
	assert_non_null(strstr(answer, contains));
}

/* ---- what is said ---- */

static void levels(void **state)
{
	static const struct {
		const char *query, *body;
		int level; /* -1: 400 */
	} cases[] = {
		{ "", "error", LOG_LEVEL_ERROR },
		{ "", "warn\n", LOG_LEVEL_WARN },
		{ "", " info \r\n", LOG_LEVEL_INFO },
		{ "", "debug", LOG_LEVEL_DEBUG },
		{ "", "{\"level\":\"debug\"}", LOG_LEVEL_DEBUG },
		{ "", "\n{ \"a\": [1], \"level\": \"warn\" }\n", LOG_LEVEL_WARN },
		{ "?level=debug", "", LOG_LEVEL_DEBUG },
		{ "?level=debug", "warn", LOG_LEVEL_WARN }, /* the body counts */
		{ "?x=1&level=info", "\n", LOG_LEVEL_INFO },
		{ "", "", -1 },
		{ "?level=", "", -1 },
		{ "?level", "", -1 },
		{ "", "DEBUG", -1 },
		{ "", "debugg", -1 },
		{ "", "level=debug", -1 },
		{ "", "{\"level\":3}", -1 },
		{ "", "{\"level\":\"trace\"}", -1 },
		{ "", "{\"Level\":\"debug\"}", -1 },
		{ "", "{\"level\":\"debug\"", -1 },
		{ "", "{", -1 },
		{ "", "[\"debug\"]", -1 },
		{ "?level=debug", "nonsense", -1 },
	};
	static const char *const names[] = { "error", "warn", "info", "debug" };
	struct httpd *h = serve("127.0.0.1:0", token_file, false);
	char line[100], want[40];

	for (size_t i = 0; i < N(cases); i++) {
		int level = cases[i].level;

		log__init(level == LOG_LEVEL_ERROR ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR);
		snprintf(line, sizeof(line), "PUT " PATH "%s", cases[i].query);
		if (level < 0) {
			is(ask(h, line, TOKEN, cases[i].body), 400,
			   "\r\n\r\na log level is one of error, warn, info, debug\n");
			assert_int_equal(log__level(), LOG_LEVEL_ERROR);
			continue;
		}
		snprintf(want, sizeof(want), "\r\n\r\n%s\n", names[level]);
		is(ask(h, line, TOKEN, cases[i].body), 200, want);
		assert_int_equal(log__level(), level);
		is(ask(h, "GET " PATH, TOKEN, ""), 200, want);
	}
	httpd__free(h);
}

static void long_bodies(void **state)
{
	struct httpd *h = serve("127.0.0.1:0", token_file, false);
	static char body[10001];

	memset(body, ' ', sizeof(body) - 1);
	memcpy(body, "debug", 5);
	body[1025] = 0;
	is(ask(h, "PUT " PATH, TOKEN, body), 413, "the body is longer than 1024 bytes\n");
	body[1025] = ' ';
	is(ask(h, "PUT " PATH, TOKEN, body), 413, "longer");
	assert_int_equal(log__level(), LOG_LEVEL_ERROR);
	body[1024] = 0;
	is(ask(h, "PUT " PATH, TOKEN, body), 200, "debug\n");
	httpd__free(h);
}

/* A body that comes in pieces, and one that never comes. */
static void bodies_in_pieces(void **state)
{
	static const char chunked[] =
		"PUT " PATH " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" TOKEN
		"Transfer-Encoding: chunked\r\n\r\n"
		"2\r\nde\r\n2\r\nbu\r\n1\r\ng\r\n0\r\n\r\n";
	struct httpd *h = serve("127.0.0.1:0", token_file, false);
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(httpd__port(h)),
				 .sin_addr = loopback };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_true(send(fd, chunked, sizeof(chunked) - 25, MSG_NOSIGNAL) > 0);
	close(fd);
	is(says(h, loopback, chunked, sizeof(chunked) - 1), 200, "\r\n\r\ndebug\n");
	assert_int_equal(log__level(), LOG_LEVEL_DEBUG);
	httpd__free(h);
}

/* ---- who may ---- */

static void methods(void **state)
{
	static const char *const wrong[] = { "POST", "DELETE", "PATCH", "OPTIONS", "put", "BREW" };
	struct httpd *h = serve("127.0.0.1:0", token_file, false);
	char line[60];

	for (size_t i = 0; i < N(wrong); i++) {
		snprintf(line, sizeof(line), "%s " PATH, wrong[i]);
		is(ask(h, line, TOKEN, "debug"), 405, "\r\nAllow: GET, HEAD, PUT\r\n");
	}
	is(ask(h, "HEAD " PATH, TOKEN, ""), 200, "Content-Length: 6\r\n");
	is(ask(h, "PUT /metrics", TOKEN, "debug"), 405, "\r\nAllow: GET, HEAD\r\n");
	is(ask(h, "PUT /admin", TOKEN, "debug"), 404, "not found\n");
	is(ask(h, "PUT " PATH "/", TOKEN, "debug"), 404, "not found\n");
	is(ask(h, "GET /", TOKEN, ""), 200, "\n" PATH "   GET, PUT: ");
	assert_int_equal(log__level(), LOG_LEVEL_ERROR);
	httpd__free(h);
}

static void the_token(void **state)
{
	static const char *const wrong[] = { "", "Authorization: Bearer s3cre\r\n",
					     "Authorization: Basic s3cret\r\n" };
	struct httpd *h = serve("127.0.0.1:0", NULL, false);
	struct httpd_stats stats;

	is(ask(h, "PUT " PATH, TOKEN, "debug"), 403,
	   "\r\n\r\nonly with a bearer token: see option listen-token-file\n");
	is(ask(h, "GET " PATH, "", ""), 403, "only with a bearer token");
	httpd__stats(h, &stats);
	assert_int_equal(stats.refused, 2);
	httpd__free(h);
	h = serve("127.0.0.1:0", NULL, true);
	is(ask(h, "PUT " PATH, TOKEN, "debug"), 403, "only with a bearer token");
	httpd__free(h);
	h = serve("127.0.0.1:0", token_file, true);
	for (size_t i = 0; i < N(wrong); i++) {
		is(ask(h, "PUT " PATH, wrong[i], "debug"), 401, "\r\nWWW-Authenticate: Bearer ");
		is(ask(h, "GET " PATH, wrong[i], ""), 401, "a bearer token is needed\n");
	}
	assert_int_equal(log__level(), LOG_LEVEL_ERROR);
	httpd__free(h);
}

/* An address of this machine that is not loopback: who connects to it comes from it. */
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

static void from_elsewhere(void **state)
{
	struct in_addr address;
	struct httpd *h;

	if (!address_elsewhere(&address)) {
		print_message("skipped: no address here but loopback\n");
		skip();
	}
	h = serve(":0", token_file, false);
	is(ask_from(h, address, "PUT " PATH, TOKEN, "debug"), 403,
	   "\r\n\r\nonly from this machine: see option admin-remote\n");
	is(ask_from(h, address, "GET " PATH, TOKEN, ""), 403, "only from this machine");
	assert_int_equal(log__level(), LOG_LEVEL_ERROR);
	is(ask(h, "PUT " PATH, TOKEN, "warn"), 200, "warn\n"); /* ::ffff:127.0.0.1 */
	httpd__free(h);
	h = serve(":0", token_file, true);
	is(ask_from(h, address, "PUT " PATH, TOKEN, "debug"), 200, "debug\n");
	is(ask_from(h, address, "PUT " PATH, "", "error"), 401, "a bearer token is needed\n");
	assert_int_equal(log__level(), LOG_LEVEL_DEBUG);
	httpd__free(h);
}

static void loopback_addresses(void **state)
{
	static const struct {
		const char *address;
		bool want;
	} cases[] = {
		{ "127.0.0.1", true },
		{ "127.255.1.2", true },
		{ "::1", true },
		{ "::ffff:127.0.0.1", true },
		{ "::ffff:127.9.9.9", true },
		{ "128.0.0.1", false },
		{ "126.255.255.255", false },
		{ "10.127.0.1", false },
		{ "0.0.0.0", false },
		{ "::", false },
		{ "::ffff:10.0.0.1", false },
		{ "::2", false },
		{ "::127.0.0.1", false },
		{ "fe80::1", false },
		{ "7f00::1", false },
	};
	const struct sockaddr none = { .sa_family = AF_UNIX };

	for (size_t i = 0; i < N(cases); i++) {
		struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
		struct sockaddr_in v4 = { .sin_family = AF_INET };
		bool is_v4 = inet_pton(AF_INET, cases[i].address, &v4.sin_addr) == 1;

		if (!is_v4)
			assert_int_equal(inet_pton(AF_INET6, cases[i].address, &v6.sin6_addr), 1);
		assert_int_equal(httpd_admin__is_loopback(is_v4 ? (struct sockaddr *)&v4
								: (struct sockaddr *)&v6),
				 cases[i].want);
	}
	assert_false(httpd_admin__is_loopback(&none));
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
		cmocka_unit_test(levels),
		cmocka_unit_test(long_bodies),
		cmocka_unit_test(bodies_in_pieces),
		cmocka_unit_test(methods),
		cmocka_unit_test(the_token),
		cmocka_unit_test(from_elsewhere),
		cmocka_unit_test(loopback_addresses),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
