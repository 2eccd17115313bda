// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <cmocka.h>

#include "loop.h"

#define MS 1000000ull

struct seen {
	struct loop *loop;
	int fd;
	int calls, stop_after;
	uint64_t last_ns, every_ns;
};

static uint64_t on_timer(void *arg, uint64_t now_ns)
{
	struct seen *s = arg;

	assert_true(now_ns <= mono_ns());
	s->last_ns = now_ns;
	if (++s->calls == s->stop_after)
		loop__stop(s->loop);
	return s->every_ns ? now_ns + s->every_ns : UINT64_MAX;
}

static void on_readable(void *arg)
{
	struct seen *s = arg;
	uint64_t n;

	assert_int_equal(read(s->fd, &n, sizeof(n)), sizeof(n));
	if (++s->calls == s->stop_after)
		loop__stop(s->loop);
}

static uint64_t write_it(void *arg, uint64_t now_ns)
{
	uint64_t one = 1;

	assert_int_equal(write(*(int *)arg, &one, sizeof(one)), sizeof(one));
	return now_ns + MS;
}

static void clocks(void **state)
{
	uint64_t a = mono_ns(), b = mono_ns();

	assert_true(a <= b);
	assert_true(unix_ns() > 1600000000ull * 1000 * MS);
}

static void timer_is_never_early(void **state)
{
	struct seen s = { .loop = loop__new(), .stop_after = 5, .every_ns = 3 * MS };
	uint64_t start = mono_ns();

	assert_int_equal(loop__timer(s.loop, start + 4 * MS, on_timer, &s), 0);
	assert_int_equal(loop__run(s.loop), 0);
	assert_int_equal(s.calls, 5);
	assert_true(s.last_ns >= start + (4 + 4 * 3) * MS);
	loop__free(s.loop);
}

static void timer_that_never_comes_again(void **state)
{
	struct loop *loop = loop__new();
	struct seen once = { .loop = loop }, stop = { .loop = loop, .stop_after = 1 };

	loop__timer(loop, 0, on_timer, &once);
	loop__timer(loop, mono_ns() + 10 * MS, on_timer, &stop);
	assert_int_equal(loop__run(loop), 0);
	assert_int_equal(once.calls, 1);
	assert_int_equal(stop.calls, 1);
	loop__free(loop);
}

static void moves_a_timer(void **state)
{
	struct loop *loop = loop__new();
	struct seen later = { .loop = loop, .stop_after = 1 };
	uint64_t start = mono_ns();
	int n = loop__timer(loop, UINT64_MAX, on_timer, &later);

	loop__arm(loop, -ENOSPC, 0); /* what loop__timer says when there are too many */
	loop__arm(loop, n + 1, 0);
	loop__arm(loop, n, start + 2 * MS);
	assert_int_equal(loop__run(loop), 0);
	assert_true(later.last_ns >= start + 2 * MS);
	loop__free(loop);
}

static void only_sooner(void **state)
{
	struct loop *loop = loop__new();
	struct seen s = { .loop = loop, .stop_after = 1 };
	uint64_t start = mono_ns();
	int n = loop__timer(loop, start + 2 * MS, on_timer, &s);

	loop__arm_sooner(loop, -ENOSPC, 0);
	loop__arm_sooner(loop, n + 1, 0);
	loop__arm_sooner(loop, n, UINT64_MAX);
	assert_int_equal(loop__run(loop), 0);
	assert_true(s.last_ns >= start + 2 * MS);
	loop__free(loop);

	loop = s.loop = loop__new();
	s.stop_after++;
	n = loop__timer(loop, UINT64_MAX, on_timer, &s);
	loop__arm_sooner(loop, n, start);
	assert_int_equal(loop__run(loop), 0);
	assert_int_equal(s.calls, 2);
	loop__free(loop);
}

/* The one behind it is not called any more, nor is anything by a second run. */
static void stops_at_once(void **state)
{
	struct loop *loop = loop__new();
	struct seen first = { .loop = loop, .stop_after = 1 }, second = { .loop = loop };

	loop__timer(loop, 0, on_timer, &first);
	loop__timer(loop, 0, on_timer, &second);
	assert_int_equal(loop__run(loop), 0);
	assert_int_equal(second.calls, 0);
	assert_int_equal(loop__run(loop), 0);
	assert_int_equal(first.calls, 1);
	loop__free(loop);
}

static void watches(void **state)
{
	struct loop *loop = loop__new();
	int fd[2] = { eventfd(0, EFD_NONBLOCK), eventfd(0, EFD_NONBLOCK) };
	struct seen idle = { .loop = loop, .fd = fd[0] };
	struct seen busy = { .loop = loop, .fd = fd[1], .stop_after = 7 };

	assert_int_equal(loop__watch(loop, fd[0], on_readable, &idle), 0);
	assert_int_equal(loop__watch(loop, fd[1], on_readable, &busy), 0);
	assert_int_equal(loop__watch(loop, fd[1], on_readable, &busy), -EEXIST);
	assert_int_equal(loop__watch(loop, -1, on_readable, &busy), -EBADF);
	loop__timer(loop, 0, write_it, &fd[1]);
	assert_int_equal(loop__run(loop), 0);
	assert_int_equal(busy.calls, 7);
	assert_int_equal(idle.calls, 0);
	loop__free(loop);
	loop__free(NULL);
	assert_int_equal(close(fd[0]), 0); /* still ours */
	assert_int_equal(close(fd[1]), 0);
}

static void limits(void **state)
{
	struct loop *loop = loop__new();
	struct seen s = { .loop = loop };
	int fd[17], i;

	for (i = 0; i < 17; i++) {
		fd[i] = eventfd(0, 0);
		assert_int_equal(loop__watch(loop, fd[i], on_readable, &s), i < 16 ? 0 : -ENOSPC);
	}
	for (i = 0; i < 9; i++)
		assert_int_equal(loop__timer(loop, 0, on_timer, &s), i < 8 ? i : -ENOSPC);
	for (i = 0; i < 17; i++)
		close(fd[i]);
	loop__free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clocks),
		cmocka_unit_test(timer_is_never_early),
		cmocka_unit_test(timer_that_never_comes_again),
		cmocka_unit_test(moves_a_timer),
		cmocka_unit_test(only_sooner),
		cmocka_unit_test(stops_at_once),
		cmocka_unit_test(watches),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
