// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "agg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agg_internal.h"
#include "options.h"
#include "request.h"

/* ---- services ------------------------------------------------------------------ */

static struct agg_service *service_new(struct agg *agg, struct service *service)
{
	struct agg_service **bucket = &agg->bucket[service->id % SERVICE_BUCKETS];
	struct agg_service *svc;
	uint32_t i;

	if (agg->n_services == AGG_MAX_SERVICES)
		return NULL;
	svc = calloc(1, sizeof(*svc));
	if (!svc)
		return NULL;
	svc->routes = route_table__new(agg->configured, agg->learn_routes, agg->max_routes);
	if (!svc->routes) {
		free(svc);
		return NULL;
	}
	for (i = 0; i < SPAN_CLASSES; i++)
		rpc_methods__init(&svc->names[i], agg->max_routes);
	svc->service = service__ref(service);
	svc->last = &svc->first;
	svc->chain = *bucket;
	*bucket = svc;
	*agg->last_service = svc;
	agg->last_service = &svc->next;
	agg->n_services++;
	return svc;
}

static struct agg_service *service_of(struct agg *agg, const struct service *service)
{
	struct agg_service *svc = agg->bucket[service->id % SERVICE_BUCKETS];

	while (svc && svc->service != service)
		svc = svc->chain;
	/* Spans see services as constant; only the count of references changes here. */
	return svc ? svc : service_new(agg, (struct service *)service);
}

/* Without series. *link is the pointer to it in the list of services. */
static void service_free(struct agg *agg, struct agg_service **link)
{
	struct agg_service *svc = *link;
	struct agg_service **chain = &agg->bucket[svc->service->id % SERVICE_BUCKETS];
	struct active *a;
	uint32_t i;

	while (*chain != svc)
		chain = &(*chain)->chain;
	*chain = svc->chain;
	*link = svc->next;
	if (agg->last_service == &svc->next)
		agg->last_service = link;
	agg->n_services--;
	while ((a = svc->active)) {
		svc->active = a->next;
		free(a);
	}
	route_table__free(svc->routes);
	for (i = 0; i < SPAN_CLASSES; i++)
		rpc_methods__free(&svc->names[i]);
	service__put(svc->service);
	free(svc);
}

/* ---- requests under way ---------------------------------------------------------- */

static struct active *active_of(struct agg *agg, struct agg_service *svc, const char *method,
				const char *scheme)
{
	uint16_t m = names__id(&agg->names, method), s = names__id(&agg->names, scheme);
	struct active **link = &svc->active, *a;

	for (; (a = *link); link = &a->next)
		if (a->method == m && a->scheme == s)
			return a;
	a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->method = m;
	a->scheme = s;
	a->start_ns = agg->mono_ns;
	return *link = a;
}

/* http.server.active_requests: of HTTP alone. */
static bool is_active_request(const struct request *r)
{
	return r->kind == SPAN_SERVER && r->scheme;
}

void agg__request_start(struct agg *agg, const struct request *r)
{
	struct agg_service *svc;
	struct active *a;

	if (!is_active_request(r))
		return;
	svc = service_of(agg, r->service);
	a = svc ? active_of(agg, svc, r->method, r->scheme) : NULL;
	if (a)
		a->value++;
}

void agg__request_end(struct agg *agg, const struct request *r)
{
	struct agg_service *svc;
	struct active *a;

	if (!is_active_request(r))
		return;
	svc = service_of(agg, r->service);
	a = svc ? active_of(agg, svc, r->method, r->scheme) : NULL;
	if (a && a->value)
		a->value--;
	else
		agg->stats.unbalanced_cnt++;
}

/* ---- spans ------------------------------------------------------------------------ */

static int record(const struct agg *agg, struct series *series, const struct span *s)
{
	uint64_t ns = s->end_ns > s->start_ns ? s->end_ns - s->start_ns : 0;
	int err = hist__record(&series->parts[PART_DURATION], (double)ns / 1e9);

	if (err || agg->n_parts[series->key.class] == 1)
		return err;
	if (span__has_request_size(s))
		err = hist__record(&series->parts[PART_REQUEST_SIZE],
				   (double)s->request_body_bytes);
	if (err || !s->status || !span__has_response_size(s))
		return err;
	return hist__record(&series->parts[PART_RESPONSE_SIZE], (double)s->response_body_bytes);
}

