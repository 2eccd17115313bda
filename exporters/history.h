/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What redeye remembers for its own page, for `redeye top` and `redeye tail`: counts and
 * latencies of every series at steps of one second for 15 minutes and of ten for 6 hours, and
 * the last spans, those with errors and slow ones longer.
 *
 * A destination like the exporters: a thread of its own takes a snapshot of the metrics
 * each second and what the spans' queue has. limit_bytes is kept: when the traffic is
 * wider than it allows, the past that is remembered is shorter, and history__state says how short.
 *
 * Reading is for any thread. A result is a copy: it stays valid and is the caller's to free.
 * Instants are Unix seconds. "Series" are those of /metrics, so that what is shown is equal.
 */
#ifndef RED_HISTORY_H
#define RED_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "slice.h"
#include "span.h"

struct metrics;
struct self_builder;
struct history;

enum {
	HISTORY_FINE_STEP = 1,
	HISTORY_FINE_CNT = 900,
	HISTORY_COARSE_STEP = 10,
	HISTORY_COARSE_CNT = 2160,
	HISTORY_BUCKETS = 256, /* see history_bucket__bound */
	HISTORY_SPARK_MAX = 120,
	HISTORY_POINTS_MAX = 1000,
};

#define HISTORY_LIMIT_MIN (UINT64_C(1) << 20)

struct history_config {
	uint64_t limit_bytes;    /* at least HISTORY_LIMIT_MIN */
	bool query, rpc_message; /* keep these of spans, as the options say */
	/* On the thread of the history: one reference in *out and 0, or -errno; within a bounded
	 * time. */
	int (*snapshot)(void *arg, struct metrics **out);
	void *arg;
};

struct history *history__new(const struct history_config *c); /* NULL and errno */
void history__free(struct history *h);                        /* accepts NULL; nobody reads */

/* ---- the event loop ---- */

/* Each finished transaction. Cheap for those that are not taken: beyond some hundreds a second
 * traces are chosen by their id (whole ones), with errors and the slowest besides. */
void history__span(struct history *h, const struct span *s);
void history__tick(struct history *h, uint64_t now_ns); /* every 50 ms or so */
/* Memory is short: keep half as much as now. When this is not asked for ten minutes some of it
 * comes back, and so on. */
void history__shrink(struct history *h);
void history__selfmetrics(const struct history *h, struct self_builder *b);

/* ---- reading: any thread ---- */

/* Bucket i counts durations in (bound(i - 1), bound(i)]: 2^(1/8) apart, from a microsecond on; the
 * first has all that is shorter, the last all that is longer. Seconds. */
double history_bucket__bound(uint32_t i);

struct history_dist {
	uint64_t count, errors;
	double sum; /* seconds */
	uint32_t buckets[HISTORY_BUCKETS];
};

/* Within a factor of 2^(1/16), q from 0 to 1; NAN when nothing was counted. */
double history_dist__quantile(const struct history_dist *d, double q);
/* What is more than a bucket can count is not counted in it. */
void history_dist__add(struct history_dist *to, const struct history_dist *from);

/* What is equal in rows that are added up. NULL: has none; a namespace is "" then. Text is as in
 * /metrics. */
struct history_name {
	const char *service, *namespace;
	enum span_kind kind;
	const char *protocol; /* "http", "grpc", "connectrpc"; NULL: overflow of calls */
	const char *method;   /* NULL: of calls; "_OVERFLOW" */
	const char *route;    /* http.route; of calls rpc.method */
	const char *peer;     /* of clients: "host:port", "[v6]:port" */
	const char *status;   /* "200", "NOT_FOUND"; NULL: none */
};

/* Exactly this one, when `set`. A NULL text, or "", means: those that have none. */
struct history_match {
	bool set;
	const char *text;
};

struct history_filter {
	struct history_match service, namespace, protocol, method, route, peer;
	int kind;           /* enum span_kind; -1: both */
	const char *status; /* "404", "OK", "2xx".."5xx", "none", "error"; NULL: any */
};

/* [from, to). 0, 0: all there is. Cut to what there is by the reader; see the result. */
struct history_range {
	uint32_t from, to;
};

enum history_group {
	HISTORY_BY_SERVICE, /* service, namespace, kind */
	HISTORY_BY_ROUTE,   /* also protocol, method, route, peer */
	HISTORY_BY_STATUS,  /* also status */
};

struct history_row {
	struct history_name name;           /* NULL for what was added up over */
	struct history_dist dist;           /* of the range */
	uint64_t total_count, total_errors; /* since the series began, as /metrics has it */
	uint32_t last;    /* when it was last counted up; 0: not while we watched */
	double in_flight; /* now; HISTORY_BY_SERVICE and servers only */
	uint32_t *spark_count, *spark_errors; /* n_spark each */
};

struct history_rows {
	struct history_range range;
	uint32_t step; /* of the finest used */
	/* The range in parts of spark_part seconds, the last of which ends with it; the first may
	 * be shorter. At most as many as asked for, 0 of an empty range. */
	uint32_t n_spark, spark_part;
	size_t n;
	struct history_row *v;
	void *memory; /* private */
};

/* Rows of all present series that match, also of those without traffic in the range. NULL: ENOMEM.
 */
struct history_rows *history__rows(struct history *h, const struct history_filter *f,
				   struct history_range r, enum history_group by, uint32_t n_spark);
