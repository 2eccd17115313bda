// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which files are known, and which of them are forgotten. */
#include "probes_fixture.h"

#define OTHERS 64 /* files without TLS that may be known */

static void files_are_bounded(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_PROCESS);
	int fds[OTHERS + 2], i;

	probes__enter(p, 1, 0, 0);
	for (i = 0; i < OTHERS + 2; i++) {
		fds[i] = fake_file(i == 3 ? "S" : "-");
		assert_int_equal(probes__map(p, 1, fds[i], i), 0);
	}
	assert_int_equal(probes__stats(p)->files, OTHERS + 1);
	assert_int_equal(probes__stats(p)->evicted, 1);
	probes__map(p, 1, fds[1], 100); /* kept; the eldest went */
	assert_int_equal(fake.finds, OTHERS + 2);
	probes__map(p, 1, fds[0], 101);
	assert_int_equal(fake.finds, OTHERS + 3);
	assert_int_equal(fake.open, FAKE_SITES); /* what is in use stays */
	for (i = 0; i < OTHERS + 2; i++)
		close(fds[i]);
	for (i = 0; i < 20; i++) {
		fds[i] = fake_file("S");
		probes__enter(p, 2 + i, 0, 0);
		assert_int_equal(probes__map(p, 2 + i, fds[i], 200 + i), i < 15 ? 0 : -ENOSPC);
	}
	assert_int_equal(probes__stats(p)->failed[PROBE_FILES_FULL], 5);
	for (i = 0; i < 20; i++)
		close(fds[i]);
	done(p, -1);
}

/* One open file can be as many as there are times. */
static void map_nth(struct probes *p, uint32_t tgid, int fd, uint32_t n)
{
	struct timespec times[2] = { { .tv_sec = n }, { .tv_sec = n } };
	static uint64_t now_ns;

	assert_int_equal(futimens(fd, times), 0);
	assert_int_equal(probes__map(p, tgid, fd, ++now_ns), 0);
}

/* A hundred containers with sixty files each. */
static void files_of_many_containers_are_read_once(void **state)
{
	struct probes *p = make_for(UPROBE_SCOPE_AUTO, 4096);
	int fd = fake_file("-");

	probes__enter(p, 1, 0, 0);
	for (uint32_t i = 0; i < 12000; i++)
		map_nth(p, 1, fd, i % 6000);
	assert_int_equal(probes__stats(p)->scans, 6000);
	assert_int_equal(fake.finds, 6000);
	assert_int_equal(probes__stats(p)->evicted, 0);
	done(p, fd);
}

/* Was n among the last ones? It is the very last now. */
static bool among_the_last(uint32_t *order, uint32_t *len, uint32_t n)
{
	uint32_t at = 0;
	bool was;

	while (at < *len && order[at] != n)
		at++;
	was = at < *len;
	if (!was && *len < OTHERS)
		++*len;
	else if (!was)
		at--;
	memmove(order + 1, order, at * sizeof(*order));
	order[0] = n;
	return was;
}

static void what_was_mapped_last_is_known(void **state)
{
	uint32_t order[OTHERS], len = 0, n, finds = 0;
	struct probes *p = make(UPROBE_SCOPE_AUTO);
	int fd = fake_file("-");

	probes__enter(p, 1, 0, 0);
	srand(1);
	for (int i = 0; i < 20000; i++) {
		n = rand() % (OTHERS + 20);
		finds += !among_the_last(order, &len, n);
		map_nth(p, 1, fd, n);
		assert_int_equal(fake.finds, finds);
	}
	assert_int_equal(probes__stats(p)->files, OTHERS);
	done(p, fd);
}

/* Files with TLS that nobody uses: there are no places to probe. */
static void map_unused(struct probes *p, uint32_t tgid, int fd, uint32_t from, uint32_t n)
{
	for (uint32_t i = from; i < from + n; i++)
		map_nth(p, tgid, fd, i);
}

static void what_is_in_use_is_never_forgotten(void **state)
{
	int a = fake_file("S"), b = fake_file("S"), c = fake_file("S"), unused = fake_file("s");
	struct probes *p = make(UPROBE_SCOPE_PROCESS);

	enter(p, 1, a, 0);
	enter(p, 2, b, 0);
	enter(p, 3, c, 0);
	probes__enter(p, 4, 0, 0);
	map_unused(p, 4, unused, 0, 100);
	assert_int_equal(probes__stats(p)->files, 16);
	assert_int_equal(fake.open, 3 * FAKE_SITES);
	assert_int_equal(fake.finds, 103);
	probes__leave(p, 2, 0);
	probes__leave(p, 1, 0);
	map_unused(p, 4, unused, 100, 14); /* all of before, and who left first */
	enter(p, 5, a, 0);
	enter(p, 6, c, 0);
	assert_int_equal(fake.finds, 117);
	enter(p, 7, b, 0);
	assert_int_equal(fake.finds, 118);
	close(a);
	close(b);
	close(c);
	done(p, unused);
}

