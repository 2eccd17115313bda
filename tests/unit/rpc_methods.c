// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "rpc_methods.h"

static struct rpc_methods m;

static int start(void **state)
{
	rpc_methods__init(&m, 3);
	return 0;
}

static int stop(void **state)
{
	rpc_methods__free(&m);
	return 0;
}

static const char *get(const char *name, bool known)
{
	return rpc_methods__get(&m, slice_of(name), known);
}

static void one_name_one_address(void **state)
{
	char copy[] = "a.B/C";
	const char *name = get(copy, true);

	assert_ptr_not_equal(name, copy);
	copy[0] = 'x';
	assert_string_equal(name, "a.B/C");
	assert_ptr_equal(get("a.B/C", true), name);
	assert_ptr_equal(get("a.B/C", false), name);
	assert_int_equal(m.n, 1);
}

static void nothing_is_no_name(void **state)
{
	assert_null(get("", true));
	assert_null(get(NULL, false));
	assert_int_equal(m.bytes, 0);
}

static void only_known_ones_join(void **state)
{
	assert_ptr_equal(get("a.B/C", false), rpc_method_other);
	assert_int_equal(m.bytes, 0);
	assert_string_equal(get("a.B/C", true), "a.B/C");
}

static void what_comes_late_is_other(void **state)
{
	const char *first = get("1", true);

	get("2", true);
	get("3", true);
	assert_ptr_equal(get("4", true), rpc_method_other);
	assert_ptr_equal(get("1", true), first);
	assert_int_equal(m.n, 3);
}

static void no_names(void **state)
{
	static char longest[RPC_METHOD_MAX + 2];

	memset(longest, 'a', RPC_METHOD_MAX);
	assert_string_equal(get(longest, true), longest);
	longest[RPC_METHOD_MAX] = 'a';
	assert_ptr_equal(get(longest, true), rpc_method_other);
	assert_ptr_equal(get("a b", true), rpc_method_other);
	assert_ptr_equal(get("a\x7f", true), rpc_method_other);
	assert_ptr_equal(get("\xc3\xa4", true), rpc_method_other);
	assert_ptr_equal(rpc_methods__get(&m, (struct slice){ "a\0b", 3 }, true), rpc_method_other);
	assert_ptr_equal(get("_OTHER", true), rpc_method_other); /* not a second of that text */
	assert_int_equal(m.n, 1);
}

static void many(void **state)
{
	enum { MANY = 10000 };
	static const char *names[MANY];
	char text[32];
	int i, round;

	m.max = MANY;
	for (round = 0; round < 2; round++)
		for (i = 0; i < MANY; i++) {
			const char *name;

			snprintf(text, sizeof(text), "pkg.Service%d/Method%d", i / 100, i % 100);
			name = get(text, !round);
			assert_string_equal(name, text);
			names[i] = round ? names[i] : name;
			assert_ptr_equal(names[i], name);
		}
	assert_int_equal(m.n, MANY);
	assert_in_range(m.bytes, 1, 1 << 20);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_name_one_address),
		TEST(nothing_is_no_name),
		TEST(only_known_ones_join),
		TEST(what_comes_late_is_other),
		TEST(no_names),
		TEST(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
