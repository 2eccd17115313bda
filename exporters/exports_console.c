// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Spans as lines on standard output, from a thread: a terminal may stand still. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "console.h"
#include "exports_internal.h"
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

struct console_export *console_export__new(const struct export_env *env)
{
	struct span_queue_config bounds = { env->options->span_queue, env->options->span_batch,
					    DELAY_NS };
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

void console_export__free(struct console_export *x)
{
	if (!x)
		return;
	span_queue__stop(x->queue);
	pthread_join(x->thread, NULL);
	span_queue__free(x->queue);
	free(x);
}

void console_export__add(struct console_export *x, const struct span *s)
{
	span_queue__add(x->queue, s);
}

void console_export__tick(struct console_export *x, uint64_t now_ns)
{
	span_queue__tick(x->queue, now_ns);
}

void console_export__figures(struct console_export *x, struct export_figures *f,
			     struct span_queue_stats *room)
{
	span_queue__stats(x->queue, room);
	*f = (struct export_figures){ "traces", room, NULL };
}
