// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who has which place, how long, and what is told of it; and that what processes take of them they
 * give back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "failing.h"
#include "agent/shares.c"
#undef malloc
#undef calloc
#undef realloc
#undef strdup
#undef free

#include "k8s_identity.h"
#include "k8s_pods.h"
#include "k8s_table.h"
#include "metrics.h"
#include "procs_fixture.h"

/* ---- the kernel side ---- */

static uint64_t counts[RED_SHARES];
static uint32_t begun; /* the place that began anew last */

static uint64_t count_of(void *arg, uint32_t at)
{
	return counts[at];
}

static void on_begin(void *arg, uint32_t at)
{
	begun = at;
}

static struct shares *new (void)
{
	struct shares_ops ops = { .refused = count_of, .begin = on_begin };

	memset(counts, 0, sizeof(counts));
	begun = 0;
	return shares__new(&ops);
}

/* ---- processes ---- */

static uint32_t rename_to(struct shares *sh, uint32_t from, const char *name, const char *namespace,
			  const char *instance)
{
	struct service *s = service__get(name, namespace, instance);
	uint32_t share = shares__move(sh, from, s);

	service__put(s);
	return share;
}

static uint32_t starts(struct shares *sh, const char *name)
{
	return rename_to(sh, 0, name, "", "");
}

static void ends(struct shares *sh, uint32_t share)
{
	assert_int_equal(shares__move(sh, share, NULL), 0);
}

/* "s1" to "s1023", each with a process at the place of its number. */
static struct shares *crowded(void)
{
	struct shares *sh = new ();
	char s[16];

	for (uint32_t i = 1; i < RED_SHARES; i++) {
		snprintf(s, sizeof(s), "s%u", i);
		assert_int_equal(starts(sh, s), i);
	}
	return sh;
}

/* ---- what is told ---- */

/* "a=1 b=2", in the order of the places. */
static void expect(const struct shares *sh, const char *want)
{
	struct metrics *m = metrics__new(1);
	struct self_builder b = { m, 1 };
	char got[256] = "";
	size_t len = 0;

	shares__metrics(sh, &b);
	assert_true(metrics__ok(m));
	assert_int_equal(m->n_families, 1);
	for (uint32_t i = 0; i < m->families[0].n_points; i++) {
		const struct metric_point *p = &m->families[0].points[i];

		len += snprintf(got + len, sizeof(got) - len, "%s%s=%.0f", i ? " " : "",
				p->attrs[0].str, p->value);
	}
	assert_string_equal(got, want);
	metrics__put(m);
}

/* ---- places ---- */

static void a_service_has_one(void **state)
{
	struct shares *sh = new ();

	assert_int_equal(starts(sh, "shop"), 1);
	assert_int_equal(starts(sh, "stock"), 2);
	assert_int_equal(rename_to(sh, 0, "shop", "", "pod-1"), 1);
	assert_int_equal(rename_to(sh, 0, "shop", "eu", "pod-1"), 3);
	assert_int_equal(starts(sh, "stock"), 2);
	assert_string_equal(shares__name(sh, 1), "shop");
	assert_string_equal(shares__name(sh, 3), "eu/shop");
	assert_string_equal(shares__name(sh, 0), "unknown");
	assert_string_equal(shares__name(sh, 4), "unknown");
	shares__free(sh);
}

static void the_dead_give_way(void **state)
{
	struct shares *sh = crowded();

	counts[7] = 100;
	expect(sh, "s7=100");
	ends(sh, 7);
	ends(sh, 5);
	expect(sh, "s7=100");
	begun = 0;
	assert_int_equal(starts(sh, "new"), 7);
	assert_int_equal(begun, 7);
	assert_string_equal(shares__name(sh, 7), "new");
	expect(sh, "");
	counts[7] += 3;
	expect(sh, "new=3");
	assert_int_equal(starts(sh, "newer"), 5);
	/* Who comes back is a newcomer. */
	ends(sh, 6);
	assert_int_equal(starts(sh, "s7"), 6);
	expect(sh, "new=3");
	shares__free(sh);
}

/* As long as nobody wants it, who comes back finds what it had. */
static void who_comes_back_in_time(void **state)
{
	struct shares *sh = crowded();

	counts[7] = 100;
	ends(sh, 7);
	ends(sh, 5);
	begun = 0;
	assert_int_equal(starts(sh, "s7"), 7);
	assert_int_equal(begun, 0);
	expect(sh, "s7=100");
	/* That counts as use. */
	ends(sh, 7);
	assert_int_equal(starts(sh, "new"), 5);
	shares__free(sh);
}

static void the_living_stay(void **state)
{
	struct shares *sh = crowded();
	char s[16];

	assert_int_equal(starts(sh, "s7"), 7);
	ends(sh, 7);
	ends(sh, 9);
	for (uint32_t i = 0; i < 3000; i++) {
		snprintf(s, sizeof(s), "job%u", i);
		assert_int_equal(starts(sh, s), 9);
		ends(sh, 9);
	}
	assert_string_equal(shares__name(sh, 7), "s7");
	assert_int_equal(starts(sh, "s7"), 7);
	shares__free(sh);
}

