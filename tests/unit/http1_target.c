// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "guard.h"
#include "http1_target.h"
#include "options.h"

static void test_target(void **state)
{
	static const struct {
		const char *in;
		bool connect;
		enum http1_target_form form;
		const char *scheme, *host;
		int port;
		const char *path, *query;
	} rows[] = {
		{ "/", false, HTTP1_TARGET_ORIGIN, "", "", 0, "/", "" },
		{ "/a/b?c=d?e", false, HTTP1_TARGET_ORIGIN, "", "", 0, "/a/b", "c=d?e" },
		{ "/a?", false, HTTP1_TARGET_ORIGIN, "", "", 0, "/a", "" },
		{ "/a?b#c?d", false, HTTP1_TARGET_ORIGIN, "", "", 0, "/a", "b" },
		{ "/a#b?c", false, HTTP1_TARGET_ORIGIN, "", "", 0, "/a", "" },
		{ "//a/b", false, HTTP1_TARGET_ORIGIN, "", "", 0, "//a/b", "" },
		{ "/http://a", false, HTTP1_TARGET_ORIGIN, "", "", 0, "/http://a", "" },
		{ "*", false, HTTP1_TARGET_ASTERISK, "", "", 0, "", "" },
		{ "http://a", false, HTTP1_TARGET_ABSOLUTE, "http", "a", 0, "/", "" },
		{ "http://a?b", false, HTTP1_TARGET_ABSOLUTE, "http", "a", 0, "/", "b" },
		{ "http://a#b", false, HTTP1_TARGET_ABSOLUTE, "http", "a", 0, "/", "" },
		{ "HTTPS://a.b:8443/c?d", false, HTTP1_TARGET_ABSOLUTE, "HTTPS", "a.b", 8443, "/c",
		  "d" },
		{ "http://u:p@a:1/b@c", false, HTTP1_TARGET_ABSOLUTE, "http", "a", 1, "/b@c", "" },
		{ "http://u@v@a/", false, HTTP1_TARGET_ABSOLUTE, "http", "a", 0, "/", "" },
		{ "http://[::1]:80/", false, HTTP1_TARGET_ABSOLUTE, "http", "::1", 80, "/", "" },
		{ "a+b-1.c://d/e", false, HTTP1_TARGET_ABSOLUTE, "a+b-1.c", "d", 0, "/e", "" },
		{ "http:///a", false, HTTP1_TARGET_ABSOLUTE, "http", "", 0, "/a", "" },
		{ "a.example:443", true, HTTP1_TARGET_AUTHORITY, "", "a.example", 443, "", "" },
		{ "[fe80::1]:443", true, HTTP1_TARGET_AUTHORITY, "", "fe80::1", 443, "", "" },
		{ "u:p@a:443", true, HTTP1_TARGET_AUTHORITY, "", "a", 443, "", "" },
		{ ":443", true, HTTP1_TARGET_INVALID, "", "", 443, "", "" },
		{ "a.example:443", false, HTTP1_TARGET_INVALID, "", "", 0, "", "" },
		{ "a/b", false, HTTP1_TARGET_INVALID, "", "", 0, "", "" },
		{ "http:/a", false, HTTP1_TARGET_INVALID, "", "", 0, "", "" },
		{ "http:", false, HTTP1_TARGET_INVALID, "", "", 0, "", "" },
		{ "1http://a", false, HTTP1_TARGET_INVALID, "", "", 0, "", "" },
		{ "://a", false, HTTP1_TARGET_INVALID, "", "", 0, "", "" },
		{ "**", false, HTTP1_TARGET_INVALID, "", "", 0, "", "" },
		{ "", false, HTTP1_TARGET_INVALID, "", "", 0, "", "" },
		{ "", true, HTTP1_TARGET_INVALID, "", "", 0, "", "" },
	};
	size_t i, len;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct http1_target t;

		for (len = 0; len <= strlen(rows[i].in); len++)
			http1_target__split((struct slice){ at_end(rows[i].in, len), len },
					    rows[i].connect, &t);
		if (t.form != rows[i].form || t.port != rows[i].port)
			fail_msg("'%s': form %d port %d", rows[i].in, t.form, t.port);
		assert_slice(t.scheme, rows[i].scheme);
		assert_slice(t.host, rows[i].host);
		assert_slice(t.path, rows[i].path);
		assert_slice(t.query, rows[i].query);
	}
}

