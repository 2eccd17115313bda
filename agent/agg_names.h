/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Small numbers for the static strings in a span (methods, versions, error
 * types). Equal strings get one number even when the linker kept two copies:
 * two series with the same attributes would spoil an exposition. The cache by
 * address is what makes it cheap.
 */
#ifndef RED_AGG_NAMES_H
#define RED_AGG_NAMES_H

#include <stdint.h>

enum {
	NAMES_MAX = 1024, /* a closed set has about 50; more are "_OTHER" */
	NAMES_CACHE = 256,
};

struct names {
	uint32_t n;
	const char *v[NAMES_MAX]; /* v[0] is NULL: absent, v[1] "_OTHER" */
	struct {
		const char *p;
		uint16_t id;
	} cache[NAMES_CACHE];
};

void names__init(struct names *names);
uint16_t names__add(struct names *names, const char *s, uint32_t slot);

static inline uint16_t names__id(struct names *names, const char *s)
{
	uint32_t slot = (uint32_t)(((uintptr_t)s * UINT64_C(0x9e3779b97f4a7c15)) >> 56);

	if (!s)
		return 0;
	return names->cache[slot].p == s ? names->cache[slot].id : names__add(names, s, slot);
}

#endif /* RED_AGG_NAMES_H */
