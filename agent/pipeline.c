// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "pipeline.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "http2_block.h"
#include "http_txn.h"
#include "k8s.h"
#include "recording.h"
#include "redact.h"
#include "request_headers.h"
#include "rpc_methods.h"
#include "sampler.h"
#include "service.h"

#define EXPIRE_NS 10000000000ull

struct pipeline {
	struct pipeline_config cfg;
	struct pipeline_stat stat;
	struct proto_env env;
	struct agg *agg;
	struct conn_table *conns;
	/* NULL without traces */
	struct header_wants *wants;
	struct correlate *correlate;
	struct tail *tail;
	struct sampler sampler;
	uint64_t now_ns; /* of the latest record, or tick */
	uint64_t next_expire_ns;
	char query[REDACT_QUERY_ROOM]; /* of the span that is handed on now */
};

/* ---- what protocols ask for ------------------------------------------------------------ */

static void request_started(void *arg, struct request *r)
{
	struct pipeline *p = arg;

	agg__request_start(p->agg, r);
	if (!p->correlate)
		return;
	correlate__begin(p->correlate, r);
	if (p->tail)
		tail__begin(p->tail, r->trace.trace_id, r->start_ns);
}

static void request_ended(void *arg, struct request *r)
{
	struct pipeline *p = arg;

	agg__request_end(p->agg, r);
	if (!p->correlate)
		return;
	correlate__end(p->correlate, r, p->now_ns);
	if (p->cfg.answered && r->kind == SPAN_SERVER)
		p->cfg.answered(p->cfg.poll_arg, r->conn->sk, r->conn_id, r->place);
	if (p->tail)
		tail__end(p->tail, r->trace.trace_id, p->now_ns);
}

static void request_moved(void *arg, const uint8_t from[16], const struct request *r)
{
	struct pipeline *p = arg;

	if (!p->tail)
		return;
	tail__begin(p->tail, r->trace.trace_id, p->now_ns);
	tail__end(p->tail, from, p->now_ns);
}

/* Longer ones are no methods, see rpc_methods.h. */
static bool is_excluded(const struct pipeline *p, const struct span *s)
{
	const struct str_list *globs = &p->cfg.options->exclude_rpc_methods;
	char method[RPC_METHOD_MAX + 1];
	size_t i;

	if (!globs->n || !s->rpc || !s->rpc->method.len || s->rpc->method.len > RPC_METHOD_MAX)
		return false;
	memcpy(method, s->rpc->method.p, s->rpc->method.len);
	method[s->rpc->method.len] = '\0';
	for (i = 0; i < globs->n; i++)
		if (!fnmatch(globs->v[i], method, 0))
			return true;
	return false;
}

/* A call that is left out has begun and ends as any request: who called whom is found with
 * it, and its trace does not wait for it. Only nothing is said of it. */
static void span_done(void *arg, struct span *s)
{
	struct pipeline *p = arg;

	if (is_excluded(p, s)) {
		p->stat.excluded++;
		return;
	}
	if (p->cfg.queries && p->cfg.options->redact)
		s->query = redact__query(s->query, p->query);
	agg__span(p->agg, s);
	k8s__name_peer(p->cfg.k8s, s);
	if (p->cfg.span)
		p->cfg.span(p->cfg.span_arg, s);
	if (p->tail)
		tail__span(p->tail, s, s->trace.flags & TRACE_SAMPLED);
}

static void span_kept(void *arg, const struct span *s)
{
	struct pipeline *p = arg;

	agg__exemplar(p->agg, s);
	p->cfg.kept(p->cfg.span_arg, s);
}

static void process_is_opaque(void *arg, uint32_t tgid)
{
	struct pipeline *p = arg;

	if (p->correlate)
		correlate__opaque(p->correlate, tgid);
}

static struct service *service_of(void *arg, uint32_t tgid)
{
	struct pipeline *p = arg;

	return procs__service(p->cfg.procs, tgid);
}

static bool process_ended(void *arg, uint32_t tgid)
{
	const struct pipeline *p = arg;
	const struct proc *proc = procs__find(p->cfg.procs, tgid);

	return proc && proc->ended;
}

