// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "agg.h"

#include <arpa/inet.h>
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

void agg__request_start(struct agg *agg, const struct request *r)
{
	struct agg_service *svc;
	struct active *a;

	if (r->kind != SPAN_SERVER)
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

	if (r->kind != SPAN_SERVER)
		return;
	svc = service_of(agg, r->service);
	a = svc ? active_of(agg, svc, r->method, r->scheme) : NULL;
	if (a && a->value)
		a->value--;
	else
		agg->stats.unbalanced_cnt++;
}

/* ---- spans ------------------------------------------------------------------------ */

static void key_common(struct agg *agg, struct series_key *key, const struct agg_service *svc,
		       const struct span *s)
{
	*key = (struct series_key){
		.service = svc->service->id,
		.kind = s->kind,
		.method = names__id(&agg->names, s->method),
		.error_type = names__id(&agg->names, s->error_type),
		.version = names__id(&agg->names, s->protocol_version),
		.status = s->status,
	};
}

static struct series *server_series(struct agg *agg, struct agg_service *svc, struct span *s)
{
	bool served = s->status && (s->status < 400 || s->status >= 500);
	struct route_result route = route_table__get(svc->routes, s->path, served && !agg->full);
	struct series_key key;

	s->route = slice_of(route.template);
	agg->stats.routed_cnt += route.template != NULL;
	agg->stats.routed_learned_cnt += route.learned;
	key_common(agg, &key, svc, s);
	key.scheme = names__id(&agg->names, s->scheme);
	key.where = (uintptr_t)route.template;
	return series__get(agg, svc, &key, route.template, "", s);
}

/* Host names do not know case. The bytes come from a Host header: what no host consists
 * of becomes '_'. */
static uint32_t host_name(char host[HOST_MAX + 1], struct slice from)
{
	uint32_t n = from.len < HOST_MAX ? (uint32_t)from.len : HOST_MAX, i;

	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)from.p[i];

		host[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c <= ' ' || c >= 0x7f ? '_' : c);
	}
	return n;
}

/* server.address when the request names no host: the socket's. */
static uint32_t peer_name(char host[HOST_MAX + 1], const struct span *s)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool ip4 = !memcmp(s->peer_addr, mapped, sizeof(mapped));

	if (s->family != AF_INET && s->family != AF_INET6)
		return 0;
	if (!inet_ntop(ip4 ? AF_INET : AF_INET6, s->peer_addr + (ip4 ? 12 : 0), host, HOST_MAX))
		return 0;
	return (uint32_t)strlen(host);
}

/* A URL without port means its scheme's; a UNIX socket has none. */
static uint16_t server_port(const struct span *s)
{
	if (s->host_port || s->family == AF_UNIX)
		return s->host_port;
	if (!s->host.len)
		return s->peer_port;
	return s->scheme && !strcmp(s->scheme, "https") ? 443 : 80;
}

static uint64_t hash_host(const char *host, uint32_t len)
{
	uint64_t h = len, w;

	for (; len >= 8; host += 8, len -= 8) {
		memcpy(&w, host, 8);
		h = (h ^ w) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;
	}
	while (len--)
		h = (h ^ (uint8_t)*host++) * UINT64_C(0x9e3779b97f4a7c15);
	return h;
}

static struct series *client_series(struct agg *agg, struct agg_service *svc, struct span *s)
{
	char host[HOST_MAX + 1];
	struct series_key key;

	key_common(agg, &key, svc, s);
	key.port = server_port(s);
	key.host_len = s->host.len ? host_name(host, s->host) : peer_name(host, s);
	key.where = hash_host(host, key.host_len);
	return series__get(agg, svc, &key, NULL, host, s);
}

static int record(const struct agg *agg, struct series *series, const struct span *s)
{
	uint64_t ns = s->end_ns > s->start_ns ? s->end_ns - s->start_ns : 0;
	int err = hist__record(&series->parts[PART_DURATION], (double)ns / 1e9);

	if (err || agg->n_parts == 1)
		return err;
	err = hist__record(&series->parts[PART_REQUEST_SIZE], (double)s->request_body_bytes);
	if (err || !s->status)
		return err;
	return hist__record(&series->parts[PART_RESPONSE_SIZE], (double)s->response_body_bytes);
}

void agg__span(struct agg *agg, struct span *s)
{
	struct agg_service *svc = service_of(agg, s->service);
	struct series *series = NULL;

	agg->stats.spans_cnt++;
	if (s->end_ns > agg->mono_ns)
		agg->mono_ns = s->end_ns;
	if (svc)
		series = s->kind == SPAN_SERVER ? server_series(agg, svc, s)
						: client_series(agg, svc, s);
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
		if (svc->service->refs == 1) {
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

	*out = agg->stats;
	out->services = agg->n_services;
	out->bytes = sizeof(*agg) + agg->n_slots * sizeof(*agg->slots);
	for (svc = agg->services; svc; svc = svc->next) {
		out->routes_learned += route_table__learned(svc->routes);
		out->bytes += sizeof(*svc) + route_table__bytes(svc->routes);
		for (s = svc->first; s; s = s->next) {
			out->series++;
			out->bytes += series__bytes(agg, s);
		}
		for (a = svc->active; a; a = a->next)
			out->bytes += sizeof(*a);
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
	agg->n_parts = c->body_size_metrics ? PARTS : 1;
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
