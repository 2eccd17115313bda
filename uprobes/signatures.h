/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where functions are in images that say nothing of them any more, as noted by somebody who
 * had the same image with its symbols (`redeye signatures` prints such notes). A text file,
 * a row a function:
 *
 *	BUILDID FUNCTION OFFSET HEXBYTES
 *
 * the build id in hex, the offset in the file (0x...), and 8 to 64 bytes that stand there.
 * Fields are parted by blanks or tabs, a '#' at a line's start or behind a blank makes the
 * rest a comment. A row is used when the image's build id and the bytes at the offset are
 * those of the row; nothing is ever guessed from a part of it.
 */
#ifndef RED_SIGNATURES_H
#define RED_SIGNATURES_H

#include <stddef.h>
#include <stdio.h>

struct image;
struct image_function;
struct signatures;

/* Reads the file at path. NULL and errno, and a sentence in `why` ("FILE:LINE: ..."). */
struct signatures *signatures__new(const char *path, char *why, size_t why_size);
/* The same of text in memory; `path` is only for the sentence. */
struct signatures *signatures__parse(const char *path, const char *text, size_t len, char *why,
				     size_t why_size);
void signatures__free(struct signatures *s);
size_t signatures__count(const struct signatures *s);

/* 0 and *f, or -ENOENT (no row for this build id and name), -ESTALE (there is one, but other
 * bytes are there), -ERANGE (its offset is not in code). Two rows that both fit and are not
 * at the same place: -ENOTUNIQ. */
int signatures__find(const struct signatures *s, const struct image *img, const char *name,
		     struct image_function *f);

/* Writes a row for a function of img. 0, or a negative errno: it has no build id (-ENODATA),
 * the bytes cannot be read, the file cannot be written. */
int signatures__print(FILE *to, const struct image *img, const char *name,
		      const struct image_function *f);

#endif /* RED_SIGNATURES_H */
