// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Spans as lines on standard output, from a thread: a terminal may stand still. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "console.h"
#include "exporter.h"
#include "log.h"
#include "loop.h"
#include "options.h"
#include "outlet.h"
#include "span_queue.h"

#define MS               1000000ull
#define DELAY_NS         (100 * MS)
#define WAIT_MS          200
#define LAST_PATIENCE_NS (1000 * MS) /* for who does not read, at the end */
#define JOIN_NS          (2000 * MS) /* a thread that hangs in a dead file system is left there */

struct console_export {
	struct span_queue *queue;
	struct outlet out;
	pthread_t thread;
	uint64_t stop_by_ns; /* the thread's; 0: not stopping */
};

/* A terminal that stands still is waited for: what comes meanwhile waits in the queue, and is
 * dropped there. At the end all that is left to write has a second together. */
static bool wait_for_room(struct console_export *x)
{
	uint64_t now = mono_ns(), until = now + WAIT_MS * MS;

	if (!x->stop_by_ns && span_queue__stopped(x->queue))
		x->stop_by_ns = now + LAST_PATIENCE_NS;
	if (x->stop_by_ns && x->stop_by_ns < until)
		until = x->stop_by_ns;
	outlet__wait_for(x->out.fd, until);
	return !x->stop_by_ns || now < x->stop_by_ns;
}

static int put_all(struct console_export *x, const char *p, size_t len)
{
	ssize_t n;

	while (len) {
		n = outlet__put(&x->out, p, len);
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		} else if (n != -EAGAIN || !wait_for_room(x)) {
			return n ? (int)n : -EIO;
		}
	}
	return 0;
}

static int put_batch(struct console_export *x, const struct span_batch *b)
{
	struct buf text = { 0 };
	int err;

	console__write(&text, b);
	err = text.err ? text.err : put_all(x, text.p, text.len);
	buf__free(&text);
	return err;
}

static void *work(void *arg)
{
	struct console_export *x = arg;
	struct span_batch *b;
	bool stopped;

	do {
		stopped = span_queue__stopped(
			x->queue); /* before the last wait: it may bring a batch yet */
		b = span_queue__wait(x->queue, WAIT_MS);
		if (b && put_batch(x, b))
			span_queue__lose(x->queue, b);
		else
			span_queue__done(x->queue, b);
	} while (b || !stopped);
	return NULL;
}

static void discard(struct console_export *x)
{
	outlet__close(&x->out);
	span_queue__free(x->queue);
	free(x);
}

static int begin(struct console_export *x, const struct export_env *env)
{
	const struct options *o = env->options;
	struct span_queue_config bounds = { o->span_queue, o->span_batch, DELAY_NS,
					    env->queue_bytes };
	int err = outlet__open(&x->out, STDOUT_FILENO);

	if (err)
		return err;
	if (bounds.max_batch > bounds.max_queue)
		bounds.max_batch = bounds.max_queue;
	x->queue = span_queue__new(&bounds);
	return x->queue ? -pthread_create(&x->thread, NULL, work, x) : -ENOMEM;
}

static void *start(const struct export_env *env, char *err, size_t err_size)
{
	struct console_export *x = calloc(1, sizeof(*x));
	int rc;

	if (!x)
		return NULL;
	rc = begin(x, env);
	if (!rc)
		return x;
	discard(x);
	errno = -rc;
	return NULL;
}

static void release(void *exporter)
{
	struct console_export *x = exporter;
	struct timespec until = mono_timespec(mono_ns() + JOIN_NS);

	span_queue__stop(x->queue);
	if (!pthread_clockjoin_np(x->thread, NULL, CLOCK_MONOTONIC, &until)) {
		discard(x);
		return;
	}
	pthread_detach(x->thread); /* and may come back to what it uses */
	log__warn("standard output: a write does not return, its spans are lost");
}

static bool wanted(const struct options *o)
{
	return o->traces_exporter == TRACES_CONSOLE;
}

static void span(void *exporter, const struct span *s)
{
	struct console_export *x = exporter;

	span_queue__add(x->queue, s);
}

static void tick(void *exporter, uint64_t now_ns)
{
	struct console_export *x = exporter;

	span_queue__tick(x->queue, now_ns);
}

static void figures(void *exporter, struct export_figures *f, struct span_queue_stats *room)
{
	struct console_export *x = exporter;

	span_queue__stats(x->queue, room);
	*f = (struct export_figures){ "traces", room, NULL };
}

const struct exporter console_exporter = {
	.spans = EXPORTER_KEPT_SPANS,
	.wanted = wanted,
	.start = start,
	.free = release,
	.span = span,
	.tick = tick,
	.figures = figures,
};
