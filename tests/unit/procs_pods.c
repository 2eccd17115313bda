// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Processes in pods: what they are called, before and after the pod is known, and which of them
 * are watched. */
#include "procs_fixture.h"

#include "k8s_identity.h"
#include "k8s_pods.h"
#include "k8s_table.h"
#include "procs.h"

static struct k8s_table *pods;
static const struct k8s_naming by_default;
static uint32_t own; /* of this container, counted from 1 */

static const char *container_id(uint32_t n)
{
	static char id[CONTAINER_ID_LEN + 1];

	snprintf(id, sizeof(id), "%064x", n);
	return id;
}

static void in_pod(uint32_t pid, const char *uid, uint32_t container)
{
	char text[256];

	snprintf(text, sizeof(text), "0::/kubepods/burstable/pod%s/%s\n", uid,
		 container_id(container));
	put(pid, "cgroup", text);
}

static bool is_own(void *arg, const struct container *c)
{
	return own && !strcmp(c->id, container_id(own));
}

static struct procs *make_in(const struct selection *include, const struct selection *exclude,
			     const struct str_list *services)
{
	struct procs_config c = {
		.include = include,
		.exclude = exclude,
		.services = services,
		.pods = pods,
		.naming = &by_default,
		.own_tgid = OWN,
		.proc_root = root,
		.ops = { .set_target = set_target, .selected = selected, .is_own = is_own },
	};
	struct procs *p = procs__new(&c);

	assert_non_null(p);
	return p;
}

/* A pod with one container, whose id is n; `more` of its metadata. */
static void put_pod(const char *uid, const char *name, uint32_t n, const char *more)
{
	char json[2048];

	snprintf(json, sizeof(json),
		 POD("%s", "%s", "%s", ONE_CONTAINER,
		     "'containerStatuses':[" STATUS("web", "%s") "]"),
		 uid, name, more, container_id(n));
	assert_int_equal(k8s_table__put(pods, pod_of(json)), 0);
}

static int set_up_pods(void **state)
{
	pods = k8s_table__new(16, 1 << 20);
	own = 0;
	return pods ? set_up(state) : -1;
}

static int tear_down(void **state)
{
	k8s_table__free(pods);
	return remove_root(state);
}

static void expect(struct procs *p, uint32_t pid, const char *want)
{
	const struct service *s = procs__service(p, pid);
	char got[1024];

	snprintf(got, sizeof(got), "%s|%s|%s", s->name, s->namespace, s->instance);
	if (strcmp(got, want))
		fail_msg("%u: %s, not %s", pid, got, want);
}

static const char *attr(struct procs *p, uint32_t pid, const char *key)
{
	const struct service_attrs *a = procs__service(p, pid)->attrs;

	for (uint32_t i = 0; a && i < a->n; i++)
		if (!strcmp(a->v[i].key, key))
			return a->v[i].value;
	return "";
}

/* ---- names ---- */

static void test_late_pod(void **state)
{
	struct procs *p = make_in(&by_exe, NULL, NULL);
	char instance[128];
	uint32_t before;

	born(10, 1, "/opt/x");
	in_pod(10, UID1, 7);
	procs__scan(p);
	snprintf(instance, sizeof(instance), "x||%s", container_id(7));
	expect(p, 10, instance);
	assert_string_equal(attr(p, 10, "k8s.pod.uid"), UID1);
	event(p, RED_EV_FORK, 11, 10);
	before = announced;
	put_pod(UID1, "web-1", 7, OWNER("StatefulSet", "db"));
	procs__pods_changed(p);
	assert_int_equal(announced, before + 2);
	expect(p, 10, "db|shop|shop.web-1.web");
	assert_ptr_equal(procs__service(p, 10), procs__service(p, 11));
	assert_string_equal(attr(p, 11, "k8s.statefulset.name"), "db");

	/* Nothing new: nobody is told. */
	before = announced;
	procs__pods_changed(p);
	assert_int_equal(announced, before);
	/* Changed, and gone: the last name stays. */
	put_pod(UID1, "web-1", 7, OWNER("StatefulSet", "dc"));
	procs__pods_changed(p);
	expect(p, 10, "dc|shop|shop.web-1.web");
	k8s_table__remove(pods, UID1);
	procs__pods_changed(p);
	expect(p, 10, "dc|shop|shop.web-1.web");
	procs__free(p);
}

