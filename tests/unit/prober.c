// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The prober with its threads, a /proc made of plain files and a kernel that is not one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_probes.h"
#include "fake_proc.h"
#include "loop.h"
#include "mmap_watch.h"
#include "options.h"
#include "prober.h"
#include "self_builder.h"

#define DEADLINE_NS 20000000000ull

static struct prober *p;

/* ---- a /proc ---- */

/* A process that maps `text`, as the file lib-N. */
static void make_process(uint32_t tgid, const char *text, int n)
{
	char range[64], lib[256], line[512];
	FILE *f;

	snprintf(lib, sizeof(lib), "%s/lib-%d", root, n);
	if (access(lib, F_OK)) {
		f = fopen(lib, "w");
		assert_non_null(f);
		fputs(text, f);
		fclose(f);
	}
	snprintf(range, sizeof(range), "map_files/%d000-%d100", n, n);
	put_link(tgid, range, lib);
	snprintf(line, sizeof(line), "%d000-%d100 r-xp 0 08:01 %d %s\n", n, n, n, lib);
	put(tgid, "maps", line);
	put(tgid, "comm", "worker\n");
}

static struct mmap_record record(uint32_t tgid, int n)
{
	char text[32];

	snprintf(text, sizeof(text), "%d000", n);
	return (struct mmap_record){
		.tgid = tgid,
		.start = strtoul(text, NULL, 16),
		.len = 0x100,
		.inode = n,
	};
}

/* ---- the prober ---- */

static unsigned int told;
static struct prober_problem last;

static void on_problem(void *arg, const struct prober_problem *problem)
{
	told++;
	last = *problem;
}

static struct prober_stats stats(void)
{
	struct prober_stats st;

	prober__stats(p, &st);
	return st;
}

static bool idle(void)
{
	struct prober_stats st = stats();

	return !st.waiting && !st.closing;
}

/* Until it is done, and this many links are there. */
static bool wait_links(uint64_t links)
{
	struct pollfd f = { .fd = prober__fd(p), .events = POLLIN };
	uint64_t end = mono_ns() + DEADLINE_NS;

	while (mono_ns() < end) {
		if (idle() && stats().links == links && fake_open() == links)
			return true;
		if (poll(&f, 1, 1) == 1)
			prober__read(p);
	}
	return false;
}

static bool wait_told(unsigned int n)
{
	struct pollfd f = { .fd = prober__fd(p), .events = POLLIN };
	uint64_t end = mono_ns() + DEADLINE_NS;

	while (told < n && mono_ns() < end)
		if (poll(&f, 1, 10) == 1)
			prober__read(p);
	return told >= n;
}

static void start_with(struct prober_config c, const struct probe_ops *ops)
{
	char why[128];

	fake_reset();
	told = 0;
	c.proc_root = root;
	c.no_watch = true;
	c.problem = on_problem;
	p = prober__new(&c, ops, why, sizeof(why));
	assert_non_null(p);
}

static void start(struct prober_config c)
{
	start_with(c, &fake_ops);
}

static void stop(void)
{
	prober__free(p);
	assert_int_equal(fake_open(), 0);
}

/* ---- cases ---- */

static void selected_and_left(void **state)
{
	start((struct prober_config){ .scope = UPROBE_SCOPE_AUTO });
	make_process(100, "S", 1);
	prober__selected(p, 100);
	assert_true(wait_links(FAKE_SITES));
	assert_int_equal(fake_open_of(100), FAKE_SITES);
	assert_int_equal(stats().looks, 1);
	prober__left(p, 100);
	assert_true(wait_links(0));
	assert_int_equal(stats().attached, FAKE_SITES);
	assert_int_equal(stats().detached, FAKE_SITES);
	assert_int_equal(stats().probes.processes, 0);
	prober__left(p, 100);     /* once more: nothing */
	prober__selected(p, 101); /* gone already: no /proc of it */
	assert_true(wait_links(0));
	assert_int_equal(stats().probes.failed[PROBE_GONE], 1);
	stop();
}

static void a_mapping_is_taken_at_its_word(void **state)
{
	struct mmap_record r = record(110, 2);

	start((struct prober_config){ .scope = UPROBE_SCOPE_AUTO });
	prober__mapped(p, &r); /* not selected */
	make_process(110, "-", 3);
	prober__selected(p, 110);
	assert_true(wait_links(0));
	make_process(110, "S", 2);
	prober__mapped(p, &r);
	assert_true(wait_links(FAKE_SITES));
	assert_int_equal(stats().looks, 1); /* nothing else was looked at */
	r = record(110, 9);
	prober__mapped(p, &r); /* it is gone already: all maps are read */
	assert_true(wait_links(FAKE_SITES));
	assert_int_equal(stats().looks, 2);
	prober__left(p, 110);
	prober__mapped(p, &r);
	assert_true(wait_links(0));
	stop();
}

