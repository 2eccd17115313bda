// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From the event loop's queue of spans, through an encoder, to a sender. */
#include <errno.h>
#include <stdlib.h>

#include "exporter.h"
#include "options.h"
#include "otlp_config.h"
#include "otlp_encode.h"
#include "sender.h"
#include "span_queue.h"
#include "zipkin.h"

/* While the collector is away, what is not on disk yet is what a crash would lose. */
#define HURRY_NS 100000000ull

struct span_export {
	const struct export_env *env;
	const struct kind *kind;
	enum otlp_encoding encoding;
	struct span_queue *queue;
	struct sender *sender;
	struct span_batch *batch; /* of the body under way; the sender's thread */
};

/* ---- encoders ------------------------------------------------------------------------ */

static int encode_traces(const struct span_export *x, const struct span_batch *b, struct buf *out)
{
	return otlp__encode_traces(b, x->env->resource, &x->env->attrs, x->encoding, out);
}

static int encode_logs(const struct span_export *x, const struct span_batch *b, struct buf *out)
{
	return otlp__encode_logs(b, x->env->resource, &x->env->attrs, x->encoding, out);
}

static int encode_zipkin(const struct span_export *x, const struct span_batch *b, struct buf *out)
{
	return zipkin__encode(b, &x->env->attrs, out);
}

static struct span_queue_config span_bounds(const struct options *o)
{
	return (struct span_queue_config){ .max_queue = o->span_queue,
					   .max_batch = o->span_batch,
					   .delay_ns = o->span_delay_ns };
}

static struct span_queue_config log_bounds(const struct options *o)
{
	return (struct span_queue_config){ .max_queue = o->log_queue,
					   .max_batch = o->log_batch,
					   .delay_ns = o->log_delay_ns };
}

static int resolve_zipkin(const struct options *o, enum otlp_signal signal,
			  struct otlp_endpoint *out, char *err, size_t err_size)
{
	return otlp_config__zipkin(o, out, err, err_size);
}

static const struct kind {
	const char *name, *signal; /* of the spool's folder, and in own metrics */
	enum otlp_signal number;
	int (*encode)(const struct span_export *x, const struct span_batch *b, struct buf *out);
	struct span_queue_config (*bounds)(const struct options *o);
	int (*resolve)(const struct options *o, enum otlp_signal signal, struct otlp_endpoint *out,
		       char *err, size_t err_size);
} traces = { "traces", "traces", OTLP_TRACES, encode_traces, span_bounds, otlp_config__resolve },
  logs = { "logs", "logs", OTLP_LOGS, encode_logs, log_bounds, otlp_config__resolve },
  zipkin = { "zipkin", "traces", OTLP_TRACES, encode_zipkin, span_bounds, resolve_zipkin };

/* ---- the sender's thread ------------------------------------------------------------------ */

static int next(void *arg, int timeout_ms, struct buf *body, uint32_t *items)
{
	struct span_export *x = arg;
	struct span_batch *b = span_queue__wait(x->queue, timeout_ms);
	int err;

	if (!b)
		return 0;
	err = x->kind->encode(x, b, body);
	if (err) {
		span_queue__lose(x->queue, b);
		return err;
	}
	x->batch = b;
	*items = b->n;
	return 1;
}

static void outcome(void *arg, bool delivered_or_kept)
{
	struct span_export *x = arg;

	span_queue__done(x->queue, x->batch);
	x->batch = NULL;
}

static void away(void *arg, bool is_away)
{
	struct span_export *x = arg;

	span_queue__hurry(x->queue, is_away ? HURRY_NS : 0);
}

static bool stopped(void *arg)
{
	struct span_export *x = arg;

	return span_queue__stopped(x->queue);
}

static const struct sender_ops ops = {
	.next = next,
	.outcome = outcome,
	.away = away,
	.stopped = stopped,
};

/* ---- life ---------------------------------------------------------------------------------- */

static struct sender *new_sender(struct span_export *x, struct otlp_endpoint *endpoint, char *err,
				 size_t err_size)
{
	const struct options *o = x->env->options;
	struct sender_setup setup = {
		.name = x->kind->name,
		.endpoint = endpoint,
		.ops = &ops,
		.arg = x,
		.spool_dir = o->spool_dir,
		.spool_limit_bytes = x->env->spool_limit_bytes,
		.signal = x->kind->number,
	};

	return sender__for_endpoint(&setup, err, err_size);
}

