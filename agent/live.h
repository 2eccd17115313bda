/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A running capture: kernel side, ring, processes and pipeline around one
 * event loop, with signals. What `run` and `record` have in common.
 */
#ifndef RED_LIVE_H
#define RED_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader.h"
#include "loop.h"
#include "metrics.h"
#include "options.h"
#include "pipeline.h"

struct k8s;
struct self_builder;

struct live_config {
	const struct options *options;
	/* Each record before it is handled, process descriptions included; may be NULL. */
	void (*tap)(void *arg, const void *record, size_t size);
	/* Finished requests, and those of traces to keep: see pipeline.h; may be NULL. */
	void (*span)(void *arg, const struct span *s);
	void (*kept)(void *arg, const struct span *s);
	const struct resource_attrs *resource; /* borrowed; may be NULL */
	uint64_t series_ns;                    /* as pipeline_config's */
	bool traces;                           /* spans have their place in a trace */
	/* Adds to what /metrics shows; may be NULL. */
	void (*selfmetrics)(void *arg, struct self_builder *b);
	/* Give back what you can: the memory limit is reached. Repeated while it is; may be NULL.
	 */
	void (*memory_short)(void *arg);
	/* SIGHUP: new options to take over, or NULL to go on as before; may be NULL. */
	const struct options *(*reload)(void *arg);
	void *arg;
};

struct live;

/* Loads, attaches, scans: when it returns, capture is on. NULL and a sentence. */
struct live *live__new(const struct live_config *c, char *err, size_t err_size);
void live__free(struct live *l); /* accepts NULL */

struct loop *live__loop(struct live *l);
struct loader *live__loader(struct live *l);
struct procs *live__procs(struct live *l);
const struct privileges *live__privileges(const struct live *l);

/* Reads what is in the ring now. */
void live__drain(struct live *l);

/* Everything /metrics shows. NULL when memory ran out. */
struct metrics *live__metrics(struct live *l);

/* Who hears that we are ready may send a request at once: waits, not for long, until what
 * runs already has its probes, and reads the ring meanwhile. Before live__run, when all
 * that records go to is there. */
void live__await_probes(struct live *l);

/* Until SIGINT, SIGTERM or options.duration_ns. 0 or -errno. */
int live__run(struct live *l);

#endif /* RED_LIVE_H */
