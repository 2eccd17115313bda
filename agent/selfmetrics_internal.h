/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef RED_SELFMETRICS_INTERNAL_H
#define RED_SELFMETRICS_INTERNAL_H

#include "pipeline.h"
#include "self_builder.h"

/* ---- selfmetrics_conns.c ---- */
void selfmetrics__connections(struct self_builder *b, const struct pipeline *p);

/* ---- selfmetrics_traces.c ---- */
void selfmetrics__traces(struct self_builder *b, const struct pipeline *p);

#endif /* RED_SELFMETRICS_INTERNAL_H */
