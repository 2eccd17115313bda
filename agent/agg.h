/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Rate, errors, duration: spans in, the metrics of the conventions out.
 *
 *   http.server.request.duration     s          method, scheme, status, error.type, route, version
 *   http.client.request.duration     s          method, server.address and port, status,
 *                                               error.type, version
 *   http.{server,client}.{request,response}.body.size   By, as above; opt-in
 *   http.server.active_requests      {request}  method, scheme
 *   rpc.server.call.duration         s          system, method, status, error.type
 *   rpc.client.call.duration         s          the same, server.address and port
 *
 * A span with an RPC is counted in rpc.*.call.duration and in none of http.*, but for
 * the active requests: a call begins as any request does.
 *
 * Duration is from the first byte of the request to the last one of the
 * response, for clients too. Response sizes are those of requests that had a
 * response. http.route may be a learned template (route.h): an attribute that
 * says so would double the series, so agg_stats has the share instead. rpc.method is
 * one of max_routes names for each side of a service, or _OTHER (rpc_methods.h).
 *
 * Cardinality. A metric of one service has at most cardinality_limit series,
 * and all services together AGG_ALL_SERVICES times as many per process. What
 * comes later is recorded, completely, in one overflow series for each service
 * and metric, whose only attribute is otel.metric.overflow=true. It counts within
 * the service's limit; series from before the overflow keep counting. It comes on
 * top of the limit of all, which therefore is that plus four for each service.
 *
 * Owner: the event loop. Nothing here locks, logs or reads a clock.
 */
#ifndef RED_AGG_H
#define RED_AGG_H

#include <stdbool.h>
#include <stdint.h>

#include "span.h"

struct metrics;
struct request;
struct service;
struct resource_attrs;
struct str_list;

enum {
	AGG_CARDINALITY_LIMIT = 2000,
	AGG_ALL_SERVICES = 4,    /* times the limit of one service's metric */
	AGG_MAX_SERVICES = 4096, /* further ones are lost, and counted */
};

#define AGG_SERIES_EXPIRY_NS (UINT64_C(300) * 1000000000)

struct agg_config {
	uint32_t cardinality_limit; /* 0: AGG_CARDINALITY_LIMIT */
	uint64_t series_expiry_ns;  /* 0: AGG_SERIES_EXPIRY_NS */
	bool body_size_metrics;
	bool learn_routes;
	uint32_t max_routes;           /* learned, per service, and methods of each side; 0: none */
	const struct str_list *routes; /* NULL: none; read by agg__new only */
	const struct resource_attrs *resource; /* NULL: only the services' own; as long as agg */
};

struct agg_stats {
	uint32_t services;
	uint32_t series;         /* overflow series included */
	uint32_t routes_learned; /* templates, of all present services */
	uint32_t rpc_methods;    /* names, of them too */
	uint64_t bytes;          /* heap, about */
	/* since agg__new */
	uint64_t overflowed_cnt; /* spans that went to an overflow series */
	uint64_t lost_cnt;       /* spans not (fully) recorded: no memory, AGG_MAX_SERVICES */
	uint64_t unbalanced_cnt; /* ends without a start */
};

/* NULL with errno ENOMEM, or EINVAL for a route that does not begin with '/'. */
struct agg *agg__new(const struct agg_config *config);
void agg__free(struct agg *agg); /* accepts NULL */

/* A request has begun, has ended: once each, dropped requests included. Only servers count. */
void agg__request_start(struct agg *agg, const struct request *r);
void agg__request_end(struct agg *agg, const struct request *r);

/* Fills in s->route: http.route of servers, rpc.method. It stays until the service goes. */
void agg__span(struct agg *agg, struct span *s);

/* A span that was counted belongs to a trace that is kept: its series may point to it. */
void agg__exemplar(struct agg *agg, const struct span *s);

/* While full, nothing new is kept: known series go on, the rest overflows, no
 * route is learned. For a caller that has to keep a memory limit. */
void agg__set_full(struct agg *agg, bool full);

/* Adds the families that have points. 0 or -ENOMEM; then m is broken. */
int agg__snapshot(struct agg *agg, struct metrics *m, uint64_t now_unix_ns, uint64_t mono_now_ns);

/* Drops the series that were idle for series_expiry_ns and whose service nobody but
 * aggregation refers to, but as a name: its processes are gone, or called otherwise now. A
 * running service keeps its series. */
void agg__expire(struct agg *agg, uint64_t mono_now_ns);

void agg__stats(const struct agg *agg, struct agg_stats *out);

#endif /* RED_AGG_H */
