// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which processes are probed, alone or together, and what of that may fail. */
#include "probes_fixture.h"

static void a_process_is_probed_alone(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_AUTO);
	int fd = fake_file("S");

	assert_int_equal(probes__map(p, 7, fd, 0), 0);
	assert_int_equal(fake.n_links, 0); /* not selected */
	enter(p, 7, fd, 0);
	assert_int_equal(fake_open_of(7), FAKE_SITES);
	assert_int_equal(fake.open, FAKE_SITES);
	assert_int_equal(fake.last_tgid, 7);
	assert_int_equal(fake.first_flags, RED_TARGET_TLS);
	assert_int_equal(fake.last_flags, RED_TARGET_READY);
	assert_int_equal(probes__map(p, 7, fd, 0), 0); /* mapped once more: marked once more */
	assert_int_equal(fake.last_flags, RED_TARGET_TLS);
	probes__ready(p, 7);
	assert_int_equal(fake.last_flags, RED_TARGET_READY);
	assert_int_equal(fake.n_links, FAKE_SITES);
	assert_int_equal(fake.finds, 1);
	assert_int_equal(probes__stats(p)->probed, 1);
	probes__leave(p, 7, 0);
	assert_int_equal(fake.open, 0);
	assert_int_equal(probes__stats(p)->probed, 0);
	assert_int_equal(probes__stats(p)->processes, 0);
	assert_int_equal(probes__tick(p, 0), UINT64_MAX);
	done(p, fd);
}

static void what_has_nothing_is_read_once(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_AUTO);
	int fd = fake_file("-");

	for (uint32_t tgid = 1; tgid <= 100; tgid++)
		enter(p, tgid, fd, 0);
	assert_int_equal(fake.finds, 1);
	assert_int_equal(fake.n_links + fake.marks + fake.problems, 0);
	assert_int_equal(probes__stats(p)->files, 1);
	done(p, fd);
}

static void exec_lets_go_of_what_was(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_AUTO);
	int fd = fake_file("S");

	assert_int_equal(probes__enter(p, 7, 100, 0), 0);
	probes__map(p, 7, fd, 0);
	assert_int_equal(probes__enter(p, 7, 100, 0), 0); /* told again, of the same memory */
	assert_int_equal(fake.open, FAKE_SITES);
	assert_int_equal(probes__enter(p, 7, 101, 0), 0);
	assert_int_equal(fake.open, 0);
	probes__map(p, 7, fd, 0);
	assert_int_equal(fake.open, FAKE_SITES);
	assert_int_equal(fake.n_links, 2 * FAKE_SITES);
	assert_int_equal(probes__enter(p, 7, 0, 0), 0); /* not known: as if it were another */
	assert_int_equal(fake.open, 0);
	done(p, fd);
}

static void a_mapping_may_tell_of_the_exec(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_AUTO);
	int fd = fake_file("S");

	assert_false(probes__changed(p, 7, 100, 0)); /* not selected, and not so by this */
	assert_int_equal(probes__stats(p)->processes, 0);
	probes__enter(p, 7, 100, 0);
	probes__map(p, 7, fd, 0);
	assert_false(probes__changed(p, 7, 100, 0));
	assert_false(probes__changed(p, 7, 0, 0)); /* not known */
	assert_int_equal(fake.open, FAKE_SITES);
	assert_true(probes__changed(p, 7, 101, 0));
	assert_int_equal(fake.open, 0);
	probes__map(p, 7, fd, 0);
	probes__enter(p, 7, 101, 0); /* the exec itself is told now */
	assert_int_equal(fake.n_links, 2 * FAKE_SITES);
	assert_int_equal(fake.open, FAKE_SITES);
	done(p, fd);
}

