// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "term_text.h"
#include "utf8.h"

static char text[4096];

static int put(const char *s, int room)
{
	struct buf b = { 0 };
	int used = term_text__put(&b, s, room);

	snprintf(text, sizeof(text), "%.*s", (int)b.len, b.p ? b.p : "");
	buf__free(&b);
	return used;
}

static int utf8(void **state)
{
	setenv("LC_ALL", "C.UTF-8", 1);
	term_text__init();
	return term_text__unicode() ? 0 : -1;
}

/* clang-format off */
static const struct {
	const char *in;
	int room;
	const char *out;
	int width;
} cases[] = {
	{ NULL, 5, "", 0 },
	{ "", 5, "", 0 },
	{ "abc", 3, "abc", 3 },
	{ "abcd", 3, "ab+", 3 },
	{ "abc", 1, "+", 1 },
	{ "abc", 0, "", 0 },
	{ "abc", -1, "", 0 },
	{ "\xc3\xa4\xc3\xb6", 2, "\xc3\xa4\xc3\xb6", 2 },
	/* wide characters are never halved */
	{ "\xe6\xbc\xa2\xe5\xad\x97", 4, "\xe6\xbc\xa2\xe5\xad\x97", 4 },
	{ "\xe6\xbc\xa2\xe5\xad\x97", 3, "\xe6\xbc\xa2+", 3 },
	{ "\xe6\xbc\xa2\xe5\xad\x97", 2, "+", 1 },
	/* marks stay with their letter, and are no pile */
	{ "e\xcc\x81x", 2, "e\xcc\x81x", 2 },
	{ "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81", 9, "e\xcc\x81\xcc\x81\xcc\x81?", 2 },
	{ "\xcc\x81x", 9, "?x", 2 },
	/* hostile */
	{ "\033[2J", 9, "?[2J", 4 },
	{ "\033]0;x\a", 9, "?]0;x?", 6 },
	{ "a\r\n\tb\x7f", 9, "a???b?", 6 },
	{ "\xc2\x9b" "31m", 9, "?31m", 4 },
	{ "\xe2\x80\xae" "abc\xe2\x81\xa6", 9, "?abc?", 5 },
	{ "\xff\xfe", 9, "??", 2 },
	{ "\xe6\xbc", 9, "??", 2 },
	{ "\xed\xa0\x80", 9, "???", 3 },
	{ "\xf4\x90\x80\x80", 9, "????", 4 },
	{ "\xef\xbf\xbf", 9, "?", 1 },
};
/* clang-format on */

static void text_in_its_room(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int width = put(cases[i].in, cases[i].room);

		if (strcmp(text, cases[i].out) || width != cases[i].width)
			fail_msg("case %zu: '%s' in %d columns", i, text, width);
	}
}

static void assert_harmless(const char *s, int width)
{
	size_t len = strlen(s), n;
	uint32_t cp;

	assert_int_equal(term_text__width(s), width);
	for (; len; s += n, len -= n) {
		n = utf8_next(s, len, &cp);
		assert_true(n && utf8_printable(cp));
	}
}

static void any_bytes_are_harmless_in_any_room(void **state)
{
	char in[64];

	srand(1);
	for (int i = 0; i < 20000; i++) {
		size_t len = rand() % (sizeof(in) - 1);
		int room = rand() % 70, used;

		for (size_t k = 0; k < len; k++)
			in[k] = (char)(rand() % 255 + 1);
		in[len] = '\0';
		used = put(in, room);
		assert_true(used <= room);
		assert_harmless(text, used);
	}
}

static void cells_are_filled_up(void **state)
{
	struct buf b = { 0 };

	term_text__cell(&b, "\xe6\xbc\xa2", 4);
	term_text__cell(&b, "abcdef", 4);
	buf__putc(&b, '\0');
	assert_string_equal(b.p, "\xe6\xbc\xa2  abc+");
	buf__free(&b);
}

static void ascii_where_the_locale_is(void **state)
{
	setenv("LC_ALL", "C", 1);
	term_text__init();
	assert_false(term_text__unicode());
	assert_int_equal(put("a\xc3\xa4\xe6\xbc\xa2", 9), 3);
	assert_string_equal(text, "a??");
	utf8(NULL);
}

static void no_locale_is_utf8(void **state)
{
	unsetenv("LC_ALL");
	unsetenv("LC_CTYPE");
	unsetenv("LANG");
	term_text__init();
	assert_true(term_text__unicode());
	utf8(NULL);
}

static void figures(void **state)
{
	static const struct {
		void (*put)(char to[TERM_FIGURE], double v);
		double v;
		const char *text;
	} f[] = {
		{ term_text__duration, 0.000342, " 342us" },
		{ term_text__duration, 0.0000004, "   0us" },
		{ term_text__duration, 0.00401, "4.01ms" },
		{ term_text__duration, 0.0348, "34.8ms" },
		{ term_text__duration, 0.139, " 139ms" },
		{ term_text__duration, 1.2, " 1.20s" },
		{ term_text__duration, 0.9996, " 1.00s" },
		{ term_text__duration, 4711, " 4711s" },
		{ term_text__duration, 1e300, " >1day" },
		{ term_text__duration, -1, "     -" },
		{ term_text__duration, NAN, "     -" },
		{ term_text__duration, INFINITY, " >1day" },
		{ term_text__rate, 0, "   0.0" },
		{ term_text__rate, 12.34, "  12.3" },
		{ term_text__rate, 1234.5, "  1234" },
		{ term_text__rate, 999999, "999999" },
		{ term_text__rate, 1e6, " 1000k" },
		{ term_text__rate, 1.5e9, " 1500M" },
		{ term_text__rate, 1e300, ">9999E" },
		{ term_text__rate, NAN, "     -" },
		{ term_text__ratio, 0, "  0.0%" },
		{ term_text__ratio, 1, "100.0%" },
		{ term_text__ratio, 1.5, "     -" },
		{ term_text__ratio, NAN, "     -" },
		{ term_text__count, 4711, "   4711" },
		{ term_text__count, 9999999, "9999999" },
		{ term_text__count, 123456789, "   123M" },
		{ term_text__count, NAN, "      0" },
	};
	char to[TERM_FIGURE];

	for (size_t i = 0; i < sizeof(f) / sizeof(f[0]); i++) {
		f[i].put(to, f[i].v);
		if (strcmp(to, f[i].text))
			fail_msg("%g: '%s', not '%s'", f[i].v, to, f[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_in_its_room),
		cmocka_unit_test(any_bytes_are_harmless_in_any_room),
		cmocka_unit_test(cells_are_filled_up),
		cmocka_unit_test(ascii_where_the_locale_is),
		cmocka_unit_test(no_locale_is_utf8),
		cmocka_unit_test(figures),
	};

	return cmocka_run_group_tests(tests, utf8, NULL);
}
