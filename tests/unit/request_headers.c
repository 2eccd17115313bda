// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "request_headers.h"

#include "assert_slice.h"
#include "options.h"
#include "redact.h"

static struct header_wants *wants;
static struct header_reader reader;
static struct request_headers got;

static int set_up(void **state)
{
	static char *names[] = { "X-Forwarded-For", "x-tenant", "Cookie", "X-Tenant" };
	const struct options o = { .span_headers = { names, 4 }, .request_id_header = "x-tenant" };

	wants = header_wants__new(&o);
	header_reader__begin(&reader, wants, &got);
	return wants ? 0 : -1;
}

static int tear_down(void **state)
{
	header_wants__free(wants);
	return 0;
}

static void field(const char *name, const char *value)
{
	header_reader__field(&reader, slice_of(name), slice_of(value));
}

static void repeated_ones_are_joined(void **state)
{
	field("X-Forwarded-For", "10.0.0.1");
	field("cookie", "a=1");
	field("x-forwarded-for", "10.0.0.2, 10.0.0.3");
	field("X-Forwarded-For", "");
	field("cookie", "b=2");
	field("X-FORWARDED-FOR", "10.0.0.4");
	assert_int_equal(got.n_kept, 2);
	assert_string_equal(got.kept[0].name, "x-forwarded-for");
	assert_slice(got.kept[0].value, "10.0.0.1, 10.0.0.2, 10.0.0.3, , 10.0.0.4");
	assert_slice(got.kept[1].value, "a=1; b=2");
}

static void named_twice_is_kept_once(void **state)
{
	field("X-Tenant", "t1");
	assert_int_equal(got.n_kept, 1);
	assert_slice(got.kept[0].value, "t1");
	assert_slice(got.request_id, "t1");
}

/* However often it comes, and wherever the room ends. */
static void joined_ones_are_bounded(void **state)
{
	char value[REQUEST_HEADER_MAX + 2];
	size_t len;
	int i;

	memset(value, 'v', sizeof(value));
	for (len = 0; len <= sizeof(value); len++) {
		header_reader__begin(&reader, wants, &got);
		for (i = 0; i < 3; i++)
			header_reader__field(&reader, SLICE("x-tenant"),
					     (struct slice){ value, len });
		assert_int_equal(got.n_kept, 1);
		assert_int_equal(got.kept[0].value.len, 3 * len + 4 < REQUEST_HEADER_MAX
								? 3 * len + 4
								: REQUEST_HEADER_MAX);
	}
}

static void secrets_are_hidden_once(void **state)
{
	static char *names[] = { "Authorization" };
	const struct options o = { .span_headers = { names, 1 }, .redact = true };
	struct header_wants *w = header_wants__new(&o);

	header_reader__begin(&reader, w, &got);
	field("authorization", "Bearer s3cret");
	field("authorization", "Bearer s3cret");
	assert_int_equal(got.n_kept, 1);
	assert_slice(got.kept[0].value, REDACTED);
	header_wants__free(w);
}

static void a_hidden_id_is_told(void **state)
{
	const struct options o = { .request_id_header = "X-Session-Token", .redact = true };
	struct header_wants *w = header_wants__new(&o);

	header_reader__begin(&reader, w, &got);
	field("host", "h");
	assert_false(got.id_hidden);
	field("x-session-token", "s3cret-of-alice");
	assert_slice(got.request_id, REDACTED);
	assert_true(got.id_hidden);
	header_wants__free(w);
	header_reader__begin(&reader, wants, &got);
	field("x-tenant", "t1");
	assert_false(got.id_hidden);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(repeated_ones_are_joined), TEST(named_twice_is_kept_once),
		TEST(joined_ones_are_bounded),  TEST(secrets_are_hidden_once),
		TEST(a_hidden_id_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
