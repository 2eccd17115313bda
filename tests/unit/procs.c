// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What records do to the table, which of the processes in it are targets, and its bounds. */
#include <errno.h>

#include "procs_fixture.h"

/* ---- records and rules ---- */

static void test_fork(void **state)
{
	const struct selection exclude = { PIDS(20) };
	struct procs *p;

	born(10, 1, "/opt/x");
	born(20, 10, "/opt/x"); /* its record is on its way */
	p = make(&by_exe, &exclude);
	procs__scan(p);
	/* Believed without a look: there is no /proc/11. */
	event(p, RED_EV_FORK, 11, 10);
	assert_int_equal(reasons(p, 11), SELECT_EXE | SELECT_INHERITED);
	assert_int_equal(last_announced, 11);
	assert_ptr_equal(procs__service(p, 11), procs__service(p, 10));
	event(p, RED_EV_FORK, 12, 11);
	assert_int_equal(reasons(p, 12), SELECT_EXE | SELECT_INHERITED);
	event(p, RED_EV_FORK, 20, 10);
	assert_int_equal(reasons(p, 20), 0);
	event(p, RED_EV_FORK, OWN, 10);
	byte[OWN] = 0;
	assert_null(procs__find(p, OWN));
	/* The parent is no target any more when its fork's record is handled. */
	put_link(10, "exe", "/bin/y");
	event(p, RED_EV_EXEC, 10, 0);
	born(13, 10, "/bin/y");
	born(14, 10, "/opt/x");
	byte[10] = 1;
	event(p, RED_EV_FORK, 13, 10);
	byte[10] = 1;
	event(p, RED_EV_FORK, 14, 10);
	byte[10] = 0;
	assert_int_equal(reasons(p, 13), 0);
	assert_int_equal(reasons(p, 14), SELECT_EXE);
	/* A parent that has ended, a parent that is its own child, nobody's child. */
	event(p, RED_EV_EXIT, 12, 0);
	byte[12] = 1;
	event(p, RED_EV_FORK, 15, 12);
	byte[12] = 0;
	assert_int_equal(reasons(p, 15), SELECT_EXE | SELECT_INHERITED);
	event(p, RED_EV_FORK, 16, 16);
	event(p, RED_EV_EXIT, 15, 0);
	event(p, RED_EV_FORK, 15, 15);
	assert_int_equal(reasons(p, 15), 0);
	event(p, RED_EV_FORK, 17, 4711);
	assert_int_equal(reasons(p, 16) | reasons(p, 17), 0);
	procs__free(p);
}

struct exec_case {
	const char *what;
	const struct selection *include, *exclude;
	bool inherited; /* 11, a child of 10, executes; else 10 itself */
	const char *exe, *cgroup;
	bool holds; /* the listening socket is still open */
	uint32_t reasons;
};

static const struct selection no_evil = { .exes = STRS("/bin/evil") };
static const struct selection no_jail = { .cgroups = STRS("/jail") };
static const struct selection no_ssh = { PORTS(80) };
static const struct selection exe_and_pid = { PIDS(10), .exes = STRS("/opt/*") };

