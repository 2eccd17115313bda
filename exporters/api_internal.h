/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the API share. */
#ifndef RED_API_INTERNAL_H
#define RED_API_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "api.h"
#include "history.h"

struct api {
	struct api_config config; /* its strings are the copies below */
	double started;
	uint64_t nonce; /* of this process: generations of another do not match */
	char hostname[256];
	char *backend;
	atomic_bool stopping;
	pthread_mutex_t lock; /* of what follows */
	char *watching;
};

/* ---- api_query.c: parameters ---- */

enum api_params { /* bits */
		  API_WINDOW = 1 << 0,
		  API_START = 1 << 1,
		  API_END = 1 << 2,
		  API_LIMIT = 1 << 3,
		  API_OFFSET = 1 << 4,
		  API_SORT = 1 << 5,
		  API_ORDER = 1 << 6,
		  API_Q = 1 << 7,
		  API_SERVICE = 1 << 8,
		  API_NAMESPACE = 1 << 9,
		  API_KIND = 1 << 10,
		  API_PROTOCOL = 1 << 11,
		  API_METHOD = 1 << 12,
		  API_ROUTE = 1 << 13,
		  API_PEER = 1 << 14,
		  API_STATUS = 1 << 15,
		  API_POINTS = 1 << 16,
		  API_HEAT = 1 << 17,
		  API_MIN_DURATION = 1 << 18,
		  API_TICKS = 1 << 19,
		  API_SPANS = 1 << 20,
		  API_TRACE_SORT = 1 << 21, /* `sort` too, by other words */

		  API_RANGE = API_WINDOW | API_START | API_END,
		  API_LIST = API_LIMIT | API_OFFSET | API_ORDER,
		  API_SELECT = API_SERVICE | API_NAMESPACE | API_KIND | API_PROTOCOL | API_METHOD |
			       API_ROUTE | API_PEER | API_STATUS,
};

enum api_sort { API_BY_RATE, API_BY_ERRORS, API_BY_P50, API_BY_P95, API_BY_P99, API_BY_NAME };
enum api_trace_sort { API_BY_START, API_BY_DURATION };
enum api_order { API_ASC, API_DESC };

/* Parameters, read. Text is the request's. */
struct api_query {
	uint32_t given; /* enum api_params */
	uint32_t window, limit, offset, points;
	double start, end, min_duration;
	uint32_t sort;  /* enum api_sort or api_trace_sort */
	uint32_t order; /* enum api_order */
	uint32_t kind;  /* enum span_kind; when given */
	bool heat, ticks, spans;
	const char *q, *status;
	struct history_filter filter;
};

struct api_endpoint {
	const char *path; /* behind API_PREFIX; "traces/" stands for all below it */
	uint32_t params;  /* enum api_params */
	uint32_t window;  /* defaults; window 0: all there is */
	uint32_t limit, points, points_max;
	bool without_history; /* is there even when there is none */
	bool pure;            /* depends on the history and the request only */
	bool stream;
	/* The status; on errors out has the JSON. */
	unsigned int (*answer)(struct api *a, const struct api_request *r,
			       const struct api_query *q, struct buf *out);
	const char *help;
};

extern const struct api_endpoint api_endpoints[]; /* ends with a NULL path */

/* 200, or 400 and the error in out. */
unsigned int api_query__parse(struct api_query *q, const struct api_endpoint *e,
			      const struct api_request *r, struct buf *out);
/* What the query says, within what the history has. */
struct history_range api_query__range(const struct api_query *q, struct history *h);

/* The endpoint of a path, or NULL. */
const struct api_endpoint *api__endpoint(const char *path);

/* ---- api_json.c ---- */

void api_json__string(struct buf *out, const char *s); /* NULL: null */
void api_json__slice(struct buf *out, struct slice s); /* empty: null */
void api_json__number(struct buf *out, double v);      /* not finite: null */
void api_json__time(struct buf *out, int64_t unix_ns); /* seconds, to the microsecond */
/* "key": with a comma before it, unless it is the first of an object. */
void api_json__key(struct buf *out, const char *key);
/* What follows a comma, unless it is the first of a list or an object. */
void api_json__next(struct buf *out);
/* No '<' but as \u003c, so that JSON within a page cannot end a script. Only '<' of strings occur.
 */
void api_json__escape(struct buf *out);

/* Members of an object: count, rate, errors, error_ratio, mean, p50, p95, p99. */
void api_json__stats(struct buf *out, const struct history_dist *d, struct history_range r);
void api_json__range(struct buf *out, struct history_range r); /* from, to */
/* total, and next: the path of the page after this one of `shown` rows. */
void api_json__page(struct buf *out, const struct api_request *r, const struct api_query *q,
		    size_t total, size_t shown);
/* Percent-encoded but for what RFC 3986 calls unreserved. */
void api_json__percent(struct buf *out, struct slice s);

/* ---- api_rows.c ---- */

bool api_rows__has(const char *text, const char *q); /* regardless of case; text may be NULL */
int api_rows__cmp(const char *a, const char *b);     /* NULL first */

/* What a list is sorted by; what it stands for is found by its number. */
struct api_place {
	double key; /* NAN: last, whatever the order */
	size_t i;   /* in the order of names, which decides among equals */
};
struct api_place api_rows__place(const struct history_dist *d, const struct api_query *q, size_t i);
void api_rows__sort(struct api_place *v, size_t n, enum api_order order);
/* The page that was asked for, of n in this order: `write` adds the i-th to the array `key`. */
void api_rows__write(struct buf *out, const struct api_request *r, const struct api_query *q,
		     const struct history_rows *rows, const char *key,
		     const struct api_place *order, size_t n,
		     void (*write)(struct buf *out, size_t i, const void *arg), const void *arg);

/* ---- api_span.c ---- */

void api_span__write(struct buf *out, const struct history_span *s);
void api_span__root(struct buf *out, const struct history_span *s); /* of a trace: in short */
void api_span__filter(struct history_span_filter *f, const struct api_query *q);

/* ---- one a file ---- */

#define API_ENDPOINT(name)                                                                         \
	unsigned int name(struct api *a, const struct api_request *r, const struct api_query *q,   \
			  struct buf *out)

API_ENDPOINT(api_index__answer);
API_ENDPOINT(api_status__answer);
API_ENDPOINT(api_services__answer);
API_ENDPOINT(api_routes__answer);
API_ENDPOINT(api_series__answer);
API_ENDPOINT(api_graph__answer);
API_ENDPOINT(api_traces__answer);
API_ENDPOINT(api_trace__answer);

#endif /* RED_API_INTERNAL_H */
