// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/utsname.h>
#include <cmocka.h>

#include "failing.h"
#include "agent/resource.c"
#undef malloc
#undef calloc
#undef realloc
#undef strdup
#undef free

#include "agg.h"
#include "metrics.h"
#include "spans.h"

static struct str_list list_of(const char *const *v)
{
	struct str_list l = { .v = (char **)v };

	while (v[l.n])
		l.n++;
	return l;
}

static const char *value_of(const struct resource_attr *v, uint32_t n, const char *key)
{
	const char *found = NULL;

	for (uint32_t i = 0; i < n; i++) {
		assert_true(i == 0 || strcmp(v[i - 1].key, v[i].key) < 0); /* sorted, unique */
		if (!strcmp(v[i].key, key))
			found = v[i].value;
	}
	return found;
}

static void of_the_host(void **state)
{
	struct resource_attrs r;
	struct utsname u;

	uname(&u);
	assert_int_equal(resource_attrs__init(&r, NULL), 0);
	assert_string_equal(value_of(r.v, r.n, "host.name"), u.nodename);
	assert_string_equal(value_of(r.v, r.n, "os.type"), "linux");
	assert_string_equal(value_of(r.v, r.n, "telemetry.sdk.name"), "redeye");
	assert_string_equal(value_of(r.v, r.n, "telemetry.sdk.language"), "c");
	assert_string_equal(value_of(r.v, r.n, "telemetry.distro.version"), REDEYE_VERSION);
	assert_non_null(value_of(r.v, r.n, "host.arch"));
	assert_null(value_of(r.v, r.n, "service.name"));
	resource_attrs__free(&r);
	resource_attrs__free(&r);
}

static void configured(void **state)
{
	static const char *const v[] = { "zone=a%20b%2Cc%",
					 "host.name=mine",
					 "empty=",
					 "bad%zz=%ff\x01%00",
					 "=none",
					 "none",
					 "deployment%2Ex=1=2",
					 "zone=last",
					 "service.name=x",
					 "service.namespace=n",
					 NULL };
	struct str_list l = list_of(v);
	struct resource_attr out[RESOURCE_MAX];
	struct resource_attrs r;
	uint32_t n;

	assert_int_equal(resource_attrs__init(&r, &l), 0);
	assert_string_equal(value_of(r.v, r.n, "zone"), "last");
	assert_string_equal(value_of(r.v, r.n, "host.name"), "mine");
	assert_string_equal(value_of(r.v, r.n, "empty"), "");
	assert_string_equal(value_of(r.v, r.n, "bad%zz"), "\xef\xbf\xbd");
	assert_string_equal(value_of(r.v, r.n, "deployment.x"), "1=2");
	assert_null(value_of(r.v, r.n, "none"));
	n = resource__of(&r, &shop, out); /* the service knows better */
	assert_int_equal(n, r.n);
	assert_string_equal(value_of(out, n, "service.name"), "shop");
	assert_string_equal(value_of(out, n, "service.namespace"), "eu");
	assert_string_equal(value_of(out, n, "service.instance.id"), "shop-0");
	n = resource__of(&r, &cart, out); /* what it does not know is as configured */
	assert_string_equal(value_of(out, n, "service.name"), "cart");
	assert_string_equal(value_of(out, n, "service.namespace"), "n");
	assert_string_equal(value_of(out, n, "service.instance.id"), "mine"); /* the host's */
	n = resource__of(NULL, &cart, out);
	assert_int_equal(n, 1);
	n = resource__of(&r, &resource__self, out);
	assert_string_equal(value_of(out, n, "service.name"), "redeye");
	assert_string_equal(value_of(out, n, "service.version"), REDEYE_VERSION);
	assert_string_equal(value_of(out, n, "service.instance.id"), "mine");
	resource_attrs__free(&r);
}

static void percent(void **state)
{
	static const char *const v[] = { "a=a%20b%2Cc%", "b=%4", "c=%4g%41", "d=%C3%A4", NULL };
	static const char *const want[] = { "a b,c%", "%4", "%4gA", "\xc3\xa4" };
	struct str_list l = list_of(v);
	struct resource_attrs r;

	assert_int_equal(resource_attrs__init(&r, &l), 0);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(value_of(r.v, r.n, (char[]){ v[i][0], 0 }), want[i]);
	resource_attrs__free(&r);
}

