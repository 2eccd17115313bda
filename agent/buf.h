/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A byte string that grows up to a limit. Errors stick: after the first one
 * nothing is appended any more and `err` says why, so that a writer appends
 * freely and checks once, at the end. One thread at a time.
 */
#ifndef RED_BUF_H
#define RED_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
	char *p; /* NULL as long as nothing was appended; not terminated */
	size_t len, cap;
	size_t max; /* 0: no limit */
	int err;    /* 0, -ENOMEM, -ENOSPC (would pass max), -EINVAL (bad format) */
};

void buf__init(struct buf *b, size_t max);
void buf__free(struct buf *b);  /* leaves it empty and usable; accepts a zeroed one */
void buf__reset(struct buf *b); /* forgets content and error, keeps the memory */

void buf__append(struct buf *b, const void *data, size_t len);
void buf__puts(struct buf *b, const char *s);
void buf__putc(struct buf *b, char c);
void buf__u64(struct buf *b, uint64_t v); /* in decimal */
void buf__printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Room for len bytes at the end, for the caller to fill and add to b->len, or NULL. */
void *buf__room(struct buf *b, size_t len);

#endif /* RED_BUF_H */
