// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "http2_frame.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

static void valid(void **state)
{
	static const struct {
		struct http2_frame f;
		bool valid;
	} all[] = {
		{ { 0, 1, HTTP2_DATA, 0 }, true },
		{ { 0, 0, HTTP2_DATA, 0 }, false },
		{ { 0, 1, HTTP2_DATA, HTTP2_PADDED }, false },
		{ { 1, 1, HTTP2_DATA, HTTP2_PADDED }, true },
		{ { 16777215, 1, HTTP2_DATA, 0 }, true },
		{ { 0, 1, HTTP2_HEADERS, HTTP2_END_HEADERS }, true },
		{ { 5, 1, HTTP2_HEADERS, HTTP2_PRIORITY_SET | HTTP2_PADDED }, false },
		{ { 6, 1, HTTP2_HEADERS, HTTP2_PRIORITY_SET | HTTP2_PADDED }, true },
		{ { 5, 3, HTTP2_PRIORITY, 0 }, true },
		{ { 4, 3, HTTP2_PRIORITY, 0 }, false },
		{ { 4, 3, HTTP2_RST_STREAM, 0 }, true },
		{ { 4, 0, HTTP2_RST_STREAM, 0 }, false },
		{ { 18, 0, HTTP2_SETTINGS, 0 }, true },
		{ { 17, 0, HTTP2_SETTINGS, 0 }, false },
		{ { 6, 0, HTTP2_SETTINGS, HTTP2_ACK }, false },
		{ { 0, 0, HTTP2_SETTINGS, HTTP2_ACK }, true },
		{ { 0, 1, HTTP2_SETTINGS, 0 }, false },
		{ { 4, 1, HTTP2_PUSH_PROMISE, 0 }, true },
		{ { 4, 1, HTTP2_PUSH_PROMISE, HTTP2_PADDED }, false },
		{ { 8, 0, HTTP2_PING, 0 }, true },
		{ { 9, 0, HTTP2_PING, 0 }, false },
		{ { 8, 0, HTTP2_GOAWAY, 0 }, true },
		{ { 7, 0, HTTP2_GOAWAY, 0 }, false },
		{ { 4, 0, HTTP2_WINDOW_UPDATE, 0 }, true },
		{ { 4, 9, HTTP2_WINDOW_UPDATE, 0 }, true },
		{ { 0, 9, HTTP2_CONTINUATION, 0 }, true },
		{ { 77, 9, 0x2a, 0xff }, true }, /* an extension's */
	};
	size_t i;

	for (i = 0; i < ARRAY(all); i++)
		if (http2_frame__valid(&all[i].f) != all[i].valid)
			fail_msg("%zu", i);
}

static void parsed(void **state)
{
	static const char bytes[] = "\x01\x02\x03\x01\x2d\xff\xff\xff\xfe";
	struct http2_frame f;

	http2_frame__parse(bytes, &f);
	assert_int_equal(f.length, 0x010203);
	assert_int_equal(f.type, HTTP2_HEADERS);
	assert_int_equal(f.flags, 0x2d);
	assert_int_equal(f.stream, 0x7ffffffe);
}

static void padding(void **state)
{
	struct http2_frame f = { 10, 1, HTTP2_DATA, HTTP2_PADDED };

	assert_int_equal(http2_frame__padding(&f, "\x09"), 9);
	assert_int_equal(http2_frame__padding(&f, "\x0a"), -1);
	f.flags = 0;
	assert_int_equal(http2_frame__padding(&f, "\x09"), 0);
	f = (struct http2_frame){ 8, 0, HTTP2_GOAWAY, HTTP2_PADDED }; /* means nothing there */
	assert_int_equal(http2_frame__padding(&f, "\x09"), 0);
}

static void names(void **state)
{
	assert_string_equal(http2_error__name(0), "no_error");
	assert_string_equal(http2_error__name(0xd), "http_1_1_required");
	assert_string_equal(http2_error__name(0xe), "_OTHER");
	assert_string_equal(http2_error__name(UINT32_MAX), "_OTHER");
}

#define PING                                                                                       \
	"\0\0\x08\6\0\0\0\0\0"                                                                     \
	"12345678"
#define HEADERS                                                                                    \
	"\0\0\1\1\4\0\0\0\1"                                                                       \
	"\x88"
#define OPEN                                                                                       \
	"\0\0\1\1\0\0\0\0\1"                                                                       \
	"\x88"
#define MORE                                                                                       \
	"\0\0\1\x09\4\0\0\0\1"                                                                     \
	"\x88"
#define MORE_3                                                                                     \
	"\0\0\1\x09\4\0\0\0\3"                                                                     \
	"\x88"
#define DATA_HEAD "\0\x10\0\0\0\0\0\0\1"
#define DATA_LONG "\0\x50\0\0\0\0\0\0\1"

static void chains(void **state)
{
#define CHAIN(bytes, is)                                                                           \
	{                                                                                          \
		bytes, sizeof(bytes) - 1, is                                                       \
	}
	static const struct {
		const char *p;
		size_t len;
		bool is;
	} all[] = {
		CHAIN(PING, true),
		CHAIN(PING HEADERS, true),
		CHAIN(PING "\0\0", false),     /* one, and not exactly */
		CHAIN(PING PING "\0\0", true), /* two */
		CHAIN(PING DATA_HEAD, true),   /* two, the second is long */
		CHAIN(DATA_HEAD "abc", false), /* only one is seen */
		CHAIN(PING DATA_LONG, false),  /* larger than the default */
		CHAIN(OPEN MORE, true),
		CHAIN(OPEN MORE_3, false),
		CHAIN(OPEN PING, false),
		CHAIN(HEADERS MORE, false),
		CHAIN(MORE PING, true), /* continues what was not seen */
		CHAIN("GET / HTTP/1.1\r\nHost: a\r\n\r\n", false),
		CHAIN("HTTP/1.1 200 OK\r\n\r\n", false),
		CHAIN(HTTP2_PREFACE, false),                              /* no frame */
		CHAIN("\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", false), /* TLS */
		CHAIN("\0\0\0\x2a\0\0\0\0\0", false),                     /* an extension's */
		CHAIN("\0\0\0\0\x80\0\0\0\1", false), /* a flag that DATA has not */
		CHAIN("", false),
	};
	size_t i;

	for (i = 0; i < ARRAY(all); i++)
		if (http2_frame__chain(all[i].p, all[i].len) != all[i].is)
			fail_msg("%zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid), cmocka_unit_test(parsed), cmocka_unit_test(padding),
		cmocka_unit_test(names), cmocka_unit_test(chains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
