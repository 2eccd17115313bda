/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How redeye's own metrics are put into a snapshot: families with points of at most
 * two labels, of no resource but redeye itself. Errors show in metrics__ok. */
#ifndef RED_SELF_BUILDER_H
#define RED_SELF_BUILDER_H

#include "metrics.h"

struct self_builder {
	struct metrics *m;
	uint64_t start_unix_ns; /* of all counters */
};

struct self_label {
	const char *key, *value;
};

struct metric_family *self__family(struct self_builder *b, const char *name, const char *unit,
				   enum metric_kind kind, uint32_t max_points, const char *help);
/* One point; labels sorted by key, ended by a NULL key; NULL: none. */
void self__point(struct self_builder *b, struct metric_family *f, double value,
		 const struct self_label *labels);
/* A family of one point without labels. */
void self__single(struct self_builder *b, const char *name, const char *unit, enum metric_kind kind,
		  double value, const char *help);

#endif /* RED_SELF_BUILDER_H */
