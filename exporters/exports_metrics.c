// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Every OTEL_METRIC_EXPORT_INTERVAL a snapshot, in as many requests as it takes. With
 * delta temporality the differences count as handed over when one of these has been
 * delivered, or kept on disk, from where it will be: what a refused one had, or one that
 * could not be made, is lost and counted, rather than that the collector adds up the others
 * again.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exporter.h"
#include "loop.h"
#include "options.h"
#include "otlp_config.h"
#include "otlp_metrics.h"
#include "sender.h"

struct metric_export {
	const struct export_env *env;
	enum otlp_encoding encoding;
	struct otlp_metrics *encoder;
	struct sender *sender;

	/* the sender's thread */
	struct metrics *current;     /* being sent */
	bool last_part, lost, taken; /* of its parts: the last, any */
	uint64_t due_ns;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stopped;
	struct metrics *last; /* to be sent when stopped */
};

/* ---- the sender's thread -------------------------------------------------------------- */

/* The snapshot that is due, or NULL: none in time. */
static struct metrics *wait_for_snapshot(struct metric_export *x, int timeout_ms)
{
	uint64_t until = mono_ns() + timeout_ms * 1000000ull;
	struct metrics *m = NULL;
	struct timespec at;
	bool stopped;
	int err = 0;

	if (x->due_ns < until)
		until = x->due_ns;
	at = mono_timespec(until);
	pthread_mutex_lock(&x->lock);
	while (!x->stopped && !err)
		err = pthread_cond_timedwait(&x->changed, &x->lock, &at);
	stopped = x->stopped;
	if (stopped) {
		m = x->last;
		x->last = NULL;
	}
	pthread_mutex_unlock(&x->lock);
	if (stopped || mono_ns() < x->due_ns)
		return m;
	x->due_ns += x->env->options->metric_interval_ns;
	if (x->due_ns < mono_ns()) /* suspended for long */
		x->due_ns = mono_ns() + x->env->options->metric_interval_ns;
	return x->env->source->snapshot(x->env->source->arg, &m) ? NULL : m;
}

static void snapshot_done(struct metric_export *x)
{
	if (x->lost && !x->taken)
		otlp_metrics__rollback(x->encoder);
	else
		otlp_metrics__commit(x->encoder);
	metrics__put(x->current);
	x->current = NULL;
	x->lost = x->taken = x->last_part = false;
}

static int next(void *arg, int timeout_ms, struct buf *body, uint32_t *items)
{
	struct metric_export *x = arg;
	int rc;

	if (!x->current)
		x->current = wait_for_snapshot(x, timeout_ms);
	if (!x->current)
		return 0;
	rc = otlp_metrics__encode(x->encoder, x->current, x->encoding, body, items);
	x->last_part = rc <= 0;
	if (rc >= 0 && *items)
		return 1;
	x->lost |= rc < 0;
	snapshot_done(x);
	return rc < 0 ? rc : 0;
}

static void outcome(void *arg, bool delivered_or_kept)
{
	struct metric_export *x = arg;

	x->lost |= !delivered_or_kept;
	x->taken |= delivered_or_kept;
	if (x->last_part)
		snapshot_done(x);
}

static bool stopped(void *arg)
{
	struct metric_export *x = arg;
	bool is;

	pthread_mutex_lock(&x->lock);
	is = x->stopped && !x->last;
	pthread_mutex_unlock(&x->lock);
	return is && !x->current;
}

static const struct sender_ops ops = {
	.next = next,
	.outcome = outcome,
	.stopped = stopped,
};

/* ---- life ------------------------------------------------------------------------------- */

static struct otlp_metrics *new_encoder(const struct export_env *env,
					const struct otlp_endpoint *to)
{
	const struct options *o = env->options;
	struct otlp_metrics_config c = {
		.temporality = !strcmp(o->otlp_temporality, "cumulative") ? OTLP_CUMULATIVE
			       : !strcmp(o->otlp_temporality, "delta")    ? OTLP_DELTA
									  : OTLP_LOWMEMORY,
		.exponential = !strcmp(o->otlp_histograms, "base2_exponential_bucket_histogram"),
		.resource = env->resource,
		.max_bytes = to->body_max,
	};

	return otlp_metrics__new(&c);
}

static void init_lock(struct metric_export *x)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&x->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&x->changed, &attr);
	pthread_condattr_destroy(&attr);
}

static void stop(void *exporter, struct metrics *last)
{
	struct metric_export *x = exporter;

	pthread_mutex_lock(&x->lock);
	if (!x->stopped && last)
		x->last = metrics__ref(last);
	x->stopped = true;
	pthread_cond_broadcast(&x->changed);
	pthread_mutex_unlock(&x->lock);
	if (x->sender)
		sender__stop(x->sender);
}

static void release(void *exporter)
{
	struct metric_export *x = exporter;

	if (!x)
		return;
	stop(x, NULL);
	sender__free(x->sender);
	otlp_metrics__free(x->encoder);
	metrics__put(x->current);
	metrics__put(x->last);
	pthread_cond_destroy(&x->changed);
	pthread_mutex_destroy(&x->lock);
	free(x);
}

static struct metric_export *new (const struct export_env *env, struct otlp_endpoint *endpoint,
				  char *err, size_t err_size)
{
	struct metric_export *x = calloc(1, sizeof(*x));
	struct sender_setup setup = {
		.name = "metrics",
		.endpoint = endpoint,
		.ops = &ops,
		.arg = x,
		.spool_dir = env->options->spool_dir,
		.spool_limit_bytes = env->spool_limit_bytes,
		.signal = OTLP_METRICS,
	};
	int rc = -ENOMEM;

	if (!x)
		goto out;
	init_lock(x);
	x->env = env;
	x->encoding = endpoint->encoding;
	x->due_ns = mono_ns() + env->options->metric_interval_ns;
	x->encoder = new_encoder(env, endpoint);
	if (!x->encoder)
		goto out;
	x->sender = sender__for_endpoint(&setup, err, err_size);
	rc = x->sender ? 0 : -EINVAL;
out:
	otlp_endpoint__free(endpoint);
	if (!rc)
		return x;
	release(x);
	errno = -rc;
	return NULL;
}

static void *start(const struct export_env *env, char *err, size_t err_size)
{
	struct otlp_endpoint to;
	int rc = otlp_config__resolve(env->options, OTLP_METRICS, &to, err, err_size);

	if (rc > 0)
		return new (env, &to, err, err_size);
	errno = rc ? -rc : EINVAL;
	return NULL;
}

static bool wanted(const struct options *o)
{
	return otlp_config__wants(o, OTLP_METRICS);
}

static void figures(void *exporter, struct export_figures *f, struct span_queue_stats *room)
{
	struct metric_export *x = exporter;

	*f = (struct export_figures){ "metrics", NULL, sender__stats(x->sender) };
}

const struct exporter otlp_metrics_exporter = {
	.spools = true,
	.wanted = wanted,
	.start = start,
	.free = release,
	.stop = stop,
	.figures = figures,
};
