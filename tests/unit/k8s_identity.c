// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Names and attributes: which source of each goes first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "k8s_identity.h"
#include "k8s_pods.h"
#include "strs.h"

static const struct k8s_naming by_default, by_labels = { .app_labels = true };
static struct k8s_identity id;

static const char *attr(const char *key)
{
	for (uint32_t i = 0; i < id.n; i++)
		if (!strcmp(id.attrs[i].key, key))
			return id.attrs[i].value;
	return "";
}

static struct k8s_pod *identify(const char *json, const struct k8s_naming *how)
{
	const struct k8s_wants all = { .labels = STRS("*"), .annotations = STRS("*") };
	struct k8s_pod *p = pod_wanting(json, &all);
	struct container c = { .id = ID1, .runtime = "containerd" };

	assert_non_null(p);
	k8s_identity__of(&id, &c, p, how);
	for (uint32_t i = 1; i < id.n; i++)
		assert_true(strcmp(id.attrs[i - 1].key, id.attrs[i].key) < 0);
	return p;
}

#define NAMED            ",'labels':{'app.kubernetes.io/instance':'i','app.kubernetes.io/name':'n'}"
#define ONLY_NAME        ",'labels':{'app.kubernetes.io/name':'n'}"
#define SAID(key, value) ",'annotations':{'resource.opentelemetry.io/" key "':'" value "'}"

static const struct row {
	const char *metadata;
	const struct k8s_naming *how;
	const char *service;
} rows[] = {
	{ "", &by_default, "web-1" },
	{ NAMED, &by_default, "web-1" },
	{ NAMED, &by_labels, "i" },
	{ ONLY_NAME, &by_labels, "n" },
	{ ONLY_NAME OWNER("DaemonSet", "ds"), &by_labels, "n" },
	{ ONLY_NAME OWNER("DaemonSet", "ds"), &by_default, "ds" },
	{ NAMED SAID("service.name", "said"), &by_labels, "said" },
	{ SAID("service.name", "said") OWNER("DaemonSet", "ds"), &by_default, "said" },
	{ SAID("service.name", "") OWNER("DaemonSet", "ds"), &by_default, "ds" },
};

static void test_service(void **state)
{
	for (size_t i = 0; i < N(rows); i++) {
		char json[2048];
		struct k8s_pod *p;

		snprintf(json, sizeof(json), POD(UID1, "web-1", "%s", ONE_CONTAINER, "'x':0"),
			 rows[i].metadata);
		p = identify(json, rows[i].how);
		if (strcmp(id.name.service, rows[i].service))
			fail_msg("%s: '%s'", json, id.name.service);
		assert_string_equal(k8s_identity__service(p, rows[i].how), rows[i].service);
		k8s_pod__free(p);
	}
}

static const struct image {
	const char *image, *name, *version;
} images[] = {
	{ "web", "web", "" },
	{ "web:1.2", "web", "1.2" },
	{ "team/web:1.2", "team/web", "1.2" },
	{ "reg:5000/web", "reg:5000/web", "" },
	{ "reg:5000/web:1", "reg:5000/web", "1" },
	{ "web@sha256:ab", "web", "sha256:ab" },
	{ "reg:5000/a/web:1@sha256:ab", "reg:5000/a/web", "1@sha256:ab" },
	{ "", "", "" },
	{ ":", "", "" },
	{ "@", "", "" },
};

static void test_images(void **state)
{
	for (size_t i = 0; i < N(images); i++) {
		char json[2048];
		struct k8s_pod *p;

		snprintf(json, sizeof(json),
			 POD(UID1, "p", "", ",'containers':[" CONTAINER("web", "%s") "]", "'x':0"),
			 images[i].image);
		p = identify(json, &by_default);
		if (strcmp(attr("container.image.name"), images[i].name) ||
		    strcmp(attr("service.version"), images[i].version))
			fail_msg("%s: '%s' '%s'", images[i].image, attr("container.image.name"),
				 attr("service.version"));
		assert_string_equal(id.name.instance, "shop.p.web");
		k8s_pod__free(p);
	}
}

