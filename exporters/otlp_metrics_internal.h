/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the OTLP metrics encoder share. */
#ifndef RED_OTLP_METRICS_INTERNAL_H
#define RED_OTLP_METRICS_INTERNAL_H

#include "otlp_encode_internal.h"
#include "otlp_metrics.h"

/* A series at one time. */
struct point_ref {
	const struct metric_family *family;
	const struct metric_point *point;
};

/* What is written of it: the point itself, or what it has more than an earlier one. */
struct otlp_point {
	uint64_t start_ns, time_ns;
	double value;
	struct metric_hist hist; /* its arrays are the point's or an arena's */
	bool extremes;           /* min and max are known */
};

/* ---- otlp_metrics_delta.c: the snapshot that was delivered last ----------- */

struct baseline;

/* Refers to m. NULL: no memory. */
struct baseline *baseline__new(const struct metrics *m);
void baseline__free(struct baseline *b); /* accepts NULL */
/* Whole when b (NULL: none) does not have the series or it began anew; false when nothing was
 * added to it. Memory is the arena's, which says when there was none. */
bool baseline__diff(const struct baseline *b, struct arena *a, bool exponential,
		    const struct point_ref *now, struct otlp_point *out);

/* ---- otlp_metrics_point.c: points as messages ----------------------------- */

/* Opens a metric up to where its data points are put. */
void otlp_point__begin_metric(struct otlp_writer *w, struct arena *a, const struct metric_family *f,
			      bool exponential, bool delta);
void otlp_point__put(struct otlp_writer *w, struct arena *a, const struct point_ref *ref,
		     const struct otlp_point *p, bool exponential);

#endif /* RED_OTLP_METRICS_INTERNAL_H */
