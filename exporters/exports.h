/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * All that leaves redeye besides /metrics: spans by OTLP, Zipkin or on the console,
 * metrics and log records by OTLP, the access log. Each has its own bounded queue and
 * its own thread; the event loop only fills queues.
 *
 * Owner: the event loop.
 */
#ifndef RED_EXPORTS_H
#define RED_EXPORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "span.h"

struct metrics;
struct options;
struct resource_attrs;
struct self_builder;
struct exports;

struct exports_config {
	const struct options *options; /* both must outlive it */
	const struct resource_attrs *resource;
	/* On a thread of an exporter: gives one reference in *out and returns 0, or -errno.
	 * Must return within a bounded time. */
	int (*snapshot)(void *arg, struct metrics **out);
	void *arg;
};

/* Does anything need spans' places in traces? Kept traces? */
bool exports__need_traces(const struct options *o);
bool exports__need_kept(const struct options *o);

/* How long after the last request metrics are still asked for, by who is sent them. */
uint64_t exports__need_series_ns(const struct options *o);

/* Starts what the options ask for. NULL with errno and one sentence in err. */
struct exports *exports__new(const struct exports_config *c, char *err, size_t err_size);
/* Sends, or keeps on disk, what waits, and these last metrics, if any; takes less than a
 * second. Accepts NULL. */
void exports__free(struct exports *e, struct metrics *last);

void exports__span(struct exports *e, const struct span *s); /* each one */
void exports__kept(struct exports *e, const struct span *s); /* of a trace to keep */

/* Hands over what has waited long enough; to be called every 50 ms or so. */
void exports__tick(struct exports *e, uint64_t now_ns);

void exports__reopen(struct exports *e); /* SIGHUP: log files */
void exports__selfmetrics(const struct exports *e, struct self_builder *b);

#endif /* RED_EXPORTS_H */