static void test_host(void **state)
{
	static const struct {
		const char *in, *host;
		int port;
	} rows[] = {
		{ "a", "a", 0 },
		{ "a.example:80", "a.example", 80 },
		{ " a:65535 ", "a", 65535 },
		{ "a:65536", "a", 0 },
		{ "a:65616", "a", 0 },
		{ "a:99999999999999999999999", "a", 0 },
		{ "a:", "a", 0 },
		{ "a:x", "a", 0 },
		{ "a:80x", "a", 0 },
		{ ":80", "", 80 },
		{ "[::1]", "::1", 0 },
		{ "[::1]:8080", "::1", 8080 },
		{ "[::1]x", "::1", 0 },
		{ "[::1", "", 0 },
		{ "[", "", 0 },
		{ "[]:1", "", 1 },
		{ "::1", "::1", 0 },
		{ "fe80::1:80", "fe80::1:80", 0 },
		{ "bob:s3cret@api.example:8443", "api.example", 8443 },
		{ "bob@[::1]:80", "::1", 80 },
		{ " a@b@c ", "c", 0 },
		{ "bob:s3cret@", "", 0 },
		{ "", "", 0 },
	};
	struct slice host;
	uint16_t port;
	size_t i, len;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (len = 0; len <= strlen(rows[i].in); len++)
			http1_host__split((struct slice){ at_end(rows[i].in, len), len }, &host,
					  &port);
		if (port != rows[i].port)
			fail_msg("'%s': %d", rows[i].in, port);
		assert_slice(host, rows[i].host);
	}
	http1_host__split((struct slice){ 0 }, &host, &port);
	assert_int_equal(host.len, 0);
}

static void test_method(void **state)
{
	static const char *const known[] = { "CONNECT", "DELETE", "GET", "HEAD",  "OPTIONS",
					     "PATCH",   "POST",   "PUT", "TRACE", "QUERY" };
	static const char *const other[] = { "", "get", "GE", "GETS", "_OTHER", "PROPFIND" };
	char *own[] = { "PROPFIND", "get" };
	const struct str_list list = { own, 2 }, empty = { 0 };
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(*known); i++) {
		struct slice m = { at_end(known[i], strlen(known[i])), strlen(known[i]) };

		assert_string_equal(http1_method__known(m, NULL), known[i]);
		assert_string_equal(http1_method__known(m, &empty), known[i]);
		assert_string_equal(http1_method__known(m, &list), "_OTHER");
	}
	for (i = 0; i < sizeof(other) / sizeof(*other); i++)
		assert_string_equal(http1_method__known(slice_of(other[i]), NULL), "_OTHER");
	assert_ptr_equal(http1_method__known(SLICE("PROPFIND"), &list), own[0]);
	assert_ptr_equal(http1_method__known(SLICE("get"), &list), own[1]);
}

static void test_part_of_method(void **state)
{
	static char *own[] = { "PROPFIND" };
	const struct str_list list = { own, 1 };
	size_t n;

	for (n = 0; n <= 8; n++) {
		struct slice part = { at_end("PROPFIND", n), n };

		assert_true(http1_method__is_part(part, &list, false));
		assert_int_equal(http1_method__is_part(part, NULL, false), n < 2);
		assert_int_equal(http1_method__is_part(part, &list, true), n % 8 == 0);
		part.p = at_end(&"PROPFIND"[8 - n], n);
		assert_true(http1_method__is_part(part, &list, true));
		assert_int_equal(http1_method__is_part(part, &list, false), n % 8 == 0);
	}
	assert_true(http1_method__is_part(SLICE("OPTIO"), NULL, false));
	assert_true(http1_method__is_part(SLICE("PTIONS"), NULL, true));
	assert_false(http1_method__is_part(SLICE("PTION"), NULL, true));
	assert_false(http1_method__is_part(SLICE("OPTIONSX"), NULL, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_target),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_method),
		cmocka_unit_test(test_part_of_method),
	};

	return cmocka_run_group_tests(tests, guard_set_up, NULL);
}
