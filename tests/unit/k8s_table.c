// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "k8s_pods.h"
#include "k8s_table.h"

#define WITH(id, ip) "'podIP':'" ip "','containerStatuses':[" STATUS("web", id) "]"

static const char *in(const struct k8s_table *t, const char *id, const char *uid)
{
	struct container c = { 0 };
	const struct k8s_pod *p;

	strcpy(c.id, id);
	strcpy(c.pod_uid, uid);
	p = k8s_table__of(t, &c);
	return p ? p->name : "";
}

static const char *at(const struct k8s_table *t, uint8_t last)
{
	uint8_t a[16] = { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = last };
	const struct k8s_pod *p = k8s_table__at(t, a);

	return p ? p->name : "";
}

static void put(struct k8s_table *t, const char *json)
{
	assert_int_equal(k8s_table__put(t, pod_of(json)), 0);
}

static void test_ways(void **state)
{
	struct k8s_table *t = k8s_table__new(10, 1 << 20);

	put(t, POD(UID1, "one", "", ONE_CONTAINER, WITH(ID1, "10.0.0.1")));
	put(t, POD(UID2, "two", ",'annotations':{'kubernetes.io/config.hash':'h'}", ONE_CONTAINER,
		   WITH(ID2, "10.0.0.2")));
	assert_string_equal(in(t, ID1, ""), "one");
	assert_string_equal(in(t, "", UID2), "two");
	assert_string_equal(in(t, "", "h"), "two");
	/* A container that is not told of yet, in a pod that is. */
	assert_string_equal(in(t, "x", UID1), "one");
	assert_string_equal(in(t, "x", ""), "");
	assert_string_equal(in(t, "", ""), "");
	assert_string_equal(at(t, 2), "two");
	assert_string_equal(at(t, 3), "");
	assert_string_equal(in(NULL, ID1, UID1), "");

	/* Another container, another address: the old ones are gone. */
	put(t, POD(UID1, "one", "", ONE_CONTAINER, WITH(ID2, "10.0.0.2")));
	assert_string_equal(in(t, ID1, ""), "");
	assert_string_equal(at(t, 1), "");
	assert_string_equal(at(t, 2), "one"); /* the latest that said so */
	assert_int_equal(k8s_table__pods(t), 2);
	k8s_table__remove(t, UID1);
	assert_string_equal(at(t, 2), "two");
	k8s_table__remove(t, "no such");
	assert_int_equal(k8s_table__pods(t), 1);
	k8s_table__free(t);
}

static void test_sweep(void **state)
{
	struct k8s_table *t = k8s_table__new(10, 1 << 20);

	put(t, POD(UID1, "one", "", ONE_CONTAINER, WITH(ID1, "10.0.0.1")));
	put(t, POD(UID2, "two", "", ONE_CONTAINER, WITH(ID2, "10.0.0.2")));
	k8s_table__begin(t);
	put(t, POD(UID2, "two", "", ONE_CONTAINER, WITH(ID2, "10.0.0.2")));
	/* A list that did not come to its end: nobody is gone. */
	assert_string_equal(in(t, ID1, ""), "one");
	k8s_table__begin(t);
	put(t, POD(UID2, "two", "", ONE_CONTAINER, WITH(ID2, "10.0.0.2")));
	k8s_table__end(t);
	assert_string_equal(in(t, ID1, UID1), "");
	assert_string_equal(in(t, ID2, ""), "two");
	k8s_table__free(t);
}

static void test_full(void **state)
{
	struct k8s_table *t = k8s_table__new(1, 1 << 20);

	put(t, POD(UID1, "one", "", ONE_CONTAINER, WITH(ID1, "10.0.0.1")));
	assert_int_equal(k8s_table__put(t, pod_of(POD(UID2, "two", "", "", ""))), -ENOSPC);
	put(t, POD(UID1, "again", "", ONE_CONTAINER, WITH(ID1, "10.0.0.1")));
	assert_string_equal(in(t, ID1, ""), "again");
	assert_int_equal(k8s_table__refused(t), 1);
	k8s_table__remove(t, UID1);
	put(t, POD(UID2, "two", "", "", ""));
	assert_string_equal(in(t, "", UID2), "two");
	k8s_table__free(t);
	k8s_table__free(NULL);
}

static void test_bytes(void **state)
{
	struct k8s_pod *one = pod_of(POD(UID1, "one", "", "", "")), *two;
	struct k8s_table *t = k8s_table__new(10, one->bytes);

	two = pod_of(POD(UID2, "two", "", "", ""));
	assert_int_equal(k8s_table__put(t, one), 0);
	assert_int_equal(k8s_table__put(t, two), -ENOSPC);
	k8s_table__remove(t, UID1);
	put(t, POD(UID2, "two", "", "", ""));
	k8s_table__free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_sweep),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
