/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Any bytes, holes and ends, as the two directions of a conversation in one protocol, or in
 * one after the other. The input is calls: a byte that says what, one of how much, then as many
 * bytes. A frame may be told to begin where it does not.
 */
#ifndef RED_FUZZ_CONVERSATION_H
#define RED_FUZZ_CONVERSATION_H

#include <stdlib.h>

#include "conn.h"
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
	assert(s->method && (!s->status || (s->status >= 100 && s->status <= 999)));
}

static struct service *service_of(void *arg, uint32_t tgid)
{
	return &service;
}

static bool process_ended(void *arg, uint32_t tgid)
{
	return false;
}

static void opaque(void *arg, uint32_t tgid)
{
}

/* Every request is somewhere, in whichever of the protocols it is counted. */
static void check(const struct proto_env *env)
{
	uint64_t in_flight = 0;

	for (int i = 0; i < PROTO__CNT; i++) {
		const struct proto_stat *st = &env->stat[i];
		uint64_t sum = st->emitted + st->in_flight;

		for (int why = 0; why < PROTO_DROP__CNT; why++)
			sum += st->dropped[why];
		assert(st->observed == sum);
		in_flight += st->in_flight;
	}
	assert(in_flight == env->n_requests && (long)in_flight == open_requests);
	assert(env->n_requests <= env->max_requests && env->head_bytes <= env->max_head_bytes);
}

static size_t event(struct conn *c, const uint8_t *p, size_t len, uint64_t now)
{
	const struct proto *proto = c->proto;
	void *state = c->state;
	struct proto_bytes b = { .p = (const char *)p + 2, .off = now, .ts_ns = now };
	struct proto_end e = { .ts_ns = now, .flags = p[1] };
	enum red_dir dir = p[0] & 1;

	b.len = p[1] < len - 2 ? p[1] : len - 2;
	b.frame = p[0] & 2;
	b.first = p[0] & 64;
	switch (p[0] >> 2 & 15) {
	case 0:
		proto->skip(state, dir, p[1], now, NULL);
		return 2;
	case 1:
		proto->lost(state);
		return 2;
	case 2:
		proto->eof(state, dir, &e);
		return 2;
	case 3:
		proto->quiet(state, now);
		return 2;
	case 4: /* more than was captured, but how it ends is known */
		if (b.len < 8)
			break;
		proto->skip(state, dir, 8 + p[1], now, p + 2);
		return 10;
	}
	proto->bytes(state, dir, &b);
	return 2 + b.len;
}

/* The connection's protocol may hand it on to the other one. */
static void converse(const struct proto *proto, const uint8_t *data, size_t len)
{
	struct options o = { .max_connections = 1 };
	struct proto_env env = { .ops = { .start = started,
					  .end = ended,
					  .span = span,
					  .service = service_of,
					  .ended = process_ended,
					  .opaque = opaque },
				 .options = &o,
				 .max_requests = 20,
				 .max_head_bytes = 5000 };
	size_t size = protos[0]->state_size > protos[1]->state_size ? protos[0]->state_size
								    : protos[1]->state_size;
	struct conn c = { .established = len & 1, .proto = proto, .state = malloc(size) };
	struct proto_end e = { .ts_ns = len };
	void *state = c.state;
	size_t n;

	assert(!proto->open(state, &c, &env));
	for (uint64_t now = 1; len >= 2; data += n, len -= n, check(&env))
		n = event(&c, data, len, now++);
	c.proto->close(c.state, &e);
	check(&env);
	assert(!open_requests && !env.head_bytes);
	free(state);
}

#endif /* RED_FUZZ_CONVERSATION_H */
