// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who may change the log level over HTTP, and how it is said. */
#include <ifaddrs.h>
#include <net/if.h>

#include "httpd_fixture.h"
#include "httpd_internal.h"
#include "log.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define PATH     "/admin/log-level"
#define TOKEN    "Authorization: Bearer s3cret\r\n"

static char token_file[] = "/tmp/redeye-httpd-admin-XXXXXX";

static struct httpd *server(struct httpd_config c)
{
	log__init(LOG_LEVEL_ERROR);
	return serve(c);
}

static struct answer call_from(const struct httpd *h, struct in_addr address, const char *line,
			       const char *headers, const char *body)
{
	int fd = dial_at(h, address);
	char request[16384];

	snprintf(request, sizeof(request),
		 "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%sContent-Length: %zu"
		 "\r\n\r\n%s",
		 line, headers, strlen(body), body);
	say(fd, request);
	return hear(fd);
}

static struct answer call(const struct httpd *h, const char *line, const char *headers,
			  const char *body)
{
	return call_from(h, loopback, line, headers, body);
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
	struct httpd *h = server((struct httpd_config){ .token_file = token_file });
	char line[100], want[40];

	for (size_t i = 0; i < N(cases); i++) {
		int level = cases[i].level;

		log__init(level == LOG_LEVEL_ERROR ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR);
		snprintf(line, sizeof(line), "PUT " PATH "%s", cases[i].query);
		if (level < 0) {
			is(call(h, line, TOKEN, cases[i].body), 400,
			   "\r\n\r\na log level is one of error, warn, info, debug\n");
			assert_int_equal(log__level(), LOG_LEVEL_ERROR);
			continue;
		}
		snprintf(want, sizeof(want), "\r\n\r\n%s\n", names[level]);
		is(call(h, line, TOKEN, cases[i].body), 200, want);
		assert_int_equal(log__level(), level);
		is(call(h, "GET " PATH, TOKEN, ""), 200, want);
	}
	httpd__free(h);
}

static void long_bodies(void **state)
{
	struct httpd *h = server((struct httpd_config){ .token_file = token_file });
	static char body[10001];

	memset(body, ' ', sizeof(body) - 1);
	memcpy(body, "debug", 5);
	body[1025] = 0;
	is(call(h, "PUT " PATH, TOKEN, body), 413, "the body is longer than 1024 bytes\n");
	body[1025] = ' ';
	is(call(h, "PUT " PATH, TOKEN, body), 413, "longer");
	assert_int_equal(log__level(), LOG_LEVEL_ERROR);
	body[1024] = 0;
	is(call(h, "PUT " PATH, TOKEN, body), 200, "debug\n");
	httpd__free(h);
}

/* A body that comes in pieces, and one that never comes. */
static void bodies_in_pieces(void **state)
{
	static const char chunked[] =
		"PUT " PATH " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" TOKEN
		"Transfer-Encoding: chunked\r\n\r\n"
		"2\r\nde\r\n2\r\nbu\r\n1\r\ng\r\n0\r\n\r\n";
	struct httpd *h = server((struct httpd_config){ .token_file = token_file });
	int fd = dial(h);

	assert_true(send(fd, chunked, sizeof(chunked) - 25, MSG_NOSIGNAL) > 0);
	close(fd);
	is(ask(h, chunked), 200, "\r\n\r\ndebug\n");
	assert_int_equal(log__level(), LOG_LEVEL_DEBUG);
	httpd__free(h);
}

/* ---- who may ---- */

static void methods(void **state)
{
	static const char *const wrong[] = { "POST", "DELETE", "PATCH", "OPTIONS", "put", "BREW" };
	struct httpd *h = server((struct httpd_config){ .token_file = token_file });
	char line[60];

	for (size_t i = 0; i < N(wrong); i++) {
		snprintf(line, sizeof(line), "%s " PATH, wrong[i]);
		is(call(h, line, TOKEN, "debug"), 405, "\r\nAllow: GET, HEAD, PUT\r\n");
	}
	is(call(h, "HEAD " PATH, TOKEN, ""), 200, "Content-Length: 6\r\n");
	is(call(h, "PUT /metrics", TOKEN, "debug"), 405, "\r\nAllow: GET, HEAD\r\n");
	is(call(h, "PUT /admin", TOKEN, "debug"), 404, "not found\n");
	is(call(h, "PUT " PATH "/", TOKEN, "debug"), 404, "not found\n");
	is(call(h, "GET /", TOKEN, ""), 200, "\n" PATH "   GET, PUT: ");
	assert_int_equal(log__level(), LOG_LEVEL_ERROR);
	httpd__free(h);
}

static void the_token(void **state)
{
	static const char *const wrong[] = { "", "Authorization: Bearer s3cre\r\n",
					     "Authorization: Basic s3cret\r\n" };
	struct httpd *h = server((struct httpd_config){ 0 });
	struct httpd_stats stats;

	is(call(h, "PUT " PATH, TOKEN, "debug"), 403,
	   "\r\n\r\nonly with a bearer token: see option listen-token-file\n");
	is(call(h, "GET " PATH, "", ""), 403, "only with a bearer token");
	httpd__stats(h, &stats);
	assert_int_equal(stats.refused, 2);
	httpd__free(h);
	h = server((struct httpd_config){ .admin_remote = true });
	is(call(h, "PUT " PATH, TOKEN, "debug"), 403, "only with a bearer token");
	httpd__free(h);
	h = server((struct httpd_config){ .token_file = token_file, .admin_remote = true });
	for (size_t i = 0; i < N(wrong); i++) {
		is(call(h, "PUT " PATH, wrong[i], "debug"), 401, "\r\nWWW-Authenticate: Bearer ");
		is(call(h, "GET " PATH, wrong[i], ""), 401, "a bearer token is needed\n");
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
	h = server((struct httpd_config){ .listen = ":0", .token_file = token_file });
	is(call_from(h, address, "PUT " PATH, TOKEN, "debug"), 403,
	   "\r\n\r\nonly from this machine: see option admin-remote\n");
	is(call_from(h, address, "GET " PATH, TOKEN, ""), 403, "only from this machine");
	assert_int_equal(log__level(), LOG_LEVEL_ERROR);
	is(call(h, "PUT " PATH, TOKEN, "warn"), 200, "warn\n"); /* ::ffff:127.0.0.1 */
	httpd__free(h);
	h = server((struct httpd_config){
		.listen = ":0", .token_file = token_file, .admin_remote = true });
	is(call_from(h, address, "PUT " PATH, TOKEN, "debug"), 200, "debug\n");
	is(call_from(h, address, "PUT " PATH, "", "error"), 401, "a bearer token is needed\n");
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
