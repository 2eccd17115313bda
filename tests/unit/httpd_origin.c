// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whom a request comes from, by what a browser says; and which answer a client has already. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "httpd_internal.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static void hosts(void **state)
{
	static const char *const plain[] = {
		"localhost", "LocalHost:9464", "127.0.0.1", "127.0.0.1:9464", "10.1.2.3:80",
		"[::1]",     "[::1]:9464",     "[fe80::1]", "localhost:",
	};
	static const char *const names[] = {
		"",
		"evil.example",
		"evil.example:9464",
		"localhost.evil.example",
		"127.0.0.1.evil",
		"127.0.0.1:80:80",
		"127.0.0.1:x",
		"[::1",
		"[::1]x",
		"[127.0.0.1]",
		"[]",
		"::1",
		"127.0.0.1/",
		"user@127.0.0.1:1",
		"127.1",
		"2130706433",
		"localhost ",
		"[evil.example]",
		"redeye",
		":9464",
	};
	char long_name[300];

	for (size_t i = 0; i < N(plain); i++)
		assert_true(httpd_origin__is_plain_host(plain[i]));
	for (size_t i = 0; i < N(names); i++)
		assert_false(httpd_origin__is_plain_host(names[i]));
	assert_false(httpd_origin__is_plain_host(NULL));
	memset(long_name, '1', sizeof(long_name) - 1);
	long_name[299] = '\0';
	assert_false(httpd_origin__is_plain_host(long_name));
}

static void origins(void **state)
{
	static const struct {
		const char *host, *origin, *site;
		bool want;
	} cases[] = {
		{ "127.0.0.1:9464", NULL, NULL, true },
		{ NULL, NULL, NULL, true },
		{ "127.0.0.1:9464", "http://127.0.0.1:9464", "same-origin", true },
		{ "Redeye.example", "https://redeye.example", NULL, true },
		{ "127.0.0.1:9464", NULL, "none", true },
		{ "127.0.0.1:9464", NULL, "cross-site", false },
		{ "127.0.0.1:9464", NULL, "same-site", false },
		{ "127.0.0.1:9464", NULL, "", false },
		{ "127.0.0.1:9464", "http://127.0.0.1:9464", "cross-site", false },
		{ "127.0.0.1:9464", "http://127.0.0.1:9465", NULL, false },
		{ "127.0.0.1:9464", "http://evil.example", NULL, false },
		{ "127.0.0.1:9464", "http://127.0.0.1:9464.evil.example", NULL, false },
		{ "127.0.0.1:9464", "null", NULL, false },
		{ "127.0.0.1:9464", "", NULL, false },
		{ NULL, "http://127.0.0.1:9464", NULL, false },
	};

	for (size_t i = 0; i < N(cases); i++)
		assert_int_equal(
			httpd_origin__is_same(cases[i].host, cases[i].origin, cases[i].site),
			cases[i].want);
}

static void etags(void **state)
{
	const struct httpd_etag has = { 0x12, 0xabc }, newer = { 0x13, 0xabc },
				changed = { 0x12, 0xdef }, other = { 0x13, 0xdef },
				begun = { 0x12, 0 };
	char text[HTTPD_ETAG_MAX], list[200];

	httpd_etag__write(&has, text);
	assert_string_equal(text, "W/\"0000000000000012-0000000000000abc\"");
	snprintf(list, sizeof(list), "\"x\", %s", text);
	assert_true(httpd_etag__matches(&has, text));
	assert_true(httpd_etag__matches(&has, list));
	assert_true(httpd_etag__matches(&newer, text));   /* made of something else, but equal */
	assert_true(httpd_etag__matches(&begun, text));   /* made of the same, and so equal */
	assert_true(httpd_etag__matches(&changed, text)); /* the same holds */
	assert_false(httpd_etag__matches(&other, text));
	assert_false(httpd_etag__matches(&(struct httpd_etag){ 0 }, text));
	assert_false(httpd_etag__matches(&(struct httpd_etag){ 0 },
					 "W/\"0000000000000000-0000000000000000\""));
	assert_false(httpd_etag__matches(&has, NULL));
	assert_false(httpd_etag__matches(&has, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts),
		cmocka_unit_test(origins),
		cmocka_unit_test(etags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
