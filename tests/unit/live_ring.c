// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* When the tick comes, with a ring that is never empty and with one that always is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../../agent/live_ring.c"

#define MS 1000000ull

/* ---- what is around it ----------------------------------------------------------------- */

static struct live l;
static unsigned int records, reads, ticks, given_up;
static bool memory_is_full, memory_is_over;
static const struct pipeline_stat nothing;

/* A loop in which no time passes but what a case says. */
static struct {
	uint64_t now_ns, when_ns[2];
	uint64_t (*fn[2])(void *arg, uint64_t now_ns);
	void (*watch)(void *arg);
	int n;
} fake;

uint64_t mono_ns(void)
{
	return fake.now_ns;
}

uint64_t unix_ns(void)
{
	return fake.now_ns;
}

int loop__watch(struct loop *loop, int fd, void (*fn)(void *arg), void *arg)
{
	fake.watch = fn;
	return 0;
}

int loop__timer(struct loop *loop, uint64_t when_ns, uint64_t (*fn)(void *arg, uint64_t now_ns),
		void *arg)
{
	fake.when_ns[fake.n] = when_ns;
	fake.fn[fake.n] = fn;
	return fake.n++;
}

void loop__arm(struct loop *loop, int timer, uint64_t when_ns)
{
	fake.when_ns[timer] = when_ns;
}

void loop__arm_sooner(struct loop *loop, int timer, uint64_t when_ns)
{
	if (when_ns < fake.when_ns[timer])
		fake.when_ns[timer] = when_ns;
}

struct ring *loader__ring(const struct loader *loader, uint64_t *size, int *fd)
{
	*fd = 0;
	return NULL;
}

unsigned int ring__read(struct ring *r, unsigned int max,
			void (*fn)(void *arg, const void *record, size_t size), void *arg)
{
	reads++;
	return records;
}

uint64_t ring__used(const struct ring *r)
{
	return 0;
}

void pipeline__record(struct pipeline *p, const void *data, size_t size)
{
}

uint64_t pipeline__tick(struct pipeline *p, uint64_t now_ns)
{
	ticks++;
	return UINT64_MAX;
}

void pipeline__set_full(struct pipeline *p, bool full)
{
}

void pipeline__give_up(struct pipeline *p)
{
	given_up++;
}

const struct pipeline_stat *pipeline__stat(const struct pipeline *p)
{
	return &nothing;
}

void propagate__tick(struct propagate *p, uint64_t now_ns)
{
}

bool propagate__check(struct propagate *p)
{
	return true;
}

const char *propagate__why(const struct propagate *p)
{
	return "";
}

void loader__stat(const struct loader *loader, enum red_hook hook, struct red_stat *out)
{
	*out = (struct red_stat){ 0 };
}

int procs__scan(struct procs *p)
{
	return 0;
}

bool memory_guard__check(struct memory_guard *g)
{
	return memory_is_full;
}

bool memory_guard__over(const struct memory_guard *g)
{
	return memory_is_over;
}

void prober__tick(struct prober *p)
{
}

/* ---- cases --------------------------------------------------------------------------------- */

static void start(void)
{
	memset(&fake, 0, sizeof(fake));
	reads = ticks = 0;
	l = (struct live){ 0 };
	assert_int_equal(live_ring__new(&l), 0);
	assert_int_equal(fake.n, 2);
}

/* A second, in turns of a millisecond; the ring is readable in the first `woken` of them. */
static void second(unsigned int woken)
{
	unsigned int turn;
	int i;

	for (turn = 0; turn < 1000; turn++) {
		fake.now_ns += MS;
		records = turn < woken;
		if (records)
			fake.watch(&l);
		for (i = 0; i < fake.n; i++)
			if (fake.when_ns[i] <= fake.now_ns)
				fake.when_ns[i] = fake.fn[i](&l, fake.now_ns);
	}
}

static void ticks_under_load(void **state)
{
	start();
	second(1000);
	assert_int_equal(ticks, 100);
	assert_int_equal(reads, 1100);
}

/* Woken once, it looks for a tenth of a second whether there is more. */
static void sleeps_when_idle(void **state)
{
	start();
	second(0);
	assert_int_equal(ticks, 1);
	assert_int_equal(reads, 1);
	second(1);
	assert_in_range(ticks, 11, 13);
	second(0);
	assert_in_range(ticks, 11, 13);
}

/* Short of memory, nothing new is taken; what is there is given up while there is too much. */
static void gives_up_what_is_too_much(void **state)
{
	start();
	given_up = 0;
	memory_is_full = memory_is_over = true;
	second(0);
	assert_int_equal(given_up, 1);
	memory_is_over = false;
	second(0);
	assert_int_equal(given_up, 1);
	memory_is_full = false;
	second(0);
	assert_int_equal(given_up, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ticks_under_load),
		cmocka_unit_test(sleeps_when_idle),
		cmocka_unit_test(gives_up_what_is_too_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
