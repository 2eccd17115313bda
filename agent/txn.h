/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What every protocol does with a request from its beginning to its end: the counts of
 * struct proto_stat, the bound on open requests, the service, the calls of struct
 * proto_ops, and what a span has of its connection. Event loop only.
 */
#ifndef RED_TXN_H
#define RED_TXN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "conn.h"
#include "proto.h"
#include "service.h"

static inline bool txn__full(const struct proto_env *env)
{
	return env->n_requests >= env->max_requests;
}

/* A request began that is not followed. */
void txn__refuse(struct proto_stat *stat, enum proto_drop why);

/* ---- from beginning to end: here, since there are some of them for each request ---- */

/* One that begins with these bytes, which the client sends in this direction. */
static inline void txn__request(struct request *r, struct conn *c, enum red_dir asks,
				const struct proto_bytes *b)
{
	r->kind = asks == RED_DIR_IN ? SPAN_SERVER : SPAN_CLIENT;
	r->tgid = b->tgid;
	r->tid = b->tid;
	r->blocking = !b->nonblock;
	r->conn = c;
	r->conn_id = c->id;
	r->place = red_place(c->layer, b->off);
	r->start_ns = b->ts_ns;
	r->cut = false;
	r->multiplexed = false;
}

/* The protocol's part of *r is filled in, but for the service. Each one that has begun ends,
 * by txn__emit or txn__drop. */
static inline void txn__begin(struct proto_env *env, struct proto_stat *stat, struct request *r)
{
	r->service = service__ref(env->ops.service(env->ops.arg, r->tgid));
	stat->observed++;
	stat->in_flight++;
	env->n_requests++;
	env->ops.start(env->ops.arg, r);
}

static inline void txn__leave(struct proto_env *env, struct proto_stat *stat, struct request *r)
{
	env->n_requests--;
	stat->in_flight--;
	env->ops.end(env->ops.arg, r);
	service__put(r->service);
}

static inline void txn__emit(struct proto_env *env, struct proto_stat *stat, struct request *r,
			     struct span *s)
{
	env->ops.span(env->ops.arg, s);
	stat->emitted++;
	txn__leave(env, stat, r);
}

static inline void txn__drop(struct proto_env *env, struct proto_stat *stat, struct request *r,
			     enum proto_drop why)
{
	stat->dropped[why]++;
	r->cut = true;
	txn__leave(env, stat, r);
}

/* ---- what a span has of its request and of the connection ---- */

static inline void txn__addresses(const struct conn *c, struct span *s)
{
	s->conn_id = c->id;
	s->family = c->family;
	s->local_port = c->local_port;
	s->peer_port = c->peer_port;
	memcpy(s->local_addr, c->local_addr, sizeof(s->local_addr));
	memcpy(s->peer_addr, c->peer_addr, sizeof(s->peer_addr));
}

static inline void txn__span(const struct request *r, struct span *s)
{
	s->kind = r->kind;
	s->tgid = r->tgid;
	s->service = r->service;
	s->trace = r->trace;
	s->tracestate = r->context.tracestate;
	s->request_id = r->request_id;
	s->start_ns = r->start_ns;
	if (s->end_ns < s->start_ns)
		s->end_ns = s->start_ns;
	s->method = r->method;
	s->scheme = r->scheme;
	s->tls = conn__tls(r->conn);
	txn__addresses(r->conn, s);
}

/* Why a request got no whole answer, now that its connection has ended: see docs/metrics.md
 * for the words. */
const char *txn__failure(const struct proto_env *env, const struct request *r, uint8_t state_flags);

#endif /* RED_TXN_H */
