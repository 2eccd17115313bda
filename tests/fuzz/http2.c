// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Any bytes, holes and ends, as the two directions of a conversation. The input is
 * calls: a byte that says what, one of how much, then as many bytes. A frame may be told to
 * begin where it does not.
 */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>

#include "../../agent/http2.c"
#include "options.h"
#include "service.h"

static struct service service = { .refs = 1, .name = "s", .namespace = "", .instance = "" };
static long open_requests;

static void started(void *arg, struct request *r)
{
	open_requests++;
}

static void ended(void *arg, struct request *r)
{
	open_requests--;
}

static void span(void *arg, struct span *s)
{
	assert(s->end_ns >= s->start_ns && s->path.len + s->query.len <= RED_HEAD_BUDGET);
	assert(!s->rpc || s->rpc->method.len <= s->path.len);
}

static struct service *service_of(void *arg, uint32_t tgid)
{
	return &service;
}

static bool process_ended(void *arg, uint32_t tgid)
{
	return false;
}

static void check(const struct proto_env *env)
{
	const struct proto_stat *st = &env->stat[PROTO_HTTP2];
	uint64_t sum = st->emitted + st->in_flight;

	for (int i = 0; i < PROTO_DROP__CNT; i++)
		sum += st->dropped[i];
	assert(st->observed == sum && st->in_flight == env->n_requests);
	assert((long)st->in_flight == open_requests && env->n_requests <= env->max_requests);
	assert(env->head_bytes <= env->max_head_bytes);
}

static size_t event(struct http2 *h, const uint8_t *p, size_t len, uint64_t now)
{
	struct proto_bytes b = { .p = (const char *)p + 2, .off = now, .ts_ns = now };
	struct proto_end e = { .ts_ns = now, .flags = p[1] };
	enum red_dir dir = p[0] & 1;

	b.len = p[1] < len - 2 ? p[1] : len - 2;
	b.frame = p[0] & 2;
	switch (p[0] >> 2 & 15) {
	case 0:
		http2_skip(h, dir, p[1], now, NULL);
		return 2;
	case 1:
		http2__lost(h);
		return 2;
	case 2:
		http2__eof(h, dir, &e);
		return 2;
	}
	http2_bytes(h, dir, &b);
	return 2 + b.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct options o = { .max_connections = 1 };
	struct proto_env env = { .ops = { .start = started,
					  .end = ended,
					  .span = span,
					  .service = service_of,
					  .ended = process_ended },
				 .options = &o,
				 .max_requests = 20,
				 .max_head_bytes = 5000 };
	struct conn c = { .established = len & 1 };
	struct http2 *h = malloc(sizeof(*h));
	struct proto_end e = { .ts_ns = len };
	size_t n;

	assert(!http2_open(h, &c, &env));
	for (uint64_t now = 1; len >= 2; data += n, len -= n, check(&env))
		n = event(h, data, len, now++);
	http2__close(h, &e);
	check(&env);
	assert(!open_requests && !env.head_bytes);
	free(h);
	return 0;
}
