// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * While the collector takes what it gets, a body goes straight from `next` to the wire.
 * Once one has to be tried again, the collector is away: from then on every body goes to
 * the backlog (sender_backlog.c), and the oldest in it is what is tried, after growing
 * waits or when the collector said. When it is back the backlog goes out in its order, and
 * new bodies queue behind it; only an empty backlog leads back to the direct way. So the
 * order of a signal is kept, and a body is in one place at a time.
 *
 * A body that the collector refuses is dropped and counted, whichever way it went.
 *
 * The thread waits in two places: in `next`, for at most WAIT_MS and never beyond the next
 * try, and in the transport, which asks give_up() all the time. Stopping, it goes on as
 * usual for STOP_NS; after that, or after the first failure, the rest goes to the backlog,
 * which means to disk.
 */
#include "sender.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "loop.h"
#include "sender_internal.h"
#include "spool.h"

#define MS              UINT64_C(1000000)
#define SEC             UINT64_C(1000000000)
#define WAIT_MS         1000
#define STOP_NS         (400 * MS)
#define STOP_BODIES     10000 /* a `next` that never ends does not keep us */
#define RETRY_AFTER_MAX (300 * SEC)
#define MEMORY_BYTES    (4ull << 20)
#define BODY_KEEP       (1u << 20) /* a larger buffer goes after its request */

static const char *const drop_names[SENDER_DROP__CNT] = {
	[SENDER_DROP_PERMANENT] = "permanent",   [SENDER_DROP_TOO_LARGE] = "too_large",
	[SENDER_DROP_SPOOL_FULL] = "spool_full", [SENDER_DROP_SPOOL_ERROR] = "spool_error",
	[SENDER_DROP_CORRUPT] = "corrupt",       [SENDER_DROP_QUEUE_FULL] = "queue_full",
	[SENDER_DROP_STOPPED] = "stopped",
};

const char *sender_drop__name(enum sender_drop why)
{
	return drop_names[why];
}

/* ---- stopping ---- */

static bool is_stopping(struct sender *s)
{
	if (!s->stop_at_ns && (atomic_load(&s->stop) || s->c.ops->stopped(s->c.arg)))
		s->stop_at_ns = mono_ns() + STOP_NS;
	return s->stop_at_ns;
}

static bool give_up(void *arg)
{
	struct sender *s = arg;

	return is_stopping(s) && mono_ns() >= s->stop_at_ns;
}

/* ---- away and back ---- */

static uint64_t random_below(uint64_t n)
{
	uint64_t r = 0;

	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != sizeof(r))
		r = mono_ns();
	return n ? r % n : 0;
}

/* What the collector asks for and a little more, or twice the last wait, of which up to a
 * half is left to chance: agents that lost one collector must not come back as one. */
static uint64_t backoff(struct sender *s, const struct otlp_outcome *out)
{
	uint64_t wait = s->c.backoff_max_ns;

	if (out->retry_after_ns) {
		wait = out->retry_after_ns < RETRY_AFTER_MAX ? out->retry_after_ns
							     : RETRY_AFTER_MAX;
		return wait + random_below(wait / 10);
	}
	if (s->attempt < 32 && s->c.backoff_min_ns << (s->attempt + 1) < wait)
		wait = s->c.backoff_min_ns << (s->attempt + 1);
	s->attempt++;
	return wait / 2 + random_below(wait / 2);
}

static void set_away(struct sender *s, bool away)
{
	atomic_store_explicit(&s->stats.away, away, memory_order_relaxed);
	if (s->c.ops->away)
		s->c.ops->away(s->c.arg, away);
}

static void went_away(struct sender *s, const struct otlp_outcome *out)
{
	uint64_t now = mono_ns();

	s->retry_at_ns = now + backoff(s, out);
	if (is_stopping(s))
		return;
	log__limited(&s->away_limit, LOG_LEVEL_WARN, "%s: %s: %s; kept %s until it takes them",
		     s->c.name, s->c.where, out->reason, s->c.spool ? "on disk" : "in memory");
	if (s->away_since_ns)
		return;
	s->away_since_ns = now;
	set_away(s, true);
}