/* Not with the first of its files: a connection could begin that is seen in part. */
static void it_is_ready_when_all_is_done(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_AUTO);
	int ssl = fake_file("S"), go = fake_file("G");

	probes__ready(p, 7); /* who is not selected, or has no probes, is not told of */
	probes__enter(p, 7, 0, 0);
	probes__ready(p, 7);
	assert_int_equal(fake.marks, 0);
	probes__map(p, 7, ssl, 0);
	probes__map(p, 7, go, 0);
	assert_int_equal(fake.marks, 2);
	assert_int_equal(fake.last_flags, RED_TARGET_GO);
	probes__ready(p, 7);
	probes__ready(p, 7); /* said once */
	assert_int_equal(fake.marks, 3);
	assert_int_equal(fake.last_flags, RED_TARGET_READY);
	close(ssl);
	done(p, go);
}

static void many_are_probed_together(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_AUTO);
	int fd = fake_file("S");
	uint32_t tgid;

	for (tgid = 1; tgid <= 8; tgid++)
		enter(p, tgid, fd, 0);
	assert_int_equal(fake.open, 8 * FAKE_SITES);
	assert_int_equal(probes__stats(p)->wide, 0);
	enter(p, 9, fd, 0);
	assert_int_equal(fake.open, FAKE_SITES);
	assert_int_equal(fake_open_of(-1), FAKE_SITES);
	assert_int_equal(fake.most, 9 * FAKE_SITES); /* first for all, then no more for each */
	assert_int_equal(probes__stats(p)->wide, 1);
	enter(p, 10, fd, 0);
	assert_int_equal(fake.n_links, 9 * FAKE_SITES);
	assert_int_equal(fake.last_tgid, 10); /* which is marked all the same */
	for (tgid = 1; tgid < 10; tgid++)
		probes__leave(p, tgid, SEC);
	assert_int_equal(probes__tick(p, 1000 * SEC), UINT64_MAX);
	assert_int_equal(fake_open_of(-1), FAKE_SITES); /* one is left: never back */
	done(p, fd);
}

static void probes_for_all_stay_for_the_grace_time(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_FILE);
	int fd = fake_file("S");

	enter(p, 1, fd, 0);
	assert_int_equal(fake_open_of(-1), FAKE_SITES);
	probes__leave(p, 1, 10 * SEC);
	assert_int_equal(probes__tick(p, 39 * SEC), 40 * SEC);
	enter(p, 2, fd, 39 * SEC);
	assert_int_equal(probes__tick(p, 41 * SEC), UINT64_MAX);
	assert_int_equal(fake.open, FAKE_SITES);
	probes__leave(p, 2, 50 * SEC);
	assert_int_equal(probes__tick(p, 51 * SEC), 80 * SEC);
	assert_int_equal(probes__tick(p, 80 * SEC), UINT64_MAX);
	assert_int_equal(fake.open, 0);
	assert_int_equal(fake.n_links, FAKE_SITES);
	enter(p, 3, fd, 90 * SEC);
	assert_int_equal(fake.open, FAKE_SITES);
	assert_int_equal(fake.finds, 1);
	done(p, fd);
}

/* A thousand processes, one after the other: eight are probed alone, then all together. */
/* Where a program that ran twice would count twice, no process has both for a moment. */
static void what_must_run_once_is_never_both(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_AUTO);
	int fd = fake_file("R");

	for (uint32_t tgid = 1; tgid <= 12; tgid++)
		enter(p, tgid, fd, 0);
	assert_int_equal(probes__stats(p)->wide, 0);
	assert_int_equal(fake.open, 12 * FAKE_SITES);
	for (uint32_t tgid = 1; tgid <= 12; tgid++)
		probes__leave(p, tgid, SEC);
	enter(p, 20, fd, 2 * SEC); /* as many have used it, and none has its own */
	assert_int_equal(probes__stats(p)->wide, 1);
	enter(p, 21, fd, 2 * SEC);
	assert_int_equal(fake.open, FAKE_SITES);
	done(p, fd);
}