static void test_attributes(void **state)
{
	const struct k8s_naming some = { .app_labels = true,
					 .labels = STRS("t*"),
					 .annotations = STRS("note") };
	struct k8s_pod *p = identify(
		POD(UID1, "p",
		    ",'labels':{'tier':'gold','zone':'b','app.kubernetes.io/version':'v3'},"
		    "'annotations':{'note':'x','other':'y',"
		    "'resource.opentelemetry.io/service.instance.id':'i',"
		    "'resource.opentelemetry.io/service.namespace':'ns',"
		    "'resource.opentelemetry.io/k8s.pod.name':'mine',"
		    "'resource.opentelemetry.io/':'no key'}",
		    ONE_CONTAINER, "'containerStatuses':[" STATUS("web", ID1) "]"),
		&some);

	assert_string_equal(id.name.instance, "i");
	assert_string_equal(id.name.namespace, "ns");
	assert_string_equal(attr("service.version"), "v3");
	assert_string_equal(attr("k8s.pod.label.tier"), "gold");
	assert_string_equal(attr("k8s.pod.label.zone"), "");
	assert_string_equal(attr("k8s.pod.annotation.note"), "x");
	assert_string_equal(attr("k8s.pod.annotation.other"), "");
	assert_string_equal(attr("k8s.pod.name"), "mine"); /* the pod's author goes first */
	assert_string_equal(attr("k8s.namespace.name"), "shop");
	assert_string_equal(attr("container.id"), ID1);
	assert_string_equal(attr("container.runtime.name"), "containerd");
	assert_string_equal(attr("service.instance.id"), "");
	k8s_pod__free(p);
}

static void test_no_pod(void **state)
{
	struct container c = { .id = ID2, .pod_uid = UID2, .runtime = NULL };

	k8s_identity__of(&id, &c, NULL, &by_default);
	assert_string_equal(id.name.service, "");
	assert_string_equal(id.name.instance, ID2);
	assert_int_equal(id.n, 2);
	assert_string_equal(attr("container.id"), ID2);
	assert_string_equal(attr("k8s.pod.uid"), UID2);
}

/* More than fits: what comes first stays, sorted. */
static void test_bounds(void **state)
{
	const struct k8s_naming all = { .labels = STRS("*"), .annotations = STRS("*") };
	const struct k8s_wants wants = { .labels = STRS("*"), .annotations = STRS("*") };
	cJSON *j = cJSON_CreateObject(), *metadata = cJSON_AddObjectToObject(j, "metadata");
	cJSON *labels = cJSON_AddObjectToObject(metadata, "labels");
	cJSON *annotations = cJSON_AddObjectToObject(metadata, "annotations");
	struct container c = { .id = ID1 };
	struct k8s_pod *p;
	char value[256];

	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = 0;
	cJSON_AddStringToObject(metadata, "uid", "u");
	cJSON_AddStringToObject(metadata, "name", "n");
	for (int i = 0; i < 100; i++) {
		char key[256];

		snprintf(key, sizeof(key), "%03d%.240s", i, value);
		cJSON_AddStringToObject(labels, key, value);
		cJSON_AddStringToObject(annotations, key, value);
	}
	p = k8s_pod__new(j, &wants);
	assert_non_null(p);
	k8s_identity__of(&id, &c, p, &all);
	assert_true(id.n <= SERVICE_ATTRS_MAX && id.n > 40);
	assert_string_equal(attr("k8s.pod.uid"), "u");
	for (uint32_t i = 1; i < id.n; i++)
		assert_true(strcmp(id.attrs[i - 1].key, id.attrs[i].key) < 0);
	k8s_pod__free(p);
	cJSON_Delete(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_service),    cmocka_unit_test(test_images),
		cmocka_unit_test(test_attributes), cmocka_unit_test(test_no_pod),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
