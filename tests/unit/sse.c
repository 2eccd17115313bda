// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "guard.h"
#include "sse.h"

struct seen {
	char text[1024];
	size_t n;
};

static void note(void *arg, const char *name, const char *data, size_t len)
{
	struct seen *s = arg;

	assert_int_equal(data[len], '\0');
	s->n += snprintf(s->text + s->n, sizeof(s->text) - s->n, "[%s|%s]", name, data);
	assert_true(s->n < sizeof(s->text));
}

/* clang-format off */
static const struct {
	const char *stream, *events;
} cases[] = {
	{ "", "" },
	{ "data: x\n\n", "[message|x]" },
	{ "data:x\n\n", "[message|x]" },
	{ "data:  x\n\n", "[message| x]" },
	{ "event: span\ndata: {}\n\n", "[span|{}]" },
	{ "event: span\r\ndata: {}\r\n\r\n", "[span|{}]" },
	{ "event: span\rdata: {}\r\r", "[span|{}]" },
	{ "event: a\ndata: 1\n\nevent: b\ndata: 2\n\ndata: 3\n\n", "[a|1][b|2][message|3]" },
	{ "data: 1\ndata: 2\n\n", "[message|1\n2]" },
	{ "data\n\n", "[message|]" },
	{ "data\ndata\n\n", "[message|\n]" },
	{ "data:\n\n", "[message|]" },
	{ "data: x\n", "" },
	{ "data: x", "" },
	{ "event: a\n\ndata: x\n\n", "[message|x]" },
	{ "event: a\nevent: b\ndata: x\n\n", "[b|x]" },
	{ ": comment\n\n:\ndata: x\n: y\n\n", "[message|x]" },
	{ "id: 1\nretry: 5\nother: z\nDATA: no\n data: no\ndata: x\n\n", "[message|x]" },
	{ "\xef\xbb\xbf" "data: x\n\n", "[message|x]" },
	{ "\n\xef\xbb\xbf" "data: x\n\n", "" },
	{ "\n\n\r\n\rdata: x\n\n\n\n", "[message|x]" },
	{ "data: a:b: c\n\n", "[message|a:b: c]" },
	{ "event: 0123456789012345678901234567890123456789012345678901234567890123456789\ndata: x\n\n",
	  "[012345678901234567890123456789012345678901234567890123456789012|x]" },
};
/* clang-format on */

static void cut_at(const char *stream, size_t cut, const char *want)
{
	struct seen seen = { "", 0 };
	size_t len = strlen(stream);
	struct sse s;

	sse__init(&s, note, &seen);
	assert_int_equal(sse__feed(&s, at_end(stream, cut), cut), 0);
	assert_int_equal(sse__feed(&s, at_end(stream + cut, len - cut), len - cut), 0);
	if (strcmp(seen.text, want))
		fail_msg("'%s' cut at %zu: '%s', not '%s'", stream, cut, seen.text, want);
	sse__free(&s);
}

static void at_every_split_point(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t cut = 0; cut <= strlen(cases[i].stream); cut++)
			cut_at(cases[i].stream, cut, cases[i].events);
	}
}

static void byte_by_byte(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct seen seen = { "", 0 };
		struct sse s;

		sse__init(&s, note, &seen);
		for (const char *p = cases[i].stream; *p; p++)
			assert_int_equal(sse__feed(&s, at_end(p, 1), 1), 0);
		assert_string_equal(seen.text, cases[i].events);
		sse__free(&s);
	}
}

static int feed_many(const char *piece, size_t len)
{
	struct seen seen = { "", 0 };
	struct sse s;
	int err = 0;

	sse__init(&s, note, &seen);
	for (size_t fed = 0; !err && fed <= 2 * SSE_EVENT_MAX; fed += len)
		err = sse__feed(&s, piece, len);
	assert_string_equal(seen.text, "");
	sse__free(&s);
	return err;
}

static void what_never_ends_is_an_error(void **state)
{
	static char line[4097];

	memset(line, 'x', sizeof(line) - 1);
	assert_int_equal(feed_many(line, sizeof(line) - 1), -EMSGSIZE);
	memcpy(line, "data:", 5);
	line[sizeof(line) - 2] = '\n';
	assert_int_equal(feed_many(line, sizeof(line) - 1), -EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_every_split_point),
		cmocka_unit_test(byte_by_byte),
		cmocka_unit_test(what_never_ends_is_an_error),
	};

	return cmocka_run_group_tests(tests, guard_set_up, NULL);
}