/* A label that changes is no other service: two of the same names would be two in /metrics. */
static void test_attributes_change(void **state)
{
	struct procs *p = make_in(&by_exe, NULL, NULL);
	struct service *s;

	born(10, 1, "/opt/x");
	in_pod(10, UID1, 7);
	put_pod(UID1, "web-1", 7, "");
	procs__scan(p);
	s = procs__service(p, 10);
	put_pod(UID1, "web-1", 7, ",'annotations':{'resource.opentelemetry.io/a':'b'}");
	procs__pods_changed(p);
	assert_ptr_equal(procs__service(p, 10), s);
	assert_string_equal(attr(p, 10, "a"), "b");
	procs__free(p);
}

#define ENV(s) s, sizeof(s) - 1

static void test_own_words(void **state)
{
	const struct str_list services = STRS("/opt/named=user's");
	struct procs *p = make_in(&by_exe, NULL, &services);

	put_pod(UID1, "web-1", 7, "");
	for (uint32_t pid = 10; pid < 13; pid++) {
		born(pid, 1, pid == 12 ? "/opt/named" : "/opt/x");
		in_pod(pid, UID1, 7);
	}
	put_bytes(10, "environ", ENV("OTEL_SERVICE_NAME=mine\0"));
	put_bytes(11, "environ",
		  ENV("OTEL_RESOURCE_ATTRIBUTES=service.namespace=its,"
		      "service.instance.id=i\0"));
	procs__scan(p);
	expect(p, 10, "mine|shop|shop.web-1.web");
	expect(p, 11, "web-1|its|i");
	expect(p, 12, "user's|shop|shop.web-1.web");
	assert_string_equal(attr(p, 12, "k8s.pod.name"), "web-1");
	put_pod(UID1, "web-1", 7, OWNER("DaemonSet", "ds"));
	procs__pods_changed(p);
	expect(p, 10, "mine|shop|shop.web-1.web");
	expect(p, 11, "ds|its|i");
	expect(p, 12, "user's|shop|shop.web-1.web");
	/* Without the option, its pod's. */
	procs__reselect(p, &by_exe, NULL, NULL);
	expect(p, 12, "ds|shop|shop.web-1.web");
	procs__free(p);
}

/* An exec is looked at anew: it may have moved. */
static void test_exec_moves(void **state)
{
	struct procs *p;

	put_pod(UID1, "web-1", 7, "");
	born(10, 1, "/bin/runc");
	p = make_in(&by_pid, NULL, NULL);
	procs__scan(p);
	expect(p, 10, "runc||");
	in_pod(10, UID1, 7);
	event(p, RED_EV_EXEC, 10, 0);
	expect(p, 10, "web-1|shop|shop.web-1.web");
	put(10, "cgroup", "0::/\n");
	event(p, RED_EV_EXEC, 10, 0);
	expect(p, 10, "runc||");
	procs__free(p);
}

static void test_no_kubernetes(void **state)
{
	struct procs *p = make(&by_exe, NULL);
	char want[128];

	born(10, 1, "/opt/x");
	put(10, "cgroup", "0::/system.slice/nginx.service\n");
	born(11, 1, "/opt/x");
	in_pod(11, UID1, 7);
	procs__scan(p);
	expect(p, 10, "x||");
	snprintf(want, sizeof(want), "x||%s", container_id(7));
	expect(p, 11, want);
	assert_string_equal(attr(p, 11, "container.id"), container_id(7));
	procs__pods_changed(p);
	procs__free(p);
}

/* ---- who is watched ---- */

static const struct selection shop = { .k8s_namespaces = STRS("sh*") };
static const struct selection other = { .k8s_namespaces = STRS("other") };
static const struct selection gold = { .k8s_labels = STRS("app.kubernetes.io/tier=gold") };
static const struct selection noted = { .k8s_annotations = STRS("redeye.dev/note=a=b") };
static const struct selection web = { .images = STRS("web") };
static const struct selection full = { .images = STRS("reg:5000/team/*") };
static const struct selection tagged = { .images = STRS("*:1.2") };
static const struct selection db = { .images = STRS("db") };

#define GOLD   ",'labels':{'app.kubernetes.io/tier':'gold'}"
#define SILVER ",'labels':{'app.kubernetes.io/tier':'silver'}"
#define NOTED  ",'annotations':{'redeye.dev/note':'a=b'}"
#define YES    ",'annotations':{'redeye.dev/instrument':'true'}"
#define NO     ",'annotations':{'redeye.dev/instrument':'false'}"
#define ODD    ",'annotations':{'redeye.dev/instrument':'perhaps'}"