/* Two libraries: the kernel side hears of each, and once that all is done. */
static void ready_comes_last(void **state)
{
	char maps[1024] = "", lib[256];

	start((struct prober_config){ .scope = UPROBE_SCOPE_AUTO });
	make_process(115, "S", 1);
	make_process(115, "G", 6);
	for (int n = 1; n <= 6; n += 5) {
		snprintf(lib, sizeof(lib), "%d000-%d100 r-xp 0 08:01 %d %s/lib-%d\n", n, n, n, root,
			 n);
		strcat(maps, lib);
	}
	put(115, "maps", maps);
	prober__selected(p, 115);
	assert_true(wait_links(FAKE_SITES + 8));
	assert_int_equal(fake.marks, 3);
	assert_int_equal(fake.last_flags, RED_TARGET_READY);
	stop();
}

/* On a kernel whose return probes end who is under a seccomp filter; of 117 nobody knows. */
static void a_filter_is_asked_for(void **state)
{
	struct probe_ops ops = fake_ops;

	ops.returns = NULL;
	start_with((struct prober_config){ .scope = UPROBE_SCOPE_FILE, .returns_kill = true },
		   &ops);
	for (uint32_t tgid = 115; tgid <= 117; tgid++)
		make_process(tgid, "S", 1);
	put(115, "status", "Name:\tfree\nNoNewPrivs:\t0\nSeccomp:\t0\nSeccomp_filters:\t0\n");
	put(116, "status", "Name:\tSeccomp:\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\n");
	for (uint32_t tgid = 115; tgid <= 117; tgid++)
		prober__selected(p, tgid);
	assert_true(wait_links(FAKE_SITES));
	assert_int_equal(fake_open_of(115), FAKE_SITES);
	assert_int_equal(stats().probes.failed[PROBE_SECCOMP], 2);
	assert_true(wait_told(1));
	assert_int_equal(last.reason, PROBE_SECCOMP);
	stop();
}

/* The worker is held up in a file while mappings come. */
static void a_full_queue_is_answered_by_a_look(void **state)
{
	struct mmap_record r = record(120, 4);

	start((struct prober_config){ .scope = UPROBE_SCOPE_AUTO, .max_maps = 4 });
	make_process(120, "-", 3);
	prober__selected(p, 120);
	assert_true(wait_links(0));
	make_process(120, "S", 4);
	make_process(121, "S new", 5);
	pthread_mutex_lock(&fake.lock);
	prober__selected(p, 121);
	while (stats().looks < 2)
		poll(NULL, 0, 1);
	for (int i = 0; i < 10; i++)
		prober__mapped(p, &r);
	assert_int_equal(stats().overflows, 1); /* then it is to be looked at anyway */
	pthread_mutex_unlock(&fake.lock);
	assert_true(wait_links(2 * FAKE_SITES));
	assert_int_equal(stats().looks, 3);
	stop();
}

/* A thousand processes come and go; at the end nothing is left, and all is counted. */
static void churn(void **state)
{
	start((struct prober_config){ .scope = UPROBE_SCOPE_PROCESS });
	for (uint32_t tgid = 1000; tgid < 2000; tgid++)
		make_process(tgid, "S", 1);
	for (uint32_t tgid = 1000; tgid < 2000; tgid++) {
		prober__selected(p, tgid);
		if (tgid >= 1050)
			prober__left(p, tgid - 50);
	}
	assert_true(wait_links(50 * FAKE_SITES));
	assert_int_equal(stats().probes.processes, 50);
	assert_int_equal(stats().attached - stats().detached, 50 * FAKE_SITES);
	assert_int_equal(stats().probes.scans, 1);
	for (uint32_t tgid = 1950; tgid < 2000; tgid++)
		prober__left(p, tgid);
	assert_true(wait_links(0));
	assert_int_equal(stats().attached, stats().detached);
	assert_int_equal(stats().probes.processes, 0);
	assert_int_equal(stats().refused, 0);
	stop();
}

