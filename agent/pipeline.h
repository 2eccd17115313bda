/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Everything behind the ring: a record goes in, spans and metrics come out.
 * The same for a live ring and for a recording; the difference is only who
 * answers polls and where processes are looked up. Owned by the event loop.
 */
#ifndef RED_PIPELINE_H
#define RED_PIPELINE_H

#include <stddef.h>
#include <stdint.h>

#include "agg.h"
#include "conn.h"
#include "correlate.h"
#include "options.h"
#include "procs.h"
#include "proto.h"
#include "redeye.h"
#include "tail.h"

struct conn;
struct k8s;

struct pipeline_config {
	const struct options *options;
	struct procs *procs;                   /* borrowed */
	const struct resource_attrs *resource; /* borrowed; NULL: services have but their names */
	/* Of loader.h; NULL in a replay: nobody to ask, and no /proc behind events. */
	int (*poll)(void *arg, const struct conn *c, enum red_poll_cmd cmd);
	void *poll_arg;
	bool traces;              /* spans have their place in a trace, headers are looked at */
	struct red_trace_key key; /* of ids, the kernel side's; zero in a replay */
	/* For the kernel side, when it writes contexts into requests; NULL: it does not. */
	void (*answered)(void *arg, uint64_t sk, uint64_t conn_id, uint64_t place);
	void (*regular)(void *arg, uint32_t tgid, const uint8_t addr[16], uint16_t port, bool on);
	/* Called for each finished transaction besides aggregation; may be NULL. */
	void (*span)(void *arg, const struct span *s);
	/* Called for those of traces to keep, at once or when the tail rules have decided; may
	 * be NULL. */
	void (*kept)(void *arg, const struct span *s);
	void *span_arg;
	uint64_t series_ns;    /* series stay for so long at least, whatever --series-expiry says */
	bool queries;          /* what takes spans looks at queries: their secrets are redacted */
	const struct k8s *k8s; /* borrowed: names peers; NULL: nobody does */
};

struct pipeline_stat {
	uint64_t records;
	uint64_t bytes;
	uint64_t malformed; /* records that were none */
	uint64_t excluded;  /* spans that option exclude-rpc-method left out */
};

struct pipeline;

struct pipeline *pipeline__new(const struct pipeline_config *c); /* NULL and errno */
void pipeline__free(struct pipeline *p);                         /* accepts NULL */

/* Any bytes are safe: what is no record is counted. */
void pipeline__record(struct pipeline *p, const void *data, size_t size);

/* Time passes: polls, expiry. Returns when to be called next. */
uint64_t pipeline__tick(struct pipeline *p, uint64_t now_ns);

/* It is not watched any more: what it has under way is given up. */
void pipeline__drop_process(struct pipeline *p, uint32_t tgid);

/* Memory is short, or no more so: nothing new is taken meanwhile. */
void pipeline__set_full(struct pipeline *p, bool full);
/* More memory is in use than allowed: some of what can be had again is given up. */
void pipeline__give_up(struct pipeline *p);

struct agg *pipeline__agg(struct pipeline *p);
const struct correlate_stats *pipeline__correlate_stats(const struct pipeline *p); /* or NULL */
/* False: there are no tail rules, because nothing is exported. */
bool pipeline__tail_stats(const struct pipeline *p, struct tail_stats *out);
/* redeye ends: what waits for a decision is decided. */
void pipeline__flush(struct pipeline *p);
const struct proto_stat *pipeline__proto_stat(const struct pipeline *p, size_t i);
const struct conn_stat *pipeline__conn_stat(const struct pipeline *p);
const struct pipeline_stat *pipeline__stat(const struct pipeline *p);

#endif /* RED_PIPELINE_H */
