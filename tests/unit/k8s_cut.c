// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "guard.h"
#include "k8s_cut.h"

/* What came out: "key=object|key=object|". */
static char out[4096];

static void take(void *arg, const char *key, const char *json, size_t len)
{
	size_t n = strlen(out);

	snprintf(out + n, sizeof(out) - n, "%s=%.*s|", key, (int)len, json);
}

struct row {
	const char *what;
	bool list;
	const char *in, *out;
	int err;
	bool whole;
	uint64_t too_large;
};

#define DEEP "[[[[[[[[[[[[[[[["

/* clang-format off */
static const struct row rows[] = {
	{ "a watch", false, "{\"a\":1}\n{\"b\":{}}\n", "={\"a\":1}|={\"b\":{}}|", 0, true, 0 },
	{ "no line ends", false, "{}{}", "={}|={}|", 0, true, 0 },
	{ "brackets in strings", false, "{\"}\":\"]}\\\"}\"}", "={\"}\":\"]}\\\"}\"}|", 0, true, 0 },
	{ "cut", false, "{}{\"a\":", "={}|", 0, false, 0 },
	{ "nothing", false, " \r\n", "", 0, true, 0 },
	{ "text", false, "x", "", -EBADMSG, true, 0 },
	{ "an array", false, "[]", "", -EBADMSG, true, 0 },
	{ "a string", false, "\"\"", "", -EBADMSG, true, 0 },
	{ "too many ends", false, "{}}", "={}|", -EBADMSG, true, 0 },
	{ "too deep", false, "{\"a\":" DEEP DEEP DEEP DEEP, "", -EBADMSG, false, 0 },
	{ "too large", false, "{\"a\":\"0123456789012345678901234567890123456789\"}{}", "={}|", 0, true, 1 },
	{ "a list", true, "{\"kind\":\"PodList\",\"metadata\":{\"x\":1},\"items\":[{\"a\":1},{\"b\":[{}]}]}", "metadata={\"x\":1}|items={\"a\":1}|items={\"b\":[{}]}|", 0, true, 0 },
	{ "metadata last", true, "{\"items\":[{}],\"metadata\":{}}", "items={}|metadata={}|", 0, true, 0 },
	{ "no items", true, "{\"items\":[],\"metadata\":{}}", "metadata={}|", 0, true, 0 },
	{ "null items", true, "{\"metadata\":{},\"items\":null}", "metadata={}|", 0, true, 0 },
	{ "arrays in arrays are no items", true, "{\"items\":[[{}]]}", "", 0, true, 0 },
	{ "a value that looks like a key", true, "{\"kind\":\"items\",\"metadata\":{}}", "metadata={}|", 0, true, 0 },
	{ "a long key is cut", true, "{\"0123456789abcdefgh\":{}}", "0123456789abcde={}|", 0, true, 0 },
	{ "a list cut", true, "{\"metadata\":{},\"items\":[{\"a\":1},", "metadata={}|items={\"a\":1}|", 0, false, 0 },
	{ "an empty answer", true, "", "", 0, false, 0 },
	{ "two lists", true, "{}{}", "", -EBADMSG, true, 0 },
	{ "a large item", true, "{\"items\":[{\"a\":1},{\"b\":\"0123456789012345678901234567890123456789\"},{\"c\":2}]}", "items={\"a\":1}|items={\"c\":2}|", 0, true, 1 },
};
/* clang-format on */

static void expect(const struct row *r, struct k8s_cut *c, int err)
{
	if (err != r->err || strcmp(out, r->out) || c->too_large != r->too_large ||
	    k8s_cut__whole(c) != r->whole)
		fail_msg("%s: %d '%s' %d too large, whole %d", r->what, err, out, (int)c->too_large,
			 k8s_cut__whole(c));
}

static void run(const struct row *r, size_t split)
{
	struct k8s_cut c = { .max = 40, .object = take };
	size_t len = strlen(r->in);
	int err;

	out[0] = 0;
	k8s_cut__reset(&c, r->list);
	err = k8s_cut__feed(&c, at_end(r->in, split), split);
	if (!err)
		err = k8s_cut__feed(&c, at_end(r->in + split, len - split), len - split);
	expect(r, &c, err);
	k8s_cut__free(&c);
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t split = 0; split <= strlen(rows[i].in); split++)
			run(&rows[i], split);
}

static void test_single_bytes(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct k8s_cut c = { .max = 40, .object = take };
		int err = 0;

		out[0] = 0;
		k8s_cut__reset(&c, rows[i].list);
		for (const char *p = rows[i].in; *p && !err; p++)
			err = k8s_cut__feed(&c, p, 1);
		expect(&rows[i], &c, err);
		k8s_cut__free(&c);
	}
}

/* One that ended in the middle leaves nothing to the next. */
static void test_reset(void **state)
{
	struct k8s_cut c = { .max = 40, .object = take };

	out[0] = 0;
	k8s_cut__reset(&c, true);
	assert_int_equal(k8s_cut__feed(&c, "{\"items\":[{\"a\\", 14), 0);
	k8s_cut__reset(&c, false);
	assert_int_equal(k8s_cut__feed(&c, "{}", 2), 0);
	assert_string_equal(out, "={}|");
	k8s_cut__free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_single_bytes),
		cmocka_unit_test(test_reset),
	};

	return cmocka_run_group_tests(tests, guard_set_up, NULL);
}