static void churn_is_probed_together(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_AUTO);
	int fd = fake_file("S");
	uint32_t tgid;

	for (tgid = 1; tgid <= 1000; tgid++) {
		enter(p, tgid, fd, tgid * SEC / 10);
		assert_int_equal(fake.open, FAKE_SITES);
		probes__leave(p, tgid, tgid * SEC / 10);
		probes__tick(p, tgid * SEC / 10);
	}
	assert_int_equal(fake.n_links, 9 * FAKE_SITES);
	assert_int_equal(fake.marks, 2000);
	assert_int_equal(probes__stats(p)->processes, 0);
	assert_int_equal(probes__tick(p, 100 * SEC + GRACE), UINT64_MAX);
	assert_int_equal(fake.open, 0);
	done(p, fd);
}

static void slow_churn_is_probed_one_by_one(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_AUTO);
	int fd = fake_file("S");
	uint32_t tgid;

	for (tgid = 1; tgid <= 1000; tgid++) {
		enter(p, tgid, fd, tgid * 5 * SEC);
		assert_int_equal(fake_open_of(tgid), FAKE_SITES);
		probes__leave(p, tgid, tgid * 5 * SEC);
	}
	assert_int_equal(fake.n_links, 1000 * FAKE_SITES);
	done(p, fd);
}

static void scope_process_never_probes_others(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_PROCESS);
	int fd = fake_file("S");

	for (uint32_t tgid = 1; tgid <= 100; tgid++)
		enter(p, tgid, fd, 0);
	assert_int_equal(fake.open, 100 * FAKE_SITES);
	assert_int_equal(fake_open_of(-1), 0);
	done(p, fd);
}

static void links_are_bounded(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_PROCESS);
	int fd = fake_file("S");

	for (uint32_t tgid = 1; tgid <= 1000; tgid++) {
		probes__enter(p, tgid, 0, 0);
		probes__map(p, tgid, fd, 0);
	}
	assert_int_equal(fake.open, 1000);
	assert_int_equal(probes__stats(p)->failed[PROBE_LINKS_FULL], 800);
	assert_int_equal(fake.problems, 1);
	assert_string_equal(fake.text, "the limit of probes is reached");
	done(p, fd);
}

/* As probes__map, and known to on_again. */
static int map_again(struct probes *p, uint32_t tgid, const char *text)
{
	int fd = fake_file(text);

	again.p = p;
	again.fds[again.n] = fd;
	again.tgids[again.n++] = tgid;
	return probes__map(p, tgid, fd, 0);
}

/* Files that are made to have as many places as there may be. */
static void a_process_has_a_share_of_the_links(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_PROCESS);

	probes__enter(p, 1, 0, 0);
	assert_int_equal(map_again(p, 1, "S"), 0);
	assert_int_equal(map_again(p, 1, "X 255"),
			 -EDQUOT); /* 256 are more than an eighth of 1,000 */
	assert_int_equal(fake.open, FAKE_SITES);
	assert_string_equal(fake.text, "its process has its share of all probes");
	assert_int_equal(probes__stats(p)->failed[PROBE_LINKS_FULL], 1);
	assert_int_equal(probes__tick(p, 10 * SEC), UINT64_MAX); /* and that stays so */
	assert_int_equal(again.looks, 0);
	probes__enter(p, 2, 0, 0);
	assert_int_equal(map_again(p, 2, "X 256"), 0); /* any one file may be probed */
	probes__enter(p, 2, 0, 0);
	assert_int_equal(map_again(p, 2, "X 255"), 0); /* what it had before does not count */
	done_again(p);
}

/* Also of those that are for all, and when they are not its own any more. */
static void a_share_counts_what_is_probed_for_all(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_FILE);

	probes__enter(p, 1, 0, 0);
	assert_int_equal(map_again(p, 1, "X 200"), 0);
	assert_int_equal(map_again(p, 1, "X 200"), -EDQUOT);
	assert_int_equal(fake.open, 200);
	done_again(p);
}

