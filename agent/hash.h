/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A quick hash for tables of a bounded size: whoever chooses the bytes can make chains
 * longer, never unbounded. */
#ifndef RED_HASH_H
#define RED_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t hash_mix(uint64_t h, uint64_t w)
{
	h = (h ^ w) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

static inline uint64_t hash_bytes(const void *bytes, size_t n)
{
	const char *p = bytes;
	uint64_t h = n, w;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&w, p, 8);
		h = hash_mix(h, w);
	}
	while (n--)
		h = hash_mix(h, (uint8_t)*p++);
	return h;
}

/* Multiplies and folds: cheap, and not to be steered by whoever does not know the seed, with which
 * it begins as `a`. */
static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 m = (unsigned __int128)(a ^ UINT64_C(0xa0761d6478bd642f)) *
			      (b ^ UINT64_C(0xe7037ed1a0b428db));

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* These bytes behind what `h` is of: the seed, or what came before them. */
static inline uint64_t hash_seeded(uint64_t h, const void *bytes, size_t n)
{
	const char *p = bytes;
	uint64_t w;

	for (h ^= n; n >= 8; p += 8, n -= 8) {
		memcpy(&w, p, 8);
		h = hash_fold(h, w);
	}
	w = 0;
	if (n)
		memcpy(&w, p, n);
	return hash_fold(h, w);
}

#endif /* RED_HASH_H */
