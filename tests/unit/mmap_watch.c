// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mmap_watch.h"

#define RING 512

/* ---- rings ---- */

struct mmap2 {
	struct perf_event_header h;
	uint32_t pid, tid;
	uint64_t addr, len, pgoff;
	uint32_t maj, min;
	uint64_t ino, generation;
	uint32_t prot, flags;
	char path[16];
};

struct lost {
	struct perf_event_header h;
	uint64_t id, lost;
};

static uint8_t ring[RING];
static struct mmap_watch_stats st;
static struct mmap_record seen[16];
static unsigned int n_seen;

static void see(void *arg, const struct mmap_record *r)
{
	seen[n_seen++ & 15] = *r;
}

static void put(uint64_t *head, const void *record, size_t len)
{
	for (size_t i = 0; i < len; i++)
		ring[(*head)++ & (RING - 1)] = ((const uint8_t *)record)[i];
}

static struct mmap2 mapping(uint32_t pid)
{
	return (struct mmap2){
		.h = { PERF_RECORD_MMAP2, 0, sizeof(struct mmap2) },
		.pid = pid,
		.tid = pid + 1,
		.addr = 0x1000,
		.len = 0x2000,
		.maj = 8,
		.min = 1,
		.ino = 77,
		.generation = 5,
	};
}

static void reset(void)
{
	memset(ring, 0, sizeof(ring));
	st = (struct mmap_watch_stats){ 0 };
	n_seen = 0;
}

/* From every place in the ring, so that each byte is once the first behind its end. */
static void records_wrap(void **state)
{
	struct lost lost = { .h = { PERF_RECORD_LOST, 0, sizeof(lost) }, .lost = 3 };
	struct mmap2 a = mapping(10), anonymous = mapping(11), b = mapping(12);

	anonymous.ino = 0;
	for (uint64_t start = 0; start < 2 * RING; start += 8) {
		uint64_t head = start, tail = start;

		reset();
		put(&head, &a, sizeof(a));
		put(&head, &anonymous, sizeof(anonymous));
		put(&head, &lost, sizeof(lost));
		put(&head, &b, sizeof(b));
		mmap_watch__parse(ring, RING, &tail, head, &st, see, NULL);
		assert_int_equal(tail, head);
		assert_int_equal(n_seen, 2);
		assert_int_equal(st.records, 2);
		assert_int_equal(st.lost, 3);
		assert_int_equal(seen[0].tgid, 10);
		assert_int_equal(seen[0].start, 0x1000);
		assert_int_equal(seen[0].len, 0x2000);
		assert_int_equal(seen[0].dev_major, 8);
		assert_int_equal(seen[0].dev_minor, 1);
		assert_int_equal(seen[0].inode, 77);
		assert_int_equal(seen[0].generation, 5);
		assert_int_equal(seen[1].tgid, 12);
	}
}

static void odd_records_end_it(void **state)
{
	static const uint16_t sizes[] = { 0, 7, 63, 1000 };
	uint64_t head, tail;

	for (int i = 0; i < 4; i++) {
		struct mmap2 odd = mapping(1);

		reset();
		odd.h.size = sizes[i];
		head = tail = 0;
		put(&head, &odd, sizeof(odd));
		mmap_watch__parse(ring, RING, &tail, head, &st, see, NULL);
		assert_int_equal(n_seen, 0);
		assert_int_equal(tail, head);
	}
}

/* ---- processors ---- */

static char cpus[256];

static void note(void *arg, unsigned int cpu)
{
	snprintf(cpus + strlen(cpus), sizeof(cpus) - strlen(cpus), " %u", cpu);
}

static void lists_of_processors(void **state)
{
	static const struct {
		const char *list;
		int rc;
		const char *cpus;
	} t[] = {
		{ "0\n", 0, " 0" },
		{ "0-3\n", 0, " 0 1 2 3" },
		{ "0-1,4,6-7", 0, " 0 1 4 6 7" },
		{ "", -EINVAL, "" },
		{ "\n", -EINVAL, "" },
		{ "0-", -EINVAL, "" },
		{ "1,x", -EINVAL, " 1" },
		{ "0 1", -EINVAL, " 0" },
		{ "3-1", 0, "" },
		{ "1022-99999999", 0, " 1022 1023" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		cpus[0] = 0;
		assert_int_equal(mmap_watch__cpus(t[i].list, note, NULL), t[i].rc);
		assert_string_equal(cpus, t[i].cpus);
	}
}

/* ---- the kernel ---- */

struct want {
	pid_t pid;
	struct stat st;
	bool found;
};

static void look_for(void *arg, const struct mmap_record *r)
{
	struct want *w = arg;

	if (r->tgid == (uint32_t)w->pid && r->inode == w->st.st_ino && r->len)
		w->found = true;
}

static void an_exec_is_told(void **state)
{
	char why[128];
	struct mmap_watch *w = mmap_watch__new(why, sizeof(why));
	struct want want = { 0 };
	struct pollfd f;

	if (!w) {
		assert_string_not_equal(why, "");
		print_message("no word of mappings here: %s\n", why);
		skip();
	}
	assert_false(mmap_watch__check(w)); /* no processor came or went */
	assert_int_equal(stat("/bin/true", &want.st), 0);
	want.pid = fork();
	if (!want.pid) {
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	f = (struct pollfd){ .fd = mmap_watch__fd(w), .events = POLLIN };
	while (!want.found && poll(&f, 1, 10000) == 1)
		mmap_watch__read(w, look_for, &want);
	waitpid(want.pid, NULL, 0);
	assert_true(want.found);
	mmap_watch__stats(w, &st);
	assert_true(st.cpus > 0 && st.records > 0);
	mmap_watch__free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_wrap),
		cmocka_unit_test(odd_records_end_it),
		cmocka_unit_test(lists_of_processors),
		cmocka_unit_test(an_exec_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
