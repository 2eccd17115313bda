// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "query.h"

#include <string.h>

void query__begin(struct buf *b, const char *path)
{
	buf__reset(b);
	buf__puts(b, path);
}

static void put_key(struct buf *b, const char *key)
{
	buf__putc(b, b->len && memchr(b->p, '?', b->len) ? '&' : '?');
	buf__puts(b, key);
	buf__putc(b, '=');
}

/* What RFC 3986 calls unreserved stays. */
static void put_escaped(struct buf *b, const char *s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~";

	for (; *s; s++) {
		if (strchr(plain, *s))
			buf__putc(b, *s);
		else
			buf__printf(b, "%%%02X", (unsigned char)*s);
	}
}

void query__text(struct buf *b, const char *key, const char *value)
{
	if (!value)
		return;
	put_key(b, key);
	put_escaped(b, value);
}

void query__number(struct buf *b, const char *key, double value)
{
	put_key(b, key);
	buf__printf(b, "%.15g", value);
}

const char *query__end(struct buf *b)
{
	buf__append(b, "", 1);
	return b->err ? NULL : b->p;
}
