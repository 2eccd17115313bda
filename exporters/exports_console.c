// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Spans as lines on standard output, from a thread: a terminal may stand still. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "console.h"
#include "exporter.h"
#include "options.h"
#include "span_queue.h"

#define DELAY_NS 100000000ull
#define WAIT_MS  200

struct console_export {
	struct span_queue *queue;
	pthread_t thread;
};

static void *work(void *arg)
{
	struct console_export *x = arg;
	struct span_batch *b;

	do {
		b = span_queue__wait(x->queue, WAIT_MS);
		if (b && console__write(stdout, b))
			span_queue__lose(x->queue, b);
		else
			span_queue__done(x->queue, b);
	} while (b || !span_queue__stopped(x->queue));
	return NULL;
}

static void *start(const struct export_env *env, char *err, size_t err_size)
{
	struct span_queue_config bounds = { env->options->span_queue, env->options->span_batch,
					    DELAY_NS, env->queue_bytes };
	struct console_export *x = calloc(1, sizeof(*x));
	int rc;

	if (!x)
		return NULL;
	if (bounds.max_batch > bounds.max_queue)
		bounds.max_batch = bounds.max_queue;
	x->queue = span_queue__new(&bounds);
	rc = x->queue ? pthread_create(&x->thread, NULL, work, x) : ENOMEM;
	if (!rc)
		return x;
	span_queue__free(x->queue);
	free(x);
	errno = rc;
	return NULL;
}

static void release(void *exporter)
{
	struct console_export *x = exporter;

	span_queue__stop(x->queue);
	pthread_join(x->thread, NULL);
	span_queue__free(x->queue);
	free(x);
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
