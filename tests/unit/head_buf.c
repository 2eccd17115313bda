// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who gives way to whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "head_buf.h"
#include "proto.h"

static struct proto_env env;
static struct head_buf *heads[6];
static void *owners[6];
static char gone[8], *at;

static void give_way(struct proto_env *e, struct head_buf *b)
{
	int i = 0;

	while (heads[i] != b)
		i++;
	heads[i] = NULL;
	*at++ = '0' + i;
	*at = '\0';
	head_buf__free(e, b);
}

static int start(void **state)
{
	size_t i;

	env = (struct proto_env){ .max_head_bytes = 1000 };
	for (i = 0; i < 6; i++)
		owners[i] = &owners[i];
	at = gone;
	*at = '\0';
	return 0;
}

static void drop(int i)
{
	head_buf__free(&env, heads[i]);
	heads[i] = NULL;
}

static int stop(void **state)
{
	int i;

	for (i = 0; i < 6; i++)
		drop(i);
	assert_int_equal(env.head_bytes, 0);
	assert_null(env.oldest_head);
	assert_null(env.youngest_head);
	return 0;
}

static bool grow(int i, uint32_t cap)
{
	struct head_buf *b = head_buf__grow(&env, heads[i], cap, owners[i]);

	if (!b)
		return false;
	assert_int_equal(b->cap, cap);
	memset(b->p, i, cap);
	b->give_way = give_way;
	heads[i] = b;
	return true;
}

static void the_oldest(void **state)
{
	int i;

	for (i = 0; i < 4; i++)
		assert_true(grow(i, 250));
	assert_string_equal(gone, "");
	assert_true(grow(4, 250));
	assert_string_equal(gone, "0");
	assert_true(grow(1, 500)); /* the oldest now, but not to itself, and as old as before */
	assert_string_equal(gone, "02");
	assert_true(grow(5, 250));
	assert_string_equal(gone, "021");
	assert_int_equal(env.head_bytes, 750);
	assert_true(grow(0, 1000));
	assert_string_equal(gone, "021345");
	assert_int_equal(env.head_bytes, 1000);
}

static void from_anywhere(void **state)
{
	int i;

	for (i = 0; i < 4; i++)
		assert_true(grow(i, 250));
	drop(1);
	drop(3);
	drop(0);
	assert_ptr_equal(env.oldest_head, heads[2]);
	assert_ptr_equal(env.youngest_head, heads[2]);
	assert_true(grow(4, 300));
	assert_true(grow(2, 700)); /* wherever it moves to */
	assert_ptr_equal(env.oldest_head, heads[2]);
	assert_ptr_equal(heads[4]->prev, heads[2]);
	assert_string_equal(gone, "");
}

static void nobody_for_what_never_fits(void **state)
{
	assert_true(grow(0, 900));
	assert_false(grow(1, 1001));
	assert_int_equal(env.head_bytes, 900);
	assert_string_equal(gone, "");
}

/* The other direction of the same connection is being read, too. */
static void nobody_of_its_own(void **state)
{
	owners[1] = owners[0];
	assert_true(grow(0, 600));
	assert_false(grow(1, 500));
	assert_true(grow(2, 400));
	assert_true(grow(1, 400));
	assert_string_equal(gone, "2");
}

static void used_again(void **state)
{
	struct head_buf *b;

	assert_true(grow(0, 600));
	b = heads[0];
	heads[0] = NULL;
	head_buf__rest(&env, b);
	assert_int_equal(env.head_bytes, 0);
	assert_true(grow(1, 500));
	assert_false(head_buf__reuse(&env, b, owners[1]));
	assert_true(head_buf__reuse(&env, b, owners[2]));
	heads[2] = b;
	assert_string_equal(gone, "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_oldest, start, stop),
		cmocka_unit_test_setup_teardown(from_anywhere, start, stop),
		cmocka_unit_test_setup_teardown(nobody_for_what_never_fits, start, stop),
		cmocka_unit_test_setup_teardown(nobody_of_its_own, start, stop),
		cmocka_unit_test_setup_teardown(used_again, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