static void more_than_there_are(void **state)
{
	struct shares *sh = crowded();
	uint32_t at = 1 + hash("one-more") % 1023, first, second;
	char s[16], want[64];

	snprintf(s, sizeof(s), "s%u", at);
	snprintf(want, sizeof(want), "%s=10", s);
	counts[at] = 10;
	expect(sh, want);
	first = starts(sh, "one-more");
	second = starts(sh, "one-more");
	assert_int_equal(shares__place(first), at);
	assert_int_equal(shares__place(second), at);
	assert_string_equal(shares__name(sh, at), "other");
	assert_int_equal(starts(sh, "s1023"), 1023);
	expect(sh, "");
	counts[at] += 5;
	expect(sh, "other=5");
	/* Its owner's processes may end: the guests' are there. */
	ends(sh, at);
	ends(sh, 1 + at % 1023);
	assert_int_equal(starts(sh, "new"), 1 + at % 1023);
	assert_int_equal(starts(sh, s), at);
	/* Alone again it begins at 0, and what was told of others stays. */
	ends(sh, first);
	expect(sh, "other=5");
	ends(sh, second);
	expect(sh, "other=5");
	assert_string_equal(shares__name(sh, at), s);
	counts[at] += 2;
	snprintf(want, sizeof(want), "%s=2 other=5", s);
	expect(sh, want);
	shares__free(sh);
}

/* Guests move to a place of their own when one of them is named again. */
static void a_guest_leaves(void **state)
{
	struct shares *sh = crowded();
	uint32_t guest = starts(sh, "one-more"), at = shares__place(guest);

	ends(sh, 1 + at % 1023);
	assert_int_equal(rename_to(sh, guest, "one-more", "", ""), 1 + at % 1023);
	assert_string_not_equal(shares__name(sh, at), "other");
	assert_int_equal(sh->places[at].processes, 1);
	shares__free(sh);
}

static void no_memory(void **state)
{
	long live = failing_live;
	struct shares *sh;
	uint32_t share;

	failing_after = 0;
	assert_null(new ());
	failing_after = 1;
	sh = new ();
	share = starts(sh, "shop");
	assert_in_range(shares__place(share), 1, RED_SHARES - 1);
	assert_string_equal(shares__name(sh, shares__place(share)), "other");
	failing_after = -1;
	assert_int_equal(starts(sh, "shop"), 1);
	ends(sh, share);
	assert_string_equal(shares__name(sh, shares__place(share)), "unknown");
	shares__free(sh);
	assert_int_equal(failing_live, live);
}

static void only_what_was_refused(void **state)
{
	struct shares *sh = new ();

	starts(sh, "shop");
	starts(sh, "stock");
	counts[0] = 3;
	counts[2] = 50021;
	expect(sh, "unknown=3 stock=50021");
	shares__free(sh);
}

/* Two series of one name would be refused. */
static void services_of_these_names(void **state)
{
	struct shares *sh = new ();

	starts(sh, "unknown");
	starts(sh, "other");
	sh->others = 5;
	counts[0] = 1;
	counts[1] = 2;
	counts[2] = 10;
	expect(sh, "unknown=3 other=15");
	shares__free(sh);
}

/* ---- processes give back what they took ---- */

static uint32_t set_share(void *arg, uint32_t tgid, uint32_t had, const struct service *s)
{
	return shares__move(arg, had, s);
}

static struct procs *procs_with(struct shares *sh, const struct selection *include,
				const struct k8s_table *pods, uint32_t max)
{
	static const struct k8s_naming by_default;
	struct procs_config c = {
		.include = include,
		.pods = pods,
		.naming = &by_default,
		.own_tgid = OWN,
		.max_procs = max,
		.proc_root = root,
		.ops = { .set_target = set_target, .set_share = set_share, .arg = sh },
	};
	struct procs *p = procs__new(&c);

	assert_non_null(p);
	return p;
}

static uint32_t all_taken(const struct shares *sh)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < RED_SHARES; i++)
		n += sh->places[i].processes;
	return n;
}

static uint32_t taken(const struct shares *sh, const char *s)
{
	return sh->places[find(sh, s, hash(s))].processes;
}

static void execs(struct procs *p, uint32_t pid, const char *exe)
{
	vanish(pid);
	born(pid, 1, exe);
	event(p, RED_EV_EXEC, pid, 0);
}