static const struct exec_case exec_cases[] = {
	{ "exe to exe", &by_exe, &none, false, "/opt/y", "/", false, SELECT_EXE },
	{ "exe to another", &by_exe, &none, false, "/bin/y", "/", false, 0 },
	{ "inherited exe to another", &by_exe, &none, true, "/bin/y", "/", false, 0 },
	{ "pid stays", &by_pid, &none, false, "/bin/y", "/", false, SELECT_PID },
	{ "inherited pid stays", &by_pid, &none, true, "/bin/y", "/", false,
	  SELECT_PID | SELECT_INHERITED },
	{ "exe goes, pid stays", &exe_and_pid, &none, true, "/bin/y", "/", false,
	  SELECT_PID | SELECT_INHERITED },
	{ "exclude wins over pid", &by_pid, &no_evil, true, "/bin/evil", "/", false, 0 },
	{ "exclude wins over all", &all, &no_evil, false, "/bin/evil", "/", false, 0 },
	{ "exclude by cgroup", &all, &no_jail, false, "/bin/y", "/jail/x", false, 0 },
	{ "exclude by port", &all, &no_ssh, false, "/bin/y", "/", true, 0 },
	{ "all stays", &all, &no_evil, true, "/bin/y", "/", false, SELECT_ALL },
	{ "cgroup stays", &by_cgroup, &none, false, "/bin/y", "/web", false, SELECT_CGROUP },
	{ "cgroup left", &by_cgroup, &none, false, "/bin/y", "/", false, 0 },
	{ "port held", &by_port, &none, false, "/bin/y", "/", true, SELECT_PORT },
	{ "port closed", &by_port, &none, false, "/bin/y", "/", false, 0 },
	{ "port closed, the same program", &by_port, &none, false, "/opt/x", "/", false, 0 },
	{ "inherited port held", &by_port, &none, true, "/bin/y", "/", true, SELECT_PORT },
	{ "inherited port closed", &by_port, &none, true, "/bin/y", "/", false, 0 },
};

static void run_exec_case(const struct exec_case *c)
{
	uint32_t pid = c->inherited ? 11 : 10;
	bool port = c->include->n_ports;
	char cgroup[64];
	struct procs *p;

	born(10, 1, "/opt/x");
	put(10, "cgroup", "0::/web\n");
	if (port)
		listens(10);
	p = make(c->include, c->exclude);
	procs__scan(p);
	if (!reasons(p, 10))
		fail_msg("%s: 10 does not match", c->what);
	if (c->inherited)
		event(p, RED_EV_FORK, 11, 10);
	vanish(pid);
	born(pid, 1, c->exe);
	snprintf(cgroup, sizeof(cgroup), "0::%s\n", c->cgroup);
	put(pid, "cgroup", cgroup);
	if (!c->inherited)
		put_stat(pid, "y", 'S', 1, 0, 1010);
	if (c->holds)
		listens(pid);
	event(p, RED_EV_EXEC, pid, 0);
	if (reasons(p, pid) != c->reasons)
		fail_msg("%s: %#x", c->what, reasons(p, pid));
	/* A scan comes to the same result. */
	procs__scan(p);
	if (reasons(p, pid) != c->reasons)
		fail_msg("%s, scanned: %#x", c->what, reasons(p, pid));
	procs__free(p);
	vanish(10);
	vanish(11);
}

static void test_exec(void **state)
{
	for (size_t i = 0; i < N(exec_cases); i++)
		run_exec_case(&exec_cases[i]);
}

/* Processes that were never seen before, and what costs no look at all. */
static void test_exec_unknown(void **state)
{
	struct procs *p = make(&by_exe, NULL);

	born(3, 1, "/opt/x");
	born(4, 1, "/bin/y");
	event(p, RED_EV_EXEC, 3, 0);
	event(p, RED_EV_EXEC, 4, 0);
	event(p, RED_EV_EXEC, 5, 0);
	event(p, RED_EV_EXEC, 0, 0);
	event(p, RED_EV_EXIT, 4, 0);
	assert_int_equal(reasons(p, 3), SELECT_EXE);
	assert_string_equal(name(p, 3), "x");
	assert_int_equal(reasons(p, 4) | reasons(p, 5), 0);
	assert_int_equal(procs__stats(p)->known, 1);
	/* The same program again is no news, another one is. */
	assert_int_equal(announced, 1);
	event(p, RED_EV_EXEC, 3, 0);
	assert_int_equal(announced, 1);
	put_link(3, "exe", "/opt/z");
	event(p, RED_EV_EXEC, 3, 0);
	assert_int_equal(announced, 2);
	assert_string_equal(name(p, 3), "z");
	procs__free(p);
}

