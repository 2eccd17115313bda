// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The sender against a collector that is a script. Bodies are their number as text; each has
 * number % 3 + 1 items. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <signal.h>
#include <unistd.h>

#include "log.h"
#include "loop.h"
#include "sender.h"
#include "spool.h"

#define MS 1000000ull

/* What one test shares with the sender's thread. */
struct world {
	pthread_mutex_t lock;
	pthread_cond_t changed;

	/* next */
	unsigned int made, wanted; /* bodies given, and to give */
	size_t body_len;
	bool stopped;
	int fail_next; /* so many times */

	/* post */
	struct otlp_outcome answers[16]; /* the first ones; then `then` */
	unsigned int n_answers, posts;
	struct otlp_outcome then;
	bool silent; /* answers only when it has to give up */
	uint64_t post_ns[64];
	unsigned int got[4096], n_got; /* what was delivered */

	/* callbacks */
	unsigned int kept, lost, away_cnt, back_cnt;
};

static struct world w;
static char dir[] = "/tmp/redeye-sender-XXXXXX";

static int set_up(void **state)
{
	w = (struct world){ .lock = PTHREAD_MUTEX_INITIALIZER,
			    .changed = PTHREAD_COND_INITIALIZER };
	log__init(LOG_LEVEL_ERROR);
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int tear_down(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

/* ---- the script ---- */

static void wait_changed(uint64_t until_ns)
{
	struct timespec t = { until_ns / 1000000000, until_ns % 1000000000 };

	pthread_cond_timedwait(&w.changed, &w.lock, &t);
}

static int next(void *arg, int timeout_ms, struct buf *body, uint32_t *items)
{
	uint64_t until = unix_ns() + timeout_ms * MS;
	int n;

	assert_int_equal(body->len, 0);
	pthread_mutex_lock(&w.lock);
	while (w.made == w.wanted && !w.stopped && !w.fail_next && unix_ns() < until)
		wait_changed(until);
	n = w.made < w.wanted;
	if (w.fail_next) {
		w.fail_next--;
		n = -EIO;
	} else if (n) {
		*items = w.made % 3 + 1;
		buf__printf(body, "%0*u", (int)w.body_len, w.made++);
	}
	pthread_cond_broadcast(&w.changed);
	pthread_mutex_unlock(&w.lock);
	return n;
}

static void outcome(void *arg, bool kept)
{
	pthread_mutex_lock(&w.lock);
	*(kept ? &w.kept : &w.lost) += 1;
	pthread_cond_broadcast(&w.changed);
	pthread_mutex_unlock(&w.lock);
}

static void away(void *arg, bool is_away)
{
	pthread_mutex_lock(&w.lock);
	*(is_away ? &w.away_cnt : &w.back_cnt) += 1;
	pthread_mutex_unlock(&w.lock);
}

static bool stopped(void *arg)
{
	bool yes;

	pthread_mutex_lock(&w.lock);
	yes = w.stopped;
	pthread_mutex_unlock(&w.lock);
	return yes;
}

/* Holds the lock, but not while the sender is asked, which asks stopped(). */
static void be_silent(const struct otlp_request *r)
{
	for (bool over = false; !over;) {
		wait_changed(unix_ns() + 5 * MS);
		pthread_mutex_unlock(&w.lock);
		over = r->give_up(r->arg);
		pthread_mutex_lock(&w.lock);
	}
}

static unsigned int number_of(const struct otlp_request *r)
{
	char text[1001] = "";

	assert_true(r->len < sizeof(text));
	memcpy(text, r->p, r->len);
	return atoi(text);
}

static void post(void *arg, const struct otlp_request *r, struct otlp_outcome *out)
{
	pthread_mutex_lock(&w.lock);
	*out = w.posts < w.n_answers ? w.answers[w.posts] : w.then;
	if (w.posts < 64)
		w.post_ns[w.posts] = mono_ns();
	w.posts++;
	pthread_cond_broadcast(&w.changed);
	if (w.silent) {
		be_silent(r);
		*out = (struct otlp_outcome){ .result = OTLP_RETRY };
	}
	if (out->result <= OTLP_PARTIAL)
		w.got[w.n_got++] = number_of(r);
	pthread_cond_broadcast(&w.changed);
	pthread_mutex_unlock(&w.lock);
}

static const struct sender_ops ops = { next, outcome, away, stopped };
static const struct sender_transport transport = { post, NULL };

static struct spool *open_spool(uint64_t limit)
{
	struct spool_config c = { .dir = dir, .name = "t", .signal = 1, .limit_bytes = limit };
	char err[200];
	struct spool *s = spool__open(&c, err, sizeof(err));

	assert_non_null(s);
	return s;
}

static struct sender *start(struct spool *spool, uint64_t memory_bytes)
{
	struct sender_config c = { .name = "test",
				   .where = "nowhere",
				   .ops = &ops,
				   .encoding = OTLP_PROTOBUF,
				   .transport = &transport,
				   .spool = spool,
				   .memory_bytes = memory_bytes,
				   .backoff_min_ns = 5 * MS,
				   .backoff_max_ns = 20 * MS };
	struct sender *s = sender__new(&c);

	assert_non_null(s);
	return s;
}

/* ---- the test's side ---- */

static void give_in(int line, const char *condition)
{
	fprintf(stderr, "line %d: waited for %s; made %u, posts %u, got %u, kept %u\n", line,
		condition, w.made, w.posts, w.n_got, w.kept);
	for (unsigned int i = 0; i < w.n_got; i++)
		fprintf(stderr, " %u", w.got[i]);
	_exit(1);
}

#define wait_until(condition)                                                                      \
	do {                                                                                       \
		uint64_t end_ = mono_ns() + 20000 * MS;                                            \
		pthread_mutex_lock(&w.lock);                                                       \
		while (!(condition) && mono_ns() < end_)                                           \
			wait_changed(unix_ns() + 20 * MS);                                         \
		if (!(condition)) /* the thread is still there: no other case can run */           \
			give_in(__LINE__, #condition);                                             \
		pthread_mutex_unlock(&w.lock);                                                     \
	} while (0)

static void give(unsigned int n)
{
	pthread_mutex_lock(&w.lock);
	w.wanted += n;
	pthread_cond_broadcast(&w.changed);
	pthread_mutex_unlock(&w.lock);
}

static void answer_always(struct otlp_outcome out)
{
	pthread_mutex_lock(&w.lock);
	w.then = out;
	pthread_mutex_unlock(&w.lock);
}

static void answer(unsigned int n, struct otlp_outcome out)
{
	for (unsigned int i = 0; i < n; i++)
		w.answers[w.n_answers++] = out;
}

static uint64_t items_upto(unsigned int n)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < n; i++)
		sum += i % 3 + 1;
	return sum;
}

static void check_sums(const struct sender_stats *st)
{
	uint64_t sum =
		st->delivered_items + st->rejected_items + st->spool_items + st->memory_items;

	for (int i = 0; i < SENDER_DROP__CNT; i++)
		sum += st->dropped_items[i];
	assert_int_equal(st->taken_items + st->recovered_items, sum);
}

/* Stops it; how long that took. The statistics are those of the end. */
static uint64_t stop(struct sender *s, struct sender_stats *st)
{
	uint64_t start_ns = mono_ns();

	pthread_mutex_lock(&w.lock);
	w.stopped = true;
	pthread_cond_broadcast(&w.changed);
	pthread_mutex_unlock(&w.lock);
	sender__join(s);
	start_ns = mono_ns() - start_ns;
	memcpy(st, sender__stats(s), sizeof(*st));
	check_sums(st);
	sender__free(s);
	return start_ns;
}

static void expect_got(unsigned int from, unsigned int to)
{
	assert_int_equal(w.n_got, to - from);
	for (unsigned int i = from; i < to; i++)
		assert_int_equal(w.got[i - from], i);
}

/* ---- cases ---- */

static void sends_directly(void **state)
{
	struct sender *s = start(open_spool(1 << 20), 0);
	struct sender_stats st;

	give(101);
	wait_until(w.n_got == 101);
	stop(s, &st);
	expect_got(0, 101);
	assert_int_equal(st.delivered_items, items_upto(101));
	assert_int_equal(st.requests[OTLP_DELIVERED], 101);
	assert_int_equal(w.kept, 101);
	assert_int_equal(w.lost + w.away_cnt, 0);
}

/* Away for a while, in the middle: nothing is lost, twice, or out of order. */
static void comes_back(struct spool *spool)
{
	struct sender *s;
	struct sender_stats st;

	answer(3, (struct otlp_outcome){ 0 });
	answer(6, (struct otlp_outcome){ .result = OTLP_RETRY });
	s = start(spool, 0);
	give(53);
	wait_until(w.n_got == 53);
	give(50);
	wait_until(w.n_got == 103);
	stop(s, &st);
	expect_got(0, 103);
	assert_int_equal(w.kept, 103);
	assert_int_equal(w.away_cnt, 1);
	assert_int_equal(w.back_cnt, 1);
	assert_int_equal(st.requests[OTLP_RETRY], 6);
	assert_int_equal(st.delivered_items, items_upto(103));
	assert_false(st.away);
}

static void comes_back_to_spool(void **state)
{
	comes_back(open_spool(1 << 20));
}

static void comes_back_to_memory(void **state)
{
	comes_back(NULL);
}

static void counts_refusals(void **state)
{
	struct sender *s;
	struct sender_stats st;

	answer(1, (struct otlp_outcome){ .result = OTLP_PERMANENT });                /* 1 item */
	answer(1, (struct otlp_outcome){ .result = OTLP_TOO_LARGE });                /* 2 */
	answer(1, (struct otlp_outcome){ .result = OTLP_PARTIAL, .rejected = 2 });   /* 3 */
	answer(1, (struct otlp_outcome){ .result = OTLP_PARTIAL, .rejected = 900 }); /* 1 */
	answer(1, (struct otlp_outcome){ .result = OTLP_PARTIAL });                  /* 2 */
	answer(1, (struct otlp_outcome){ .result = OTLP_RETRY });                    /* 3 */
	answer(1, (struct otlp_outcome){ .result = OTLP_PERMANENT });                /* again */
	s = start(open_spool(1 << 20), 0);
	give(7);
	wait_until(w.posts == 8 && w.kept + w.lost == 7);
	stop(s, &st);
	assert_int_equal(st.dropped_items[SENDER_DROP_PERMANENT], 4);
	assert_int_equal(st.dropped_items[SENDER_DROP_TOO_LARGE], 2);
	assert_int_equal(st.rejected_items, 3);
	assert_int_equal(st.delivered_items, 1 + 2 + 1);
	assert_int_equal(w.lost, 2); /* the last one was kept before it was refused */
}

static void survives_restart(void **state)
{
	struct sender *s = start(open_spool(1 << 20), 0);
	struct sender_stats st;

	answer_always((struct otlp_outcome){ .result = OTLP_RETRY });
	give(71);
	wait_until(w.kept == 71);
	stop(s, &st);
	assert_int_equal(st.spool_items, items_upto(71));
	assert_int_equal(w.n_got, 0);
	w.stopped = false;
	answer_always((struct otlp_outcome){ 0 });
	s = start(open_spool(1 << 20), 0);
	give(30);
	wait_until(w.n_got == 101);
	stop(s, &st);
	expect_got(0, 101);
	assert_int_equal(st.recovered_items, items_upto(71));
	assert_int_equal(st.spool_items, 0);
}

/* All that is ready when it stops goes out. */
static void stops_when_healthy(void **state)
{
	struct sender *s = start(NULL, 0);
	struct sender_stats st;

	give(211);
	stop(s, &st);
	expect_got(0, 211);
	assert_int_equal(st.delivered_items, items_upto(211));
}

static void stops_in_silence(void **state)
{
	struct sender *s;
	struct sender_stats st;
	uint64_t took;

	w.silent = true;
	s = start(open_spool(1 << 20), 0);
	give(7);
	wait_until(w.posts == 1);
	took = stop(s, &st);
	assert_true(took < 700 * MS);
	assert_int_equal(st.spool_items, items_upto(7));
	assert_int_equal(w.posts, 1);
	assert_int_equal(w.away_cnt, 0); /* nobody has to hurry any more */
}

/* The last try finds it back. */
static void stops_when_away(void **state)
{
	struct sender *s = start(NULL, 0);
	struct sender_stats st;

	answer_always((struct otlp_outcome){ .result = OTLP_RETRY, .retry_after_ns = 60000 * MS });
	give(5);
	wait_until(w.kept == 5);
	assert_int_equal(w.posts, 1);
	answer_always((struct otlp_outcome){ 0 });
	stop(s, &st);
	expect_got(0, 5);
}

static void drops_at_stop_without_spool(void **state)
{
	struct sender *s = start(NULL, 0);
	struct sender_stats st;

	answer_always((struct otlp_outcome){ .result = OTLP_RETRY });
	give(5);
	wait_until(w.kept == 5);
	stop(s, &st);
	assert_int_equal(st.dropped_items[SENDER_DROP_STOPPED], items_upto(5));
}

static void bounds_memory(void **state)
{
	struct sender *s;
	struct sender_stats st;

	w.body_len = 1000;
	answer_always((struct otlp_outcome){ .result = OTLP_RETRY });
	s = start(NULL, 10000);
	give(100);
	wait_until(w.kept == 100);
	assert_true(sender__stats(s)->memory_bytes <= 10000);
	answer_always((struct otlp_outcome){ 0 });
	wait_until(w.n_got == 9);
	stop(s, &st);
	expect_got(91, 100);
	assert_int_equal(st.dropped_items[SENDER_DROP_QUEUE_FULL], items_upto(91));
}

static void body_larger_than_memory(void **state)
{
	struct sender *s;
	struct sender_stats st;

	w.body_len = 1000;
	answer_always((struct otlp_outcome){ .result = OTLP_RETRY });
	s = start(NULL, 900);
	give(1);
	wait_until(w.lost == 1);
	stop(s, &st);
	assert_int_equal(st.dropped_items[SENDER_DROP_QUEUE_FULL], 1);
}

static void bounds_spool(void **state)
{
	struct sender *s;
	struct sender_stats st;

	w.body_len = 1000;
	answer_always((struct otlp_outcome){ .result = OTLP_RETRY });
	s = start(open_spool(10000), 0);
	give(100);
	wait_until(w.kept == 100);
	answer_always((struct otlp_outcome){ 0 });
	wait_until(w.n_got && w.got[w.n_got - 1] == 99);
	stop(s, &st);
	expect_got(91, 100);
	assert_int_equal(st.dropped_items[SENDER_DROP_SPOOL_FULL], items_upto(91));
}

static void body_larger_than_spool(void **state)
{
	struct sender *s;
	struct sender_stats st;

	w.body_len = 1000;
	answer_always((struct otlp_outcome){ .result = OTLP_RETRY });
	s = start(open_spool(900), 0);
	give(1);
	wait_until(w.lost == 1);
	stop(s, &st);
	assert_int_equal(st.dropped_items[SENDER_DROP_SPOOL_FULL], 1);
}

/* The disk takes a few bodies, then none, then all: order is kept throughout. */
static void disk_is_full_for_a_while(void **state)
{
	struct rlimit old, tight;
	struct sender *s;
	struct sender_stats st;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	tight = (struct rlimit){ 3500, old.rlim_max };
	w.body_len = 1000;
	answer_always((struct otlp_outcome){ .result = OTLP_RETRY });
	s = start(open_spool(1 << 20), 0);
	setrlimit(RLIMIT_FSIZE, &tight);
	give(20);
	wait_until(w.kept == 20);
	assert_true(sender__stats(s)->memory_items > 0);
	assert_true(sender__stats(s)->spool_items > 0);
	setrlimit(RLIMIT_FSIZE, &old);
	give(1);
	wait_until(w.kept == 21);
	assert_int_equal(sender__stats(s)->memory_items, 0);
	answer_always((struct otlp_outcome){ 0 });
	wait_until(w.n_got == 21);
	stop(s, &st);
	expect_got(0, 21);
}

static void disk_stays_full(void **state)
{
	struct rlimit old, tight;
	struct sender *s;
	struct sender_stats st;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	tight = (struct rlimit){ 100, old.rlim_max };
	w.body_len = 1000;
	answer_always((struct otlp_outcome){ .result = OTLP_RETRY });
	s = start(open_spool(1 << 20), 3000);
	setrlimit(RLIMIT_FSIZE, &tight);
	give(20);
	wait_until(w.kept == 20);
	stop(s, &st);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_true(st.spool_failed >= 20);
	assert_int_equal(st.dropped_items[SENDER_DROP_SPOOL_ERROR], items_upto(18));
	assert_int_equal(st.dropped_items[SENDER_DROP_STOPPED], items_upto(20) - items_upto(18));
}

static void waits_as_long_as_asked(void **state)
{
	struct sender *s;
	struct sender_stats st;

	answer(1, (struct otlp_outcome){ .result = OTLP_RETRY, .retry_after_ns = 150 * MS });
	s = start(NULL, 0);
	give(1);
	wait_until(w.n_got == 1);
	stop(s, &st);
	assert_true(w.post_ns[1] - w.post_ns[0] >= 150 * MS);
}

/* 5 ms at first, then longer, and never beyond 20 ms but for the machine. */
static void waits_grow(void **state)
{
	struct sender *s;
	struct sender_stats st;
	uint64_t least[] = { 5, 10, 10, 10, 10, 10 };

	answer(6, (struct otlp_outcome){ .result = OTLP_RETRY });
	s = start(NULL, 0);
	give(1);
	wait_until(w.n_got == 1);
	stop(s, &st);
	for (int i = 0; i < 6; i++)
		assert_true(w.post_ns[i + 1] - w.post_ns[i] >= least[i] * MS);
}

static void next_fails(void **state)
{
	struct sender *s;
	struct sender_stats st;

	w.fail_next = 2;
	s = start(NULL, 0);
	give(3);
	wait_until(w.n_got == 3);
	stop(s, &st);
	assert_int_equal(st.failed_next, 2);
	expect_got(0, 3);
}

static void run_shell(const char *fmt)
{
	char command[200];

	snprintf(command, sizeof(command), fmt, dir);
	assert_int_equal(system(command), 0);
}

/* One body of three is damaged, and somebody has left a file there. */
static void tells_what_became_of_the_spool(void **state)
{
	struct sender *s;
	struct sender_stats st;

	w.body_len = 1000;
	answer_always((struct otlp_outcome){ .result = OTLP_RETRY });
	s = start(open_spool(1 << 20), 0);
	give(3);
	wait_until(w.kept == 3);
	stop(s, &st);
	assert_int_equal(st.spool_damaged + st.spool_failed + st.spool_foreign, 0);
	run_shell("cd %s/t && touch stranger && "
		  "printf x | dd of=$(ls *.seg) bs=1 seek=1500 conv=notrunc status=none");
	w.stopped = false;
	answer_always((struct otlp_outcome){ 0 });
	s = start(open_spool(1 << 20), 0);
	wait_until(w.n_got == 2);
	stop(s, &st);
	assert_int_equal(st.spool_damaged, 1);
	assert_int_equal(st.spool_foreign, 1);
	assert_int_equal(st.recovered_items, items_upto(3));
	assert_int_equal(st.dropped_items[SENDER_DROP_CORRUPT], 2);
}

static void nothing_to_do(void **state)
{
	struct sender_stats st;

	assert_true(stop(start(NULL, 0), &st) < 700 * MS);
	sender__free(NULL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(sends_directly),
		T(comes_back_to_spool),
		T(comes_back_to_memory),
		T(counts_refusals),
		T(survives_restart),
		T(stops_when_healthy),
		T(stops_in_silence),
		T(stops_when_away),
		T(drops_at_stop_without_spool),
		T(bounds_memory),
		T(body_larger_than_memory),
		T(bounds_spool),
		T(body_larger_than_spool),
		T(disk_is_full_for_a_while),
		T(disk_stays_full),
		T(waits_as_long_as_asked),
		T(waits_grow),
		T(next_fails),
		T(tells_what_became_of_the_spool),
		T(nothing_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
