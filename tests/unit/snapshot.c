// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include "loop.h"
#include "snapshot.h"

#define MS     1000000ull
#define ASKERS 16
#define ROUNDS 40

static bool asked(const struct snapshots *s, int ms)
{
	struct pollfd p = { .fd = snapshots__fd(s), .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

struct asker {
	struct snapshots *s;
	unsigned int timeout_ms, rounds;
	uint64_t asked_ns, taken_ns; /* of the last round; taken: what the snapshot says */
	int rc;
};

/* Every snapshot was begun after it was asked for. */
static void *ask(void *arg)
{
	struct asker *a = arg;
	struct metrics *m;
	unsigned int i;

	for (i = 0; i < a->rounds; i++) {
		a->asked_ns = mono_ns();
		a->rc = snapshots__get(a->s, &m, a->timeout_ms);
		if (a->rc)
			return NULL;
		a->taken_ns = m->unix_ns;
		metrics__put(m);
		if (a->taken_ns < a->asked_ns)
			a->rc = -ESTALE;
		if (a->rc)
			return NULL;
	}
	return NULL;
}

/* What the event loop does, until `done`. Returns how many it built. */
static int serve(struct snapshots *s, const int *done, int n)
{
	uint64_t now, wait;
	int built = 0;

	while (__atomic_load_n(done, __ATOMIC_ACQUIRE) < n) {
		if (!asked(s, 1) && !built)
			continue;
		now = mono_ns() + built * 1000 * MS; /* a clock that outruns the rate limit */
		wait = snapshots__accept(s, now);
		assert_int_equal(wait, 0);
		snapshots__publish(s, metrics__new(mono_ns()), now);
		built++;
	}
	return built;
}

static int finished;

static void *ask_and_count(void *arg)
{
	ask(arg);
	__atomic_add_fetch(&finished, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void many_ask(void **state)
{
	struct snapshots *s = snapshots__new();
	struct asker a[ASKERS];
	pthread_t t[ASKERS];
	int i;

	finished = 0;
	for (i = 0; i < ASKERS; i++) {
		a[i] = (struct asker){ .s = s, .timeout_ms = 20000, .rounds = ROUNDS };
		assert_int_equal(pthread_create(&t[i], NULL, ask_and_count, &a[i]), 0);
	}
	assert_true(serve(s, &finished, ASKERS) >= ROUNDS);
	for (i = 0; i < ASKERS; i++) {
		pthread_join(t[i], NULL);
		assert_int_equal(a[i].rc, 0);
	}
	snapshots__free(s);
	snapshots__free(NULL);
}

static void one_for_all_who_wait(void **state)
{
	struct snapshots *s = snapshots__new();
	struct asker a[ASKERS];
	pthread_t t[ASKERS];
	uint64_t taken;
	int i;

	for (i = 0; i < ASKERS; i++) {
		a[i] = (struct asker){ .s = s, .timeout_ms = 20000, .rounds = 1 };
		assert_int_equal(pthread_create(&t[i], NULL, ask, &a[i]), 0);
		assert_true(asked(s, 10000));
		/* He has asked and waits; clear it to see the next one. */
		assert_int_equal(read(snapshots__fd(s), &taken, sizeof(taken)), sizeof(taken));
	}
	assert_int_equal(snapshots__accept(s, mono_ns()), 0);
	taken = mono_ns();
	snapshots__publish(s, metrics__new(taken), taken);
	for (i = 0; i < ASKERS; i++) {
		pthread_join(t[i], NULL);
		assert_int_equal(a[i].rc, 0);
		assert_int_equal(a[i].taken_ns, taken);
	}
	snapshots__free(s);
}

static void nobody_serves(void **state)
{
	struct snapshots *s = snapshots__new();
	uint64_t start = mono_ns();
	struct metrics *m;

	assert_int_equal(snapshots__get(s, &m, 30), -ETIMEDOUT);
	assert_true(mono_ns() - start >= 30 * MS);
	assert_int_equal(snapshots__get(s, &m, 0), -ETIMEDOUT);
	assert_true(asked(s, 0));
	snapshots__free(s);
}

/* Who asks while one is being built wants to know more than that one will say. */
static void not_older_than_the_question(void **state)
{
	struct snapshots *s = snapshots__new();
	struct metrics *m;

	assert_int_equal(snapshots__get(s, &m, 0), -ETIMEDOUT);
	assert_int_equal(snapshots__accept(s, mono_ns()), 0);
	assert_int_equal(snapshots__get(s, &m, 0), -ETIMEDOUT);
	snapshots__publish(s, metrics__new(1), mono_ns());
	assert_int_equal(snapshots__get(s, &m, 0), -ETIMEDOUT);
	assert_true(asked(s, 0));
	snapshots__free(s);
}

static void at_most_ten_a_second(void **state)
{
	struct snapshots *s = snapshots__new();
	struct metrics *m;

	assert_int_equal(snapshots__get(s, &m, 0), -ETIMEDOUT);
	assert_int_equal(snapshots__accept(s, 5000 * MS), 0);
	snapshots__publish(s, metrics__new(1), 5000 * MS);
	assert_int_equal(snapshots__get(s, &m, 0), -ETIMEDOUT);
	assert_int_equal(snapshots__accept(s, 5030 * MS), 70 * MS);
	assert_false(asked(s, 0)); /* the loop has been told, and waits by itself */
	assert_int_equal(snapshots__accept(s, 5100 * MS), 0);
	snapshots__free(s);
}

static void *publish_failure(void *arg)
{
	struct snapshots *s = arg;

	while (!asked(s, 1000))
		;
	snapshots__accept(s, mono_ns());
	snapshots__publish(s, NULL, mono_ns());
	return NULL;
}

static void failure_reaches_who_asks(void **state)
{
	struct snapshots *s = snapshots__new();
	struct metrics *m;
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, publish_failure, s), 0);
	assert_int_equal(snapshots__get(s, &m, 20000), -ENOMEM);
	pthread_join(t, NULL);
	snapshots__free(s);
}

static void shutdown_wakes_all(void **state)
{
	struct snapshots *s = snapshots__new();
	struct asker a[ASKERS];
	struct metrics *m;
	pthread_t t[ASKERS];
	int i;

	for (i = 0; i < ASKERS; i++) {
		a[i] = (struct asker){ .s = s, .timeout_ms = 20000, .rounds = 1 };
		assert_int_equal(pthread_create(&t[i], NULL, ask, &a[i]), 0);
	}
	assert_true(asked(s, 10000));
	snapshots__shutdown(s);
	for (i = 0; i < ASKERS; i++) {
		pthread_join(t[i], NULL);
		assert_int_equal(a[i].rc, -ESHUTDOWN);
	}
	assert_int_equal(snapshots__get(s, &m, 20000), -ESHUTDOWN);
	snapshots__free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_ask),
		cmocka_unit_test(one_for_all_who_wait),
		cmocka_unit_test(nobody_serves),
		cmocka_unit_test(not_older_than_the_question),
		cmocka_unit_test(at_most_ten_a_second),
		cmocka_unit_test(failure_reaches_who_asks),
		cmocka_unit_test(shutdown_wakes_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