void agg__span(struct agg *agg, struct span *s)
{
	struct agg_service *svc = service_of(agg, s->service);
	struct series *series = NULL;
	struct label label;

	if (s->end_ns > agg->mono_ns)
		agg->mono_ns = s->end_ns;
	if (svc) {
		label__of(agg, svc, s, &label);
		series = series__get(agg, svc, &label, s);
	}
	if (!series || record(agg, series, s)) {
		agg->stats.lost_cnt++;
		return;
	}
	if (s->end_ns > series->last_ns)
		series->last_ns = s->end_ns;
}

/* ---- life --------------------------------------------------------------------------- */

static bool has_active(const struct agg_service *svc)
{
	const struct active *a;

	for (a = svc->active; a; a = a->next)
		if (a->value)
			return true;
	return false;
}

void agg__set_full(struct agg *agg, bool full)
{
	agg->full = full;
}

/* By a process, a request or a span that is held: not by us, and not as one's other name. */
static bool is_used(const struct service *s)
{
	return s->refs - s->names > 1;
}

void agg__expire(struct agg *agg, uint64_t mono_now_ns)
{
	struct agg_service **link = &agg->services, *svc;
	uint64_t before_ns;
	uint32_t dropped = 0;

	if (mono_now_ns > agg->mono_ns)
		agg->mono_ns = mono_now_ns;
	if (mono_now_ns < agg->expiry_ns)
		return;
	before_ns = mono_now_ns - agg->expiry_ns;
	while ((svc = *link)) {
		if (!is_used(svc->service)) {
			dropped += series__drop_idle(agg, svc, before_ns);
			if (!svc->first && !has_active(svc)) {
				service_free(agg, link);
				continue;
			}
		}
		link = &svc->next;
	}
	if (dropped)
		series__rebuild_table(agg);
}

void agg__stats(const struct agg *agg, struct agg_stats *out)
{
	const struct agg_service *svc;
	const struct series *s;
	const struct active *a;
	uint32_t class;

	*out = agg->stats;
	out->services = agg->n_services;
	out->bytes = sizeof(*agg) + agg->n_slots * sizeof(*agg->slots);
	for (svc = agg->services; svc; svc = svc->next) {
		out->routes_learned += route_table__learned(svc->routes);
		out->bytes += sizeof(*svc) + route_table__bytes(svc->routes);
		for (class = 0; class < SPAN_CLASSES; class ++) {
			out->rpc_methods += svc->names[class].n;
			out->bytes += svc->names[class].bytes;
		}
		for (s = svc->first; s; s = s->next) {
			out->series++;
			out->bytes += series__bytes(agg, s);
		}
		for (a = svc->active; a; a = a->next)
			out->bytes += sizeof(*a);
	}
}

static void set_parts(struct agg *agg, bool sizes)
{
	const struct semconv_metric *m;
	uint32_t class;

	for (class = 0; class < SPAN_CLASSES; class ++) {
		m = class__semconv(class)->metrics[class__kind(class)];
		agg->n_parts[class] = sizes && m[PART_REQUEST_SIZE].name ? PARTS : 1;
	}
}

struct agg *agg__new(const struct agg_config *c)
{
	struct agg *agg = calloc(1, sizeof(*agg));
	uint32_t limit = c->cardinality_limit ? c->cardinality_limit : AGG_CARDINALITY_LIMIT;
	int err;

	if (!agg)
		return NULL;
	agg->limit = limit - 1; /* the last one is the overflow series */
	agg->limit_all = limit > UINT32_MAX / 4 / AGG_ALL_SERVICES ? UINT32_MAX / 4
								   : limit * AGG_ALL_SERVICES;
	agg->expiry_ns = c->series_expiry_ns ? c->series_expiry_ns : AGG_SERIES_EXPIRY_NS;
	set_parts(agg, c->body_size_metrics);
	agg->learn_routes = c->learn_routes;
	agg->max_routes = c->max_routes;
	agg->resource = c->resource;
	agg->last_service = &agg->services;
	names__init(&agg->names);
	err = series__table_new(agg);
	if (err)
		goto out;
	if (c->routes && c->routes->n) {
		agg->configured = route_set__new(c->routes);
		err = agg->configured ? 0 : -errno;
	}
out:
	if (!err)
		return agg;
	agg__free(agg);
	errno = -err;
	return NULL;
}

void agg__free(struct agg *agg)
{
	if (!agg)
		return;
	while (agg->services) {
		series__drop_idle(agg, agg->services, UINT64_MAX);
		service_free(agg, &agg->services);
	}
	route_set__free(agg->configured);
	free(agg->slots);
	free(agg);
}