static void what_is_probed_for_all_is_never_forgotten(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_FILE);
	int fd = fake_file("S"), unused = fake_file("s");

	enter(p, 1, fd, 0);
	probes__leave(p, 1, 0);
	probes__enter(p, 2, 0, 0);
	map_unused(p, 2, unused, 0, 100);
	assert_int_equal(fake.open, FAKE_SITES);
	assert_int_equal(probes__map(p, 2, fd, 0), 0);
	assert_int_equal(fake.finds, 101);
	probes__leave(p, 2, 0);
	probes__tick(p, GRACE);
	assert_int_equal(fake.open, 0);
	probes__enter(p, 3, 0, 0);
	map_unused(p, 3, unused, 100, 16);
	enter(p, 4, fd, 0);
	assert_int_equal(fake.finds, 118);
	close(unused);
	done(p, fd);
}

/* Who uses it has no probes that would be let go. */
static void what_could_not_be_probed_is_forgotten(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_PROCESS);

	fake.err = EINVAL;
	for (uint32_t tgid = 1; tgid <= 100; tgid++) {
		int fd = fake_file("S");

		probes__enter(p, tgid, 0, 0);
		assert_int_equal(probes__map(p, tgid, fd, 0), -EINVAL);
		probes__leave(p, tgid, 0);
		close(fd);
	}
	assert_int_equal(probes__stats(p)->files, 16);
	assert_int_equal(probes__stats(p)->failed[PROBE_FILES_FULL], 0);
	done(p, -1);
}

static void files_without_tls_push_out_none_with_it(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_AUTO);
	int fd = fake_file("s"), other = fake_file("-");

	enter(p, 1, fd, 0);
	for (uint32_t i = 0; i < 1000; i++)
		map_nth(p, 1, other, i);
	enter(p, 2, fd, 0);
	assert_int_equal(fake.finds, 1001);
	close(other);
	done(p, fd);
}

/* The same inode, but not the same file any more. */
static void a_file_written_over_is_another(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_PROCESS);
	int fd = fake_file("-");

	enter(p, 1, fd, 0);
	assert_int_equal(pwrite(fd, "Snew", 4, 0), 4);
	enter(p, 2, fd, 0);
	assert_int_equal(fake.finds, 2);
	assert_int_equal(fake.open, FAKE_SITES);
	done(p, fd);
}

static void a_replaced_file_is_two(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_AUTO);
	int old = fake_file("S one"), new = fake_file("S two");

	enter(p, 1, old, 0);
	enter(p, 2, new, 0);
	assert_int_equal(fake.finds, 2);
	assert_int_equal(probes__stats(p)->probed, 2);
	assert_int_equal(fake.open, 2 * FAKE_SITES);
	assert_int_not_equal(fake.links[0].inode, fake.links[FAKE_SITES].inode);
	close(old);
	done(p, new);
}

/* Somebody touched the library: processes that have it are not probed twice. */
static void a_touched_file_is_not_probed_twice(void **state)
{
	struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 2 } };
	struct probes *p = make(UPROBE_SCOPE_PROCESS);
	int fd = fake_file("S");

	enter(p, 1, fd, 0);
	assert_int_equal(futimens(fd, times), 0);
	probes__map(p, 1, fd, 0);
	assert_int_equal(fake.finds, 2);
	assert_int_equal(fake.open, FAKE_SITES);
	enter(p, 2, fd, 0);
	assert_int_equal(fake.open, 2 * FAKE_SITES);
	done(p, fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_bounded),
		cmocka_unit_test(files_of_many_containers_are_read_once),
		cmocka_unit_test(what_was_mapped_last_is_known),
		cmocka_unit_test(what_is_in_use_is_never_forgotten),
		cmocka_unit_test(what_is_probed_for_all_is_never_forgotten),
		cmocka_unit_test(what_could_not_be_probed_is_forgotten),
		cmocka_unit_test(files_without_tls_push_out_none_with_it),
		cmocka_unit_test(a_file_written_over_is_another),
		cmocka_unit_test(a_replaced_file_is_two),
		cmocka_unit_test(a_touched_file_is_not_probed_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
