// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "buf.h"

static void appends(void **state)
{
	struct buf b = { 0 };

	buf__puts(&b, "one ");
	buf__append(&b, "two\0", 4);
	buf__putc(&b, '!');
	buf__printf(&b, " %d %s", 3, "four");
	assert_int_equal(b.err, 0);
	assert_int_equal(b.len, 16);
	assert_memory_equal(b.p, "one two\0! 3 four", 16);
	buf__free(&b);
	assert_null(b.p);
	buf__free(&b);
}

static void grows(void **state)
{
	struct buf b = { 0 };

	for (int i = 0; i < 10007; i++)
		buf__printf(&b, "%d,", i % 10);
	assert_int_equal(b.len, 2 * 10007);
	for (int i = 0; i < 10007; i++)
		assert_int_equal(b.p[2 * i], '0' + i % 10);
	buf__free(&b);
}

static void numbers(void **state)
{
	static const uint64_t values[] = { 0,         1, 9, 10, 99, 100, 1234567890, UINT64_MAX - 1,
					   UINT64_MAX };
	struct buf b = { 0 }, want = { 0 };

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		buf__u64(&b, values[i]);
		buf__putc(&b, ' ');
		buf__printf(&want, "%llu ", (unsigned long long)values[i]);
	}
	assert_int_equal(b.len, want.len);
	assert_memory_equal(b.p, want.p, want.len);
	buf__free(&b);
	buf__free(&want);
}

static void prints_long_texts(void **state)
{
	struct buf b = { 0 };

	for (int width = 509; width <= 515; width++) { /* around the size of its own array */
		buf__reset(&b);
		buf__printf(&b, "%*d", width, 7);
		assert_int_equal(b.len, width);
		assert_int_equal(b.p[width - 1], '7');
	}
	buf__free(&b);
}

static void keeps_its_limit(void **state)
{
	struct buf b;

	buf__init(&b, 300);
	for (int i = 0; i < 300; i++)
		buf__putc(&b, 'x');
	assert_int_equal(b.err, 0);
	buf__putc(&b, 'y');
	assert_int_equal(b.err, -ENOSPC);
	assert_int_equal(b.len, 300);
	buf__reset(&b);
	buf__append(&b, "ok", 2);
	assert_int_equal(b.err, 0);
	buf__free(&b);
	assert_int_equal(b.max, 300);
}

static void errors_stick(void **state)
{
	struct buf b;

	buf__init(&b, 4);
	buf__puts(&b, "12345");
	buf__puts(&b, "1"); /* would fit, but then the content had a hole */
	buf__printf(&b, "%600d", 1);
	assert_null(buf__room(&b, 1));
	assert_int_equal(b.err, -ENOSPC);
	assert_int_equal(b.len, 0);
	buf__free(&b);
	buf__init(&b, 0);
	buf__append(&b, "", SIZE_MAX / 2);
	assert_int_equal(b.err, -ENOSPC);
	buf__free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends),           cmocka_unit_test(grows),
		cmocka_unit_test(prints_long_texts), cmocka_unit_test(keeps_its_limit),
		cmocka_unit_test(errors_stick),      cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
