/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The destinations that exports.c starts. Each owns its thread. */
#ifndef RED_EXPORTS_INTERNAL_H
#define RED_EXPORTS_INTERNAL_H

#include "exports.h"
#include "otlp_config.h"
#include "resource.h"
#include "self_builder.h"
#include "span_attrs.h"

/* What they have in common; the owner keeps it until all have ended. */
struct export_env {
	const struct options *options;
	const struct resource_attrs *resource;
	struct span_attrs_config attrs;
	uint64_t spool_limit_bytes; /* of one destination: the option is for all */
};

/* ---- exports_spans.c: batches of spans to a collector ---- */
struct span_export;

enum span_export_kind {
	SPAN_EXPORT_TRACES = 0,
	SPAN_EXPORT_LOGS = 1,
	SPAN_EXPORT_ZIPKIN = 2,
	SPAN_EXPORT__CNT = 3,
};

/* Takes *endpoint over. NULL with errno and a sentence in err. */
struct span_export *span_export__new(const struct export_env *env, enum span_export_kind kind,
				     struct otlp_endpoint *endpoint, char *err, size_t err_size);
void span_export__stop(struct span_export *x); /* returns at once; accepts NULL */
void span_export__free(struct span_export *x); /* accepts NULL */
void span_export__add(struct span_export *x, const struct span *s);
void span_export__tick(struct span_export *x, uint64_t now_ns);

/* ---- exports_console.c: batches of spans to standard output ---- */
struct console_export;
struct console_export *console_export__new(const struct export_env *env); /* NULL and errno */
void console_export__free(struct console_export *x);                      /* accepts NULL */
void console_export__add(struct console_export *x, const struct span *s);
void console_export__tick(struct console_export *x, uint64_t now_ns);

/* ---- exports_metrics.c: snapshots to a collector ---- */
struct metric_export;
struct metric_export *metric_export__new(const struct export_env *env,
					 const struct exports_config *source,
					 struct otlp_endpoint *endpoint, char *err,
					 size_t err_size);
/* `last`, which may be NULL, is what is sent at the end; a reference is taken. */
void metric_export__stop(struct metric_export *x, struct metrics *last);
void metric_export__free(struct metric_export *x);

/* ---- exports_selfmetrics.c ---- */
struct sender_stats;
struct span_queue_stats;

struct export_figures {                       /* one destination's */
	const char *signal;                   /* traces, logs, metrics */
	const struct span_queue_stats *queue; /* NULL: none */
	const struct sender_stats *sender;    /* NULL: none */
};

void exports__figures(struct self_builder *b, const struct export_figures *f, uint32_t n);
void span_export__figures(struct span_export *x, struct export_figures *f,
			  struct span_queue_stats *room);
void metric_export__figures(struct metric_export *x, struct export_figures *f);
void console_export__figures(struct console_export *x, struct export_figures *f,
			     struct span_queue_stats *room);

#endif /* RED_EXPORTS_INTERNAL_H */