/* ---- life ------------------------------------------------------------------------------- */

static void fill_env(struct pipeline *p)
{
	const struct options *o = p->cfg.options;

	p->env.ops = (struct proto_ops){
		.start = request_started,
		.end = request_ended,
		.span = span_done,
		.service = service_of,
		.ended = process_ended,
		.opaque = process_is_opaque,
		.arg = p,
	};
	p->env.options = o;
	p->env.max_requests = o->max_connections * 2;
	p->env.max_head_bytes = o->memory_limit_bytes / 8;
	p->env.max_tls_bytes = o->memory_limit_bytes / 16;
}

static struct agg *new_agg(const struct pipeline_config *from)
{
	const struct options *o = from->options;
	uint64_t expiry_ns = o->series_expiry_ns;
	struct agg_config c = {
		.cardinality_limit = o->cardinality_limit,
		.series_expiry_ns = expiry_ns > from->series_ns ? expiry_ns : from->series_ns,
		.body_size_metrics = o->body_size_metrics,
		.learn_routes = o->learn_routes,
		.max_routes = o->max_routes,
		.routes = &o->routes,
		.resource = from->resource,
	};

	return agg__new(&c);
}

static struct tail *new_tail(struct pipeline *p)
{
	const struct options *o = p->cfg.options;
	bool never = sampler__threshold(&p->sampler) == SAMPLER_NEVER && !p->sampler.parent_based;
	struct tail_config c = {
		.keep_errors = o->keep_errors && !never,
		.keep_slow_ns = never ? 0 : o->keep_slow_ns,
		.keep_slowest = o->keep_slowest && !never,
		.keep_new_routes = o->keep_new_routes && !never,
		.limit_per_s = o->trace_limit,
		.grace_ns = TAIL_GRACE_NS,
		.max_bytes = o->memory_limit_bytes / 8,
		.max_traces = o->max_connections * 2,
		.keep = span_kept,
		.seed = p->cfg.key.k[0],
		.arg = p,
	};

	return tail__new(&c);
}

static void process_is_regular(void *arg, uint32_t tgid, const uint8_t addr[16], uint16_t port,
			       bool on)
{
	struct pipeline *p = arg;

	p->cfg.regular(p->cfg.poll_arg, tgid, addr, port, on);
}

static int new_traces(struct pipeline *p)
{
	const struct options *o = p->cfg.options;
	struct correlate_config c = {
		.key = p->cfg.key,
		.guess = o->correlate,
		.sampler = &p->sampler,
		.moved = request_moved,
		.regular = p->cfg.regular ? process_is_regular : NULL,
		.arg = p,
		.max_processes = PROCS_MAX_DEFAULT,
	};
	int err = sampler__init(&p->sampler, o->sampler, o->sampler_arg);

	if (err)
		return err;
	p->wants = header_wants__new(o);
	p->correlate = correlate__new(&c);
	p->env.wants = p->wants;
	if (!p->wants || !p->correlate)
		return -ENOMEM;
	if (!p->cfg.kept)
		return 0;
	p->tail = new_tail(p);
	return p->tail ? 0 : -ENOMEM;
}

struct pipeline *pipeline__new(const struct pipeline_config *c)
{
	struct pipeline *p = calloc(1, sizeof(*p));
	struct conn_table_config conns = {
		.max_conns = c->options->max_connections,
		.poll = c->poll,
		.arg = c->poll_arg,
	};
	int err;

	if (!p)
		return NULL;
	p->cfg = *c;
	fill_env(p);
	conns.env = &p->env;
	p->agg = new_agg(c);
	p->conns = p->agg ? conn_table__new(&conns) : NULL;
	err = p->conns ? 0 : -ENOMEM;
	if (!err && c->traces)
		err = new_traces(p);
	if (!err)
		return p;
	pipeline__free(p);
	errno = -err;
	return NULL;
}