static void many_at_once_are_probed_together(void **state)
{
	start((struct prober_config){ .scope = UPROBE_SCOPE_AUTO, .grace_ns = 50000000 });
	for (uint32_t tgid = 1000; tgid < 2000; tgid++) {
		make_process(tgid, "S", 1);
		prober__selected(p, tgid);
	}
	assert_true(wait_links(FAKE_SITES));
	assert_int_equal(fake_open_of(-1), FAKE_SITES);
	assert_int_equal(stats().attached, 9 * FAKE_SITES);
	assert_int_equal(stats().probes.wide, 1);
	assert_int_equal(fake.marks, 2000); /* that it is probed, and that it is done */
	for (uint32_t tgid = 1000; tgid < 2000; tgid++)
		prober__left(p, tgid);
	assert_true(wait_links(0)); /* by the grace time, without a word from outside */
	assert_int_equal(stats().detached, 9 * FAKE_SITES);
	stop();
}

static void processes_are_bounded(void **state)
{
	start((struct prober_config){ .scope = UPROBE_SCOPE_PROCESS, .max_processes = 3 });
	for (uint32_t tgid = 1000; tgid < 1010; tgid++) {
		make_process(tgid, "S", 1);
		prober__selected(p, tgid);
	}
	assert_true(wait_links(3 * FAKE_SITES));
	assert_int_equal(stats().refused, 7);
	stop();
}

/* By whom it comes to have probes all the same, without a word from outside. */
static void links_that_are_free_again_are_used(void **state)
{
	start((struct prober_config){ .scope = UPROBE_SCOPE_PROCESS, .max_links = 8 });
	make_process(125, "S", 1);
	make_process(126, "S", 1);
	prober__selected(p, 125);
	assert_true(wait_links(FAKE_SITES));
	prober__selected(p, 126);
	assert_true(wait_told(1));
	assert_int_equal(fake_open_of(126), 0);
	prober__left(p, 125);
	do
		assert_true(wait_links(FAKE_SITES));
	while (!fake_open_of(126));
	assert_int_equal(stats().probes.failed[PROBE_LINKS_FULL], 1);
	stop();
}

static void problems_are_told_once(void **state)
{
	struct prober_problem problem;

	start((struct prober_config){ .scope = UPROBE_SCOPE_AUTO });
	make_process(130, "s", 10);
	make_process(131, "J", 11);
	make_process(132, "J", 12);
	prober__selected(p, 130);
	prober__selected(p, 131);
	prober__selected(p, 132);
	assert_true(wait_told(2));
	assert_true(wait_links(0));
	assert_int_equal(told, 2);
	assert_true(prober__problem(p, 0, &problem));
	assert_int_equal(problem.reason, PROBE_NO_MINIMUM);
	assert_string_equal(problem.process, "worker");
	assert_string_equal(problem.text, "OpenSSL: nothing to write with");
	assert_non_null(strstr(problem.path, "/lib-10"));
	assert_true(prober__problem(p, 1, &problem));
	assert_int_equal(problem.reason, PROBE_JSSE);
	assert_string_equal(problem.path, "");
	assert_int_equal(problem.cnt, 2); /* of two processes of one name */
	assert_false(prober__problem(p, 2, &problem));
	assert_int_equal(stats().problems, 2);
	stop();
}

/* More than are remembered: the last ones are, and all are told. */
static void problems_are_bounded(void **state)
{
	struct prober_problem problem;
	size_t n = 0;

	start((struct prober_config){ .scope = UPROBE_SCOPE_AUTO });
	for (uint32_t i = 0; i < 200; i++) {
		make_process(3000 + i, "s", 100 + i);
		prober__selected(p, 3000 + i);
		assert_true(wait_told(i + 1));
	}
	while (prober__problem(p, n, &problem))
		n++;
	assert_int_equal(n, 128);
	assert_non_null(strstr(problem.path, "/lib-299"));
	assert_int_equal(stats().problems, 200);
	stop();
}

/* A library without symbols, and a root directory that has a debug file of its build id. */
static void plant_debug_file(uint32_t tgid, const char *library)
{
	static const char make[] =
		"mkdir -p %1$s/%2$u/root/usr/lib/debug/.build-id/12 && cd %1$s/%2$u && "
		"echo 'int SSL_read(int n) { return n * 3; } int SSL_write(int n) { return n; }' > "
		"l.c "
		"&& cc -shared -nostdlib -fvisibility=hidden -Wl,--build-id=0x12345678 -o l l.c && "
		"cp l root/usr/lib/debug/.build-id/12/345678.debug && strip -o %3$s l";
	char command[1024];

	snprintf(command, sizeof(command), make, root, tgid, library);
	assert_int_equal(system(command), 0);
}

/* Others may map the same library. */
static void the_word_of_a_root_is_not_taken(void **state)
{
	struct probe_ops ops = fake_ops;
	char lib[256];

	ops.find = NULL; /* the real one */
	start_with((struct prober_config){ .scope = UPROBE_SCOPE_FILE }, &ops);
	make_process(160, "", 20);
	snprintf(lib, sizeof(lib), "%s/lib-20", root);
	plant_debug_file(160, lib);
	prober__selected(p, 160);
	assert_true(wait_links(0));
	assert_int_equal(stats().probes.scans, 1);
	assert_int_equal(stats().attached, 0);
	stop();
}

