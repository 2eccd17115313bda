// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cjson/cJSON.h>
#include <cmocka.h>

#include "guard.h"
#include "json_line.h"
#include "utf8.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static char room[4096];

/* The line that these statements write, without its newline. */
#define LINE(statements)                                                                           \
	({                                                                                         \
		struct json_line l_, *j = &l_;                                                     \
		size_t len_;                                                                       \
		json_line__begin(j, room, sizeof(room) - 1);                                       \
		statements;                                                                        \
		len_ = json_line__end(j);                                                          \
		assert_int_equal(room[len_ - 1], '\n');                                            \
		room[len_ - 1] = 0;                                                                \
		room;                                                                              \
	})

static void members(void **state)
{
	static const uint8_t id[] = { 0x00, 0x9a, 0xff };

	assert_string_equal(LINE((void)0), "{}");
	assert_string_equal(LINE(json_line__u64(j, "a", 0); json_line__u64(j, "b", UINT64_MAX)),
			    "{\"a\":0,\"b\":18446744073709551615}");
	assert_string_equal(LINE(json_line__hex(j, "id", id, 3); json_line__bool(j, "t", true)),
			    "{\"id\":\"009aff\",\"t\":true}");
	assert_string_equal(LINE(if (json_line__open(j, "o")) {
				    json_line__text(j, "a", "x");
				    json_line__u64(j, "b", 1);
				    json_line__close(j);
			    } json_line__u64(j, "c", 2)),
			    "{\"o\":{\"a\":\"x\",\"b\":1},\"c\":2}");
	assert_string_equal(LINE(json_line__open(j, "o")), "{\"o\":{}}");
	assert_string_equal(LINE(json_line__open(j, "o"); assert_false(json_line__open(j, "p"))),
			    "{\"o\":{}}");
}

static void decimals(void **state)
{
	static const struct {
		uint64_t value;
		uint32_t decimals;
		const char *want;
	} cases[] = {
		{ 0, 0, "{\"d\":0}" },
		{ 0, 3, "{\"d\":0.000}" },
		{ 1, 3, "{\"d\":0.001}" },
		{ 2500, 3, "{\"d\":2.500}" },
		{ 123456789, 6, "{\"d\":123.456789}" },
		{ UINT64_MAX, 3, "{\"d\":18446744073709551.615}" },
		{ UINT64_MAX, 0, "{\"d\":18446744073709551615}" },
	};

	for (size_t i = 0; i < N(cases); i++)
		assert_string_equal(
			LINE(json_line__decimal(j, "d", cases[i].value, cases[i].decimals)),
			cases[i].want);
}

