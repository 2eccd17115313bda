/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The head decision, as OTEL_TRACES_SAMPLER and its argument ask for it. Consistent
 * probability sampling: 56 random bits of the trace itself are compared with a
 * threshold, so that whoever asks about a trace, here, in the kernel or in another
 * service, answers the same. No I/O, no allocation, no log.
 */
#ifndef RED_SAMPLER_H
#define RED_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

#include "slice.h"

#define SAMPLER_NEVER (UINT64_C(1) << 56) /* above every randomness */

struct sampler {
	uint64_t threshold; /* 0: all, SAMPLER_NEVER: none */
	bool parent_based;
};

/* arg: a ratio from 0 to 1, NULL or "" for 1; looked at only by traceidratio. 0, -EINVAL
 * for an unknown name or a bad ratio. */
int sampler__init(struct sampler *s, const char *name, const char *arg);

/* has_parent: there is a parent and its decision is known. tracestate may be empty. */
bool sampler__decide(const struct sampler *s, const uint8_t trace_id[16], bool has_parent,
		     bool parent_sampled, struct slice tracestate);

/* Without a parent's decision a trace is sampled if its randomness, without explicit
 * tracestate the last 7 bytes of its id in network order, is not below this. */
uint64_t sampler__threshold(const struct sampler *s);

#endif /* RED_SAMPLER_H */