static void test_listen(void **state)
{
	const struct selection exclude = { PORTS(22), .exes = STRS("evil") };
	struct procs *p = make(&by_port, &exclude);

	for (uint32_t pid = 3; pid <= 6; pid++)
		born(pid, 1, pid == 4 ? "/bin/evil" : "/bin/x");
	event(p, RED_EV_LISTEN, 3, 80);
	event(p, RED_EV_LISTEN, 4, 80);
	event(p, RED_EV_LISTEN, 5, 22);
	event(p, RED_EV_LISTEN, 6, 81); /* the rules have changed since */
	event(p, RED_EV_LISTEN, 7, 80); /* gone */
	byte[7] = 0;
	assert_int_equal(reasons(p, 3), SELECT_PORT);
	assert_int_equal(procs__find(p, 3)->port, 80);
	assert_int_equal(reasons(p, 4) | reasons(p, 5) | reasons(p, 6) | reasons(p, 7), 0);
	assert_int_equal(procs__stats(p)->known, 4);
	/* Its child keeps the port until it executes something. */
	event(p, RED_EV_FORK, 8, 3);
	assert_int_equal(reasons(p, 8), SELECT_PORT | SELECT_INHERITED);
	born(8, 3, "/bin/tool");
	event(p, RED_EV_EXEC, 8, 0);
	assert_int_equal(reasons(p, 8), 0);
	procs__free(p);
}

/* What it has under way is nobody's any more, unless it has ended. */
static void test_dropped(void **state)
{
	const struct selection no_exe = { .exes = STRS("/opt/*") };
	struct procs *p = make(&all, NULL);

	born(3, 1, "/opt/x");
	born(4, 1, "/bin/y");
	procs__scan(p);
	procs__reselect(p, &all, NULL, NULL);
	assert_int_equal(n_dropped, 0);
	procs__reselect(p, &all, &no_exe, NULL);
	assert_int_equal(n_dropped, 1);
	assert_int_equal(last_dropped, 3);
	assert_true(procs__is_dropped(p, 3));
	assert_false(procs__is_dropped(p, 4));
	/* Back again it is announced again: the kernel side has forgotten what it knew of it. */
	procs__reselect(p, &all, NULL, NULL);
	assert_false(procs__is_dropped(p, 3));
	assert_int_equal(last_announced, 3);
	assert_int_equal(announced, 3);
	put_link(4, "exe", "/opt/z");
	procs__reselect(p, &by_exe, NULL, NULL);
	event(p, RED_EV_EXIT, 3, 0);
	vanish(4);
	procs__scan(p);
	assert_int_equal(n_dropped, 1);
	assert_false(procs__is_dropped(p, 3) || procs__is_dropped(p, 4));
	procs__free(p);
}

/* The kernel side has marked them by itself, for a moment. */
static void test_dropped_after_mark(void **state)
{
	const struct selection exclude = { PORTS(22), PIDS(5) };
	struct procs *p; /* 5 is there, its record is on its way */

	for (uint32_t pid = 3; pid <= 7; pid++)
		born(pid, 1, pid == 3 ? "/opt/x" : "/bin/x");
	p = make_at(root, &by_exe, &exclude, NULL, 4);
	event(p, RED_EV_EXEC, 3, 0);
	event(p, RED_EV_EXEC, 4, 0);
	assert_int_equal(procs__stats(p)->known, 1);
	event(p, RED_EV_LISTEN, 4, 22); /* selected by nothing */
	assert_int_equal(last_dropped, 4);
	assert_true(procs__is_dropped(p, 4));
	event(p, RED_EV_FORK, 5, 3); /* excluded itself */
	assert_int_equal(last_dropped, 5);
	assert_int_equal(reasons(p, 4) | reasons(p, 5), 0);
	event(p, RED_EV_LISTEN, 3, 22); /* selected by another rule */
	assert_int_equal(last_dropped, 3);
	event(p, RED_EV_LISTEN, 6, 22);
	event(p, RED_EV_LISTEN, 7, 22); /* no room to remember it: nothing else is lost */
	assert_int_equal(reasons(p, 3) | reasons(p, 6) | reasons(p, 7), 0);
	assert_int_equal(procs__stats(p)->known, 4);
	assert_int_equal(procs__stats(p)->evicted + procs__stats(p)->refused, 0);
	procs__gc(p, now + PROCS_GRACE_NS);
	assert_int_equal(procs__stats(p)->known, 0);
	procs__free(p);
}

