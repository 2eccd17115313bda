/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Snapshots as OTLP metrics: the bodies of Export{Metrics}ServiceRequests. With delta
 * temporality a snapshot is written as what it has more than the last one that was
 * delivered, so the caller says what became of each:
 *
 *	do
 *		err = otlp_metrics__encode(om, m, e, &out, &n);
 *		... hand out over if n ...
 *	while (err == 1);
 *	delivered ? otlp_metrics__commit(om) : otlp_metrics__rollback(om);
 *
 * After a rollback the next snapshot has the difference of both. A snapshot of which some
 * requests were delivered, and others not, or could not be made, is to be committed: the
 * receiver would add up again what it has. What it has not is lost. One thread.
 */
#ifndef RED_OTLP_METRICS_H
#define RED_OTLP_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "metrics.h"
#include "otlp_encode.h"

/* OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE. Sums that go up and down are always
 * cumulative. */
enum otlp_temporality {
	OTLP_CUMULATIVE = 0,
	OTLP_DELTA = 1,
	OTLP_LOWMEMORY = 2, /* the same: no counter of ours needs more memory as a delta */
};

struct otlp_metrics_config {
	enum otlp_temporality temporality;
	bool exponential;                      /* histograms; else explicit buckets */
	const struct resource_attrs *resource; /* for redeye's own metrics; may be NULL */
	size_t max_bytes;                      /* of one request; 0: OTLP_REQUEST_MAX */
};

struct otlp_metrics;

struct otlp_metrics *otlp_metrics__new(const struct otlp_metrics_config *c); /* NULL and errno */
void otlp_metrics__free(struct otlp_metrics *om);                            /* accepts NULL */

/*
 * Appends the next request of m, of which a reference is kept until commit or rollback.
 * 0: that was the last one; 1: call again with the same m for the next. *n_points 0 (only with
 * the last): nothing to send, and *out is as it was, as after an error: -ENOMEM; -EMSGSIZE, one
 * point alone is longer than max_bytes or out->max. After an error there are no further requests
 * of this snapshot: commit or rollback, or the same from its beginning.
 */
int otlp_metrics__encode(struct otlp_metrics *om, struct metrics *m, enum otlp_encoding e,
			 struct buf *out, uint32_t *n_points);
/* The snapshot that was encoded last is with the receiver, as far as it will ever be. */
void otlp_metrics__commit(struct otlp_metrics *om);
void otlp_metrics__rollback(struct otlp_metrics *om);

#endif /* RED_OTLP_METRICS_H */
