// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "k8s_pods.h"
#include "strs.h"

static void test_all(void **state)
{
	const struct k8s_wants wants = { .labels = STRS("t*"), .annotations = STRS("note") };
	struct k8s_pod *p = pod_wanting(
		POD(UID1, "web-1",
		    ",'labels':{'tier':'gold','zone':'b','app.kubernetes.io/name':'n'},"
		    "'annotations':{'z':'y','redeye.dev/instrument':'true','note':'a\\u0007b'}",
		    ",'containers':[" CONTAINER("a", "i:1") "," CONTAINER(
			    "b", "j:2") "],"
					"'initContainers':[" CONTAINER("c", "k:3") "]",
		    "'phase':'Running','podIP':'10.0.0.1','podIPs':[{'ip':'10.0.0.1'},{'ip':'fd00::"
		    "1'}],"
		    "'containerStatuses':[" STATUS("b", ID2) "],'initContainerStatuses':[" STATUS(
			    "c", ID1) "]"),
		&wants);

	assert_non_null(p);
	assert_string_equal(p->namespace, "shop");
	assert_string_equal(p->name, "web-1");
	assert_string_equal(p->uid, UID1);
	assert_string_equal(p->node, "here");
	assert_string_equal(p->static_uid, "");
	assert_int_equal(p->labels.n, 2);
	assert_string_equal(p->labels.v[0].key, "app.kubernetes.io/name");
	assert_string_equal(k8s_pairs__get(&p->labels, "tier"), "gold");
	assert_null(k8s_pairs__get(&p->labels, "zone"));
	assert_int_equal(p->annotations.n, 2);
	assert_string_equal(k8s_pairs__get(&p->annotations, "note"), "ab");
	assert_int_equal(p->n_containers, 3);
	assert_string_equal(k8s_pod__container(p, ID2)->name, "b");
	assert_string_equal(k8s_pod__container(p, ID2)->runtime, "containerd");
	assert_string_equal(k8s_pod__container(p, ID1)->image, "k:3");
	assert_null(k8s_pod__container(p, ""));
	assert_int_equal(p->n_addresses, 2);
	assert_memory_equal(p->addresses[0], "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\x01", 16);
	assert_false(p->truncated);
	k8s_pod__free(p);
}

#define NO_SPEC ",'x':0"

static const struct owner {
	const char *json;
	enum k8s_workload kind;
	const char *name;
} owners[] = {
#define OWNED(metadata) POD(UID1, "p", metadata, NO_SPEC, "'x':0")
#define MADE            ",'creationTimestamp':'2026-11-28T20:00:00Z'"
#define HASH(h)         ",'labels':{'pod-template-hash':'" h "'}"
	{ OWNED(OWNER("ReplicaSet", "shop-7d9f") HASH("7d9f")), K8S_DEPLOYMENT, "shop" },
	{ OWNED(OWNER("ReplicaSet", "shop-7d9f") HASH("7d9f")), K8S_REPLICASET, "shop-7d9f" },
	{ OWNED(OWNER("ReplicaSet", "a-b-7d9f") HASH("7d9f")), K8S_DEPLOYMENT, "a-b" },
	{ OWNED(OWNER("ReplicaSet", "shop7d9f") HASH("7d9f")), K8S_DEPLOYMENT, "" },
	{ OWNED(OWNER("ReplicaSet", "-7d9f") HASH("7d9f")), K8S_DEPLOYMENT, "" },
	{ OWNED(OWNER("ReplicaSet", "shop-7d9f")), K8S_DEPLOYMENT, "" },
	{ OWNED(OWNER("ReplicaSet", "shop-") HASH("")), K8S_DEPLOYMENT, "" },
	{ OWNED(OWNER("StatefulSet", "db")), K8S_STATEFULSET, "db" },
	{ OWNED(OWNER("StatefulSet", "db-7d9f") HASH("7d9f")), K8S_DEPLOYMENT, "" },
	{ OWNED(OWNER("DaemonSet", "ds")), K8S_DAEMONSET, "ds" },
	{ OWNED(OWNER("Job", "nightly-29931600") MADE), K8S_CRONJOB, "nightly" },
	{ OWNED(OWNER("Job", "nightly-29931600") MADE), K8S_JOB, "nightly-29931600" },
	{ OWNED(OWNER("Job", "nightly-29931609") MADE), K8S_CRONJOB, "nightly" }, /* in 9 minutes */
	{ OWNED(OWNER("Job", "nightly-29931611") MADE), K8S_CRONJOB, "" },        /* in 11 */
	{ OWNED(OWNER("Job", "nightly-29921521") MADE), K8S_CRONJOB, "nightly" }, /* 7 days ago */
	{ OWNED(OWNER("Job", "nightly-29921519") MADE), K8S_CRONJOB, "" },
	{ OWNED(OWNER("Job", "nightly-1795896000") MADE), K8S_CRONJOB, "nightly" }, /* seconds */
	{ OWNED(OWNER("Job", "nightly-29931600")), K8S_CRONJOB, "" },               /* made when? */
	{ OWNED(OWNER("Job", "import-20240101") MADE), K8S_CRONJOB, "" },
	{ OWNED(OWNER("Job", "29931600") MADE), K8S_CRONJOB, "" },
	{ OWNED(OWNER("Job", "-29931600") MADE), K8S_CRONJOB, "" },
	{ OWNED(OWNER("Job", "nightly-029931600") MADE), K8S_CRONJOB, "nightly" },
	{ OWNED(OWNER("Job", "nightly-29931600x") MADE), K8S_CRONJOB, "" },
	{ OWNED(OWNER("Job", "nightly-2993160012345") MADE), K8S_CRONJOB, "" },
	{ OWNED(",'ownerReferences':[{'kind':'Job','name':'j'}]"), K8S_JOB,
	  "" }, /* no controller */
	{ OWNED(",'ownerReferences':7"), K8S_JOB, "" },
	{ OWNED(OWNER("Rollout", "r")), K8S_DEPLOYMENT, "" },
};

