// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table of endpoints: a further one is a row, and a file with its function. */
#include "api_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hash.h"
#include "json_text.h"

/* clang-format off */
const struct api_endpoint api_endpoints[] = {
	{ .path = "", .answer = api_index__answer, .without_history = true,
	  .help = "this list" },
	{ .path = "status", .answer = api_status__answer, .without_history = true,
	  .help = "redeye itself: versions, memory, what the history holds, own metrics" },
	{ .path = "services", .answer = api_services__answer, .pure = true,
	  .params = API_RANGE | API_LIST | API_SORT | API_Q | API_POINTS,
	  .window = 60, .limit = 100, .points_max = HISTORY_SPARK_MAX,
	  .help = "rate, errors and duration of each service" },
	{ .path = "routes", .answer = api_routes__answer, .pure = true,
	  .params = API_RANGE | API_LIST | API_SORT | API_Q | API_SELECT,
	  .window = 60, .limit = 100,
	  .help = "the same of each route, method and peer" },
	{ .path = "series", .answer = api_series__answer, .pure = true,
	  .params = API_RANGE | API_SELECT | API_POINTS | API_HEAT,
	  .window = 60, .points = 300, .points_max = HISTORY_POINTS_MAX,
	  .help = "one selection over time, with classes of status and a heat map" },
	{ .path = "graph", .answer = api_graph__answer, .pure = true,
	  .params = API_RANGE, .window = 300,
	  .help = "who asks whom" },
	{ .path = "traces", .answer = api_traces__answer, .pure = true,
	  .params = API_RANGE | API_LIST | API_SELECT | API_MIN_DURATION | API_Q | API_TRACE_SORT,
	  .limit = 50,
	  .help = "the last traces, those with errors and slow ones longer" },
	{ .path = "traces/", .answer = api_trace__answer, .pure = true,
	  .help = "the spans of one trace: /api/v1/traces/{trace_id}" },
	{ .path = "events", .stream = true,
	  .params = API_SELECT | API_MIN_DURATION | API_Q | API_TICKS | API_SPANS,
	  .help = "server-sent events: a tick each second, with spans=1 each span" },
	{ .path = NULL },
};
/* clang-format on */

/* ---- life ---------------------------------------------------------------------------- */

static double unix_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct api *api__new(const struct api_config *c)
{
	struct api *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->config = *c;
	a->started = unix_seconds();
	a->nonce = hash_mix((uint64_t)getpid(), (uint64_t)(a->started * 1e6));
	if (gethostname(a->hostname, sizeof(a->hostname) - 1))
		a->hostname[0] = '\0';
	pthread_mutex_init(&a->lock, NULL);
	a->backend = strdup(c->backend ? c->backend : "");
	a->watching = strdup(c->watching ? c->watching : "");
	if (a->backend && a->watching)
		return a;
	api__free(a);
	errno = ENOMEM;
	return NULL;
}

void api__free(struct api *a)
{
	if (!a)
		return;
	pthread_mutex_destroy(&a->lock);
	free(a->backend);
	free(a->watching);
	free(a);
}

void api__set_watching(struct api *a, const char *watching)
{
	char *copy = strdup(watching);

	if (!copy)
		return;
	pthread_mutex_lock(&a->lock);
	free(a->watching);
	a->watching = copy;
	pthread_mutex_unlock(&a->lock);
}

void api__shutdown(struct api *a)
{
	if (!a)
		return;
	atomic_store(&a->stopping, true);
	if (a->config.history)
		history__shutdown(a->config.history);
}

/* ---- answers ------------------------------------------------------------------------- */

void api__error(struct buf *out, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf__reset(out);
	buf__puts(out, "{\"error\":");
	json_text__string(out, slice_of(text));
	buf__puts(out, "}\n");
	api_json__escape(out);
}

bool api__owns(const char *path)
{
	return !strcmp(path, "/api") || !strncmp(path, "/api/", 5);
}

static bool is_at(const struct api_endpoint *e, const char *path)
{
	size_t n = strlen(e->path);

	if (n && e->path[n - 1] == '/')
		return !strncmp(path, e->path, n) && path[n];
	return !strcmp(path, e->path);
}

const struct api_endpoint *api__endpoint(const char *path)
{
	const struct api_endpoint *e;

	if (strncmp(path, API_PREFIX, strlen(API_PREFIX)) != 0)
		return NULL;
	path += strlen(API_PREFIX);
	for (e = api_endpoints; e->path; e++)
		if (is_at(e, path))
			return e;
	return NULL;
}

bool api__streams(const char *path)
{
	const struct api_endpoint *e = api__endpoint(path);

	return e && e->stream;
}

uint64_t api__generation(const struct api *a, const char *path)
{
	const struct api_endpoint *e = api__endpoint(path);
	struct history_state state;

	if (!e || !e->pure || !a->config.history)
		return 0;
	history__state(a->config.history, &state);
	return hash_mix(a->nonce, state.generation) | 1;
}

/* The endpoint and its parameters, or NULL: the error is in out. */
static const struct api_endpoint *read_request(struct api *a, const struct api_request *r,
					       struct api_query *q, struct buf *out,
					       unsigned int *status)
{
	const struct api_endpoint *e = api__endpoint(r->path);

	if (!e) {
		api__error(out, "there is no %.200s: see " API_PREFIX, r->path);
		*status = 404;
		return NULL;
	}
	if (!a->config.history && !e->without_history) {
		api__error(out, "no history is kept: see option history-limit");
		*status = 404;
		return NULL;
	}
	*status = api_query__parse(q, e, r, out);
	return *status == 200 ? e : NULL;
}

unsigned int api__answer(struct api *a, const struct api_request *r, struct buf *out)
{
	const struct api_endpoint *e;
	unsigned int status;
	struct api_query q;

	e = read_request(a, r, &q, out, &status);
	if (!e)
		return status;
	status = e->answer(a, r, &q, out);
	if (status != 200)
		return status;
	buf__putc(out, '\n');
	api_json__escape(out);
	if (!out->err)
		return 200;
	if (out->err == -ENOSPC) { /* and will be: who asks again asks in vain */
		api__error(out, "the answer would be longer than %zu bytes", out->max);
		return 413;
	}
	api__error(out, "no memory for the answer");
	return 503;
}

unsigned int api_index__answer(struct api *a, const struct api_request *r,
			       const struct api_query *q, struct buf *out)
{
	const struct api_endpoint *e;

	buf__puts(out, "{\"version\":");
	api_json__string(out, REDEYE_VERSION);
	buf__puts(out, ",\"endpoints\":[");
	for (e = api_endpoints; e->path; e++) {
		api_json__next(out);
		buf__printf(out, "{\"path\":\"" API_PREFIX "%s%s\"", e->path,
			    e->path[0] && e->path[strlen(e->path) - 1] == '/' ? "{trace_id}" : "");
		api_json__key(out, "help");
		api_json__string(out, e->help);
		buf__putc(out, '}');
	}
	buf__puts(out, "]}");
	return 200;
}
