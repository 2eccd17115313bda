// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "access_log_internal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "loop.h"
#include "span_queue.h"

#define MS               1000000ull
#define DELAY_NS         (100 * MS) /* of the 200 ms after which a line appears; a tick may be late */
#define LOOK_AROUND_MS   250        /* a request to reopen is seen this often */
#define PATIENCE_NS      (500 * MS) /* for a receiver that does not read */
#define LAST_PATIENCE_NS (1000 * MS)
#define JOIN_S           3 /* a thread that hangs in a dead file system is left there */
#define DEFAULT_QUEUE    8192
#define DEFAULT_BATCH    512

const char *const access_log_drop_names[ACCESS_LOG_DROPS] = {
	[ACCESS_LOG_QUEUE_FULL] = "queue_full",
	[ACCESS_LOG_BLOCKED] = "blocked",
	[ACCESS_LOG_FAILED] = "failed",
};

struct access_log {
	struct span_queue *queue;
	struct access_log_counts counts;
	atomic_bool reopen;
	struct access_log_secrets with;
	pthread_t thread;
	bool running;

	/* the thread */
	struct access_log_sink *sink;
	uint64_t stop_by_ns; /* 0: not stopping */
	struct access_log_lines lines;

	char to[];
};

void access_log_counts__drop(struct access_log_counts *c, uint32_t lines, int err)
{
	bool blocked = err == -EAGAIN || err == -ENOBUFS;

	atomic_fetch_add_explicit(&c->dropped[blocked ? ACCESS_LOG_BLOCKED : ACCESS_LOG_FAILED],
				  lines, memory_order_relaxed);
}

/* ---- the thread ----------------------------------------------------------------------- */

static void complain(const struct access_log *log, int err)
{
	static struct log_limit limit = LOG_LIMIT(2, 60);

	log__limited(&limit, LOG_LEVEL_WARN, "access log %s: lines dropped: %s", log->to,
		     err == -EAGAIN ? "nobody reads them" : strerror(-err));
}

static void flush(struct access_log *log)
{
	uint64_t until = log->stop_by_ns ? log->stop_by_ns : mono_ns() + PATIENCE_NS;
	int err;

	if (!log->lines.n)
		return;
	err = log->sink->type->write(log->sink, &log->lines, until);
	log->lines.n = 0;
	if (err)
		complain(log, err);
}

static void add_line(struct access_log *log, const struct span *s, int64_t unix_minus_mono_ns)
{
	const struct access_log_sink_type *type = log->sink->type;
	struct access_log_lines *l = &log->lines;
	uint32_t at;

	if (l->n == ACCESS_LOG_LINES ||
	    access_log_lines__start(l, l->n) > ACCESS_LOG_CHUNK - ACCESS_LOG_ROOM)
		flush(log);
	at = access_log_lines__start(l, l->n);
	if (type->prefix)
		at += type->prefix(log->sink, access_log_line__level(s), l->text + at);
	at += access_log_line__write(l->text + at, s, unix_minus_mono_ns, &log->with);
	l->end[l->n++] = at;
}

static void write_batch(struct access_log *log, const struct span_batch *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		add_line(log, &b->spans[i], b->unix_minus_mono_ns);
	flush(log);
}

/* Once a stop is seen, all that is left to write has a second together. */
static bool is_stopping(struct access_log *log)
{
	if (!log->stop_by_ns && span_queue__stopped(log->queue))
		log->stop_by_ns = mono_ns() + LAST_PATIENCE_NS;
	return log->stop_by_ns;
}

static void reopen_if_asked(struct access_log *log)
{
	const struct access_log_sink_type *type = log->sink->type;

	if (atomic_exchange(&log->reopen, false) && type->reopen)
		type->reopen(log->sink);
}

static void *write_lines(void *arg)
{
	struct access_log *log = arg;
	struct span_batch *b;
	bool stopping;

	pthread_setname_np(pthread_self(), "access-log");
	do {
		stopping = is_stopping(log); /* before the last wait: it may bring a batch yet */
		b = span_queue__wait(log->queue, LOOK_AROUND_MS);
		is_stopping(log);
		reopen_if_asked(log);
		if (b)
			write_batch(log, b);
		span_queue__done(log->queue, b);
	} while (b || !stopping);
	return NULL;
}

/* ---- life ----------------------------------------------------------------------------- */