static void came_back(struct sender *s)
{
	s->attempt = 0;
	s->retry_at_ns = 0;
	if (!s->away_since_ns)
		return;
	log__info("%s: %s answers again after %" PRIu64 " s", s->c.name, s->c.where,
		  (mono_ns() - s->away_since_ns) / SEC);
	s->away_since_ns = 0;
	set_away(s, false);
}

/* ---- one body ---- */

static void drop(struct sender *s, const struct parcel *p, const struct otlp_outcome *out,
		 enum sender_drop why)
{
	sender__add(&s->stats.dropped_items[why], p->items);
	log__limited(&s->refused_limit, LOG_LEVEL_WARN, "%s: %s: %" PRIu32 " dropped: %s",
		     s->c.name, s->c.where, p->items, out->reason);
}

/* How many it rejected is what a stranger says. */
static void deliver(struct sender *s, const struct parcel *p, const struct otlp_outcome *out)
{
	uint64_t rejected = out->rejected < p->items ? out->rejected : p->items;

	sender__add(&s->stats.delivered_items, p->items - rejected);
	sender__add(&s->stats.rejected_items, rejected);
	if (out->result == OTLP_PARTIAL)
		log__limited(&s->partial_limit, LOG_LEVEL_WARN,
			     "%s: %s: %" PRIu64 " of %" PRIu32 " rejected: %s", s->c.name,
			     s->c.where, rejected, p->items, out->reason);
}

/* Its result is what became of the body; OTLP_RETRY: nothing yet. */
static enum otlp_result send_parcel(struct sender *s, const struct parcel *p)
{
	struct otlp_request r = { p->p, p->len, p->encoding, give_up, s };
	struct otlp_outcome out = { 0 };

	s->c.transport->post(s->c.transport_arg, &r, &out);
	sender__add(&s->stats.requests[out.result], 1);
	sender__add(&s->stats.sent_bytes, out.sent_bytes);
	if (out.result == OTLP_RETRY)
		went_away(s, &out);
	else if (out.result != OTLP_TOO_LARGE) /* which says nothing of the collector */
		came_back(s);
	if (out.result == OTLP_DELIVERED || out.result == OTLP_PARTIAL)
		deliver(s, p, &out);
	else if (out.result == OTLP_PERMANENT)
		drop(s, p, &out, SENDER_DROP_PERMANENT);
	else if (out.result == OTLP_TOO_LARGE)
		drop(s, p, &out, SENDER_DROP_TOO_LARGE);
	return out.result;
}

/* False: it has to wait. */
static bool send_oldest(struct sender *s)
{
	struct parcel p;
	int n = backlog__oldest(s, &p);

	if (n < 0) /* no descriptor, no memory */
		s->retry_at_ns = mono_ns() + s->c.backoff_min_ns;
	if (n <= 0)
		return !n;
	if (send_parcel(s, &p) == OTLP_RETRY)
		return false;
	backlog__done(s);
	return true;
}

static void tell_outcome(struct sender *s, bool delivered_or_kept)
{
	if (s->c.ops->outcome)
		s->c.ops->outcome(s->c.arg, delivered_or_kept);
}

/* The body that `next` gave: sent when it may overtake nothing, else it waits. */
static void handle(struct sender *s, const struct parcel *p, bool may_send)
{
	enum otlp_result result = OTLP_RETRY;

	if (may_send && !backlog__pending(s))
		result = send_parcel(s, p);
	if (result == OTLP_RETRY)
		tell_outcome(s, backlog__store(s, p));
	else
		tell_outcome(s, result == OTLP_DELIVERED || result == OTLP_PARTIAL);
}

/* 1: there was one. */
static int take_next(struct sender *s, int timeout_ms, bool may_send)
{
	struct parcel p = { .encoding = s->c.encoding };
	int n;

	buf__reset(&s->body);
	n = s->c.ops->next(s->c.arg, timeout_ms, &s->body, &p.items);
	if (n == 1) {
		sender__add(&s->stats.taken_items, p.items);
		p.p = s->body.p;
		p.len = s->body.len;
		handle(s, &p, may_send);
	} else if (n < 0) {
		sender__add(&s->stats.failed_next, 1);
		log__limited(&s->next_limit, LOG_LEVEL_WARN, "%s: cannot make a request: %s",
			     s->c.name, strerror(-n));
	}
	if (s->body.cap > BODY_KEEP)
		buf__free(&s->body);
	return n;
}

