// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Two overlays of one folder, as two containers of one image have them. */
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <cmocka.h>

#include "fake_probes.h"
#include "options.h"
#include "shell.h"

#define SEC   1000000000ull
#define GRACE (30 * SEC)
#define FILES 64 /* that may be known */

static char dir[] = "/tmp/redeye-twin-XXXXXX";
static bool mounted;

static struct probe_counts counts;

/* What processes map, all of one file; for probes_config.again. */
static struct {
	struct probes *p;
	int fd[100];
	int more; /* what whoever is looked at has mapped as well; 0: nothing */
	uint32_t looks;
} world;

static void on_again(void *arg, uint32_t tgid)
{
	world.looks++;
	probes__map(world.p, tgid, world.fd[tgid], 0);
	if (world.more)
		probes__map(world.p, tgid, world.more, 0);
}

static struct probes *make(uint32_t per_file)
{
	struct probes_config c = {
		.scope = UPROBE_SCOPE_AUTO,
		.per_file = per_file,
		.max_links = 1000,
		.max_files = FILES,
		.max_processes = 100,
		.grace_ns = GRACE,
		.ops = &fake_ops,
		.counts = &counts,
		.again = on_again,
	};

	if (!mounted)
		skip();
	fake_reset();
	counts = (struct probe_counts){ 0 };
	world.looks = world.more = 0;
	return world.p = probes__new(&c);
}

