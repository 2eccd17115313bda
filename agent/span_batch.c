// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "span_batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service.h"

#define CHUNK_BYTES 16384

struct span_chunk {
	struct span_chunk *next;
	size_t used, size;
	char data[];
};

/* Every slice of a span, for those that copy one; `tls` is one piece by itself. */
static size_t slices_of(const struct span *s, const struct slice **out)
{
	const struct slice *all[] = { &s->tracestate,   &s->request_id,     &s->method_original,
				      &s->path,         &s->query,          &s->route,
				      &s->peer_service, &s->peer_namespace, &s->host };
	size_t n = sizeof(all) / sizeof(all[0]), i;

	memcpy(out, all, sizeof(all));
	for (i = 0; i < s->n_headers; i++)
		out[n++] = &s->headers[i].value;
	if (s->rpc) {
		out[n++] = &s->rpc->method;
		out[n++] = &s->rpc->message;
	}
	if (s->op)
		out[n++] = &s->op->target;
	for (i = 0; s->op && i < s->op->n_attrs; i++)
		if (span_attr__is_text(&s->op->attrs[i]))
			out[n++] = &s->op->attrs[i].str;
	return n;
}

#define SLICES_MAX (9 + SPAN_HEADERS_MAX + 2 + SPAN_OP_ATTRS_MAX)

size_t span__strings_bytes(const struct span *s)
{
	const struct slice *slices[SLICES_MAX];
	size_t n = slices_of(s, slices), bytes = 0, i;

	bytes += s->rpc ? sizeof(*s->rpc) : s->op ? sizeof(*s->op) : 0;
	bytes += s->tls ? span_tls__bytes(s->tls) : 0;
	for (i = 0; i < n; i++)
		bytes += slices[i]->len;
	return bytes;
}

static void *copy_piece(char **at, const void *piece, size_t bytes)
{
	void *copy = memcpy(*at, piece, bytes);

	*at += bytes;
	return copy;
}

/* Lets *to, a flat copy of its original, point to copies of the strings at `at`, which is
 * aligned: so the pieces come in the order of their alignment. */
static void copy_strings(struct span *to, char *at)
{
	const struct slice *slices[SLICES_MAX];
	size_t n, i;

	if (to->rpc)
		to->rpc = copy_piece(&at, to->rpc, sizeof(*to->rpc));
	if (to->op)
		to->op = copy_piece(&at, to->op, sizeof(*to->op));
	if (to->tls)
		to->tls = copy_piece(&at, to->tls, span_tls__bytes(to->tls));
	n = slices_of(to, slices);
	for (i = 0; i < n; i++) {
		struct slice *s = (struct slice *)slices[i];

		if (s->len)
			memcpy(at, s->p, s->len);
		s->p = at;
		at += s->len;
	}
}

struct span *span__dup(const struct span *s)
{
	struct span *copy = malloc(sizeof(*copy) + span__strings_bytes(s));

	if (!copy)
		return NULL;
	*copy = *s;
	copy_strings(copy, (char *)(copy + 1));
	return copy;
}

static void *take(struct span_batch *b, size_t bytes)
{
	struct span_chunk *c = b->chunks;
	size_t size = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
	void *p;

	bytes = (bytes + 7) & ~(size_t)7;
	if (!c || c->size - c->used < bytes) {
		size = (size + 7) & ~(size_t)7;
		c = malloc(sizeof(*c) + size);
		if (!c)
			return NULL;
		c->next = b->chunks;
		c->used = 0;
		c->size = size;
		b->chunks = c;
		b->bytes += sizeof(*c) + size;
	}
	p = c->data + c->used;
	c->used += bytes;
	return p;
}

struct span_batch *span_batch__new(uint32_t max_spans, int64_t unix_minus_mono_ns)
{
	struct span_batch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->max = max_spans;
	b->unix_minus_mono_ns = unix_minus_mono_ns;
	b->bytes = sizeof(*b);
	return b;
}

void span_batch__free(struct span_batch *b)
{
	struct span_chunk *c;

	if (!b)
		return;
	while ((c = b->chunks)) {
		b->chunks = c->next;
		free(c);
	}
	free(b->spans);
	free(b->services);
	free(b);
}

/* Doubles an array that is full; its capacity is the power of two at or above n. */
static int grow(void **array, uint32_t n, size_t element, size_t *bytes)
{
	uint32_t cap = n ? n * 2 : 8;
	void *grown;

	if (n & (n - 1) || (n && n < 8))
		return 0;
	grown = realloc(*array, cap * element);
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*bytes += (cap - n) * element;
	return 0;
}

static const char *copy_text(struct span_batch *b, const char *s)
{
	size_t n = strlen(s) + 1;
	char *copy = take(b, n);

	return copy ? memcpy(copy, s, n) : NULL;
}

static struct service_attrs *copy_attrs(struct span_batch *b, const struct service_attrs *from)
{
	struct service_attrs *copy = take(b, sizeof(*copy) + from->n * sizeof(copy->v[0]));
	uint32_t i;

	if (!copy)
		return NULL;
	copy->n = from->n;
	for (i = 0; i < from->n; i++) {
		copy->v[i].key = copy_text(b, from->v[i].key);
		copy->v[i].value = copy_text(b, from->v[i].value);
		if (!copy->v[i].key || !copy->v[i].value)
			return NULL;
	}
	return copy;
}

/* The batch's copy of a service; ids are unique while redeye runs. */
static const struct service *service_copy(struct span_batch *b, const struct service *s)
{
	struct service *copy;
	uint32_t i;

	for (i = b->n_services; i--;)
		if (b->services[i]->id == s->id)
			return b->services[i];
	if (grow((void **)&b->services, b->n_services, sizeof(*b->services), &b->bytes))
		return NULL;
	copy = take(b, sizeof(*copy));
	if (!copy)
		return NULL;
	*copy = (struct service){
		.id = s->id,
		.name = copy_text(b, s->name),
		.namespace = copy_text(b, s->namespace),
		.instance = copy_text(b, s->instance),
	};
	copy->attrs = s->attrs ? copy_attrs(b, s->attrs) : NULL;
	if (!copy->name || !copy->namespace || !copy->instance || (s->attrs && !copy->attrs))
		return NULL;
	return b->services[b->n_services++] = copy;
}

int span_batch__add(struct span_batch *b, const struct span *s)
{
	const struct service *service;
	struct span *copy;
	char *strings;

	if (b->n >= b->max)
		return -ENOSPC;
	service = service_copy(b, s->service);
	strings = service ? take(b, span__strings_bytes(s)) : NULL;
	if (!strings || grow((void **)&b->spans, b->n, sizeof(*b->spans), &b->bytes))
		return -ENOMEM;
	copy = &b->spans[b->n++];
	*copy = *s;
	copy->service = service;
	copy_strings(copy, strings);
	return 0;
}