static void strings(void **state)
{
	static const struct {
		struct slice in;
		const char *want; /* between the quotes */
	} cases[] = {
		{ { NULL, 0 }, "" },
		{ SLICE("/a b~"), "/a b~" },
		{ SLICE("\"\\/"), "\\\"\\\\/" },
		{ SLICE("\b\f\n\r\t\x01\x1f\x7f"), "\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f" },
		{ SLICE("a\0b"), "a\xef\xbf\xbd"
				 "b" },
		{ SLICE("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
		  "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
		/* no UTF-8: alone, cut, overlong, surrogate */
		{ SLICE("\xff"), "\xef\xbf\xbd" },
		{ SLICE("\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd" },
		{ SLICE("\xc0\xaf"), "\xef\xbf\xbd\xef\xbf\xbd" },
		{ SLICE("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		/* C1 controls, line separator, right-to-left override, byte order mark */
		{ SLICE("\xc2\x9b"), "\\u009b" },
		{ SLICE("\xe2\x80\xa8\xe2\x80\xae\xef\xbb\xbf"), "\\u2028\\u202e\\ufeff" },
		{ SLICE("\xf0\x9f\xbf\xbf"), "\\ud83f\\udfff" }, /* a non-character, U+1FFFF */
	};
	char want[100];

	for (size_t i = 0; i < N(cases); i++) {
		snprintf(want, sizeof(want), "{\"s\":\"%s\"}", cases[i].want);
		assert_string_equal(LINE(json_line__str(j, "s", cases[i].in, SIZE_MAX)), want);
	}
}

/* A value is cut between characters, wherever `max` falls. */
static void cuts_whole_characters(void **state)
{
	static const struct slice value = SLICE("ab\n\xe2\x82\xac\x01\xf0\x9f\x98\x80z");
	static const char *const want[] = {
		"", "a", "ab", "ab", "ab\\n", "ab\\n", "ab\\n", "ab\\n\xe2\x82\xac",
	};

	for (size_t max = 0; max < N(want); max++) {
		char whole[60];

		snprintf(whole, sizeof(whole), "{\"s\":\"%s\"}", want[max]);
		assert_string_equal(LINE(json_line__str(j, "s", value, max)), whole);
	}
}

/* In any room the line is JSON and ends where the room ends, at most. */
static void any_room(void **state)
{
	static const uint8_t addr[16] = { [10] = 0xff, 0xff, 255, 255, 255, 255 };
	size_t size, len = 0;

	for (size = JSON_LINE_LEAST; size < 300; size++) {
		char *p = (char *)at_end("", 0) - size;
		struct json_line j;
		cJSON *parsed;

		json_line__begin(&j, p, size);
		json_line__text(&j, "text", "a \"quoted\" \x01 text");
		json_line__time(&j, "time", INT64_MIN);
		json_line__decimal(&j, "ms", UINT64_MAX, 3);
		json_line__addr(&j, "addr", addr);
		if (json_line__open(&j, "inner")) {
			json_line__hex(&j, "hex", addr, 16);
			json_line__text(&j, "x", "y");
		}
		len = json_line__end(&j);
		assert_in_range(len, 3, size);
		assert_int_equal(p[len - 1], '\n');
		assert_null(memchr(p, '\n', len - 1));
		parsed = cJSON_ParseWithLength(p, len);
		assert_non_null(parsed);
		cJSON_Delete(parsed);
	}
	assert_in_range(len, 180, 250); /* at the end everything fits */
}

static void dates(void **state)
{
	static const int64_t some[] = { 0,
					-1,
					1,
					999999999,
					951782400000000000,  /* 2000-02-29 */
					4107542399000000000, /* 2100-02-28T23:59:59 */
					-62135596800,
					INT64_MIN,
					INT64_MAX };
	char want[100], day[40];

	for (size_t i = 0; i < 4001; i++) {
		int64_t ns = i < N(some) ? some[i] : (int64_t)(i * 4611686018427387907ull);
		time_t s = ns / 1000000000 - (ns % 1000000000 < 0);
		struct tm tm;

		gmtime_r(&s, &tm);
		strftime(day, sizeof(day), "%FT%T", &tm);
		snprintf(want, sizeof(want), "{\"t\":\"%s.%09lldZ\"}", day,
			 (long long)((ns % 1000000000 + 1000000000) % 1000000000));
		assert_string_equal(LINE(json_line__time(j, "t", ns)), want);
	}
}

static void addresses(void **state)
{
	static const uint8_t v4[16] = { [10] = 0xff, 0xff, 10, 0, 255, 1 };
	static const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };

	assert_string_equal(LINE(json_line__addr(j, "a", v4)), "{\"a\":\"10.0.255.1\"}");
	assert_string_equal(LINE(json_line__addr(j, "a", v6)), "{\"a\":\"2001:db8::1\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members),   cmocka_unit_test(decimals),
		cmocka_unit_test(strings),   cmocka_unit_test(cuts_whole_characters),
		cmocka_unit_test(any_room),  cmocka_unit_test(dates),
		cmocka_unit_test(addresses),
	};

	return cmocka_run_group_tests(tests, guard_set_up, NULL);
}