static const struct access_log_sink_type *const types[] = { &access_log_stdout, &access_log_syslog,
							    &access_log_file };

/* What follows the type's name and colon, the path of a type without one, or NULL. */
static const char *operand(const struct access_log_sink_type *type, const char *to)
{
	size_t n = type->name ? strlen(type->name) : 0;

	if (!n)
		return to;
	if (strncmp(to, type->name, n) != 0 || (to[n] && to[n] != ':'))
		return NULL;
	return to + n + (to[n] == ':');
}

static struct access_log_sink *sink_of(const struct access_log_config *c,
				       struct access_log_counts *counts)
{
	const char *to = strcmp(c->to, "/dev/stdout") ? c->to : access_log_stdout.name;
	const struct access_log_sink_type *const *type = types;
	struct access_log_sink *s;

	while (!operand(*type, to))
		type++;
	s = (*type)->new (operand(*type, to), c, counts);
	if (s)
		s->type = *type;
	return s;
}

static struct span_queue *queue_of(const struct access_log_config *c)
{
	struct span_queue_config q = {
		.max_queue = c->max_queue ? c->max_queue : DEFAULT_QUEUE,
		.max_batch = c->max_batch ? c->max_batch : DEFAULT_BATCH,
		.delay_ns = DELAY_NS,
		.max_bytes = c->queue_bytes,
	};

	if (q.max_batch > q.max_queue)
		q.max_batch = q.max_queue;
	return span_queue__new(&q);
}

/* Signals are the event loop's, and a reader that leaves must not end the process. */
static int start_thread(struct access_log *log)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&log->thread, NULL, write_lines, log);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	log->running = !err;
	return -err;
}

static int start(struct access_log *log, const struct access_log_config *c)
{
	log->with = (struct access_log_secrets){ c->query, c->rpc_message };
	strcpy(log->to, c->to);
	log->sink = sink_of(c, &log->counts);
	if (!log->sink)
		return -errno;
	log->queue = queue_of(c);
	return log->queue ? start_thread(log) : -ENOMEM;
}

struct access_log *access_log__new(const struct access_log_config *c, char *err, size_t err_size)
{
	struct access_log *log = calloc(1, sizeof(*log) + strlen(c->to) + 1);
	int rc = log ? start(log, c) : -ENOMEM;

	if (!rc)
		return log;
	snprintf(err, err_size, "cannot write the access log to %s: %s", c->to, strerror(-rc));
	access_log__free(log);
	errno = -rc;
	return NULL;
}

/* False: it hangs, and may come back to what it uses. */
static bool stop_thread(struct access_log *log)
{
	struct timespec until;

	span_queue__stop(log->queue);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += JOIN_S;
	if (!pthread_clockjoin_np(log->thread, NULL, CLOCK_MONOTONIC, &until))
		return true;
	pthread_detach(log->thread);
	log__warn("access log %s: a write does not return, its lines are lost", log->to);
	return false;
}

void access_log__free(struct access_log *log)
{
	if (!log || (log->running && !stop_thread(log)))
		return;
	if (log->sink)
		log->sink->type->free(log->sink);
	span_queue__free(log->queue);
	free(log);
}

/* ---- the event loop ------------------------------------------------------------------- */

void access_log__add(struct access_log *log, const struct span *s)
{
	span_queue__add(log->queue, s);
}

uint64_t access_log__tick(struct access_log *log, uint64_t now_ns)
{
	return span_queue__tick(log->queue, now_ns);
}

void access_log__reopen(struct access_log *log)
{
	atomic_store(&log->reopen, true);
}

/* ---- any thread ----------------------------------------------------------------------- */

static uint64_t value(const atomic_uint_fast64_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

void access_log__stats(const struct access_log *log, struct access_log_stats *out)
{
	const struct access_log_counts *c = &log->counts;
	struct span_queue_stats q;

	span_queue__stats(log->queue, &q);
	*out = (struct access_log_stats){
		.added = q.added + q.dropped,
		.lines = value(&c->lines),
		.bytes = value(&c->bytes),
		.rotations = value(&c->rotations),
		.queued = q.queued,
	};
	for (int i = 0; i < ACCESS_LOG_DROPS; i++)
		out->dropped[i] = value(&c->dropped[i]);
	out->dropped[ACCESS_LOG_QUEUE_FULL] += q.dropped;
}