/* ---- the thread ---- */

static int wait_ms(const struct sender *s, uint64_t now)
{
	uint64_t ms = s->retry_at_ns > now ? (s->retry_at_ns - now + MS - 1) / MS : 0;

	return (backlog__pending(s) && ms < WAIT_MS) ? ms : WAIT_MS;
}

static void step(struct sender *s)
{
	static const struct timespec pause = { .tv_nsec = 100 * MS };
	uint64_t now = mono_ns();
	bool waiting = s->retry_at_ns > now;

	if (!waiting && backlog__pending(s)) {
		send_oldest(s);
		now = mono_ns();
	}
	if (is_stopping(s))
		return;
	waiting = s->retry_at_ns > now;
	if (take_next(s, backlog__pending(s) && !waiting ? 0 : wait_ms(s, now), !waiting) < 0)
		nanosleep(&pause, NULL);
}

/* In order, until it fails or the time is over; then to the backlog. */
static void finish(struct sender *s)
{
	bool sending = !give_up(s);

	s->retry_at_ns = 0; /* one try, also when it was away */
	while (sending && backlog__pending(s))
		sending = send_oldest(s) && !give_up(s);
	for (int i = 0; i < STOP_BODIES; i++) {
		sending = sending && !s->retry_at_ns && !give_up(s);
		if (take_next(s, 0, sending) != 1)
			break;
	}
	backlog__close(s);
}

static void *run(void *arg)
{
	struct sender *s = arg;

	while (!is_stopping(s))
		step(s);
	finish(s);
	return NULL;
}

/* ---- from outside ---- */

static void set_defaults(struct sender *s)
{
	static const struct log_limit minute = LOG_LIMIT(1, 60), ten_minutes = LOG_LIMIT(1, 600);

	s->c.backoff_min_ns = s->c.backoff_min_ns ? s->c.backoff_min_ns : SEC;
	s->c.backoff_max_ns = s->c.backoff_max_ns ? s->c.backoff_max_ns : 30 * SEC;
	s->backlog.memory_bytes_max = s->c.memory_bytes ? s->c.memory_bytes : MEMORY_BYTES;
	s->backlog.spool = s->c.spool;
	s->away_limit = ten_minutes;
	s->backlog.spool_limit = s->refused_limit = s->partial_limit = s->next_limit = minute;
	backlog__publish(s);
}

static void free_config(const struct sender_config *c)
{
	spool__close(c->spool);
	if (c->transport->free)
		c->transport->free(c->transport_arg);
}

/* Signals are the event loop's; a write beyond a file size limit is an error here. */
static int start(struct sender *s)
{
	char name[16];
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&s->thread, NULL, run, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		return err;
	snprintf(name, sizeof(name), "send-%s", s->c.name);
	pthread_setname_np(s->thread, name);
	return 0;
}

struct sender *sender__new(const struct sender_config *c)
{
	struct sender *s = calloc(1, sizeof(*s));
	int err = ENOMEM;

	if (s) {
		s->c = *c;
		set_defaults(s);
		err = start(s);
	}
	if (!err)
		return s;
	free_config(c);
	free(s);
	errno = err;
	return NULL;
}

void sender__stop(struct sender *s)
{
	atomic_store(&s->stop, true);
}

void sender__join(struct sender *s)
{
	if (s->joined)
		return;
	sender__stop(s);
	pthread_join(s->thread, NULL);
	s->joined = true;
}

void sender__free(struct sender *s)
{
	if (!s)
		return;
	sender__join(s);
	free_config(&s->c);
	buf__free(&s->body);
	buf__free(&s->backlog.read);
	free(s);
}

const struct sender_stats *sender__stats(const struct sender *s)
{
	return &s->stats;
}