static void bounded(void **state)
{
	char text[200][400], *v[200];
	struct str_list l = { .v = v, .n = 200 };
	struct resource_attr out[RESOURCE_MAX];
	struct resource_attrs r;

	for (int i = 0; i < 200; i++) {
		v[i] = text[i];
		sprintf(text[i], "k%d=%0300d", i, i);
	}
	assert_int_equal(resource_attrs__init(&r, &l), 0);
	assert_int_equal(r.n, RESOURCE_ATTRS_MAX);
	assert_int_equal(strlen(value_of(r.v, r.n, "k0")), 255);
	assert_int_equal(resource__of(&r, &shop, out), RESOURCE_ATTRS_MAX + 2);
	assert_int_equal(resource__of(&r, &resource__self, out), RESOURCE_ATTRS_MAX + 2);
	resource_attrs__free(&r);
}

/* Of the container and the pod: before what is configured, but not before the names. */
static void of_the_place(void **state)
{
	static const char *const v[] = { "container.id=configured", "zone=a", NULL };
	const struct resource_attr attrs[] = { { "container.id", "c1" },
					       { "k8s.pod.name", "p" },
					       { "service.name", "not this" } };
	struct service *s = service__get("of-the-place", "eu", "");
	struct service_attrs *a = service_attrs__new(attrs, 3);
	struct str_list l = list_of(v);
	struct resource_attr out[RESOURCE_MAX];
	struct resource_attrs r;
	uint32_t n;

	assert_int_equal(resource_attrs__init(&r, &l), 0);
	service__set_attrs(s, a);
	service_attrs__put(a);
	n = resource__of(&r, s, out);
	assert_string_equal(value_of(out, n, "container.id"), "c1");
	assert_string_equal(value_of(out, n, "k8s.pod.name"), "p");
	assert_string_equal(value_of(out, n, "service.name"), "of-the-place");
	assert_string_equal(value_of(out, n, "zone"), "a");
	for (uint32_t i = 1; i < n; i++)
		assert_true(strcmp(out[i - 1].key, out[i].key) < 0);
	/* No part of what makes it this service. */
	assert_ptr_equal(service__get("of-the-place", "eu", ""), s);
	service__put(s);
	service__set_attrs(s, NULL);
	assert_int_equal(resource__of(NULL, s, out), 2);
	service__put(s);
	resource_attrs__free(&r);
}

static void out_of_memory(void **state)
{
	static const char *const v[] = { "zone=a", "os.type=other", NULL };
	struct str_list l = list_of(v);
	struct resource_attrs r;
	int err = -ENOMEM;

	for (long n = 0; err; n++) {
		failing_after = n;
		err = resource_attrs__init(&r, &l);
		failing_after = -1;
		assert_true(!err || (err == -ENOMEM && !failing_live && !r.v && !r.n));
	}
	resource_attrs__free(&r);
	assert_int_equal(failing_live, 0);
}

/* Traces and metrics name the same resource: agg_snapshot.c takes it from here. */
static void same_in_metrics(void **state)
{
	static const char *const v[] = { "zone=a", NULL };
	struct str_list l = list_of(v);
	struct resource_attr want[RESOURCE_MAX];
	struct service *s = service__get("shop", "eu", "");
	struct span span = server_span();
	struct metrics *m = metrics__new(1);
	struct resource_attrs r;
	struct agg *agg;
	uint32_t n;

	assert_int_equal(resource_attrs__init(&r, &l), 0);
	agg = agg__new(&(struct agg_config){ .resource = &r });
	span.service = s;
	agg__span(agg, &span);
	assert_int_equal(agg__snapshot(agg, m, 1, 1), 0);
	n = resource__of(&r, s, want);
	assert_int_equal(m->resources[0].n_attrs, n);
	for (uint32_t i = 0; i < n; i++) {
		assert_string_equal(m->resources[0].attrs[i].key, want[i].key);
		assert_string_equal(m->resources[0].attrs[i].str, want[i].value);
	}
	agg__free(agg);
	resource_attrs__free(&r);
	assert_string_equal(m->resources[0].attrs[n - 1].key, "zone"); /* a copy */
	metrics__put(m);
	service__put(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_the_host),     cmocka_unit_test(configured),
		cmocka_unit_test(percent),         cmocka_unit_test(bounded),
		cmocka_unit_test(of_the_place),    cmocka_unit_test(out_of_memory),
		cmocka_unit_test(same_in_metrics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