static void test_cgroup(void **state)
{
	const struct selection exclude = { .cgroups = STRS("/web/jail") };
	struct procs *p = make(&by_cgroup, &exclude);

	born(3, 1, "/bin/x");
	event(p, RED_EV_CGROUP, 3, 0);
	assert_int_equal(reasons(p, 3), 0);
	put(3, "cgroup", "1:cpu:/\n0::/web/a\n");
	event(p, RED_EV_CGROUP, 3, 0);
	assert_int_equal(reasons(p, 3), SELECT_CGROUP);
	put(3, "cgroup", "0::/web/jail\n");
	event(p, RED_EV_CGROUP, 3, 0);
	assert_int_equal(reasons(p, 3), 0);
	put(3, "cgroup", "0::/web\n");
	event(p, RED_EV_CGROUP, 3, 0);
	assert_int_equal(reasons(p, 3), SELECT_CGROUP);
	assert_int_equal(announced, 2);
	procs__free(p);
}

static void test_reselect(void **state)
{
	const struct str_list services = STRS("nonsense", "/opt/*=", "x=shop", "*=other");
	struct procs *p;

	born(10, 1, "/bin/sh");
	p = make(&exe_and_pid, NULL);
	born(11, 10, "/bin/tool");
	born(12, 1, "/opt/x");
	born(13, 1, "/bin/late");
	procs__scan(p);
	assert_int_equal(procs__stats(p)->targets, 3);
	assert_int_equal(announced, 3);
	/* Only names change. */
	procs__reselect(p, &exe_and_pid, NULL, &services);
	assert_string_equal(name(p, 12), "shop");
	assert_string_equal(name(p, 11), "other");
	assert_int_equal(announced, 6);
	/* One pid is excluded; its children stay. */
	procs__reselect(p, &exe_and_pid, &by_pid, NULL);
	assert_int_equal(reasons(p, 10), 0);
	assert_int_equal(reasons(p, 11), SELECT_PID | SELECT_INHERITED);
	/* The pid rule goes, and with it what was inherited; nothing is forgotten. */
	procs__reselect(p, &by_exe, NULL, NULL);
	assert_int_equal(reasons(p, 10) | reasons(p, 11), 0);
	assert_int_equal(reasons(p, 12), SELECT_EXE);
	assert_string_equal(name(p, 12), "x");
	assert_string_equal(name(p, 11), "tool");
	assert_int_equal(procs__stats(p)->known, 3);
	/* Everything, but one. */
	procs__reselect(p, &all, &by_exe, NULL);
	assert_int_equal(reasons(p, 10), SELECT_ALL);
	assert_int_equal(reasons(p, 13), SELECT_ALL);
	assert_int_equal(reasons(p, 12), 0);
	procs__reselect(p, NULL, NULL, NULL);
	assert_int_equal(procs__stats(p)->targets, 0);
	procs__free(p);
}

/* A server that closed its listener serves its last connections over a SIGHUP. */
static void test_reselect_port(void **state)
{
	struct procs *p = make(&by_port, NULL);

	born(3, 1, "/bin/x");
	event(p, RED_EV_LISTEN, 3, 80);
	procs__reselect(p, &by_port, NULL, NULL);
	assert_int_equal(reasons(p, 3), SELECT_PORT);
	procs__reselect(p, &by_exe, NULL, NULL);
	assert_int_equal(reasons(p, 3), 0);
	procs__free(p);
}

