// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "answer.h"
#include "term_text.h"
#include "watch_line.h"

static char text[8192];

static const char *line(struct watch_line *w, const char *json)
{
	cJSON *j = cJSON_Parse(json);
	struct buf b = { 0 };

	watch_line__put(w, &b, j);
	snprintf(text, sizeof(text), "%.*s", (int)b.len, b.p);
	buf__free(&b);
	cJSON_Delete(j);
	return text;
}

static void is(const char *json, const char *want)
{
	struct watch_line w = { 0 };

	assert_string_equal(line(&w, json), want);
}

#define SPAN                                                                                       \
	"\"trace_id\": \"4bf92f3577b34da6a3ce929d0e0e4736\", \"service\": \"shop\", "              \
	"\"start\": 1795899990.123456, \"duration\": 0.00401, "
#define GET "\"method\": \"GET\", \"path\": \"/products/17\", "

static void lines(void **state)
{
	is("{" SPAN GET "\"kind\": \"server\", \"status\": \"200\", \"error\": null}",
	   "21:06:30.123 shop <- GET /products/17 200 4.01ms 4bf92f35\n");
	is("{" SPAN GET "\"kind\": \"client\", \"status\": \"503\", \"error\": \"503\", "
	   "\"server\": \"stock:8080\"}",
	   "21:06:30.123 shop -> GET stock:8080/products/17 503 4.01ms error=503 4bf92f35\n");
	is("{" SPAN GET "\"kind\": \"server\", \"status\": null, \"error\": \"reset\"}",
	   "21:06:30.123 shop <- GET /products/17 - 4.01ms error=reset 4bf92f35\n");
	is("{" SPAN "\"kind\": \"server\", \"method\": null, \"path\": \"/s.O/G\", \"status\": "
	   "\"NOT_FOUND\", \"error\": \"NOT_FOUND\", \"rpc\": {\"system\": \"grpc\", \"method\": "
	   "\"s.O/G\"}}",
	   "21:06:30.123 shop <- gRPC s.O/G NOT_FOUND 4.01ms error=NOT_FOUND 4bf92f35\n");
	is("{" SPAN "\"kind\": \"client\", \"method\": \"CONNECT\", \"path\": \"a:1\", "
	   "\"status\": \"200\", \"server\": \"proxy:3128\"}",
	   "21:06:30.123 shop -> CONNECT proxy:3128 a:1 200 4.01ms 4bf92f35\n");
}

static void whatever_is_there(void **state)
{
	is("{}", "--:--:--.--- - <- - - - - -\n");
	is("[]", "--:--:--.--- - <- - - - - -\n");
	is("{\"start\": 1e300, \"duration\": \"x\", \"service\": 5, \"rpc\": [], \"path\": {}}",
	   "--:--:--.--- - <- - - - - -\n");
	is("{\"start\": -1, \"duration\": -1}", "--:--:--.--- - <- - - - - -\n");
}

static void hostile_text_is_harmless(void **state)
{
	is("{" SPAN
	   "\"kind\": \"\\u001b[2J\", \"method\": \"G\\nT\", \"path\": \"/\\u001b]0;x\\u0007"
	   "\\u202e\\u009b\", \"status\": \"\\r\", \"error\": \"\\u001b[31m\"}",
	   "21:06:30.123 shop <- G?T /?]0;x??? ? 4.01ms error=?[31m 4bf92f35\n");
}

static void long_text_is_cut(void **state)
{
	char json[4096], path[2001];
	struct watch_line w = { 0 };

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	snprintf(json, sizeof(json), "{\"path\": \"%s\", \"service\": \"%s\"}", path, path);
	assert_in_range(strlen(line(&w, json)), 400, 500);
}

static void services_are_aligned(void **state)
{
	struct watch_line w = { 0 };
	const char *longer = "{\"service\": \"longer\"}", *a = "{\"service\": \"a\"}";

	assert_non_null(strstr(line(&w, a), " a <- "));
	assert_non_null(strstr(line(&w, longer), " longer <- "));
	assert_non_null(strstr(line(&w, a), " a      <- "));
}

static void colours_when_wanted(void **state)
{
	struct watch_line w = { .colour = true };

	line(&w, "{\"status\": \"500\", \"error\": \"500\"}");
	assert_non_null(strstr(text, "\033[31m500\033[0m"));
	assert_non_null(strstr(text, "\033[31m error=500\033[0m"));
	line(&w, "{\"status\": \"404\"}");
	assert_non_null(strstr(text, "\033[33m404\033[0m"));
	line(&w, "{\"status\": \"200\"}");
	assert_non_null(strstr(text, " 200 "));
}

static void what_was_lost(void **state)
{
	struct watch_line w = { 0 };
	struct buf b = { 0 };

	watch_line__lost(&w, &b, 12);
	buf__putc(&b, '\0');
	assert_string_equal(b.p, "\xe2\x80\xa6 12 not shown\n");
	buf__free(&b);
}

static void documents_are_shown_with_escapes(void **state)
{
	/* clang-format off */
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "{\"a\":\n\t[1, null]}", "{\"a\":  [1, null]}" },
		{ "\"\xc3\xa4\\u001b\"", "\"\xc3\xa4\\u001b\"" },
		{ "\"\x7f\xc2\x9b\xe2\x80\xae\"", "\"\\u007f\\u009b\\u202e\"" },
		{ "\"\xf0\x9f\xbf\xbf\"", "\"\\ud83f\\udfff\"" },
		{ "\"\xff\xe6\xbc\"", "\"\\ufffd\\ufffd\\ufffd\"" },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = { 0 };

		answer__put(&b, cases[i].in, strlen(cases[i].in));
		buf__putc(&b, '\0');
		assert_string_equal(b.p, cases[i].out);
		buf__free(&b);
	}
}

static int set_up(void **state)
{
	setenv("TZ", "UTC-0", 1);
	tzset();
	setenv("LC_ALL", "C.UTF-8", 1);
	term_text__init();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(whatever_is_there),
		cmocka_unit_test(hostile_text_is_harmless),
		cmocka_unit_test(long_text_is_cut),
		cmocka_unit_test(services_are_aligned),
		cmocka_unit_test(colours_when_wanted),
		cmocka_unit_test(what_was_lost),
		cmocka_unit_test(documents_are_shown_with_escapes),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
