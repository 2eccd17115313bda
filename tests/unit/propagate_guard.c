// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the guard holds, what it does when it is alone, and that nothing is left of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "propagate_internal.h"

#define SOON 20000 /* ms; a failure, if it takes so long */

static struct guard g;
static struct loader_propagation k;

static int start(void **state)
{
	signal(SIGPIPE, SIG_IGN); /* as live_signals.c does */
	k = (struct loader_propagation){ .hash_fd = -1, .msg_fd = -1 };
	k.off = mmap(NULL, sizeof(*k.off), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	return k.off == MAP_FAILED;
}

static bool hung_up(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1 && p.revents & POLLHUP;
}

/* Gone, and not even a zombie is left. */
static void no_child(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void it_holds_nothing_else(void **state)
{
	int link[2], other[2], last[2];

	assert_int_equal(pipe2(other, O_CLOEXEC), 0);
	assert_int_equal(pipe2(link, O_CLOEXEC), 0);
	assert_int_equal(pipe2(last, O_CLOEXEC), 0);
	assert_int_equal(guard__start(&g, &k, &link[1], 1), 0);
	close(link[1]);
	close(other[1]);
	close(last[1]);
	assert_true(hung_up(other[0], SOON));
	assert_true(hung_up(last[0], SOON));
	assert_false(hung_up(link[0], 0));
	guard__stop(&g);
	no_child();
	assert_true(hung_up(link[0], 0));
	assert_int_equal(*k.off, RED_PROP_ON);
	close(link[0]);
	close(other[0]);
	close(last[0]);
}

static void it_acts_when_it_is_alone(void **state)
{
	int status;

	assert_int_equal(guard__start(&g, &k, NULL, 0), 0);
	close(g.fd);
	assert_int_equal(waitpid(g.pid, &status, 0), g.pid);
	assert_int_equal(status, 0);
	assert_int_equal(*k.off, RED_PROP_OFF_USER);
}

static void one_that_was_killed_is_reaped(void **state)
{
	siginfo_t si;

	assert_int_equal(guard__start(&g, &k, NULL, 0), 0);
	kill(g.pid, SIGKILL);
	assert_int_equal(waitid(P_PID, g.pid, &si, WEXITED | WNOWAIT), 0);
	guard__stop(&g);
	no_child();
	guard__stop(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(it_holds_nothing_else, start),
		cmocka_unit_test_setup(it_acts_when_it_is_alone, start),
		cmocka_unit_test_setup(one_that_was_killed_is_reaped, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