void pipeline__free(struct pipeline *p)
{
	if (!p)
		return;
	conn_table__free(p->conns); /* ends what is open */
	tail__free(p->tail);
	correlate__free(p->correlate);
	header_wants__free(p->wants);
	agg__free(p->agg);
	http_txn__free_pool();
	http2_block__free_pool();
	free(p);
}

/* ---- records ------------------------------------------------------------------------------ */

/* A call that was under way when its process was dropped. */
static void opened(struct pipeline *p, const struct red_ev_open *ev)
{
	conn_table__open(p->conns, ev);
	if (procs__is_dropped(p->cfg.procs, ev->tgid))
		conn_table__drop_process(p->conns, ev->tgid);
}

/* A replay knows processes from the recording alone: events that would make
 * procs.c look into this machine's /proc are another machine's. */
static void process_event(struct pipeline *p, const struct red_ev_proc *ev)
{
	if (p->cfg.poll || ev->h.kind == RED_EV_EXIT)
		procs__event(p->cfg.procs, ev);
	if (p->correlate && (ev->h.kind == RED_EV_EXIT || ev->h.kind == RED_EV_EXEC))
		correlate__process_ended(p->correlate, ev->tgid);
}

void pipeline__record(struct pipeline *p, const void *data, size_t size)
{
	const struct red_hdr *h = data;

	p->stat.records++;
	p->stat.bytes += size;
	if (record__check(data, size)) {
		p->stat.malformed++;
		return;
	}
	p->now_ns = h->ts_ns;
	switch (h->kind) {
	case RED_EV_DATA:
		conn_table__data(p->conns, data);
		break;
	case RED_EV_OPEN:
		opened(p, data);
		break;
	case RED_EV_EOF:
	case RED_EV_CLOSE:
	case RED_EV_PROGRESS:
		conn_table__state(p->conns, data);
		break;
	case RED_EV_INJECT:
		if (p->correlate)
			correlate__injected(p->correlate, data);
		break;
	case RED_EV_PROCESS:
		procs__add_recorded(p->cfg.procs, data);
		break;
	default:
		process_event(p, data);
		break;
	}
}

uint64_t pipeline__tick(struct pipeline *p, uint64_t now_ns)
{
	uint64_t next, tail_next;

	p->now_ns = now_ns > p->now_ns ? now_ns : p->now_ns;
	next = conn_table__tick(p->conns, now_ns);
	if (p->tail) {
		tail_next = tail__tick(p->tail, now_ns);
		next = tail_next < next ? tail_next : next;
	}
	if (now_ns >= p->next_expire_ns) {
		agg__expire(p->agg, now_ns);
		procs__gc(p->cfg.procs, now_ns);
		p->next_expire_ns = now_ns + EXPIRE_NS;
	}
	return next < p->next_expire_ns ? next : p->next_expire_ns;
}

void pipeline__drop_process(struct pipeline *p, uint32_t tgid)
{
	conn_table__drop_process(p->conns, tgid);
}

void pipeline__set_full(struct pipeline *p, bool full)
{
	agg__set_full(p->agg, full);
}

void pipeline__give_up(struct pipeline *p)
{
	conn_table__shrink(p->conns, conn_table__stat(p->conns)->open / 8);
	http_txn__free_pool();
	http2_block__free_pool();
}

struct agg *pipeline__agg(struct pipeline *p)
{
	return p->agg;
}

const struct correlate_stats *pipeline__correlate_stats(const struct pipeline *p)
{
	return p->correlate ? correlate__stats(p->correlate) : NULL;
}

bool pipeline__tail_stats(const struct pipeline *p, struct tail_stats *out)
{
	if (p->tail)
		tail__stats(p->tail, out);
	return p->tail;
}

void pipeline__flush(struct pipeline *p)
{
	if (p->tail)
		tail__flush(p->tail);
}

const struct proto_stat *pipeline__proto_stat(const struct pipeline *p, size_t i)
{
	return &p->env.stat[i];
}

const struct conn_stat *pipeline__conn_stat(const struct pipeline *p)
{
	return conn_table__stat(p->conns);
}

const struct pipeline_stat *pipeline__stat(const struct pipeline *p)
{
	return &p->stat;
}
