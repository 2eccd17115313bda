/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What an exporter is to the rest: a table row. exports.c starts those that the options ask
 * for and gives each the spans it wants; an exporter has a bounded queue and a thread of its
 * own, so that the event loop, which makes all these calls, never waits.
 *
 * To add one: docs/adding-an-exporter.md.
 */
#ifndef RED_EXPORTER_H
#define RED_EXPORTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exporter_table.h"
#include "exports.h"
#include "span_attrs.h"

struct self_builder;
struct sender_stats;
struct span_queue_stats;

enum exporter_id {
#define X(NAME, name) EXPORTER_##NAME,
	EXPORTER_TABLE(X)
#undef X
		EXPORTER__CNT
};

/* What they have in common; it outlives all of them. */
struct export_env {
	const struct exports_config *source; /* options, resource, snapshots */
	const struct options *options;
	const struct resource_attrs *resource;
	struct span_attrs_config attrs;
	uint64_t spool_limit_bytes; /* of one destination: the option is for all */
	uint64_t queue_bytes;       /* of one queue of spans */
};

struct export_figures {                       /* one destination's */
	const char *signal;                   /* traces, logs, metrics */
	const struct span_queue_stats *queue; /* NULL: none, what comes is the sender's to count */
	const struct sender_stats *sender;    /* NULL: none */
};

enum exporter_spans {
	EXPORTER_NO_SPANS = 0,
	EXPORTER_ALL_SPANS = 1,
	EXPORTER_KEPT_SPANS = 2, /* of traces to keep */
};

struct exporter {
	enum exporter_spans spans;
	bool spools; /* keeps on disk what the collector does not take */
	/* Do the options ask for it? What is wrong with them shows when it starts. */
	bool (*wanted)(const struct options *o);
	/* What the other functions get; NULL with errno and one sentence in err. */
	void *(*start)(const struct export_env *env, char *err, size_t err_size);
	void (*free)(void *exporter);

	/* Each of the rest may be NULL. */
	void (*span)(void *exporter, const struct span *s); /* copies what it keeps */
	void (*tick)(void *exporter, uint64_t now_ns);      /* every 50 ms or so */
	void (*reopen)(void *exporter);                     /* SIGHUP */
	/* Returns at once: all are told before the first is waited for, in free. A reference to
	 * `last`, which may be NULL, is taken. */
	void (*stop)(void *exporter, struct metrics *last);
	/* Own metrics: those that all have, where `room` is the queue's place; others. */
	void (*figures)(void *exporter, struct export_figures *f, struct span_queue_stats *room);
	void (*selfmetrics)(void *exporter, struct self_builder *b);
};

#define X(NAME, name) extern const struct exporter name##_exporter;
EXPORTER_TABLE(X)
#undef X

/* ---- exports_selfmetrics.c ---- */
void exports__figures(struct self_builder *b, const struct export_figures *f, uint32_t n);

#endif /* RED_EXPORTER_H */
