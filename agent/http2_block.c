// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http2_block.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "http1_text.h"
#include "redeye.h"

#define CAP_FIRST 1024

/* What one that is whole leaves for the next: most blocks come in one piece. */
static struct head_buf *spare;

struct lengths {
	uint16_t name, value;
};

/* Header compression goes on: it is only not known what this one said. */
static void give_way(struct proto_env *env, struct head_buf *buf)
{
	struct http2_block *b = buf->owner;
	uint32_t n_unknown = b->n_unknown;
	bool cut = b->cut;

	env->stat[PROTO_HTTP2].heads_gone++;
	http2_block__release(b, env);
	*b = (struct http2_block){ .n_unknown = n_unknown, .cut = cut, .no_memory = true };
}

/* Who gives way may leave another one. */
static struct head_buf *take_spare(struct http2_block *b, struct proto_env *env)
{
	struct head_buf *buf = spare;

	spare = NULL;
	if (head_buf__reuse(env, buf, b))
		return buf;
	free(buf);
	return NULL;
}

static bool grow(struct http2_block *b, struct proto_env *env, uint32_t need)
{
	uint32_t cap = b->buf ? b->buf->cap : CAP_FIRST;
	struct head_buf *buf = NULL;

	while (cap < need)
		cap *= 2;
	if (!b->buf && spare && spare->cap >= need)
		buf = take_spare(b, env);
	if (!buf)
		buf = head_buf__grow(env, b->buf, cap, b);
	if (!buf)
		return false;
	buf->give_way = give_way;
	b->buf = buf;
	return true;
}

void http2_block__add(struct http2_block *b, struct proto_env *env, struct slice name,
		      struct slice value)
{
	struct lengths l = { name.len, value.len };
	uint32_t need;
	char *to;

	if (!name.p) {
		b->n_unknown++;
		return;
	}
	if (b->no_memory) /* what is said of the rest tells nothing */
		return;
	if (name.len + value.len + sizeof(l) > RED_HEAD_BUDGET - b->len) {
		b->cut = true;
		return;
	}
	need = b->len + sizeof(l) + name.len + value.len;
	if ((!b->buf || need > b->buf->cap) && !grow(b, env, need)) {
		b->no_memory = true;
		return;
	}
	to = b->buf->p + b->len;
	memcpy(to, &l, sizeof(l));
	memcpy(to + sizeof(l), name.p, name.len);
	if (value.len)
		memcpy(to + sizeof(l) + name.len, value.p, value.len);
	b->len = need;
}

bool http2_block__next(const struct http2_block *b, uint32_t *at, struct slice *name,
		       struct slice *value)
{
	struct lengths l;

	if (*at >= b->len)
		return false;
	memcpy(&l, b->buf->p + *at, sizeof(l));
	*name = (struct slice){ b->buf->p + *at + sizeof(l), l.name };
	*value = (struct slice){ name->p + l.name, l.value };
	*at += sizeof(l) + l.name + l.value;
	return true;
}

void http2_block__release(struct http2_block *b, struct proto_env *env)
{
	struct head_buf *buf = b->buf;

	if (buf && (!spare || buf->cap > spare->cap)) {
		head_buf__rest(env, buf);
		free(spare);
		spare = buf;
	} else {
		head_buf__free(env, buf);
	}
	*b = (struct http2_block){ 0 };
}

void http2_block__free_pool(void)
{
	free(spare);
	spare = NULL;
}

/* ---- what it says -------------------------------------------------------------------------- */

enum where {
	EITHER = 0,
	REQUEST = 1, /* only a request has it */
};

static const struct {
	struct slice name;
	enum where where;
	size_t at;
} fields[] = {
#define FIELD(name, where, member)                                                                 \
	{                                                                                          \
		SLICE(name), where, offsetof(struct http2_head, member)                            \
	}
	FIELD(":method", REQUEST, method),     FIELD(":path", REQUEST, path),
	FIELD(":scheme", REQUEST, scheme),     FIELD(":authority", REQUEST, authority),
	FIELD(":protocol", REQUEST, protocol), FIELD("host", EITHER, host),
};

static uint16_t status_of(struct slice s)
{
	uint64_t n = 0;

	return s.len == 3 && http1_number(s, 999, &n) && n >= 100 ? n : 0;
}

static bool is_pseudo(struct slice name)
{
	return name.len && name.p[0] == ':';
}

static void read_own(struct http2_head *h, struct slice name, struct slice value)
{
	struct slice *to;
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!slice_eq(name, fields[i].name))
			continue;
		to = (struct slice *)((char *)h + fields[i].at);
		if (!to->p)
			*to = value;
		h->is_request |= fields[i].where == REQUEST;
		return;
	}
	if (slice_eq(name, SLICE(":status"))) {
		h->status = status_of(value);
		h->is_response = true;
	}
}

static void read_field(struct http2_head *h, struct slice name, struct slice value)
{
	if (is_pseudo(name) || slice_eq(name, SLICE("host")))
		read_own(h, name, value);
	else
		grpc_fields__take(&h->rpc, name, value);
}

bool http2_head__reads(struct slice name)
{
	return is_pseudo(name) || slice_eq(name, SLICE("host")) || grpc_fields__has(name);
}

void http2_head__read(struct http2_head *h, const struct http2_block *b)
{
	struct slice name, value;
	uint32_t at = 0;

	memset(h, 0, sizeof(*h));
	while (http2_block__next(b, &at, &name, &value))
		read_field(h, name, value);
}