static void stop(void *exporter, struct metrics *last)
{
	struct span_export *x = exporter;

	span_queue__stop(x->queue);
	sender__stop(x->sender);
}

static void release(void *exporter)
{
	struct span_export *x = exporter;

	if (!x)
		return;
	if (x->sender)
		stop(x, NULL);
	sender__free(x->sender);
	if (x->batch)
		span_queue__done(x->queue, x->batch);
	span_queue__free(x->queue);
	free(x);
}

/* Takes *endpoint over. NULL with errno and a sentence in err. */
static struct span_export *new (const struct export_env *env, const struct kind *kind,
				struct otlp_endpoint *endpoint, char *err, size_t err_size)
{
	struct span_export *x = calloc(1, sizeof(*x));
	struct span_queue_config bounds = kind->bounds(env->options);
	int rc = -ENOMEM;

	if (!x)
		goto out;
	x->env = env;
	x->kind = kind;
	x->encoding = endpoint->encoding;
	bounds.max_bytes = env->queue_bytes;
	if (bounds.max_batch > bounds.max_queue)
		bounds.max_batch = bounds.max_queue;
	x->queue = span_queue__new(&bounds);
	if (!x->queue)
		goto out;
	x->sender = new_sender(x, endpoint, err, err_size);
	rc = x->sender ? 0 : -EINVAL;
out:
	otlp_endpoint__free(endpoint); /* what a sender has taken over is not in it any more */
	if (!rc)
		return x;
	release(x);
	errno = -rc;
	return NULL;
}

static void *start(const struct export_env *env, const struct kind *kind, char *err,
		   size_t err_size)
{
	struct otlp_endpoint to;
	int rc = kind->resolve(env->options, kind->number, &to, err, err_size);

	if (rc > 0)
		return new (env, kind, &to, err, err_size);
	errno = rc ? -rc : EINVAL;
	return NULL;
}

/* ---- the event loop ------------------------------------------------------------------- */

static void span(void *exporter, const struct span *s)
{
	struct span_export *x = exporter;

	span_queue__add(x->queue, s);
}

static void tick(void *exporter, uint64_t now_ns)
{
	struct span_export *x = exporter;

	span_queue__tick(x->queue, now_ns);
}

static void figures(void *exporter, struct export_figures *f, struct span_queue_stats *room)
{
	struct span_export *x = exporter;

	span_queue__stats(x->queue, room);
	*f = (struct export_figures){ x->kind->signal, room, sender__stats(x->sender) };
}

/* ---- the rows --------------------------------------------------------------------------- */

static bool traces_wanted(const struct options *o)
{
	return o->traces_exporter != TRACES_ZIPKIN && o->traces_exporter != TRACES_CONSOLE &&
	       otlp_config__wants(o, OTLP_TRACES);
}

static void *start_traces(const struct export_env *env, char *err, size_t err_size)
{
	return start(env, &traces, err, err_size);
}

const struct exporter otlp_traces_exporter = {
	.spans = EXPORTER_KEPT_SPANS,
	.spools = true,
	.wanted = traces_wanted,
	.start = start_traces,
	.free = release,
	.span = span,
	.tick = tick,
	.stop = stop,
	.figures = figures,
};

static bool zipkin_wanted(const struct options *o)
{
	return o->traces_exporter == TRACES_ZIPKIN;
}

static void *start_zipkin(const struct export_env *env, char *err, size_t err_size)
{
	return start(env, &zipkin, err, err_size);
}

const struct exporter zipkin_exporter = {
	.spans = EXPORTER_KEPT_SPANS,
	.spools = true,
	.wanted = zipkin_wanted,
	.start = start_zipkin,
	.free = release,
	.span = span,
	.tick = tick,
	.stop = stop,
	.figures = figures,
};

static bool logs_wanted(const struct options *o)
{
	return otlp_config__wants(o, OTLP_LOGS);
}

static void *start_logs(const struct export_env *env, char *err, size_t err_size)
{
	return start(env, &logs, err, err_size);
}

const struct exporter otlp_logs_exporter = {
	.spans = EXPORTER_ALL_SPANS,
	.spools = true,
	.wanted = logs_wanted,
	.start = start_logs,
	.free = release,
	.span = span,
	.tick = tick,
	.stop = stop,
	.figures = figures,
};
