// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who gives way to whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "head_room.h"
#include "proto.h"

static struct proto_env env;
static struct head_room heads[6];
static char gone[8], *at;

static void give_way(struct proto_env *e, struct head_room *r)
{
	*at++ = '0' + (r - heads);
	*at = '\0';
	head_room__resize(e, r, 0);
}

static int start(void **state)
{
	size_t i;

	env = (struct proto_env){ .max_head_bytes = 1000 };
	for (i = 0; i < 6; i++)
		heads[i] = (struct head_room){ .owner = &heads[i], .give_way = give_way };
	at = gone;
	*at = '\0';
	return 0;
}

static bool resize(int i, uint32_t bytes)
{
	return head_room__resize(&env, &heads[i], bytes);
}

static void the_oldest(void **state)
{
	int i;

	for (i = 0; i < 4; i++)
		assert_true(resize(i, 250));
	assert_string_equal(gone, "");
	assert_true(resize(4, 250));
	assert_string_equal(gone, "0");
	assert_true(resize(1, 500)); /* the oldest now, but not to itself, and as old as before */
	assert_string_equal(gone, "02");
	assert_true(resize(5, 250));
	assert_string_equal(gone, "021");
	assert_int_equal(env.head_bytes, 750);
	assert_true(resize(0, 1000));
	assert_string_equal(gone, "021345");
	assert_int_equal(env.head_bytes, 1000);
	assert_true(resize(0, 0));
	assert_int_equal(env.head_bytes, 0);
	assert_null(env.oldest_head);
	assert_null(env.youngest_head);
}

static void from_anywhere(void **state)
{
	int i;

	for (i = 0; i < 4; i++)
		assert_true(resize(i, 250));
	resize(1, 0);
	resize(3, 0);
	resize(0, 0);
	assert_ptr_equal(env.oldest_head, &heads[2]);
	assert_ptr_equal(env.youngest_head, &heads[2]);
	resize(4, 300);
	resize(2, 100); /* to less */
	assert_int_equal(env.head_bytes, 400);
	resize(4, 0);
	resize(2, 0);
	resize(2, 0);
	assert_null(env.oldest_head);
	assert_null(env.youngest_head);
}

static void nobody_for_what_never_fits(void **state)
{
	assert_true(resize(0, 900));
	assert_false(resize(1, 1001));
	assert_int_equal(heads[1].bytes, 0);
	assert_string_equal(gone, "");
}

/* The other direction of the same connection is being read, too. */
static void nobody_of_its_own(void **state)
{
	heads[1].owner = &heads[0];
	assert_true(resize(0, 600));
	assert_false(resize(1, 500));
	assert_true(resize(2, 400));
	assert_true(resize(1, 400));
	assert_string_equal(gone, "2");
	resize(0, 0);
	resize(1, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_oldest, start),
		cmocka_unit_test_setup(from_anywhere, start),
		cmocka_unit_test_setup(nobody_for_what_never_fits, start),
		cmocka_unit_test_setup(nobody_of_its_own, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