static const struct rule {
	const struct selection *include, *exclude;
	const char *metadata;
	uint32_t reasons;
} rules[] = {
	{ &shop, &none, "", SELECT_POD },
	{ &other, &none, "", 0 },
	{ &gold, &none, GOLD, SELECT_POD },
	{ &gold, &none, SILVER, 0 },
	{ &gold, &none, "", 0 },
	{ &noted, &none, NOTED, SELECT_POD },
	{ &noted, &none, YES, SELECT_POD },
	{ &noted, &none, ODD, 0 },
	{ &web, &none, "", SELECT_POD },
	{ &full, &none, "", SELECT_POD },
	{ &tagged, &none, "", SELECT_POD },
	{ &db, &none, "", 0 },
	{ &none, &none, YES, SELECT_POD },
	{ &none, &none, ODD, 0 },
	{ &all, &none, NO, 0 },
	{ &all, &none, ODD, SELECT_ALL },
	{ &shop, &none, NO, 0 },
	{ &all, &shop, "", 0 },
	{ &all, &other, "", SELECT_ALL },
	{ &all, &gold, GOLD, 0 },
	{ &all, &noted, NOTED, 0 },
	{ &all, &web, "", 0 },
	{ &none, &shop, YES, 0 },
	{ &by_pid, &shop, "", 0 },
	{ &by_exe, &none, "", SELECT_EXE },
};

static void test_rules(void **state)
{
	for (size_t i = 0; i < N(rules); i++) {
		struct procs *p = make_in(rules[i].include, rules[i].exclude, NULL);

		put_pod(UID1, "web-1", 7, rules[i].metadata);
		born(10, 1, "/opt/x");
		in_pod(10, UID1, 7);
		procs__scan(p);
		if (reasons(p, 10) != rules[i].reasons)
			fail_msg("rule %zu, in a scan: %#x", i, reasons(p, 10));
		event(p, RED_EV_EXEC, 10, 0);
		if (reasons(p, 10) != rules[i].reasons)
			fail_msg("rule %zu, by an exec: %#x", i, reasons(p, 10));
		procs__free(p);
		vanish(10);
		memset(byte, 0, sizeof(byte));
	}
}

/* A pod that comes late, changes its mind, and comes to be excluded. */
static void test_selected_late(void **state)
{
	struct procs *p = make_in(&shop, NULL, NULL);

	born(10, 1, "/opt/x");
	in_pod(10, UID1, 7);
	procs__scan(p);
	assert_int_equal(reasons(p, 10), 0);
	put_pod(UID1, "web-1", 7, "");
	procs__pods_changed(p);
	procs__scan(p);
	assert_int_equal(reasons(p, 10), SELECT_POD);
	expect(p, 10, "web-1|shop|shop.web-1.web");
	event(p, RED_EV_FORK, 11, 10);
	assert_int_equal(reasons(p, 11), SELECT_POD | SELECT_INHERITED);
	put_pod(UID1, "web-1", 7, NO);
	procs__pods_changed(p);
	procs__scan(p);
	assert_int_equal(reasons(p, 10), 0);
	procs__free(p);
}

/* By the pod's UID, before the kubelet has told of the container. */
static void test_selected_early(void **state)
{
	struct procs *p = make_in(&shop, NULL, NULL);

	put_pod(UID1, "web-1", 8, "");
	born(10, 1, "/opt/x");
	in_pod(10, UID1, 7);
	event(p, RED_EV_EXEC, 10, 0);
	assert_int_equal(reasons(p, 10), SELECT_POD);
	expect(p, 10, "web-1|shop|shop.web-1.web");
	procs__free(p);
}

static void test_own_pod(void **state)
{
	struct procs *p = make_in(&all, NULL, NULL);

	put_pod(UID1, "web-1", 7, YES);
	born(10, 1, "/opt/x");
	in_pod(10, UID1, 7);
	own = 7;
	procs__scan(p);
	assert_int_equal(reasons(p, 10), 0);
	own = 8;
	procs__scan(p);
	assert_int_equal(reasons(p, 10), SELECT_ALL | SELECT_POD);
	procs__free(p);
}

#define POD_TEST(f) cmocka_unit_test_setup_teardown(f, set_up_pods, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		POD_TEST(test_late_pod),      POD_TEST(test_attributes_change),
		POD_TEST(test_own_words),     POD_TEST(test_exec_moves),
		POD_TEST(test_no_kubernetes), POD_TEST(test_rules),
		POD_TEST(test_selected_late), POD_TEST(test_selected_early),
		POD_TEST(test_own_pod),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
