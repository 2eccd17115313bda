/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The immutable picture of all metrics at one moment: what aggregation hands
 * to every metrics exporter. Names, units and attribute keys are those of the
 * OpenTelemetry conventions; an exporter translates them.
 *
 * A snapshot is one arena: built by the event loop (metrics__new, _family,
 * _point ...), never changed afterwards, shared between threads by reference
 * count, freed in one piece by the last metrics__put.
 */
#ifndef RED_METRICS_H
#define RED_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum metric_kind {
	METRIC_COUNTER = 0, /* monotonic sum */
	METRIC_UPDOWN = 1,  /* non-monotonic sum */
	METRIC_GAUGE = 2,
	METRIC_HISTOGRAM = 3, /* explicit and exponential at once */
};

enum attr_type {
	ATTR_STRING = 0,
	ATTR_INT = 1,
	ATTR_BOOL = 2,
};

struct metric_attr {
	const char *key;
	enum attr_type type;
	union {
		const char *str; /* any bytes but NUL; may be invalid UTF-8 */
		int64_t num;     /* ATTR_INT, ATTR_BOOL */
	};
};

/* Exponential part: bucket i counts values in (2^(i/2^scale), 2^((i+1)/2^scale)],
 * counts[0] is bucket `offset` (OTLP data model, ExponentialHistogram). */
struct metric_exp {
	int32_t scale;
	int32_t offset;
	uint32_t n_counts;
	const uint64_t *counts;
	uint64_t zero_count;
};

/* A measurement and the trace that it is of. */
struct metric_exemplar {
	double value;
	uint64_t unix_ns;
	uint8_t trace_id[16];
	uint8_t span_id[8];
};

struct metric_hist {
	uint64_t count;
	double sum, min, max; /* min, max: 0 when count is 0 */
	uint32_t n_bounds;
	const double *bounds;   /* upper-inclusive, ascending */
	const uint64_t *counts; /* n_bounds + 1, not cumulative */
	struct metric_exp exp;
	uint32_t n_exemplars; /* at most one in each explicit bucket, ascending */
	const struct metric_exemplar *exemplars;
};

struct metric_point {
	const struct metric_resource *resource; /* NULL: redeye itself */
	const struct metric_attr *attrs;        /* sorted by key */
	uint32_t n_attrs;
	uint64_t start_unix_ns; /* when this series began; 0 for gauges */
	union {
		double value;
		struct metric_hist hist;
	};
};

struct metric_resource { /* one observed service */
	const char *service_name;
	const char *service_namespace;   /* "" unknown */
	const char *service_instance_id; /* "" unknown */
	const struct metric_attr *attrs; /* all resource attributes, these three included */
	uint32_t n_attrs;
};

struct metric_family {
	const char *name; /* http.server.request.duration */
	const char *unit; /* UCUM: s, By, {request}, 1 */
	const char *help;
	enum metric_kind kind;
	struct metric_point *points;
	uint32_t n_points;
};

struct metrics {
	uint64_t unix_ns; /* when it was taken */
	struct metric_family *families;
	uint32_t n_families;
	struct metric_resource *resources;
	uint32_t n_resources;
};

enum {
	METRICS_MAX_FAMILIES = 256,
	METRICS_MAX_RESOURCES = 8192, /* more services than a node has processes to run them */
};

/* ---- reading: any thread ---- */
struct metrics *metrics__ref(struct metrics *m);
void metrics__put(struct metrics *m); /* accepts NULL */

/* ---- building: the thread that called metrics__new, before it shares it ---- */

/* Returns NULL with errno. Once an allocation below has failed the snapshot is
 * marked broken: further calls return NULL and metrics__ok says false, so that
 * a builder checks once, at the end. */
struct metrics *metrics__new(uint64_t unix_ns);
bool metrics__ok(const struct metrics *m);

/* At most METRICS_MAX_FAMILIES; the strings are not copied and must outlive the snapshot
 * (literals, or from metrics__strdup). Points are zeroed. */
struct metric_family *metrics__family(struct metrics *m, const char *name, const char *unit,
				      const char *help, enum metric_kind kind, uint32_t max_points);
/* NULL also when max_points is used up. */
struct metric_point *metrics__point(struct metrics *m, struct metric_family *f, uint32_t n_attrs,
				    struct metric_attr **attrs);
/* At most METRICS_MAX_RESOURCES. */
struct metric_resource *metrics__resource(struct metrics *m);
void *metrics__alloc(struct metrics *m, size_t bytes); /* zeroed, aligned to 8 */
/* Copies up to len bytes, less when a NUL comes first. */
const char *metrics__strdup(struct metrics *m, const char *s, size_t len);

#endif /* RED_METRICS_H */