static void a_process_has_a_share_of_the_files(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_PROCESS);

	probes__enter(p, 1, 0, 0);
	assert_int_equal(map_again(p, 1, "S"), 0);
	assert_int_equal(map_again(p, 1, "S"), 0);
	assert_int_equal(map_again(p, 1, "S"), -EDQUOT); /* an eighth of 16 */
	assert_int_equal(probes__stats(p)->failed[PROBE_FILES_FULL], 1);
	for (int i = 0; i < 20; i++)
		assert_int_equal(map_again(p, 1, "-"), 0); /* of these nothing is kept */
	done_again(p);
}

static void who_found_no_link_is_looked_at_again(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_PROCESS);
	uint32_t tgid;

	for (tgid = 1; tgid <= 4; tgid++) {
		probes__enter(p, tgid, 0, 0);
		assert_int_equal(map_again(p, tgid, "X 249"), 0);
	}
	for (; tgid <= 6; tgid++) {
		probes__enter(p, tgid, 0, 0);
		assert_int_equal(map_again(p, tgid, "S"), -ENOSPC);
		probes__ready(p, tgid);
	}
	assert_int_equal(probes__stats(p)->failed[PROBE_LINKS_FULL], 2);
	assert_int_equal(probes__tick(p, SEC), 2 * SEC);
	assert_int_equal(again.looks, 0); /* there is no room yet */
	probes__leave(p, 1, SEC);
	assert_int_equal(probes__tick(p, SEC + 1), 2 * SEC);
	assert_int_equal(probes__tick(p, 2 * SEC), UINT64_MAX);
	assert_int_equal(again.looks, 2);
	assert_int_equal(fake_open_of(5), FAKE_SITES);
	assert_int_equal(fake_open_of(6), FAKE_SITES);
	assert_int_equal(probes__stats(p)->failed[PROBE_LINKS_FULL], 2);
	done_again(p);
}

/* Not for 30 s, that is. */
static void what_nobody_uses_makes_room(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_FILE);

	for (int i = 0; i < 4; i++) {
		probes__enter(p, 1, 0, 0);
		assert_int_equal(map_again(p, 1, "X 249"), 0);
	}
	assert_int_equal(fake.open, 4 * 249);
	probes__enter(p, 2, 0, 0);
	assert_int_equal(map_again(p, 2, "S"), 0);
	assert_int_equal(fake.open, 249 + FAKE_SITES);
	done_again(p);
}

static void who_found_no_file_is_looked_at_again(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_PROCESS);

	for (uint32_t tgid = 1; tgid <= 17; tgid++) {
		probes__enter(p, tgid, 0, 0);
		assert_int_equal(map_again(p, tgid, "S"), tgid <= 16 ? 0 : -ENOSPC);
	}
	assert_int_equal(probes__tick(p, SEC), 2 * SEC);
	probes__leave(p, 3, SEC);
	assert_int_equal(probes__tick(p, 2 * SEC), UINT64_MAX);
	assert_int_equal(again.looks, 1);
	assert_int_equal(fake_open_of(17), FAKE_SITES);
	done_again(p);
}

static void processes_are_bounded(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_FILE);

	for (uint32_t tgid = 1; tgid <= 2000; tgid++)
		assert_int_equal(probes__enter(p, tgid, 0, 0), 0);
	assert_int_equal(probes__enter(p, 2001, 0, 0), -ENOSPC);
	assert_int_equal(probes__enter(p, 5, 0, 0), 0);
	assert_int_equal(probes__stats(p)->failed[PROBE_PROCESSES_FULL], 1);
	probes__free(p);
}

static void without_the_minimum_nothing_is_probed(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_AUTO);
	int fd = fake_file("s");

	enter(p, 1, fd, 0);
	enter(p, 2, fd, 0);
	assert_int_equal(fake.n_links, 0);
	assert_int_equal(fake.problems, 1); /* once for each file */
	assert_int_equal(fake.reason, PROBE_NO_MINIMUM);
	assert_string_equal(fake.text, "OpenSSL: nothing to write with");
	assert_int_equal(probes__stats(p)->failed[PROBE_NO_MINIMUM], 1);
	done(p, fd);
}

