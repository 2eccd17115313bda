/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the agg*.c share. */
#ifndef RED_AGG_INTERNAL_H
#define RED_AGG_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agg.h"
#include "agg_names.h"
#include "callee.h"
#include "hist.h"
#include "route.h"
#include "rpc_methods.h"
#include "semconv.h"
#include "service.h"

/*
 * What is counted, and what it is called, is said by the conventions of a span (semconv.h);
 * only how a series is told from others is here, in agg_label.c. All metrics of a class
 * have the same attributes, so a series holds one histogram for each part.
 */
enum { HOST_MAX = CALLEE_HOST_MAX };

/* Compared as bytes: no padding. What a class does not have is 0; the names of agg_names.h
 * are given by their ids. */
struct series_key {
	uint64_t name; /* address of its route, RPC method or target */
	uint64_t host; /* hash of it */
	uint32_t service;
	uint32_t class; /* span__class() */
	uint16_t method, scheme, version;
	uint16_t system;
	uint16_t status; /* of HTTP: the number; else a name */
	uint16_t error_type;
	uint16_t port, host_len;
};
_Static_assert(sizeof(struct series_key) == 40, "series_key has padding");

/* The key, and what it stands for. */
struct label {
	struct series_key key;
	const char *name;        /* or NULL; the service's */
	char host[HOST_MAX + 1]; /* key.host_len of it are set */
};

/* Of a kept trace; end_ns 0: none. */
struct exemplar {
	double value;
	uint64_t end_ns;  /* monotonic */
	uint64_t unix_ns; /* of it; 0 until exported, as a series' start */
	uint8_t trace_id[16];
	uint8_t span_id[8];
};

struct series {
	struct series_key key;
	const char *name;       /* of its route or method, or NULL; the service's */
	const char *host;       /* clients; behind the histograms */
	struct series *next;    /* of the same service, oldest first */
	uint64_t start_ns;      /* monotonic: the first span's start */
	uint64_t last_ns;       /* monotonic: the latest end */
	uint64_t start_unix_ns; /* 0 until exported: it must not move when the clock does */
	bool overflow;
	struct exemplar *exemplars; /* one for each bucket of the duration; NULL: none yet */
	struct hist parts[];        /* agg->n_parts of its class */
};

struct active {
	struct active *next;
	uint16_t method, scheme;
	uint64_t value, start_ns, start_unix_ns;
};

struct agg_service {
	struct agg_service *next;  /* oldest first */
	struct agg_service *chain; /* same bucket */
	struct service *service;   /* one reference */
	struct route_table *routes;
	struct rpc_methods names[SPAN_CLASSES]; /* RPC methods, targets */
	struct series *first, **last;
	struct series *overflow[SPAN_CLASSES]; /* also in the list */
	uint32_t n_series[SPAN_CLASSES];       /* without overflow */
	struct active *active;
};

struct slot {
	uint64_t hash;
	struct series *s; /* NULL: free */
};

enum { SERVICE_BUCKETS = 256 };

struct agg {
	uint32_t limit, limit_all; /* series without overflow: of a service and class, of all */
	uint64_t expiry_ns;
	uint32_t n_parts[SPAN_CLASSES];
	bool learn_routes;
	bool full; /* agg__set_full */
	uint32_t max_routes;
	struct route_set *configured; /* NULL: none */
	const struct resource_attrs *resource;
	struct names names;

	struct slot *slots; /* open addressing, at most half full while there is memory */
	uint32_t n_slots;   /* power of two */
	uint32_t n_keyed;   /* series in it */

	struct agg_service *services, **last_service;
	struct agg_service *bucket[SERVICE_BUCKETS]; /* by service id */
	uint32_t n_services;

	uint64_t mono_ns;       /* the latest time heard of */
	struct agg_stats stats; /* counters only */
};

/* agg_label.c: fills in s->route, too. */
void label__of(struct agg *agg, struct agg_service *svc, struct span *s, struct label *l);
/* agg_series.c */
int series__table_new(struct agg *agg);
/* The series so called, made when there is room, else svc's overflow series. NULL: no memory. */
struct series *series__get(struct agg *agg, struct agg_service *svc, const struct label *l,
			   struct span *span);
/* That of a span counted before, NULL when it has gone or was an overflow series. */
struct series *series__find(const struct agg *agg, uint64_t hash);
/* Drops svc's series that have been idle since before `before_ns`; the table is stale after it. */
uint32_t series__drop_idle(struct agg *agg, struct agg_service *svc, uint64_t before_ns);
void series__rebuild_table(struct agg *agg);
/* agg_exemplar.c: 0 or -ENOMEM. */
struct metrics;
struct metric_hist;
int exemplars__export(struct series *s, struct metrics *m, struct metric_hist *out,
		      uint64_t unix_minus_mono_ns);
size_t exemplars__bytes(const struct series *s);

size_t series__bytes(const struct agg *agg, const struct series *s);

#endif /* RED_AGG_INTERNAL_H */
