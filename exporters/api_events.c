// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * GET /api/v1/events: server-sent events. JSON has no line end in it, so each is one "data:"
 * line. Nobody may wait for the browser: what does not fit into PIECE_MAX at once is counted as
 * lost, as is what the history's own queue had no room for.
 */
#include "api_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json_text.h"

#define WAIT_MS   1000
#define TICK_MAX  100 /* services of a tick */
#define PIECE_MAX ((size_t)512 << 10)

struct api_stream {
	struct api *api;
	struct history_watch *watch;
	bool ticks, spans;
};

/* ---- a tick -------------------------------------------------------------------------- */

static void write_service(struct buf *out, const struct history_row *row, struct history_range r)
{
	const struct history_dist *d = &row->dist;
	double seconds = r.to > r.from ? r.to - r.from : 1;

	api_json__next(out);
	buf__puts(out, "{\"name\":");
	api_json__string(out, row->name.service);
	api_json__key(out, "namespace");
	api_json__string(out, row->name.namespace);
	api_json__key(out, "rate");
	api_json__number(out, (double)d->count / seconds);
	api_json__key(out, "error_ratio");
	api_json__number(out, d->count ? (double)d->errors / (double)d->count : 0);
	api_json__key(out, "p95");
	api_json__number(out, history_dist__quantile(d, 0.95));
	api_json__key(out, "in_flight");
	api_json__number(out, row->in_flight);
	buf__putc(out, '}');
}

static void write_rows(struct buf *out, const struct history_rows *rows)
{
	struct api_place *order = calloc(rows->n + 1, sizeof(*order));
	struct api_query by_rate = { .sort = API_BY_RATE };
	size_t i;

	if (!order) {
		out->err = -ENOMEM;
		return;
	}
	for (i = 0; i < rows->n; i++)
		order[i] = api_rows__place(&rows->v[i].dist, &by_rate, i);
	api_rows__sort(order, rows->n, API_DESC);
	buf__printf(out, "{\"t\":%u,\"services\":[", rows->range.to);
	for (i = 0; i < rows->n && i < TICK_MAX; i++)
		write_service(out, &rows->v[order[i].i], rows->range);
	buf__puts(out, "]}");
	free(order);
}

/* The last second, of what services serve. */
static void write_tick(struct buf *out, struct history *h)
{
	struct history_filter servers = { .kind = SPAN_SERVER };
	struct history_range last;
	struct history_state state;
	struct history_rows *rows;

	history__state(h, &state);
	last = (struct history_range){ state.fine.to ? state.fine.to - 1 : 0, state.fine.to };
	rows = history__rows(h, &servers, last, HISTORY_BY_SERVICE, 0);
	if (rows)
		write_rows(out, rows);
	else
		out->err = -ENOMEM;
	history_rows__free(rows);
}

/* ---- events -------------------------------------------------------------------------- */

/* False: it did not fit, or could not be made. */
static bool append_event(struct buf *out, const char *name, struct buf *data)
{
	size_t need;

	api_json__escape(data);
	need = strlen(name) + data->len + sizeof("event: \ndata: \n\n");
	if (data->err || out->len + need > PIECE_MAX)
		return false;
	buf__printf(out, "event: %s\ndata: ", name);
	buf__append(out, data->p, data->len);
	buf__puts(out, "\n\n");
	return true;
}

/* How many had no room. */
static uint64_t append_spans(struct buf *out, const struct history_spans *spans, struct buf *data)
{
	uint64_t lost = 0;

	for (size_t i = 0; i < spans->n; i++) {
		buf__reset(data);
		api_span__write(data, &spans->v[i]);
		lost += !append_event(out, "span", data);
	}
	return lost;
}

static void append_lost(struct buf *out, uint64_t lost, struct buf *data)
{
	buf__reset(data);
	buf__puts(data, "{\"count\":");
	json_text__uint(data, lost);
	buf__putc(data, '}');
	api_json__escape(data);
	buf__puts(out, "event: lost\ndata: ");
	buf__append(out, data->p, data->len);
	buf__puts(out, "\n\n");
}

int api_stream__next(struct api_stream *s, struct buf *out)
{
	struct buf data = { .max = PIECE_MAX };
	struct history_spans *spans = NULL;
	uint64_t lost = 0;
	bool tick = false;
	int err;

	if (atomic_load(&s->api->stopping))
		return -ESHUTDOWN;
	err = history_watch__next(s->watch, WAIT_MS, &spans, &lost, &tick);
	if (err)
		return err;
	lost += append_spans(out, spans, &data);
	history_spans__free(spans);
	if (lost && s->spans)
		append_lost(out, lost, &data);
	if (tick && s->ticks) {
		buf__reset(&data);
		write_tick(&data, s->api->config.history);
		append_event(out, "tick", &data);
	}
	buf__free(&data);
	if (!out->len) /* a comment: shows whether the client is still there */
		buf__puts(out, ":\n\n");
	return out->err;
}

/* ---- life ---------------------------------------------------------------------------- */

static unsigned int check(const struct api *a, const struct api_request *r, struct api_query *q,
			  struct buf *out)
{
	const struct api_endpoint *e = api__endpoint(r->path);

	if (!a->config.history) {
		api__error(out, "no history is kept: see option history-limit");
		return 404;
	}
	return api_query__parse(q, e, r, out);
}

struct api_stream *api_stream__new(struct api *a, const struct api_request *r, struct buf *out,
				   unsigned int *status)
{
	struct history_span_filter filter;
	struct api_stream *s;
	struct api_query q;

	*status = check(a, r, &q, out);
	if (*status != 200)
		return NULL;
	s = calloc(1, sizeof(*s));
	api_span__filter(&filter, &q);
	if (s)
		s->watch = history__watch(a->config.history, &filter, q.spans);
	if (s && s->watch) {
		s->api = a;
		s->ticks = q.ticks;
		s->spans = q.spans;
		return s;
	}
	if (errno == EBUSY)
		api__error(out, "%d clients have events already", HISTORY_WATCHES_MAX);
	else
		api__error(out, "no memory for events");
	*status = 503;
	free(s);
	return NULL;
}

void api_stream__free(struct api_stream *s)
{
	if (!s)
		return;
	history_watch__free(s->watch);
	free(s);
}
