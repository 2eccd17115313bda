// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Most tests run on a directory that looks like /proc, so that pids, races and
 * hostile contents can be chosen; the last group uses /proc and real children.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "options.h"
#include "procfs.h"
#include "procs.h"
#include "redeye.h"
#include "select.h"
#include "service.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define STRS(...)                                                                                  \
	{                                                                                          \
		.v = (char *[]){ __VA_ARGS__ }, .n = N(((char *[]){ __VA_ARGS__ }))                \
	}
#define SEC 1000000000ull
#define OWN 99

/* ---- the fake /proc ---- */

static char root[] = "/tmp/redeye-procs-XXXXXX";

static void put_bytes(uint32_t pid, const char *name, const char *text, size_t len)
{
	const char *dir = strchr(name, '/');
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%u", root, pid);
	mkdir(path, 0700);
	if (dir) {
		snprintf(path, sizeof(path), "%s/%u/%.*s", root, pid, (int)(dir - name), name);
		mkdir(path, 0700);
	}
	snprintf(path, sizeof(path), "%s/%u/%s", root, pid, name);
	unlink(path);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	fclose(f);
}

static void put(uint32_t pid, const char *name, const char *text)
{
	put_bytes(pid, name, text, strlen(text));
}

static void put_link(uint32_t pid, const char *name, const char *target)
{
	char path[256];

	put(pid, name, "");
	snprintf(path, sizeof(path), "%s/%u/%s", root, pid, name);
	unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

static void put_stat(uint32_t pid, const char *comm, char state, uint32_t ppid, uint32_t flags,
		     uint32_t start)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "%u (%s) %c %u 1 1 0 -1 %u 0 0 0 0 0 0 0 0 20 0 1 0 %u 0 0 0\n", pid, comm, state,
		 ppid, flags, start);
	put(pid, "stat", text);
}

