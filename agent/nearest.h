/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* "did you mean": of several candidates, the one that is at most two edits away. */
#ifndef RED_NEAREST_H
#define RED_NEAREST_H

#include <stddef.h>

struct nearest {
	const char *word; /* what the user wrote; set by the caller, the rest zero */
	const char *best; /* the closest candidate so far, NULL when none is close */
	size_t distance;
};

void nearest__try(struct nearest *n, const char *candidate);

#endif /* RED_NEAREST_H */
