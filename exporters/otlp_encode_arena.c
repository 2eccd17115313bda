// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "otlp_encode_internal.h"
#include "utf8.h"

#define CHUNK_BYTES ((size_t)16 * 1024)

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	_Alignas(8) char data[];
};

static struct arena_chunk *chunk__new(struct arena *a, size_t least)
{
	size_t size = least > CHUNK_BYTES ? least : CHUNK_BYTES;
	struct arena_chunk *c = malloc(sizeof(*c) + size);

	if (!c) {
		a->err = -ENOMEM;
		return NULL;
	}
	*c = (struct arena_chunk){ .next = a->chunks, .size = size };
	a->chunks = c;
	return c;
}

void *arena__alloc(struct arena *a, size_t bytes)
{
	struct arena_chunk *c = a->chunks;
	void *p;

	bytes = (bytes + 7) & ~(size_t)7;
	if (!c || c->size - c->used < bytes)
		c = chunk__new(a, bytes);
	if (!c)
		return NULL;
	p = c->data + c->used;
	c->used += bytes;
	return p;
}

static void drop_chunks(struct arena *a, const struct arena_chunk *until)
{
	struct arena_chunk *c;

	while ((c = a->chunks) && c != until) {
		a->chunks = c->next;
		free(c);
	}
}

/* The first chunk stays: most spans need no other. */
void arena__reset(struct arena *a)
{
	struct arena_chunk *first = a->chunks;

	if (!first)
		return;
	while (first->next)
		first = first->next;
	drop_chunks(a, first);
	first->used = 0;
}

void arena__free(struct arena *a)
{
	drop_chunks(a, NULL);
}

/* ---- text ----------------------------------------------------------------- */

/* How many bytes are ASCII and not NUL, by words. */
static size_t plain(struct slice s)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;
	uint64_t w;
	size_t n = 0;

	for (; n + 8 <= s.len; n += 8) {
		memcpy(&w, s.p + n, 8);
		if ((w | (w - ones)) & highs)
			break;
	}
	while (n < s.len && (uint8_t)(s.p[n] - 1) < 0x7f)
		n++;
	return n;
}

static char *put_clean(char *to, struct slice s)
{
	uint32_t cp;
	size_t n;

	while (s.len) {
		n = utf8_next(s.p, s.len, &cp);
		if (n && cp)
			to = mempcpy(to, s.p, n);
		else
			to = mempcpy(to, "\xef\xbf\xbd", 3);
		s = slice_skip(s, n ? n : 1);
	}
	return to;
}

char *arena__text(struct arena *a, struct slice s)
{
	static char nothing[1];
	size_t n = plain(s);
	char *p = arena__alloc(a, n + 3 * (s.len - n) + 1);

	if (!p)
		return nothing;
	if (n)
		memcpy(p, s.p, n);
	*put_clean(p + n, slice_skip(s, n)) = 0;
	return p;
}
