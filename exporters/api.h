/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What docs/api.md describes, without HTTP: a path and parameters in, JSON out, from the
 * history (history.h) and a snapshot of redeye's own metrics. It knows no connection and no
 * client; who may ask is httpd's business.
 *
 *   api.c           the table of endpoints
 *   api_query.c     the table of parameters: what is allowed, and the sentences
 *   api_json.c      numbers, stats, lists: the parts of all answers
 *   api_rows.c      rows of series, folded, chosen and sorted
 *   api_*.c         one file an endpoint
 *   api_events.c    server-sent events
 *
 * Any thread; whoever wants one answer at a time sees to it.
 */
#ifndef RED_API_H
#define RED_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "slice.h"

struct api;
struct api_stream;
struct history;
struct metrics;

#define API_PREFIX     "/api/v1/"
#define API_PARAMS_MAX 32
#define API_ANSWER_MAX ((size_t)8 << 20) /* bytes of JSON; more is 413 */

struct api_config {
	struct history *history; /* NULL: none; outlives the api */
	const char *backend;     /* copied, as is the next */
	const char *watching;    /* the selection in the words of the command line */
	bool traces;
	uint64_t memory_limit_bytes;
	/* Gives one reference in *out and returns 0, or -errno, within a bounded time. */
	int (*snapshot)(void *arg, struct metrics **out);
	bool (*ready)(void *arg);
	void *arg;
};

struct api *api__new(const struct api_config *c); /* NULL and errno */
void api__free(struct api *a);                    /* accepts NULL; nobody asks any more */
void api__set_watching(struct api *a, const char *watching);
/* Streams end from now on. Accepts NULL. */
void api__shutdown(struct api *a);

/* A request, decoded. Its bytes may be any. */
struct api_param {
	const char *name;
	struct slice value; /* a NUL is behind it; NULL: there was no "=" */
};

struct api_request {
	const char *path;
	uint32_t n_params; /* as given, even when there is room for fewer */
	struct api_param params[API_PARAMS_MAX];
};

/* Is it one of the API's paths, whether or not there is such an endpoint? */
bool api__owns(const char *path);
/* Does api_stream__new, and not api__answer, answer it? */
bool api__streams(const char *path);

/* Changes when an answer may have changed, of those endpoints that only depend on the history;
 * 0: not known, of this path. */
uint64_t api__generation(const struct api *a, const char *path);

/* Appends JSON to out, whose max is kept, and returns the status: 200, or an error's, and then the
 * JSON is {"error": ...}. */
unsigned int api__answer(struct api *a, const struct api_request *r, struct buf *out);
/* Replaces what is in out. */
void api__error(struct buf *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* NULL: *status, and in out the error's JSON. */
struct api_stream *api_stream__new(struct api *a, const struct api_request *r, struct buf *out,
				   unsigned int *status);
/* Appends what comes next, never nothing; waits for it a second at most. 0, or -errno: the stream
 * has ended. */
int api_stream__next(struct api_stream *s, struct buf *out);
void api_stream__free(struct api_stream *s); /* accepts NULL */

#endif /* RED_API_H */
