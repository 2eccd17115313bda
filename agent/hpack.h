/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Header compression of HTTP/2, RFC 7541: one direction's decoder, which may come when
 * the conversation is under way. See hpack.c for what it then knows. Event loop only.
 */
#ifndef RED_HPACK_H
#define RED_HPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "slice.h"

struct nghttp2_hd_inflater;

#define HPACK_TABLE_MAX 65536 /* bytes of a dynamic table, as the RFC counts them */

struct hpack_reader {
	/* `name` NULL: a field that refers to what was not seen; nothing of it is known. Both are
	 * valid only during the call. */
	void (*field)(void *arg, struct slice name, struct slice value);
	/* What is not wanted may, but need not, be left out, unread. NULL: all is wanted. */
	bool (*wanted)(void *arg, struct slice name);
	void *arg;
};

enum hpack_at {
	HPACK_AT_FIELD = 0,
	HPACK_AT_INTEGER = 1, /* more of the field's first integer */
	HPACK_AT_NAME = 2,    /* the length of the name, */
	HPACK_AT_VALUE = 3,   /* or of the value; */
	HPACK_AT_NAME_LEN = 4,
	HPACK_AT_VALUE_LEN = 5, /* more of either */
	HPACK_AT_NAME_TEXT = 6,
	HPACK_AT_VALUE_TEXT = 7,
};

struct hpack {
	struct nghttp2_hd_inflater *inflater; /* NULL until the first block */
	uint8_t at;                           /* enum hpack_at */
	uint8_t held_len;                     /* of a field's first integer, not fed yet */
	uint8_t shift;
	bool late;   /* it had begun before */
	bool begun;  /* a byte of this block has been seen, */
	bool fields; /* and one of a field */
	bool skip;   /* the present field is not for nghttp2 */
	int broken;  /* -errno: the rest of this block is lost */
	char held[8];
	uint64_t value; /* the integer so far */
};

void hpack__init(struct hpack *h, bool late);
void hpack__free(struct hpack *h); /* it can be used again, as one that comes late */

/* More of a block. 0 or -errno: nothing more can be had of this block. */
int hpack__feed(struct hpack *h, const char *p, size_t len, const struct hpack_reader *r);

/* The block ends here. -ENOMEM or -EBADMSG: it was broken. */
int hpack__end(struct hpack *h);

/* Blocks were missed. */
void hpack__forget(struct hpack *h);

#endif /* RED_HPACK_H */
