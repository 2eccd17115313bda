/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Go's own table of functions, which every Go program carries and strip(1) leaves alone:
 * where a function begins, and where it returns. A uretprobe cannot be used in Go, which
 * moves stacks together with the return addresses on them; a uprobe at each of a function's
 * return instructions can. See gopclntab.c for how they are found.
 */
#ifndef RED_GOPCLNTAB_H
#define RED_GOPCLNTAB_H

#include "image.h"

struct gopclntab;

struct gopclntab_function {
	struct image_function f; /* `size` counts the padding behind it as well */
	uint64_t pcsp;           /* private: where its table of stack depths is in the file */
};

/* img is borrowed until gopclntab__free. NULL and errno, and a sentence in `why`: ENOENT
 * (there is no table), ENOTSUP (it cannot be told where its functions are), ENOMEM. */
struct gopclntab *gopclntab__new(const struct image *img, char *why, size_t why_size);
void gopclntab__free(struct gopclntab *t);

/* A function by its full name, "crypto/tls.(*Conn).Read". -ENOENT (it was not linked in, or
 * is inlined wherever it is called), -ENOTUNIQ, -ERANGE (not in the file's code), -EBADMSG. */
int gopclntab__find(const struct gopclntab *t, const char *name, struct gopclntab_function *fn);

/* The offsets in the file of all the function's return instructions, ascending. How many
 * they are, at least 1; -E2BIG (more than max), or -ENOTSUP: not all ways out of it are
 * known for certain, so it must not be probed. */
int gopclntab__returns(const struct gopclntab *t, const struct gopclntab_function *fn,
		       uint64_t *offsets, size_t max);

#endif /* RED_GOPCLNTAB_H */