static void test_check(void **state)
{
	static uint32_t pids[1];
	const struct selection s = { .pids = pids, .n_pids = 1 };
	static const struct {
		uint32_t pid;
		const char *err;
	} t[] = { { 3, NULL },
		  { 4711, "no process with pid 4711" },
		  { 4, "pid 4 is a thread of process 3" },
		  { 36, "pid 36 is a kernel thread" },
		  { OWN, "pid 99 is redeye itself" } };
	struct procs *p = make(&s, NULL);
	char err[128];

	born(3, 1, "/bin/x");
	born(4, 1, "/bin/x");
	born(OWN, 1, "/bin/x");
	put(4, "status", "Name:\tx\nTgid:\t3\n");
	put_stat(36, "kworker", 'S', 2, 0x00200040, 50);
	for (size_t i = 0; i < N(t); i++) {
		pids[0] = t[i].pid;
		assert_int_equal(procs__check(p, err, sizeof(err)), t[i].err ? -ESRCH : 0);
		if (t[i].err)
			assert_string_equal(err, t[i].err);
	}
	procs__free(p);
}

/* ---- life of the table ---- */

static void test_exit_and_gc(void **state)
{
	struct procs *p = make(&by_exe, NULL);
	struct service *s;

	born(3, 1, "/opt/x");
	procs__scan(p);
	s = procs__service(p, 3);
	event(p, RED_EV_EXIT, 3, 256);
	vanish(3);
	assert_int_equal(reasons(p, 3), 0);
	assert_ptr_equal(procs__service(p, 3), s); /* a late record */
	procs__gc(p, now + PROCS_GRACE_NS - 1);
	assert_non_null(procs__find(p, 3));
	procs__gc(p, now + PROCS_GRACE_NS);
	assert_null(procs__find(p, 3));
	/* The pid's next owner is not the old one. */
	born(4, 1, "/opt/y");
	event(p, RED_EV_EXEC, 4, 0);
	event(p, RED_EV_EXIT, 4, 0);
	put_stat(4, "z", 'S', 1, 0, 5555);
	put_link(4, "exe", "/opt/z");
	event(p, RED_EV_EXEC, 4, 0);
	assert_string_equal(name(p, 4), "z");
	event(p, RED_EV_FORK, 5, 4);
	event(p, RED_EV_EXIT, 5, 0);
	event(p, RED_EV_FORK, 5, 4);
	assert_int_equal(reasons(p, 5), SELECT_EXE | SELECT_INHERITED);
	/* ... nor has its name. */
	born(5, 4, "/opt/tool");
	event(p, RED_EV_EXEC, 5, 0);
	assert_string_equal(name(p, 5), "tool");
	event(p, RED_EV_EXIT, 5, 0);
	event(p, RED_EV_FORK, 5, 4);
	assert_string_equal(name(p, 5), "z");
	procs__free(p);
	procs__free(NULL);
}

static void test_bounded(void **state)
{
	const struct procs_stats *st;
	struct procs *p;

	born(10, 1, "/bin/sh");
	p = make_at(root, &by_pid, NULL, NULL, 64);
	st = procs__stats(p);
	procs__scan(p);
	for (uint32_t i = 0; i < 10000; i++) {
		event(p, RED_EV_FORK, 1000 + i, 10);
		assert_string_equal(name(p, 1000 + i), "sh");
		event(p, RED_EV_EXIT, 1000 + i, 0);
		assert_true(st->known <= 64);
	}
	assert_int_equal(st->targets, 1);
	assert_int_equal(st->evicted, 10000 - 63);
	assert_int_equal(st->refused, 0);
	/* Nobody ends: targets are not pushed out, the rest is refused. */
	for (uint32_t i = 0; i < 10000; i++)
		event(p, RED_EV_FORK, 20000 + i, 10);
	assert_int_equal(st->known, 64);
	assert_int_equal(st->targets, 64);
	assert_int_equal(st->refused, 10000 - 63);
	assert_int_equal(byte[10], 1);
	assert_int_equal(byte[29999], 0);
	assert_string_equal(name(p, 29999), "unknown_service");
	assert_int_equal(st->known, 64);
	procs__free(p);
}

