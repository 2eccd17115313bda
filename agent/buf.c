// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_LEAST 256

void buf__init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf__free(struct buf *b)
{
	free(b->p);
	buf__init(b, b->max);
}

void buf__reset(struct buf *b)
{
	b->len = 0;
	b->err = 0;
}

static int grow(struct buf *b, size_t len)
{
	size_t max = b->max ? b->max : SIZE_MAX / 4;
	size_t cap = b->cap ? b->cap : BUF_LEAST;
	char *p;

	if (len > max || b->len > max - len)
		return -ENOSPC;
	while (cap < b->len + len)
		cap *= 2;
	p = realloc(b->p, cap);
	if (!p)
		return -ENOMEM;
	b->p = p;
	b->cap = cap;
	return 0;
}

void *buf__room(struct buf *b, size_t len)
{
	size_t max = b->max ? b->max : SIZE_MAX;

	if (!b->err && (!b->p || len > b->cap - b->len || b->len + len > max))
		b->err = grow(b, len);
	return b->err ? NULL : b->p + b->len;
}

void buf__append(struct buf *b, const void *data, size_t len)
{
	void *room = buf__room(b, len);

	if (!room || !len)
		return;
	memcpy(room, data, len);
	b->len += len;
}

void buf__puts(struct buf *b, const char *s)
{
	buf__append(b, s, strlen(s));
}

void buf__putc(struct buf *b, char c)
{
	buf__append(b, &c, 1);
}

void buf__u64(struct buf *b, uint64_t v)
{
	char text[20], *end = text + sizeof(text), *p = end;

	do
		*--p = '0' + v % 10;
	while (v /= 10);
	buf__append(b, p, end - p);
}

void buf__printf(struct buf *b, const char *fmt, ...)
{
	char text[512], *room;
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	if (n < 0) {
		b->err = b->err ? b->err : -EINVAL;
	} else if (n < (int)sizeof(text)) {
		buf__append(b, text, n);
	} else if ((room = buf__room(b, (size_t)n + 1))) { /* vsnprintf writes a NUL */
		vsnprintf(room, (size_t)n + 1, fmt, again);
		b->len += n;
	}
	va_end(again);
	va_end(ap);
}
