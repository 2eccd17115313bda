// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How a series is called: what was asked, by its protocol, and of whom, by its side. */
#include <string.h>

#include "agg_internal.h"
#include "callee.h"
#include "hash.h"

/* What it takes to fill in a label; for one span. */
struct labelled {
	struct agg *agg;
	struct agg_service *svc;
	struct span *s;
	struct label *l;
};

static void set_name(const struct labelled *x, const char *name)
{
	x->l->name = name;
	x->l->key.name = (uintptr_t)name;
	x->s->route = slice_of(name);
}

/* ---- what ------------------------------------------------------------------------- */

static void http_request(const struct labelled *x)
{
	struct series_key *key = &x->l->key;

	key->method = names__id(&x->agg->names, x->s->method);
	key->version = names__id(&x->agg->names, x->s->protocol_version);
	key->status = x->s->status;
}

/* Does the answer say that there is no such method? It does so by its status, whose spelling
 * is gRPC's or Connect's; without one by what servers of HTTP say to a path or a type that
 * they do not have. */
static bool is_refused(const struct span_rpc *rpc, uint16_t http)
{
	if (rpc->status)
		return !strcasecmp(rpc->status, "unimplemented");
	return http == 404 || http == 405 || http == 415 || http == 501;
}

/* The methods that a service has are not those that it calls: each side has its own set. */
static void rpc_call(const struct labelled *x)
{
	const struct span_rpc *rpc = x->s->rpc;
	bool known = !is_refused(rpc, x->s->status);
	struct series_key *key = &x->l->key;

	key->system = names__id(&x->agg->names, rpc->system);
	key->status = names__id(&x->agg->names, rpc->status);
	set_name(x,
		 rpc_methods__get(&x->svc->names[key->class], rpc->method, known && !x->agg->full));
}

/* Whatever else there is. What failed may not exist: it gets no name. */
static void operation(const struct labelled *x)
{
	const struct span_op *op = x->s->op;
	struct series_key *key = &x->l->key;

	key->method = names__id(&x->agg->names, x->s->method);
	key->version = names__id(&x->agg->names, x->s->protocol_version);
	key->system = names__id(&x->agg->names, op->system);
	key->status = names__id(&x->agg->names, op->status);
	set_name(x, rpc_methods__get(&x->svc->names[key->class], op->target,
				     !x->s->error_type && !x->agg->full));
}

/* ---- of whom ------------------------------------------------------------------------ */

static void http_route(const struct labelled *x)
{
	uint16_t status = x->s->status;
	bool served = status && (status < 400 || status >= 500);
	struct route_result route =
		route_table__get(x->svc->routes, x->s->path, served && !x->agg->full);

	x->l->key.scheme = names__id(&x->agg->names, x->s->scheme);
	set_name(x, route.template);
}

static void callee(const struct labelled *x)
{
	struct label *l = x->l;
	uint32_t len = callee__host(l->host, x->s);

	l->key.host = hash_bytes(l->host, len);
	l->key.host_len = (uint16_t)len;
	l->key.port = callee__port(x->s);
}

static void nobody(const struct labelled *x)
{
}

/* ---- the table ----------------------------------------------------------------------- */

static const struct naming {
	void (*what)(const struct labelled *x);
	void (*of_whom[2])(const struct labelled *x); /* by enum span_kind */
} of_http = { http_request, { http_route, callee } }, of_rpc = { rpc_call, { nobody, callee } },
  of_op = { operation, { nobody, callee } };

void label__of(struct agg *agg, struct agg_service *svc, struct span *s, struct label *l)
{
	const struct labelled x = { agg, svc, s, l };
	const struct naming *n = s->rpc ? &of_rpc : s->op ? &of_op : &of_http;

	l->name = NULL;
	l->key = (struct series_key){
		.service = svc->service->id,
		.class = span__class(s),
		.error_type = names__id(&agg->names, s->error_type),
	};
	n->what(&x);
	n->of_whom[s->kind](&x);
}
