/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The header of the PROXY protocol, versions 1 and 2: what a proxy says of its own client
 * before that one's first byte. Who the client was is not read, only where the header ends.
 *
 *	version 1	"PROXY TCP4 10.0.0.1 10.0.0.2 40000 80\r\n", at most 107 bytes
 *	version 2	twelve bytes that no text has, version and command, family, a length in
 *			two bytes, then so many
 *
 * The bytes come in pieces. As long as they can be the beginning of one they are nobody
 * else's, and when they turn out to be none they are given back: they need not be kept for
 * it, since they are what each header begins with. No I/O, no allocation.
 */
#ifndef RED_PROXY_HEADER_H
#define RED_PROXY_HEADER_H

#include <stddef.h>
#include <stdint.h>

#include "slice.h"

#define PROXY_LINE_MAX 107

enum proxy_at {
	PROXY_SIGNATURE = 0, /* what has come can be the beginning of one */
	PROXY_LINE = 1,      /* version 1: until the line ends */
	PROXY_LENGTH = 2,    /* version 2: family and length */
	PROXY_REST = 3,      /* and `left` bytes more */
	PROXY_BEHIND = 4,    /* it has ended */
	PROXY_NONE = 5,      /* there is none, or no more of it */
};

/* Zero: nothing has come. */
struct proxy_header {
	uint8_t at;    /* enum proxy_at */
	uint8_t which; /* the first of the signatures that begin like this */
	uint8_t n;     /* bytes that have come, until it is PROXY_REST */
	uint16_t left;
};

/* Returns how many of these bytes are the header's: all, unless it has ended or is none. */
size_t proxy_header__feed(struct proxy_header *h, const char *p, size_t len);
/* The same of so many bytes that were not seen. */
uint64_t proxy_header__skip(struct proxy_header *h, uint64_t len);
/* In PROXY_NONE: what came before and was taken for the beginning of one. Static. */
struct slice proxy_header__held(const struct proxy_header *h);

#endif /* RED_PROXY_HEADER_H */