void history_rows__free(struct history_rows *r); /* accepts NULL */

enum history_class { /* of statuses */
		     HISTORY_CLASS_1XX,
		     HISTORY_CLASS_2XX,
		     HISTORY_CLASS_3XX,
		     HISTORY_CLASS_4XX,
		     HISTORY_CLASS_5XX,
		     HISTORY_CLASS_NONE,
		     HISTORY_CLASS_OK,    /* of calls */
		     HISTORY_CLASS_ERROR, /* of calls: any other status */
		     HISTORY_CLASS_CNT,
};

struct history_point {
	uint32_t from; /* begin of the step */
	struct history_dist dist;
	uint32_t classes[HISTORY_CLASS_CNT];
};

struct history_series {
	struct history_range range;
	uint32_t step;
	size_t n;
	struct history_point *v; /* each step of the range, empty ones too */
};

/* All that match, added up; at most `points` of `step` seconds each. The last one ends at
 * range.to, so it may be shorter. NULL: ENOMEM. */
struct history_series *history__series(struct history *h, const struct history_filter *f,
				       struct history_range r, uint32_t points);
void history_series__free(struct history_series *s); /* accepts NULL */

struct history_edge {
	const char *from_service, *from_namespace;
	const char *peer;                      /* as the client called it */
	const char *to_service, *to_namespace; /* NULL: not one that we see */
	struct history_dist dist;
};

struct history_edges {
	struct history_range range;
	size_t n;
	struct history_edge *v; /* one for each pair of client and (service or else peer) */
	void *memory;           /* private */
};

/* Who asks whom, by the clients' series and where servers were seen to serve. NULL: ENOMEM. */
struct history_edges *history__edges(struct history *h, struct history_range r);
void history_edges__free(struct history_edges *e); /* accepts NULL */

/* ---- spans ---- */

/* A span out of the store: a deep copy, with its service's names in it, without tracestate and
 * TLS; long text is cut. */
struct history_span {
	struct span span; /* span.service is NULL */
	const char *service, *namespace;
	int64_t unix_minus_mono_ns;
};

struct history_span_filter {
	struct history_filter names;
	uint64_t min_duration_ns;
	const char *text; /* begins the trace id, is the request id, or is part of the path; NULL:
			     any */
	int64_t from_ns, to_ns; /* of the span's start, Unix time; 0: any */
};

struct history_trace { /* of the spans that are in the store */
	uint8_t trace_id[16];
	int64_t start_ns; /* Unix */
	uint64_t duration_ns;
	uint32_t spans, errors;
	const struct history_span *root; /* the earliest without a parent here */
	size_t n_services;
	const char **services; /* distinct, by their first span; at most 16 */
};

struct history_traces {
	size_t total; /* that matched */
	size_t n;     /* of these, as asked for */
	struct history_trace *v;
	void *memory; /* private */
};

enum history_order { HISTORY_NEWEST, HISTORY_OLDEST, HISTORY_LONGEST, HISTORY_SHORTEST };

/* Traces of which a span matches. NULL: ENOMEM. */
struct history_traces *history__traces(struct history *h, const struct history_span_filter *f,
				       enum history_order order, size_t offset, size_t limit);
void history_traces__free(struct history_traces *t); /* accepts NULL */

struct history_spans {
	size_t n;
	struct history_span *v; /* by their start */
	bool complete;          /* see docs/api.md */
	void *memory;           /* private */
};

/* The spans of a trace, of very many the first; n may be 0. NULL: ENOMEM. */
enum { HISTORY_TRACE_MAX = 5000 };
struct history_spans *history__trace(struct history *h, const uint8_t trace_id[16]);
void history_spans__free(struct history_spans *s); /* accepts NULL */

/* ---- as it happens ---- */

struct history_watch;

/* While anybody watches spans, all are looked at, whatever their number; bounded queues drop and
 * count. NULL: ENOMEM, or EBUSY when HISTORY_WATCHES_MAX watch already. The filter is copied. spans
 * false: only ticks. */
enum { HISTORY_WATCHES_MAX = 8 };
struct history_watch *history__watch(struct history *h, const struct history_span_filter *f,
				     bool spans);
/* Waits for spans or for the next second, at most timeout_ms. *out: spans, perhaps none (to be
 * freed, never NULL when 0 is returned); *lost: how many were left out since the last call; *tick:
 * a second was added. 0, -ENOMEM, or -ESHUTDOWN when redeye ends. */
int history_watch__next(struct history_watch *w, int timeout_ms, struct history_spans **out,
			uint64_t *lost, bool *tick);
void history_watch__free(struct history_watch *w); /* accepts NULL */
/* Everybody's history_watch__next returns -ESHUTDOWN from now on. */
void history__shutdown(struct history *h);

/* ---- state ---- */

struct history_state {
	uint64_t limit_bytes, bytes;
	uint32_t series;
	struct history_range fine, coarse; /* what there is */
	uint32_t spans;
	int64_t spans_from_ns;   /* Unix, of the oldest; 0: none */
	uint64_t spans_left_out; /* not kept though offered, since the start */
	uint64_t generation;     /* changes when anything that can be read has changed */
};
void history__state(struct history *h, struct history_state *out);

#endif /* RED_HISTORY_H */
