// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sampler.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "trace_context.h"

static const struct {
	const char *name;
	bool parent_based, takes_ratio;
	uint64_t threshold;
} samplers[] = {
	{ "always_on", .threshold = 0 },
	{ "always_off", .threshold = SAMPLER_NEVER },
	{ "traceidratio", .takes_ratio = true },
	{ "parentbased_always_on", .parent_based = true, .threshold = 0 },
	{ "parentbased_always_off", .parent_based = true, .threshold = SAMPLER_NEVER },
	{ "parentbased_traceidratio", .parent_based = true, .takes_ratio = true },
};

/* All 56 bits; a ratio below 2^-57 is none. */
static int threshold_of(const char *ratio, uint64_t *threshold)
{
	double p = 1;
	char *end;

	if (ratio && *ratio) {
		p = strtod(ratio, &end);
		if (*end || !(p >= 0 && p <= 1))
			return -EINVAL;
	}
	*threshold = SAMPLER_NEVER - (uint64_t)nearbyint(p * 0x1p56);
	return 0;
}

int sampler__init(struct sampler *s, const char *name, const char *arg)
{
	size_t i;

	for (i = 0; i < sizeof(samplers) / sizeof(samplers[0]); i++) {
		if (strcmp(name, samplers[i].name))
			continue;
		s->parent_based = samplers[i].parent_based;
		s->threshold = samplers[i].threshold;
		return samplers[i].takes_ratio ? threshold_of(arg, &s->threshold) : 0;
	}
	return -EINVAL;
}

/* 14 hexadecimal digits in lower case. */
static bool read_randomness(struct slice s, uint64_t *out)
{
	uint64_t v = 0;
	size_t i;

	if (s.len != 14)
		return false;
	for (i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
			return false;
		v = v << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	*out = v;
	return true;
}

/* "th:8;rv:0123456789abcd" */
static bool find_rv(struct slice ot, uint64_t *out)
{
	while (ot.len) {
		size_t n = slice_until(ot, ';');

		if (n > 3 && !memcmp(ot.p, "rv:", 3))
			return read_randomness((struct slice){ ot.p + 3, n - 3 }, out);
		ot = slice_skip(ot, n + (n < ot.len));
	}
	return false;
}

static bool explicit_randomness(struct slice tracestate, uint64_t *out)
{
	struct slice key, value;

	while (tracestate__next(&tracestate, &key, &value) > 0)
		if (slice_eq(key, SLICE("ot")))
			return find_rv(value, out);
	return false;
}

static uint64_t randomness(const uint8_t trace_id[16], struct slice tracestate)
{
	uint64_t v = 0;
	int i;

	if (explicit_randomness(tracestate, &v))
		return v;
	for (i = 9; i < 16; i++)
		v = v << 8 | trace_id[i];
	return v;
}

bool sampler__decide(const struct sampler *s, const uint8_t trace_id[16], bool has_parent,
		     bool parent_sampled, struct slice tracestate)
{
	if (s->parent_based && has_parent)
		return parent_sampled;
	if (s->threshold == 0 || s->threshold == SAMPLER_NEVER)
		return !s->threshold;
	return randomness(trace_id, tracestate) >= s->threshold;
}

uint64_t sampler__threshold(const struct sampler *s)
{
	return s->threshold;
}
