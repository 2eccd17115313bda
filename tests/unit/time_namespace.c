// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * In a time namespace (time_namespaces(7), Linux 5.6), whose CLOCK_MONOTONIC is not that by which
 * the kernel's side stamps what it saw. The tests run in a process that was started in there.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "loop.h"
#include "prober_internal.h"

#define AHEAD_S 1000003
#define MS      1000000ull
#define SEC     1000000000ull
#define SOON    (53 * MS)
#define LATE    (600 * SEC) /* a wait that ends by the wrong clock lasts for days, or not at all */

static uint64_t here_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SEC + (uint64_t)t.tv_nsec;
}

static void now_is_what_it_is_for_the_kernel(void **state)
{
	uint64_t before = here_ns(), now = mono_ns(), after = here_ns();

	assert_in_range(now, before - AHEAD_S * SEC, after - AHEAD_S * SEC);
}

static void deadlines_are_those_of_this_process(void **state)
{
	struct timespec t = mono_timespec(here_ns() - AHEAD_S * SEC + SOON);
	uint64_t start = here_ns(), took;

	assert_int_equal(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL), 0);
	took = here_ns() - start;
	assert_in_range(took, SOON / 2, LATE);
}

static uint64_t on_timer(void *arg, uint64_t now_ns)
{
	loop__stop(arg);
	return UINT64_MAX;
}

static void timers(void **state)
{
	struct loop *loop = loop__new();
	uint64_t due = mono_ns() + SOON;

	assert_int_equal(loop__timer(loop, due, on_timer, loop), 0);
	assert_int_equal(loop__run(loop), 0);
	assert_in_range(mono_ns(), due, due + LATE);
	loop__free(loop);
}

/* The prober, when nothing is to be done. */
static void the_probers_wait(void **state)
{
	uint64_t until = mono_ns() + SOON;
	struct prober_queue q = { 0 };
	struct prober_work work;

	assert_int_equal(prober_queue__init(&q, 7, 7), 0);
	assert_true(prober_queue__next(&q, until, &work));
	assert_int_equal(work.kind, PROBER_NOTHING);
	assert_in_range(mono_ns(), until, until + LATE);
	prober_queue__fini(&q);
}

static int run_inside(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(now_is_what_it_is_for_the_kernel),
		cmocka_unit_test(deadlines_are_those_of_this_process),
		cmocka_unit_test(timers),
		cmocka_unit_test(the_probers_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

static const char *why_not; /* there is no namespace here */

static void cannot_be_shown(void **state)
{
	print_message("skipped: no time namespace: %s\n", why_not);
	skip();
}

/* Our children will be in a new one. */
static int enter(void)
{
	static const char offsets[] = "monotonic 1000003 0\n";
	int fd, err = 0;

	if (unshare(CLONE_NEWTIME))
		return -errno;
	fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, offsets, strlen(offsets)) < 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest none[] = { cmocka_unit_test(cannot_be_shown) };
	int err, status;
	pid_t child;

	if (argc > 1)
		return run_inside();
	err = enter();
	if (err) {
		why_not = strerror(-err);
		return cmocka_run_group_tests(none, NULL, NULL);
	}
	child = fork();
	if (!child) {
		execl("/proc/self/exe", argv[0], "inside", NULL);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