static void a_refused_program_costs_only_itself(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_AUTO);
	int fd = fake_file("S");
	uint32_t before;

	fake.refused = "free";
	enter(p, 1, fd, 0);
	assert_int_equal(fake.open, 4);
	assert_int_equal(fake.problems, 0);
	before = fake.n_links;
	fake.refused = "entry";
	assert_int_equal(probes__enter(p, 2, 0, 0), 0);
	assert_int_equal(probes__map(p, 2, fd, 0), -ENOTSUP);
	assert_int_equal(fake.n_links, before); /* not for a moment, either */
	assert_int_equal(fake.reason, PROBE_REFUSED);
	assert_int_equal(probes__stats(p)->failed[PROBE_REFUSED], 1);
	done(p, fd);
}

/* Entries alone tell nothing. */
static void without_ends_nothing_is_probed(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_AUTO);
	int fd = fake_file("S");

	fake.refused = "return";
	probes__enter(p, 1, 0, 0);
	assert_int_equal(probes__map(p, 1, fd, 0), -ENOTSUP);
	assert_int_equal(fake.open, 0);
	assert_int_equal(fake.reason, PROBE_REFUSED);
	assert_int_equal(probes__stats(p)->failed[PROBE_REFUSED], 1);
	done(p, fd);
}

static void a_refused_probe_costs_only_itself(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_AUTO);
	int fd = fake_file("S");

	fake.bad_offset = 3;
	enter(p, 1, fd, 0);
	assert_int_equal(fake.open, 4);
	assert_int_equal(fake.problems, 0);
	fake.bad_offset = 2; /* without it there is nothing to write with */
	probes__enter(p, 2, 0, 0);
	assert_int_equal(probes__map(p, 2, fd, 0), -EINVAL);
	assert_int_equal(fake.open, 4);
	assert_string_equal(fake.text, "the kernel refused probes: Invalid argument");
	assert_int_equal(probes__map(p, 2, fd, 0), 0); /* and is not tried at each mapping */
	assert_int_equal(probes__stats(p)->failed[PROBE_ATTACH], 1);
	done(p, fd);
}

static bool is_open(uint64_t offset)
{
	for (uint32_t i = 0; i < fake.n_links; i++)
		if (fake.links[i].open && fake.links[i].offset == offset)
			return true;
	return false;
}

/* Of a function one of whose returns is not probed the entry must not be seen. */
static void an_end_that_fails_costs_its_function(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_AUTO);
	int fd = fake_file("G");

	fake.bad_offset = 31;
	enter(p, 1, fd, 0);
	assert_int_equal(fake.open, 6);
	assert_false(is_open(30));
	fake.bad_offset = 30; /* nor ends without an entry */
	enter(p, 2, fd, 0);
	assert_int_equal(fake.open, 12);
	assert_false(is_open(31));
	fake.bad_offset = 22; /* and without its Write it is not probed at all */
	assert_int_equal(probes__enter(p, 3, 0, 0), 0);
	assert_int_equal(probes__map(p, 3, fd, 0), -EINVAL);
	assert_int_equal(fake.open, 12);
	assert_int_equal(fake.reason, PROBE_ATTACH);
	done(p, fd);
}

/* Nobody's death: who has a filter has no return probes, and so nobody by a file. */
static void who_would_die_is_left_alone(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_FILE);
	int fd = fake_file("S");

	fake.returns_kill = true;
	fake.confined = 2;
	enter(p, 1, fd, 0);
	assert_int_equal(fake_open_of(1), FAKE_SITES);
	assert_int_equal(probes__enter(p, 2, 0, 0), 0);
	assert_int_equal(probes__map(p, 2, fd, 0), -EPERM);
	assert_int_equal(fake.open, FAKE_SITES);
	assert_int_equal(fake.problems, 1);
	assert_int_equal(fake.reason, PROBE_SECCOMP);
	assert_int_equal(probes__stats(p)->failed[PROBE_SECCOMP], 1);
	assert_int_equal(fake.last_tgid, 1); /* not marked */
	done(p, fd);
}