/* The parent has ended and is the next to be evicted when its child is added. */
static void test_evict_not_parent(void **state)
{
	struct procs *p;

	born(10, 1, "/bin/sh");
	p = make_at(root, &by_pid, NULL, NULL, 2);
	procs__scan(p);
	event(p, RED_EV_FORK, 11, 10);
	event(p, RED_EV_EXIT, 10, 0);
	event(p, RED_EV_EXIT, 11, 0);
	byte[10] = 1;
	event(p, RED_EV_FORK, 12, 10);
	byte[10] = 0;
	assert_int_equal(reasons(p, 12), SELECT_PID | SELECT_INHERITED);
	assert_non_null(procs__find(p, 10));
	assert_null(procs__find(p, 11));
	procs__free(p);
	p = make_at(root, &by_pid, NULL, NULL, 1);
	procs__scan(p);
	event(p, RED_EV_EXIT, 10, 0);
	byte[10] = 1;
	event(p, RED_EV_FORK, 13, 10);
	byte[10] = 0;
	assert_int_equal(reasons(p, 13), 0);
	assert_int_equal(procs__stats(p)->refused, 1);
	procs__free(p);
}

/* The kernel side has no byte for its number: it matches and is no target, counted once. */
static void test_no_byte(void **state)
{
	const struct selection both = { PIDS(10, 11) };
	struct procs *p;

	born(10, 1, "/opt/x");
	born(11, 1, "/opt/x");
	p = make(&both, NULL);
	no_byte = 11;
	procs__scan(p);
	procs__scan(p);
	assert_int_equal(procs__stats(p)->targets, 1);
	assert_int_equal(procs__stats(p)->refused, 1);
	assert_int_equal(announced, 1);
	no_byte = 0;
	procs__free(p);
}

/* Random records about few pids: counts stay right, nothing is leaked or lost. */
static void test_random(void **state)
{
	static const enum red_ev_kind kinds[] = { RED_EV_FORK,   RED_EV_EXEC,   RED_EV_EXIT,
						  RED_EV_LISTEN, RED_EV_CGROUP, RED_EV_DATA };
	const struct selection include = { PIDS(10), PORTS(80), .exes = STRS("/opt/*") };
	struct procs *p;
	uint32_t x = 7;

	for (uint32_t pid = 2; pid < 20; pid++)
		born(pid, pid / 2, pid % 3 ? "/opt/x" : "/bin/y");
	p = make_at(root, &include, &no_evil, NULL, 16);
	for (int i = 0; i < 20000; i++) {
		uint64_t targets = 0;

		x = x * 1664525 + 1013904223;
		event(p, kinds[(x >> 8) % N(kinds)], 2 + (x >> 16) % 30,
		      x & 1 ? 80 : 2 + (x >> 24) % 30);
		if (i % 50 == 0)
			procs__gc(p, now += SEC);
		if (i % 500 == 0)
			procs__scan(p);
		procs__service(p, (x >> 20) % 40);
		for (uint32_t pid = 0; pid < 100; pid++)
			targets += procs__find(p, pid) && procs__find(p, pid)->target;
		assert_int_equal(targets, procs__stats(p)->targets);
		assert_true(procs__stats(p)->known <= 16);
	}
	procs__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fork),
		TEST(test_exec),
		TEST(test_exec_unknown),
		TEST(test_listen),
		TEST(test_dropped),
		TEST(test_dropped_after_mark),
		TEST(test_cgroup),
		TEST(test_reselect),
		TEST(test_reselect_port),
		TEST(test_check),
		TEST(test_exit_and_gc),
		TEST(test_bounded),
		TEST(test_evict_not_parent),
		TEST(test_no_byte),
		TEST(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