static int open_in(const char *overlay, const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s/%s", dir, overlay, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void enter(struct probes *p, uint32_t tgid, int fd)
{
	world.fd[tgid] = fd;
	assert_int_equal(probes__enter(p, tgid, 0, 0), 0);
	assert_int_equal(probes__map(p, tgid, fd, 0), 0);
	probes__ready(p, tgid);
}

static void done(struct probes *p, int a, int b)
{
	probes__free(p);
	assert_int_equal(fake.open, 0);
	assert_int_equal(counts.attached, counts.detached);
	close(a);
	close(b);
}

static void probed_for_all_it_is_one(void **state)
{
	struct probes *p = make(1);
	int a = open_in("a", "S"), b = open_in("b", "S");

	enter(p, 1, a);
	enter(p, 2, b);
	assert_int_equal(fake.finds, 2); /* nothing tells them for one yet */
	assert_int_equal(fake.open, 2 * FAKE_SITES);
	enter(p, 3, a);
	assert_int_equal(world.looks, 1); /* at 2, so that it becomes known */
	assert_int_equal(fake_open_of(-1), FAKE_SITES);
	assert_int_equal(fake.open, FAKE_SITES);
	for (uint32_t tgid = 4; tgid < 20; tgid++)
		enter(p, tgid, tgid & 1 ? a : b);
	assert_int_equal(fake.open, FAKE_SITES);
	assert_int_equal(probes__stats(p)->wide, 1);
	for (uint32_t tgid = 1; tgid < 20; tgid += 2)
		probes__leave(p, tgid, SEC);
	probes__leave(p, 2, SEC);
	probes__tick(p, 1000 * SEC);
	assert_int_equal(fake.open, FAKE_SITES); /* 4 has them, by the other's name */
	for (uint32_t tgid = 4; tgid < 20; tgid += 2)
		probes__leave(p, tgid, 1000 * SEC);
	probes__tick(p, 2000 * SEC);
	assert_int_equal(fake.open, 0);
	enter(p, 30, b); /* known to be the other */
	assert_int_equal(fake.finds, 2);
	assert_int_equal(fake_open_of(30), FAKE_SITES);
	done(p, a, b);
}

static void a_new_name_is_recognised(void **state)
{
	struct probes *p = make(1);
	int a = open_in("a", "S"), b = open_in("b", "S");

	enter(p, 1, a);
	enter(p, 2, a);
	assert_int_equal(fake_open_of(-1), FAKE_SITES);
	enter(p, 3, b);
	assert_int_equal(fake.open, FAKE_SITES);
	assert_int_equal(fake.marks, 6); /* marked all the same, and ready */
	assert_int_equal(world.looks, 0);
	done(p, a, b);
}

static void what_is_only_alike_is_two(void **state)
{
	struct probes *p = make(1);
	int a = open_in("a", "S"), b = open_in("b", "S");

	fake.strangers = true;
	for (uint32_t tgid = 1; tgid <= 4; tgid++)
		enter(p, tgid, tgid & 1 ? a : b);
	assert_int_equal(fake_open_of(-1), 2 * FAKE_SITES);
	assert_int_equal(probes__stats(p)->wide, 2);
	done(p, a, b);
}

/* Each of another file, so that those known before have to make way. */
static void come_and_go(struct probes *p, uint32_t n)
{
	while (n--) {
		int fd = fake_file("S");

		enter(p, 90, fd);
		probes__leave(p, 90, 0);
		close(fd);
	}
}

/* Found to be one, and without users. */
static void merge_and_leave(struct probes *p, int a, int b)
{
	enter(p, 1, a);
	enter(p, 2, b);
	enter(p, 3, a);
	assert_int_equal(fake.open, FAKE_SITES);
	for (uint32_t tgid = 1; tgid <= 3; tgid++)
		probes__leave(p, tgid, 0);
	probes__tick(p, 1000 * SEC);
	assert_int_equal(fake.open, 0);
}

/* The one that others stand for stays when there is no room, also when they were used later: by a
 * process that has its share of files. */
static void it_is_not_evicted(void **state)
{
	struct probes *p = make(1);
	int a = open_in("a", "S"), b = open_in("b", "S"), fd;

	merge_and_leave(p, a, b);
	assert_int_equal(probes__enter(p, 4, 0, 0), 0);
	for (int i = 0; i < FILES / 8; i++) {
		fd = fake_file("S");
		assert_int_equal(probes__map(p, 4, fd, 0), 0);
		close(fd);
	}
	assert_int_equal(probes__map(p, 4, b, 0), -EDQUOT);
	come_and_go(p, FILES - FILES / 8 - 1); /* too many by one */
	assert_int_equal(probes__stats(p)->evicted, 1);
	fake.finds = 0;
	enter(p, 1, a);
	assert_int_equal(fake.finds, 0);
	probes__leave(p, 1, 0);
	probes__tick(p, 2000 * SEC);
	come_and_go(p, FILES); /* it stands for none now */
	fake.finds = 0;
	enter(p, 1, a);
	assert_int_equal(fake.finds, 1);
	done(p, a, b);
}

/* And after it the one that stood for it. */
static void a_name_is_forgotten(void **state)
{
	struct probes *p = make(1);
	int a = open_in("a", "S"), b = open_in("b", "S");

	merge_and_leave(p, a, b);
	come_and_go(p, 2 * FILES);
	fake.finds = 0;
	enter(p, 1, b);
	assert_int_equal(fake.finds, 1);
	enter(p, 2, a);
	assert_int_equal(fake.finds, 2);
	done(p, a, b);
}

/* All places are taken when it turns out to be one with another: the next file of that process
 * takes a place, and not the one that is being looked at. */
static void found_when_there_is_no_room(void **state)
{
	struct probes *p = make(1);
	int a = open_in("a", "S"), b = open_in("b", "S"), i, fd;

	enter(p, 1, a);
	enter(p, 2, b);
	for (i = 0; i < FILES - 2; i++) {
		if (i % 8 == 0)
			assert_int_equal(probes__enter(p, 10 + i / 8, 0, 0), 0);
		fd = fake_file("S");
		assert_int_equal(probes__map(p, 10 + i / 8, fd, 0), 0);
		close(fd);
	}
	assert_int_equal(probes__stats(p)->files, FILES);
	world.more = fake_file("S");
	enter(p, 3, a);
	assert_int_equal(world.looks, 1);
	assert_int_equal(probes__stats(p)->files, FILES);
	close(world.more);
	done(p, a, b);
}

static bool mount_overlay(const char *name)
{
	char path[256], options[600];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(options, sizeof(options), "lowerdir=%s/lower:%s/empty", dir, dir);
	return !mkdir(path, 0700) && !mount("overlay", path, "overlay", MS_RDONLY, options);
}

/* In a mount namespace of our own, so that nothing is left. */
static int set_up(void **state)
{
	if (!mkdtemp(dir) || shell("cd %s && mkdir lower empty && printf S > lower/S", dir))
		return -1;
	mounted = !unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
		  mount_overlay("a") && mount_overlay("b");
	if (!mounted)
		print_message("no overlays here: %s\n", strerror(errno));
	return 0;
}

static int tear_down(void **state)
{
	if (mounted)
		shell("umount %s/a %s/b", dir, dir);
	return shell("rm -r %s", dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probed_for_all_it_is_one),
		cmocka_unit_test(a_new_name_is_recognised),
		cmocka_unit_test(what_is_only_alike_is_two),
		cmocka_unit_test(it_is_not_evicted),
		cmocka_unit_test(a_name_is_forgotten),
		cmocka_unit_test(found_when_there_is_no_room),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
