/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Functions without a name that are the better place for a probe: see tls_inner.c. */
#ifndef RED_TLS_INNER_H
#define RED_TLS_INNER_H

#include <stdbool.h>
#include <stddef.h>

#include "image.h"
#include "tls_functions.h"

/* One function that has the probes of two. */
struct tls_inner {
	const char *outer[2];
	struct tls_function row;
};

extern const struct tls_inner tls_inners[];
extern const size_t tls_inners_n;

/* Is this the one that both of its outer functions come to, and are probes cheaper there?
 * Then where it is. */
bool tls_inner__find(const struct image *img, const struct image_function outer[2],
		     struct image_function *inner);

/* Where in the file a probe at the entry of a function is to be. */
uint64_t tls_inner__entry(const struct image *img, const struct image_function *f);

#endif /* RED_TLS_INNER_H */
