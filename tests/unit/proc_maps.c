// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* For what is behind the names that it tells others. */
#include "../../uprobes/proc_maps.c"
#include "fake_proc.h"

/* ---- reading ---- */

static char seen[512];

static int see(void *arg, const struct map_entry *m)
{
	size_t len = strlen(seen);

	snprintf(seen + len, sizeof(seen) - len, "%" PRIx64 " %u:%u %" PRIu64 " %s;", m->start,
		 m->dev_major, m->dev_minor, m->inode, m->path);
	return arg ? 5 : 0;
}

static const char some_maps[] =
	"00400000-00401000 r--p 00000000 fe:01 12  /bin/a b\n"
	"00401000-00402000 r-xp 00001000 fe:01 12  /bin/a b\n"
	"00402000-00403000 r-xp 00002000 fe:01 12  /bin/a b\n"
	"00600000-00700000 rwxp 00000000 00:00 0 \n"
	"this is no mapping\n"
	"7f00000000-7f00001000 r-xs 00000000 103:0a 13 /lib/x.so (deleted)\n"
	"7ffc000000-7ffc002000 r-xp 00000000 00:00 0  [vdso]\n"
	"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]";

static void executable_files_are_told_once(void **state)
{
	put(7, "maps", some_maps);
	seen[0] = 0;
	assert_int_equal(proc_maps__each(root, 7, see, NULL), 0);
	assert_string_equal(seen, "401000 254:1 12 /bin/a b;"
				  "7f00000000 259:10 13 /lib/x.so (deleted);");
	assert_int_equal(proc_maps__each(root, 7, see, seen), 5);
	assert_int_equal(proc_maps__each(root, 8, see, NULL), -ESRCH);
}

/* ---- opening ---- */

static int open_first(void *arg, const struct map_entry *m)
{
	int *fd = arg;

	*fd = proc_maps__open("/proc", getpid(), m);
	return 1;
}

/* This program itself, by the kernel's own /proc. */
static void the_mapped_file_is_opened(void **state)
{
	struct stat mine, opened;
	int fd = -1;

	assert_int_equal(proc_maps__each("/proc", getpid(), open_first, &fd), 1);
	assert_true(fd >= 0);
	assert_int_equal(stat("/proc/self/exe", &mine), 0);
	assert_int_equal(fstat(fd, &opened), 0);
	assert_int_equal(mine.st_ino, opened.st_ino);
	close(fd);
}

static int first_of_self(void *arg, const struct map_entry *m)
{
	static char path[4096];
	struct map_entry *out = arg;

	snprintf(path, sizeof(path), "%s", m->path);
	*out = *m;
	out->path = path;
	return 1;
}

static void a_path_is_believed_when_it_is_the_same_file(void **state)
{
	struct map_entry m;
	int fd;

	assert_int_equal(proc_maps__each("/proc", getpid(), first_of_self, &m), 1);
	fd = open_by_path("/proc", getpid(), &m);
	assert_true(fd >= 0);
	close(fd);
	m.inode++;
	assert_int_equal(open_by_path("/proc", getpid(), &m), -EACCES);
	m.inode--;
	m.path = "/bin/true";
	assert_int_equal(open_by_path("/proc", getpid(), &m), -EACCES);
	m.path = "/nowhere/at/all";
	assert_int_equal(open_by_path("/proc", getpid(), &m), -EACCES);
	m.path = "";
	assert_int_equal(open_by_path("/proc", getpid(), &m), -EACCES);
}

/* Where stat has another device than maps (here: a made-up one), maps decides. */
static void own_maps_decide(void **state)
{
	struct map_entry m;
	int fd;

	assert_int_equal(proc_maps__each("/proc", getpid(), first_of_self, &m), 1);
	fd = open(m.path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(maps_as(fd, &m));
	m.dev_minor++;
	assert_false(maps_as(fd, &m));
	assert_false(is_mapped_file(fd, &m));
	close(fd);
}

/* The container's library is a link to another of its files, and not to ours of that name. */
static void a_path_is_followed_in_its_root(void **state)
{
	char inside[256];
	struct map_entry m;
	struct stat st;

	snprintf(inside, sizeof(inside), "%s/7/root", root);
	put(7, "root/lib", "theirs");
	assert_int_equal(proc_maps__each("/proc", getpid(), first_of_self, &m), 1);
	put_link(7, "root/self", m.path);
	m.path = "/self";
	assert_int_equal(open_by_path(root, 7, &m), -EACCES);
	put_link(7, "root/self", "/lib");
	strcat(inside, "/lib");
	assert_int_equal(stat(inside, &st), 0);
	m = (struct map_entry){ .path = "/self", .inode = st.st_ino };
	m.dev_major = major(st.st_dev);
	m.dev_minor = minor(st.st_dev);
	assert_true(open_by_path(root, 7, &m) >= 0);
}

static void a_mapping_that_is_gone(void **state)
{
	struct map_entry m = { .start = 0x1000, .end = 0x2000 };

	assert_int_equal(proc_maps__open("/proc", getpid(), &m), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(executable_files_are_told_once),
		cmocka_unit_test(the_mapped_file_is_opened),
		cmocka_unit_test(a_path_is_believed_when_it_is_the_same_file),
		cmocka_unit_test(own_maps_decide),
		cmocka_unit_test(a_path_is_followed_in_its_root),
		cmocka_unit_test(a_mapping_that_is_gone),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