static void test_owners(void **state)
{
	for (size_t i = 0; i < N(owners); i++) {
		struct k8s_pod *p = pod_of(owners[i].json);

		if (strcmp(p->workload[owners[i].kind], owners[i].name))
			fail_msg("%s: '%s'", owners[i].json, p->workload[owners[i].kind]);
		k8s_pod__free(p);
	}
}

static void test_no_pod(void **state)
{
	static const char *const bad[] = {
		"{}",
		"[]",
		"7",
		"{'metadata':7}",
		"{'metadata':{'uid':7,'name':'x'}}",
		"{'metadata':{'uid':'','name':'x'}}",
		"{'metadata':{'uid':'x'}}",
	};

	for (size_t i = 0; i < N(bad); i++) {
		errno = 0;
		assert_null(pod_wanting(bad[i], &no_wants));
		assert_int_equal(errno, EBADMSG);
	}
}

/* Types that are not what they should be: nothing is known of these. */
static void test_odd(void **state)
{
	struct k8s_pod *p = pod_of(
		"{'metadata':{'uid':'u','name':'n','labels':[1],'annotations':{'redeye.dev/x':7}},"
		"'spec':[],'status':{'podIP':7,'podIPs':{'a':{'ip':'x'}},'containerStatuses':{}}}");

	assert_string_equal(p->namespace, "");
	assert_int_equal(p->labels.n + p->annotations.n + p->n_containers + p->n_addresses, 0);
	k8s_pod__free(p);
	p = pod_of(POD(UID1, "p", "", ",'containers':[7,{},{'name':7,'image':[]}]", "'x':0"));
	assert_int_equal(p->n_containers, 3);
	assert_string_equal(p->containers[2].name, "");
	k8s_pod__free(p);
}

static void test_bounds(void **state)
{
	cJSON *j = cJSON_CreateObject(), *metadata = cJSON_AddObjectToObject(j, "metadata");
	cJSON *labels = cJSON_AddObjectToObject(metadata, "labels");
	cJSON *spec = cJSON_AddObjectToObject(j, "spec");
	cJSON *containers = cJSON_AddArrayToObject(spec, "containers");
	const struct k8s_wants all = { .labels = STRS("*") };
	char long_name[4096];
	struct k8s_pod *p;

	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = 0;
	cJSON_AddStringToObject(metadata, "uid", "u");
	cJSON_AddStringToObject(metadata, "name", long_name);
	for (int i = 0; i < 1000; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%d", i);
		cJSON_AddStringToObject(labels, key, long_name);
		cJSON_AddItemToArray(containers, cJSON_CreateObject());
	}
	p = k8s_pod__new(j, &all);
	assert_non_null(p);
	assert_int_equal(strlen(p->name), 255);
	assert_int_equal(p->labels.n, K8S_LABELS_MAX);
	assert_int_equal(p->n_containers, K8S_CONTAINERS_MAX);
	assert_true(p->truncated);
	assert_true(p->bytes < 32768);
	k8s_pod__free(p);
	cJSON_Delete(j);
}

static void test_addresses(void **state)
{
	static const struct {
		const char *spec, *status;
		uint32_t n;
	} cases[] = {
		{ "", "'podIP':'10.0.0.1'", 1 },
		{ "", "'podIPs':[{'ip':'10.0.0.1'},{'ip':'10.0.0.2'}]", 2 },
		{ "", "'podIP':'no'", 0 },
		{ ",'hostNetwork':true", "'podIP':'10.0.0.1'", 0 },
		{ ",'hostNetwork':false", "'podIP':'10.0.0.1'", 1 },
		{ "", "'podIP':'10.0.0.1','phase':'Succeeded'", 0 },
		{ "", "'podIP':'10.0.0.1','phase':'Failed'", 0 },
		{ "", "'podIP':'10.0.0.1','phase':'Pending'", 1 },
	};

	for (size_t i = 0; i < N(cases); i++) {
		char json[1024];
		struct k8s_pod *p;

		snprintf(json, sizeof(json), POD(UID1, "p", "", "%s", "%s"), cases[i].spec,
			 cases[i].status);
		p = pod_of(json);
		if (p->n_addresses != cases[i].n)
			fail_msg("%s: %u", json, p->n_addresses);
		k8s_pod__free(p);
	}
}

static void test_container_ids(void **state)
{
	char id[CONTAINER_ID_LEN + 1];
	const char *runtime;

	assert_true(k8s_pod__container_id("containerd://" ID1, id, &runtime));
	assert_string_equal(id, ID1);
	assert_string_equal(runtime, "containerd");
	assert_true(k8s_pod__container_id("cri-o://" ID1, id, &runtime));
	assert_string_equal(runtime, "cri-o");
	assert_true(k8s_pod__container_id("other://" ID1, id, &runtime));
	assert_string_equal(runtime, "");
	assert_false(k8s_pod__container_id("containerd://" ID1 "0", id, &runtime));
	assert_false(k8s_pod__container_id("containerd:" ID1, id, &runtime));
	assert_false(k8s_pod__container_id("", id, &runtime));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),           cmocka_unit_test(test_owners),
		cmocka_unit_test(test_no_pod),        cmocka_unit_test(test_odd),
		cmocka_unit_test(test_bounds),        cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_container_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