static void over_a_life(void **state)
{
	struct shares *sh = new ();
	struct procs *p = procs_with(sh, &by_exe, NULL, 0);

	born(10, 1, "/opt/x");
	procs__scan(p);
	procs__scan(p);
	assert_int_equal(taken(sh, "x"), 1);
	born(11, 10, "/opt/x");
	event(p, RED_EV_FORK, 11, 10);
	event(p, RED_EV_FORK, 11, 10);
	assert_int_equal(taken(sh, "x"), 2);
	execs(p, 11, "/opt/y");
	assert_int_equal(taken(sh, "x"), 1);
	assert_int_equal(taken(sh, "y"), 1);
	execs(p, 11, "/opt/y");
	assert_int_equal(all_taken(sh), 2);
	/* It is not watched any more, and then again. */
	execs(p, 11, "/bin/y");
	assert_int_equal(all_taken(sh), 1);
	execs(p, 11, "/opt/z");
	assert_int_equal(taken(sh, "z"), 1);
	/* Its end is told twice, or not at all. */
	event(p, RED_EV_EXIT, 11, 0);
	event(p, RED_EV_EXIT, 11, 0);
	assert_int_equal(all_taken(sh), 1);
	vanish(10);
	vanish(11);
	procs__scan(p);
	assert_int_equal(all_taken(sh), 0);
	procs__gc(p, now + 10 * SEC);
	assert_int_equal(all_taken(sh), 0);
	procs__free(p);
	shares__free(sh);
}

static void ends_in_between(uint32_t tgid)
{
	vanish(tgid);
}

static void over_failures(void **state)
{
	struct shares *sh = new ();
	struct procs *p = procs_with(sh, &by_exe, NULL, 2);

	/* It ends while it is looked at, or cannot be watched. */
	born(10, 1, "/opt/x");
	on_byte = ends_in_between;
	event(p, RED_EV_EXEC, 10, 0);
	on_byte = NULL;
	born(11, 1, "/opt/x");
	no_byte = 11;
	event(p, RED_EV_EXEC, 11, 0);
	no_byte = 0;
	assert_int_equal(all_taken(sh), 0);
	/* Its data came first: the child becomes a target, the stranger is forgotten. */
	procs__gc(p, now + 10 * SEC);
	born(12, 1, "/opt/x");
	procs__service(p, 12);
	event(p, RED_EV_EXEC, 12, 0);
	born(13, 1, "/bin/y");
	procs__service(p, 13);
	assert_int_equal(taken(sh, "x"), 1);
	assert_int_equal(taken(sh, "y"), 1);
	/* There is no room but that of the stranger. */
	born(14, 1, "/opt/z");
	event(p, RED_EV_EXEC, 14, 0);
	born(15, 1, "/opt/w");
	event(p, RED_EV_EXEC, 15, 0);
	assert_int_equal(taken(sh, "z"), 1);
	assert_int_equal(all_taken(sh), 2);
	/* The number has a new owner, and nobody told. */
	put_stat(14, "z", 'S', 1, 0, 4711);
	event(p, RED_EV_EXEC, 14, 0);
	assert_int_equal(all_taken(sh), 2);
	procs__free(p);
	assert_int_equal(all_taken(sh), 0);
	shares__free(sh);
}

static void over_other_names(void **state)
{
	const struct str_list names = STRS("/opt/x=shop");
	struct k8s_table *pods = k8s_table__new(16, 1 << 20);
	struct shares *sh = new ();
	struct procs *p = procs_with(sh, &by_exe, pods, 0);
	char id[CONTAINER_ID_LEN + 1], text[2048];

	snprintf(id, sizeof(id), "%064x", 7);
	snprintf(text, sizeof(text), "0::/kubepods/burstable/pod" UID1 "/%s\n", id);
	born(10, 1, "/opt/x");
	put(10, "cgroup", text);
	procs__scan(p);
	event(p, RED_EV_FORK, 11, 10);
	assert_int_equal(taken(sh, "x"), 2);
	snprintf(text, sizeof(text),
		 POD("%s", "%s", "%s", ONE_CONTAINER,
		     "'containerStatuses':[" STATUS("web", "%s") "]"),
		 UID1, "web-1", OWNER("StatefulSet", "db"), id);
	assert_int_equal(k8s_table__put(pods, pod_of(text)), 0);
	procs__pods_changed(p);
	procs__pods_changed(p);
	assert_int_equal(taken(sh, "shop/db"), 2);
	assert_int_equal(all_taken(sh), 2);
	event(p, RED_EV_EXIT, 11, 0);
	procs__reselect(p, &by_exe, NULL, &names);
	assert_int_equal(taken(sh, "shop/shop"), 1);
	assert_int_equal(all_taken(sh), 1);
	procs__reselect(p, &by_pid, &by_exe, NULL);
	assert_int_equal(all_taken(sh), 0);
	procs__free(p);
	shares__free(sh);
	k8s_table__free(pods);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service_has_one),
		cmocka_unit_test(the_dead_give_way),
		cmocka_unit_test(who_comes_back_in_time),
		cmocka_unit_test(the_living_stay),
		cmocka_unit_test(more_than_there_are),
		cmocka_unit_test(a_guest_leaves),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(only_what_was_refused),
		cmocka_unit_test(services_of_these_names),
		TEST(over_a_life),
		TEST(over_failures),
		TEST(over_other_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