static void born(uint32_t pid, uint32_t ppid, const char *exe)
{
	const char *base = strrchr(exe, '/');

	put_stat(pid, base ? base + 1 : exe, 'S', ppid, 0, 1000 + pid);
	put_link(pid, "exe", exe);
	put(pid, "cgroup", "0::/user.slice\n");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void vanish(uint32_t pid)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%u", root, pid);
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- what procs.c says to the kernel and to the recorder ---- */

static uint8_t byte[1 << 22];
static uint32_t announced;             /* calls of `selected` */
static uint32_t last_announced;        /* and the tgid of the last */
static void (*on_byte)(uint32_t tgid); /* what happens just before the byte is set */

static void set_target(void *arg, uint32_t tgid, bool on)
{
	if (on && on_byte)
		on_byte(tgid);
	byte[tgid] = on;
}

static void selected(void *arg, uint32_t tgid, const struct proc *p)
{
	assert_non_null(p->service);
	announced++;
	last_announced = tgid;
}

static int setup(void **state)
{
	strcpy(root + strlen(root) - 6, "XXXXXX");
	memset(byte, 0, sizeof(byte));
	announced = last_announced = 0;
	on_byte = NULL;
	return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
	return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct procs *make_at(const char *proc_root, const struct selection *include,
			     const struct selection *exclude, const struct str_list *services,
			     uint32_t max)
{
	struct procs_config c = {
		.include = include,
		.exclude = exclude,
		.services = services,
		.own_tgid = OWN,
		.max_procs = max,
		.proc_root = proc_root,
		.ops = { .set_target = set_target, .selected = selected },
	};
	struct procs *p = procs__new(&c);

	assert_non_null(p);
	return p;
}

static struct procs *make(const struct selection *include, const struct selection *exclude)
{
	return make_at(root, include, exclude, NULL, 0);
}

static uint64_t now = SEC;

static void event(struct procs *p, enum red_ev_kind kind, uint32_t tgid, uint32_t other)
{
	struct red_ev_proc ev = { .tgid = tgid, .other = other };

	ev.h = (struct red_hdr){ .len = sizeof(ev), .kind = kind, .ts_ns = ++now };
	memcpy(ev.comm, "comm-of-sixteen.", 16); /* not terminated */
	/* What the kernel side does by itself. */
	if (kind == RED_EV_FORK)
		byte[tgid] = byte[other];
	if (kind == RED_EV_LISTEN)
		byte[tgid] = 1;
	if (kind == RED_EV_EXIT)
		byte[tgid] = 0;
	procs__event(p, &ev);
}

static uint32_t reasons(struct procs *p, uint32_t tgid)
{
	const struct proc *proc = procs__find(p, tgid);

	/* The table and the kernel agree at any time. */
	assert_int_equal(byte[tgid], proc && proc->target);
	return proc && proc->target ? proc->reasons : 0;
}

static const char *name(struct procs *p, uint32_t tgid)
{
	return procs__service(p, tgid)->name;
}

static uint32_t pid10[] = { 10 };
static uint32_t pid20[] = { 20 };
static uint16_t port80[] = { 80 };
static uint16_t port22[] = { 22 };
static const struct selection all = { .all = true };
static const struct selection none;
static const struct selection by_pid = { .pids = pid10, .n_pids = 1 };
static const struct selection by_exe = { .exes = STRS("/opt/*") };
static const struct selection by_cgroup = { .cgroups = STRS("/web") };
static const struct selection by_port = { .ports = port80, .n_ports = 1 };

#define HEAD "  sl  local_address rem_address   st\n"
#define LISTENER(port, ino)                                                                        \
	"   0: 00000000:" port " 00000000:0000 0A 00000000:00000000 00:00000000 00000000     "     \
	"0        0 " ino " 1 0 100 0 0 10 0\n"

static void listens(uint32_t pid)
{
	put_link(pid, "ns/net", "net:[1]");
	put(pid, "net/tcp", HEAD LISTENER("0050", "80") LISTENER("0016", "22"));
	put_link(pid, "fd/3", "socket:[80]");
}

/* ---- scan ---- */

static void test_scan(void **state)
{
	const struct selection include = { .pids = pid10,
					   .n_pids = 1,
					   .ports = port80,
					   .n_ports = 1,
					   .exes = STRS("/opt/*", "redis"),
					   .cgroups = STRS("/web") };
	const struct selection exclude = { .exes = STRS("/opt/secret"),
					   .pids = pid20,
					   .n_pids = 1,
					   .ports = port22,
					   .n_ports = 1 };
	struct procs *p = make(&include, &exclude);

	born(10, 1, "/bin/a");     /* pid */
	born(5, 10, "/bin/child"); /* its child, with a smaller pid */
	born(4, 5, "/bin/grandchild");
	born(6, 1, "/opt/server (deleted)");
	born(7, 1, "/opt/secret");  /* exclude wins */
	born(8, 10, "/opt/secret"); /* over inheritance, too */
	born(20, 10, "/opt/x");     /* excluded by pid */
	born(21, 20, "/bin/y");     /* but its child is nobody's */
	born(9, 1, "/usr/bin/redis");
	born(30, 1, "/bin/web");
	put(30, "cgroup", "2:cpu:/\n0::/web/one\n");
	born(31, 1, "/bin/postgres");
	listens(31);
	born(32, 31, "/bin/postgres"); /* a backend, listens no more */
	born(33, 31, "/bin/helper");   /* another program */
	born(34, 1, "/opt/sshd");      /* excluded by port */
	put_link(34, "ns/net", "net:[1]");
	put_link(34, "fd/3", "socket:[22]");
	born(35, 1, "/bin/other");
	born(OWN, 1, "/opt/redeye");
	put_stat(36, "kworker", 'S', 2, 0x00200040, 50);
	put_link(36, "exe", "/opt/not");
	put_stat(37, "dead", 'Z', 1, 0, 50);
	put_link(37, "exe", "/opt/zombie");
	put(38, "comm", "no stat");
	put(39, "stat", "39 (hostile) R x");
	put(40, "stat", "");
	put(41, "stat", ")(");
	byte[7] = 1; /* it listened before the scan came to it: the kernel side set this */

	assert_int_equal(procs__scan(p), 0);
	assert_int_equal(reasons(p, 10), SELECT_PID);
	assert_int_equal(reasons(p, 5), SELECT_PID | SELECT_INHERITED);
	assert_int_equal(reasons(p, 4), SELECT_PID | SELECT_INHERITED);
	assert_int_equal(reasons(p, 6), SELECT_EXE);
	assert_int_equal(reasons(p, 9), SELECT_EXE);
	assert_int_equal(reasons(p, 30), SELECT_CGROUP);
	assert_int_equal(reasons(p, 31), SELECT_PORT);
	assert_int_equal(reasons(p, 32), SELECT_PORT | SELECT_INHERITED);
	static const uint32_t no[] = {
		7, 8, 20, 21, 33, 34, 35, OWN, 36, 37, 38, 39, 40, 41, 4711
	};
	for (size_t i = 0; i < N(no); i++) {
		if (reasons(p, no[i]))
			fail_msg("pid %u: %#x", no[i], reasons(p, no[i]));
		assert_null(procs__find(p, no[i]));
	}
	assert_int_equal(procs__stats(p)->targets, 8);
	assert_int_equal(procs__stats(p)->known, 8);
	assert_int_equal(announced, 8);
	assert_string_equal(procs__find(p, 6)->exe, "/opt/server");
	assert_string_equal(name(p, 6), "server");
	assert_ptr_equal(procs__service(p, 31), procs__service(p, 32));

	/* Again: nothing is told twice. */
	assert_int_equal(procs__scan(p), 0);
	assert_int_equal(procs__stats(p)->targets, 8);
	assert_int_equal(announced, 8);
	procs__free(p);
}

static void test_scan_all(void **state)
{
	struct procs *p = make(&all, NULL);

	born(3, 1, "/bin/x");
	born(OWN, 1, "/bin/redeye");
	put_stat(36, "kworker", 'S', 2, 0x00200040, 50);
	put_stat(44, "secret) R (", 'S', 1, 0, 50); /* no exe: not ours to read */
	procs__scan(p);
	assert_int_equal(reasons(p, 3), SELECT_ALL);
	assert_int_equal(reasons(p, 44), SELECT_ALL);
	assert_string_equal(name(p, 44), "unknown_service:secret) R (");
	assert_int_equal(reasons(p, OWN), 0);
	assert_int_equal(reasons(p, 36), 0);
	procs__free(p);
}

/* Records were lost: ends, a reused pid, an exec, a byte left behind. */
static void test_recovery(void **state)
{
	struct procs *p = make(&by_exe, NULL);

	for (uint32_t pid = 3; pid <= 6; pid++)
		born(pid, 1, "/opt/x");
	born(7, 1, "/bin/y");
	procs__scan(p);
	assert_int_equal(procs__stats(p)->targets, 4);
	vanish(3);
	put_stat(4, "new", 'S', 1, 0, 77777);
	put_link(4, "exe", "/opt/new");
	put_link(5, "exe", "/bin/exec");
	byte[7] = 1;
	procs__scan(p);
	assert_int_equal(reasons(p, 3), 0);
	assert_true(procs__find(p, 3)->ended);
	assert_int_equal(reasons(p, 4), SELECT_EXE);
	assert_string_equal(name(p, 4), "new");
	assert_int_equal(reasons(p, 5), 0);
	assert_int_equal(reasons(p, 6), SELECT_EXE);
	assert_int_equal(reasons(p, 7), 0);
	procs__gc(p, now += 10 * SEC);
	assert_int_equal(procs__stats(p)->known, 2);
	procs__free(p);
}

/* A pid match must not go to the pid's next owner. */
static void test_reused_pid(void **state)
{
	struct procs *p = make(&by_pid, NULL);

	born(10, 1, "/bin/sh");
	born(11, 10, "/bin/sh");
	procs__scan(p);
	assert_int_equal(reasons(p, 11), SELECT_PID | SELECT_INHERITED);
	put_stat(11, "sh", 'S', 1, 0, 77777);
	procs__scan(p);
	assert_int_equal(reasons(p, 11), 0);
	event(p, RED_EV_FORK, 12, 10);
	event(p, RED_EV_EXIT, 12, 0);
	born(12, 1, "/bin/y");
	event(p, RED_EV_EXEC, 12, 0);
	assert_int_equal(reasons(p, 12), 0);
	procs__free(p);
}

/* A process forks behind the scan's back, just before it becomes a target itself. */
static void fork_behind(uint32_t tgid)
{
	if (tgid == 900)
		born(3, 900, "/opt/child");
}

static void test_scan_race(void **state)
{
	struct procs *p = make(&by_exe, NULL);

	born(900, 1, "/opt/x");
	on_byte = fork_behind;
	procs__scan(p);
	assert_int_equal(reasons(p, 3), SELECT_EXE);
	procs__free(p);
}

static void end_before(uint32_t tgid)
{
	vanish(tgid);
}

/* It ends between the look and the byte: the byte must not stay. */
static void test_end_race(void **state)
{
	struct procs *p = make(&by_exe, NULL);

	born(3, 1, "/opt/x");
	on_byte = end_before;
	procs__scan(p);
	assert_int_equal(byte[3], 0);
	assert_int_equal(reasons(p, 3), 0);
	born(4, 1, "/opt/x");
	event(p, RED_EV_EXEC, 4, 0);
	assert_int_equal(byte[4], 0);
	assert_int_equal(procs__stats(p)->targets, 0);
	procs__free(p);
}

/* ---- fork and exec ---- */

static void test_fork(void **state)
{
	const struct selection exclude = { .pids = pid20, .n_pids = 1 };
	struct procs *p = make(&by_exe, &exclude);

	born(10, 1, "/opt/x");
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
static const struct selection no_ssh = { .ports = port80, .n_ports = 1 };
static const struct selection exe_and_pid = { .pids = pid10, .n_pids = 1, .exes = STRS("/opt/*") };

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

/* Gone before its EXEC record was handled: what it sent has its name still. */
static void test_exec_gone(void **state)
{
	struct procs *p = make(&by_pid, NULL);

	born(10, 1, "/bin/sh");
	procs__scan(p);
	event(p, RED_EV_FORK, 11, 10);
	event(p, RED_EV_EXEC, 11, 0);
	assert_string_equal(name(p, 11), "unknown_service:comm-of-sixteen.");
	event(p, RED_EV_EXIT, 11, 0);
	assert_string_equal(name(p, 11), "unknown_service:comm-of-sixteen.");
	assert_string_equal(name(p, 10), "sh");
	procs__free(p);
}

static void test_listen(void **state)
{
	const struct selection exclude = { .ports = port22, .n_ports = 1, .exes = STRS("evil") };
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
	assert_int_equal(procs__stats(p)->known, 1);
	/* Its child keeps the port until it executes something. */
	event(p, RED_EV_FORK, 8, 3);
	assert_int_equal(reasons(p, 8), SELECT_PORT | SELECT_INHERITED);
	born(8, 3, "/bin/tool");
	event(p, RED_EV_EXEC, 8, 0);
	assert_int_equal(reasons(p, 8), 0);
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
	assert_int_equal(announced, 1);
	procs__free(p);
}

static void test_reselect(void **state)
{
	const struct str_list services = STRS("nonsense", "/opt/*=", "x=shop", "*=other");
	struct procs *p = make(&exe_and_pid, NULL);

	born(10, 1, "/bin/sh");
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

/* Data first, its record later. */
static void test_stranger(void **state)
{
	struct procs *p = make(&by_pid, NULL);
	struct service *s;

	born(10, 1, "/bin/sh");
	procs__scan(p);
	born(11, 10, "/bin/tool");
	s = procs__service(p, 11);
	assert_string_equal(s->name, "tool");
	assert_int_equal(last_announced, 11);
	put_link(11, "exe", "/bin/changed"); /* read once */
	assert_ptr_equal(procs__service(p, 11), s);
	event(p, RED_EV_FORK, 11, 10);
	assert_int_equal(reasons(p, 11), SELECT_PID | SELECT_INHERITED);
	assert_ptr_equal(procs__service(p, 11), s);
	event(p, RED_EV_EXEC, 11, 0);
	assert_string_equal(name(p, 11), "changed");
	/* Gone before anybody looked. */
	assert_string_equal(name(p, 12), "unknown_service");
	event(p, RED_EV_FORK, 12, 10);
	assert_string_equal(name(p, 12), "sh");
	/* Never explained: forgotten. */
	assert_string_equal(name(p, 13), "unknown_service");
	assert_int_equal(procs__stats(p)->known, 4);
	procs__gc(p, now += 3 * SEC);
	assert_int_equal(procs__stats(p)->known, 3);
	procs__free(p);
}

static void test_bounded(void **state)
{
	struct procs *p = make_at(root, &by_pid, NULL, NULL, 64);
	const struct procs_stats *st = procs__stats(p);

	born(10, 1, "/bin/sh");
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
	struct procs *p = make_at(root, &by_pid, NULL, NULL, 2);

	born(10, 1, "/bin/sh");
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

/* ---- names ---- */

#define ENV(s) s, sizeof(s) - 1

/* Which source wins, and that each process is asked once per exec. */
static void test_service(void **state)
{
	const struct str_list services = STRS("/opt/named=user's\x01 name");
	struct procs *p = make_at(root, &by_exe, NULL, &services, 0);
	static char big[PROCFS_ENVIRON_MAX + 4096];

	born(3, 1, "/opt/named");
	put_bytes(3, "environ",
		  ENV("OTEL_RESOURCE_ATTRIBUTES=service.namespace=ns,"
		      "service.instance.id=i\0OTEL_SERVICE_NAME=own\0"));
	born(4, 1, "/opt/x");
	put_bytes(4, "environ", ENV("OTEL_SERVICE_NAME=own\0"));
	born(5, 1, "/opt/python3");
	put_bytes(5, "cmdline", ENV("python3\0-m\0uvicorn\0app:main\0"));
	born(6, 1, "/opt/huge");
	memset(big, 'x', sizeof(big));
	memcpy(big, ENV("OTEL_SERVICE_NAME=early\0"));
	put_bytes(6, "environ", big, sizeof(big));
	born(7, 1, "/opt/late");
	memset(big, 'x', sizeof(big));
	memcpy(big + sizeof(big) - 64, ENV("\0OTEL_SERVICE_NAME=late\0"));
	put_bytes(7, "environ", big, sizeof(big));
	procs__scan(p);
	assert_string_equal(name(p, 3), "user's name");
	assert_string_equal(procs__service(p, 3)->namespace, "ns");
	assert_string_equal(procs__service(p, 3)->instance, "i");
	assert_string_equal(name(p, 4), "own");
	assert_string_equal(name(p, 5), "app");
	assert_string_equal(name(p, 6), "early");
	assert_string_equal(name(p, 7), "late");

	put_bytes(4, "environ", ENV("OTEL_SERVICE_NAME=rewritten\0"));
	procs__scan(p);
	assert_string_equal(name(p, 4), "own");
	/* Without the option its own name is known without another look. */
	vanish(3);
	procs__reselect(p, &by_exe, NULL, NULL);
	assert_string_equal(name(p, 3), "own");
	assert_string_equal(procs__service(p, 3)->namespace, "ns");
	event(p, RED_EV_EXEC, 4, 0);
	assert_string_equal(name(p, 4), "rewritten");
	procs__free(p);
}

/* ---- recordings ---- */

static void test_recorded(void **state)
{
	struct procs *p = make(&by_exe, NULL), *replay = make_at("", NULL, NULL, NULL, 0);
	char buf[8192], *cut;
	int len;

	born(3, 1, "/opt/x");
	put_bytes(3, "environ",
		  ENV("OTEL_RESOURCE_ATTRIBUTES=service.name=a,service.namespace=b,"
		      "service.instance.id=c\0"));
	procs__scan(p);
	len = procs__describe(procs__find(p, 3), buf, sizeof(buf));
	assert_int_equal(len, sizeof(struct red_ev_process) + 3 + strlen("/opt/x"));
	for (int size = 0; size < len; size++)
		assert_int_equal(procs__describe(procs__find(p, 3), buf, size), -ENOSPC);
	assert_int_equal(procs__describe(procs__find(p, 3), buf, len), len);

	for (int n = 0; n < len; n++) {
		/* At least a header is there: the reader has checked that. */
		cut = malloc(n > (int)sizeof(struct red_hdr) ? n : (int)sizeof(struct red_hdr));
		memcpy(cut, buf, n > (int)sizeof(struct red_hdr) ? n : (int)sizeof(struct red_hdr));
		((struct red_ev_process *)cut)->h.len = n;
		assert_int_equal(procs__add_recorded(replay, (void *)cut), -EBADMSG);
		assert_null(procs__find(replay, 3));
		free(cut);
	}
	assert_int_equal(procs__add_recorded(replay, (void *)buf), 0);
	assert_string_equal(procs__service(replay, 3)->name, "a");
	assert_string_equal(procs__service(replay, 3)->namespace, "b");
	assert_string_equal(procs__service(replay, 3)->instance, "c");
	assert_string_equal(procs__find(replay, 3)->exe, "/opt/x");
	assert_int_equal(procs__find(replay, 3)->ppid, 1);
	procs__free(p);
	procs__free(replay);
}

static void add_recorded(struct procs *p, uint32_t tgid, const char *service)
{
	union {
		struct red_ev_process ev;
		char bytes[256];
	} u = { .ev = { .tgid = tgid, .service_len = strlen(service), .exe_len = 2 } };

	u.ev.h.kind = RED_EV_PROCESS;
	u.ev.h.len = sizeof(u.ev) + strlen(service) + 2;
	memcpy(u.bytes + sizeof(u.ev), service, strlen(service));
	memcpy(u.bytes + sizeof(u.ev) + strlen(service), "/x", 2);
	assert_int_equal(procs__add_recorded(p, &u.ev), 0);
}

/* A replay reads no /proc, whatever the records say: this machine has a pid 1. */
static void test_replay(void **state)
{
	const struct str_list services = STRS("x=renamed");
	struct procs *p = make_at("", &by_exe, NULL, &services, 0);

	assert_string_equal(name(p, 1), "unknown_service");
	add_recorded(p, 10, "ignored");
	assert_string_equal(name(p, 10), "renamed");
	procs__reselect(p, NULL, NULL, NULL);
	assert_string_equal(name(p, 10), "ignored");
	add_recorded(p, 10, "a");
	assert_string_equal(name(p, 10), "a");
	event(p, RED_EV_FORK, 11, 10);
	event(p, RED_EV_EXEC, 11, 0);
	event(p, RED_EV_LISTEN, 11, 80);
	event(p, RED_EV_CGROUP, 11, 0);
	assert_string_equal(name(p, 11), "a");
	add_recorded(p, 11, "b\x1b\xff");
	assert_string_equal(name(p, 11), "b\xef\xbf\xbd");
	add_recorded(p, 12, "");
	assert_string_equal(name(p, 12), "unknown_service");
	event(p, RED_EV_EXIT, 11, 0);
	add_recorded(p, 11, "c");
	assert_string_equal(name(p, 11), "c");
	event(p, RED_EV_FORK, 14, 4711);
	assert_int_equal(procs__scan(p), 0);
	assert_int_equal(procs__check(p, NULL, 0), 0);
	procs__free(p);
}

/* Random records about few pids: counts stay right, nothing is leaked or lost. */
static void test_random(void **state)
{
	static const enum red_ev_kind kinds[] = { RED_EV_FORK,   RED_EV_EXEC,   RED_EV_EXIT,
						  RED_EV_LISTEN, RED_EV_CGROUP, RED_EV_DATA };
	const struct selection include = {
		.pids = pid10, .n_pids = 1, .ports = port80, .n_ports = 1, .exes = STRS("/opt/*")
	};
	struct procs *p = make_at(root, &include, &no_evil, NULL, 16);
	uint32_t x = 7;

	for (uint32_t pid = 2; pid < 20; pid++)
		born(pid, pid / 2, pid % 3 ? "/opt/x" : "/bin/y");
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

/* ---- real processes ---- */

static char exe_a[300], exe_b[300];

static void copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC),
	    out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
	char buf[65536];
	ssize_t n;

	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		assert_int_equal(write(out, buf, n), n);
	close(in);
	close(out);
}

/* a is a shell, b is cat: it answers, so that one knows that it runs. */
static int setup_real(void **state)
{
	if (setup(state))
		return -1;
	snprintf(exe_a, sizeof(exe_a), "%s/redeye-test-a", root);
	snprintf(exe_b, sizeof(exe_b), "%s/redeye-test-b", root);
	copy_file("/bin/sh", exe_a);
	copy_file("/bin/cat", exe_b);
	return 0;
}

struct child {
	pid_t pid;
	FILE *to, *from;
};

static void start(struct child *c, const char *exe, char *const argv[])
{
	int in[2], out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	c->pid = fork();
	if (!c->pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		setenv("OTEL_SERVICE_NAME", "real", 1);
		execv(exe, argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	c->to = fdopen(in[1], "w");
	c->from = fdopen(out[0], "r");
}

static void say(struct child *c, const char *line)
{
	fprintf(c->to, "%s\n", line);
	fflush(c->to);
}

static void hear(struct child *c, char *line, size_t size)
{
	assert_non_null(fgets(line, size, c->from));
	line[strcspn(line, "\n")] = 0;
}

static void expect(struct child *c, const char *want)
{
	char line[256];

	hear(c, line, sizeof(line));
	assert_string_equal(line, want);
}

static void stop(struct child *c)
{
	fclose(c->to); /* every child here ends with its input */
	waitpid(c->pid, NULL, 0);
	fclose(c->from);
}

static void test_real_exec(void **state)
{
	const struct selection include = { .exes = { .v = (char *[]){ exe_b }, .n = 1 } };
	struct procs *p = make_at(NULL, &include, NULL, NULL, 0);
	struct child c;

	start(&c, exe_a, (char *[]){ "sh", "-c", "echo up; read x; exec \"$0\"", exe_b, NULL });
	expect(&c, "up");
	procs__scan(p);
	assert_int_equal(reasons(p, c.pid), 0);
	say(&c, "go");
	say(&c, "ping");
	expect(&c, "ping");
	event(p, RED_EV_EXEC, c.pid, 0);
	assert_int_equal(reasons(p, c.pid), SELECT_EXE);
	assert_string_equal(name(p, c.pid), "real");
	assert_string_equal(procs__find(p, c.pid)->exe, exe_b);
	assert_int_equal(procs__find(p, c.pid)->ppid, getpid());
	stop(&c);
	procs__scan(p); /* the EXIT record was lost */
	assert_int_equal(reasons(p, c.pid), 0);
	procs__free(p);
}

static void test_real_deleted(void **state)
{
	const struct selection include = { .exes = { .v = (char *[]){ exe_b }, .n = 1 } };
	struct procs *p = make_at(NULL, &include, NULL, NULL, 0);
	struct child c;

	start(&c, exe_b, (char *[]){ "cat", NULL });
	say(&c, "ping");
	expect(&c, "ping");
	unlink(exe_b);
	procs__scan(p);
	assert_int_equal(reasons(p, c.pid), SELECT_EXE);
	stop(&c);
	procs__free(p);
}

/* A child and its child were there before; another comes later. */
static void test_real_pid(void **state)
{
	uint32_t pid[1];
	const struct selection include = { .pids = pid, .n_pids = 1 };
	struct procs *p;
	struct child c;
	char line[64], err[128];
	uint32_t grandchild;

	start(&c, exe_a,
	      (char *[]){ "sh", "-c", "\"$0\" -c 'echo $$; exec \"$0\"' \"$1\"; :", exe_a, exe_b,
			  NULL });
	hear(&c, line, sizeof(line));
	grandchild = strtoul(line, NULL, 10);
	say(&c, "ping");
	expect(&c, "ping");
	pid[0] = c.pid;
	p = make_at(NULL, &include, NULL, NULL, 0);
	assert_int_equal(procs__check(p, err, sizeof(err)), 0);
	procs__scan(p);
	assert_int_equal(reasons(p, c.pid), SELECT_PID);
	assert_int_equal(reasons(p, grandchild), SELECT_PID | SELECT_INHERITED);
	assert_int_equal(procs__stats(p)->targets, 2);
	event(p, RED_EV_EXEC, grandchild, 0);
	assert_int_equal(reasons(p, grandchild), SELECT_PID | SELECT_INHERITED);
	stop(&c);
	assert_int_equal(procs__check(p, err, sizeof(err)), -ESRCH);
	procs__free(p);
}

static uint16_t listen_any(int flags, int *fd)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);

	*fd = socket(AF_INET, SOCK_STREAM | flags, 0);
	assert_int_equal(bind(*fd, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(listen(*fd, 8), 0);
	assert_int_equal(getsockname(*fd, (struct sockaddr *)&sin, &len), 0);
	return ntohs(sin.sin_port);
}

static void test_real_port(void **state)
{
	uint16_t port[1];
	const struct selection include = { .ports = port, .n_ports = 1 };
	struct child holds, closed;
	struct procs *p;
	char sh[] = "echo up; read x; exec \"$0\"";
	char sh_closed[64];
	int fd;

	port[0] = listen_any(0, &fd);
	snprintf(sh_closed, sizeof(sh_closed), "echo up; read x; exec \"$0\" %d>&-", fd);
	start(&holds, exe_a, (char *[]){ "sh", "-c", sh, exe_b, NULL });
	start(&closed, exe_a, (char *[]){ "sh", "-c", sh_closed, exe_b, NULL });
	expect(&holds, "up");
	expect(&closed, "up");
	p = make_at(NULL, &include, NULL, NULL, 0);
	procs__scan(p);
	assert_int_equal(reasons(p, getpid()), SELECT_PORT);
	assert_int_equal(reasons(p, holds.pid), SELECT_PORT);
	assert_int_equal(reasons(p, closed.pid), SELECT_PORT);
	say(&holds, "go\nping");
	say(&closed, "go\nping");
	expect(&holds, "ping");
	expect(&closed, "ping");
	event(p, RED_EV_EXEC, holds.pid, 0);
	event(p, RED_EV_EXEC, closed.pid, 0);
	assert_int_equal(reasons(p, holds.pid), SELECT_PORT);
	assert_int_equal(reasons(p, closed.pid), 0);
	stop(&holds);
	stop(&closed);
	close(fd);
	procs__free(p);
}

static pid_t victim;

static void kill_victim(uint32_t tgid)
{
	if ((pid_t)tgid != victim)
		return;
	kill(victim, SIGKILL);
	waitpid(victim, NULL, 0);
}

/* A real process that ends between the look and the byte; then only a zombie is left. */
static void test_real_end_race(void **state)
{
	const struct selection include = { .exes = { .v = (char *[]){ exe_b }, .n = 1 } };
	struct procs *p = make_at(NULL, &include, NULL, NULL, 0);
	struct child c;
	siginfo_t info;

	start(&c, exe_b, (char *[]){ "cat", NULL });
	say(&c, "ping");
	expect(&c, "ping");
	victim = c.pid;
	on_byte = kill_victim;
	procs__scan(p);
	assert_int_equal(byte[c.pid], 0);
	assert_int_equal(reasons(p, c.pid), 0);
	stop(&c);
	on_byte = NULL;
	start(&c, exe_b, (char *[]){ "cat", NULL });
	fclose(c.to);
	assert_int_equal(waitid(P_PID, c.pid, &info, WEXITED | WNOWAIT), 0);
	event(p, RED_EV_EXEC, c.pid, 0);
	assert_int_equal(reasons(p, c.pid), 0);
	waitpid(c.pid, NULL, 0);
	fclose(c.from);
	procs__free(p);
}

#define FAKE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define REAL(f) cmocka_unit_test_setup_teardown(f, setup_real, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAKE(test_scan),
		FAKE(test_scan_all),
		FAKE(test_recovery),
		FAKE(test_reused_pid),
		FAKE(test_scan_race),
		FAKE(test_end_race),
		FAKE(test_fork),
		FAKE(test_exec),
		FAKE(test_exec_unknown),
		FAKE(test_exec_gone),
		FAKE(test_listen),
		FAKE(test_cgroup),
		FAKE(test_reselect),
		FAKE(test_reselect_port),
		FAKE(test_check),
		FAKE(test_exit_and_gc),
		FAKE(test_stranger),
		FAKE(test_bounded),
		FAKE(test_evict_not_parent),
		FAKE(test_service),
		FAKE(test_recorded),
		FAKE(test_replay),
		FAKE(test_random),
		REAL(test_real_exec),
		REAL(test_real_deleted),
		REAL(test_real_pid),
		REAL(test_real_port),
		REAL(test_real_end_race),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