static void a_process_that_is_gone_is_no_problem(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_AUTO);
	int fd = fake_file("S");

	fake.err = ESRCH;
	probes__enter(p, 1, 0, 0);
	assert_int_equal(probes__map(p, 1, fd, 0), -ESRCH);
	assert_int_equal(fake.problems, 0);
	assert_int_equal(probes__stats(p)->failed[PROBE_GONE], 1);
	done(p, fd);
}

/* NSPR alone is about plain files and sockets. */
static void nspr_waits_for_nss(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_FILE);
	int nspr = fake_file("N"), nss = fake_file("n");

	enter(p, 1, nspr, 0);
	assert_int_equal(fake.n_links + fake.marks, 0);
	assert_int_equal(probes__map(p, 1, nss, 0), 1); /* look again */
	assert_int_equal(probes__map(p, 1, nspr, 0), 0);
	assert_int_equal(fake_open_of(1), 4); /* of this process, whatever the scope */
	assert_int_equal(probes__map(p, 1, nss, 0), 0);
	enter(p, 2, nss, 0);
	enter(p, 2, nspr, 0);
	assert_int_equal(fake.open, 4); /* entering forgets what was mapped before */
	close(nss);
	done(p, nspr);
}

static void a_jvm_is_a_problem_of_its_process(void **state)
{
	struct probes *p = make(UPROBE_SCOPE_AUTO);
	int fd = fake_file("J");

	enter(p, 1, fd, 0);
	probes__map(p, 1, fd, 0);
	assert_int_equal(fake.problems, 1);
	assert_int_equal(fake.reason, PROBE_JSSE);
	enter(p, 2, fd, 0);
	assert_int_equal(probes__stats(p)->failed[PROBE_JSSE], 2);
	assert_int_equal(fake.n_links, 0);
	done(p, fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_is_probed_alone),
		cmocka_unit_test(what_has_nothing_is_read_once),
		cmocka_unit_test(exec_lets_go_of_what_was),
		cmocka_unit_test(a_mapping_may_tell_of_the_exec),
		cmocka_unit_test(it_is_ready_when_all_is_done),
		cmocka_unit_test(many_are_probed_together),
		cmocka_unit_test(probes_for_all_stay_for_the_grace_time),
		cmocka_unit_test(what_must_run_once_is_never_both),
		cmocka_unit_test(churn_is_probed_together),
		cmocka_unit_test(slow_churn_is_probed_one_by_one),
		cmocka_unit_test(scope_process_never_probes_others),
		cmocka_unit_test(links_are_bounded),
		cmocka_unit_test(a_process_has_a_share_of_the_links),
		cmocka_unit_test(a_share_counts_what_is_probed_for_all),
		cmocka_unit_test(a_process_has_a_share_of_the_files),
		cmocka_unit_test(who_found_no_link_is_looked_at_again),
		cmocka_unit_test(what_nobody_uses_makes_room),
		cmocka_unit_test(who_found_no_file_is_looked_at_again),
		cmocka_unit_test(processes_are_bounded),
		cmocka_unit_test(without_the_minimum_nothing_is_probed),
		cmocka_unit_test(a_refused_program_costs_only_itself),
		cmocka_unit_test(without_ends_nothing_is_probed),
		cmocka_unit_test(a_refused_probe_costs_only_itself),
		cmocka_unit_test(an_end_that_fails_costs_its_function),
		cmocka_unit_test(who_would_die_is_left_alone),
		cmocka_unit_test(a_process_that_is_gone_is_no_problem),
		cmocka_unit_test(nspr_waits_for_nss),
		cmocka_unit_test(a_jvm_is_a_problem_of_its_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