static void exec_is_told_by_identity(void **state)
{
	static const char stat_of[] = "140 (a) b) S 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 77 "
				      "0 0 0 %d 0 4096 0\n";
	struct mmap_record r = record(140, 1);
	char text[256];

	start((struct prober_config){ .scope = UPROBE_SCOPE_AUTO });
	make_process(140, "S", 1);
	snprintf(text, sizeof(text), stat_of, 1000);
	put(140, "stat", text);
	prober__selected(p, 140);
	assert_true(wait_links(FAKE_SITES));
	prober__selected(p, 140); /* as after a reload */
	assert_true(wait_links(FAKE_SITES));
	assert_int_equal(stats().attached, FAKE_SITES);
	snprintf(text, sizeof(text), stat_of, 2000);
	put(140, "stat", text);
	prober__selected(p, 140);
	assert_true(wait_links(FAKE_SITES));
	assert_int_equal(stats().attached, 2 * FAKE_SITES);
	snprintf(text, sizeof(text), stat_of, 3000);
	put(140, "stat", text);
	prober__mapped(p, &r); /* comes before the word of the exec */
	assert_true(wait_links(FAKE_SITES));
	assert_int_equal(stats().attached, 3 * FAKE_SITES);
	prober__selected(p, 140);
	assert_true(wait_links(FAKE_SITES));
	assert_int_equal(stats().attached, 3 * FAKE_SITES);
	stop();
}

/* -1: there is no such point. */
static double value_of(const struct metrics *m, const char *name, const char *label)
{
	for (uint32_t i = 0; i < m->n_families; i++) {
		const struct metric_family *f = &m->families[i];

		for (uint32_t j = 0; !strcmp(f->name, name) && j < f->n_points; j++)
			if (!label || !strcmp(f->points[j].attrs[0].str, label))
				return f->points[j].value;
	}
	return -1;
}

static void metrics_say_it(void **state)
{
	struct metrics *m = metrics__new(0);
	struct self_builder b = { m, 0 };

	start((struct prober_config){ .scope = UPROBE_SCOPE_AUTO });
	make_process(150, "S", 1);
	make_process(151, "s", 10);
	prober__selected(p, 150);
	prober__selected(p, 151);
	assert_true(wait_links(FAKE_SITES));
	prober__metrics(p, &b);
	prober__metrics(NULL, &b);
	assert_true(metrics__ok(m));
	assert_int_equal(value_of(m, "redeye.uprobe.links", NULL), FAKE_SITES);
	assert_int_equal(value_of(m, "redeye.uprobe.attached", NULL), FAKE_SITES);
	assert_int_equal(value_of(m, "redeye.uprobe.detached", NULL), 0);
	assert_int_equal(value_of(m, "redeye.uprobe.files", "process"), 1);
	assert_int_equal(value_of(m, "redeye.uprobe.files", "none"), 1);
	assert_int_equal(value_of(m, "redeye.uprobe.files", "file"), 0);
	assert_int_equal(value_of(m, "redeye.uprobe.failed", "functions_missing"), 1);
	assert_int_equal(value_of(m, "redeye.uprobe.failed", "jsse"), -1);
	metrics__put(m);
	stop();
}

static void what_cannot_be_is_said(void **state)
{
	struct prober_config c = { .signatures = "/nowhere/at/all", .no_watch = true };
	char why[128];

	fake_reset();
	assert_null(prober__new(&c, &fake_ops, why, sizeof(why)));
	assert_non_null(strstr(why, "/nowhere/at/all"));
	prober__free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(selected_and_left),
		cmocka_unit_test(a_mapping_is_taken_at_its_word),
		cmocka_unit_test(ready_comes_last),
		cmocka_unit_test(a_filter_is_asked_for),
		cmocka_unit_test(a_full_queue_is_answered_by_a_look),
		cmocka_unit_test(churn),
		cmocka_unit_test(many_at_once_are_probed_together),
		cmocka_unit_test(processes_are_bounded),
		cmocka_unit_test(links_that_are_free_again_are_used),
		cmocka_unit_test(problems_are_told_once),
		cmocka_unit_test(problems_are_bounded),
		cmocka_unit_test(the_word_of_a_root_is_not_taken),
		cmocka_unit_test(exec_is_told_by_identity),
		cmocka_unit_test(metrics_say_it),
		cmocka_unit_test(what_cannot_be_is_said),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
