// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* GET /api/v1/traces, and /api/v1/traces/{trace_id}. */
#include "api_internal.h"

#include <errno.h>
#include <string.h>

#include "hex.h"
#include "json_text.h"

static enum history_order order_of(const struct api_query *q)
{
	if (q->sort == API_BY_DURATION)
		return q->order == API_DESC ? HISTORY_LONGEST : HISTORY_SHORTEST;
	return q->order == API_DESC ? HISTORY_NEWEST : HISTORY_OLDEST;
}

static void write_trace(struct buf *out, const struct history_trace *t)
{
	api_json__next(out);
	buf__puts(out, "{\"trace_id\":");
	json_text__hex(out, t->trace_id, sizeof(t->trace_id));
	api_json__key(out, "start");
	api_json__time(out, t->start_ns);
	api_json__key(out, "duration");
	api_json__number(out, (double)t->duration_ns / 1e9);
	api_json__key(out, "spans");
	json_text__uint(out, t->spans);
	api_json__key(out, "errors");
	json_text__uint(out, t->errors);
	api_json__key(out, "services");
	buf__putc(out, '[');
	for (size_t i = 0; i < t->n_services; i++) {
		api_json__next(out);
		api_json__string(out, t->services[i]);
	}
	buf__putc(out, ']');
	api_json__key(out, "root");
	api_span__root(out, t->root);
	buf__putc(out, '}');
}

/* Nanoseconds end in 2262. */
static int64_t ns_of(double seconds)
{
	return seconds < 9.2e9 ? (int64_t)(seconds * 1e9) : INT64_MAX;
}

/* The instants themselves: seconds would be too coarse to find one trace again. */
static void set_range(struct history_span_filter *f, const struct api_query *q, struct history *h)
{
	struct history_range r = api_query__range(q, h);

	if (q->given & API_WINDOW)
		f->from_ns = (int64_t)r.from * 1000000000;
	if (q->given & API_START)
		f->from_ns = ns_of(q->start);
	if (q->given & API_END)
		f->to_ns = ns_of(q->end);
}

unsigned int api_traces__answer(struct api *a, const struct api_request *r,
				const struct api_query *q, struct buf *out)
{
	struct history_span_filter filter;
	struct history_traces *t;

	api_span__filter(&filter, q);
	set_range(&filter, q, a->config.history);
	t = history__traces(a->config.history, &filter, order_of(q), q->offset, q->limit);
	if (!t) {
		out->err = -ENOMEM;
		return 200;
	}
	buf__putc(out, '{');
	api_json__page(out, r, q, t->total, t->n);
	api_json__key(out, "traces");
	buf__putc(out, '[');
	for (size_t i = 0; i < t->n; i++)
		write_trace(out, &t->v[i]);
	buf__puts(out, "]}");
	history_traces__free(t);
	return 200;
}

static bool read_id(const char *text, uint8_t id[16])
{
	if (strlen(text) != 32)
		return false;
	for (int i = 0; i < 16; i++) {
		int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		id[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

unsigned int api_trace__answer(struct api *a, const struct api_request *r,
			       const struct api_query *q, struct buf *out)
{
	const char *text = strrchr(r->path, '/') + 1;
	struct history_spans *s;
	uint8_t id[16];

	if (!read_id(r->path + strlen(API_PREFIX "traces/"), id)) {
		api__error(out, "a trace id is 32 hexadecimal digits");
		return 400;
	}
	s = history__trace(a->config.history, id);
	if (!s) {
		out->err = -ENOMEM;
		return 200;
	}
	if (!s->n) {
		history_spans__free(s);
		api__error(out, "no span of trace %s is kept", text);
		return 404;
	}
	buf__puts(out, "{\"trace_id\":");
	json_text__hex(out, id, sizeof(id));
	api_json__key(out, "complete");
	buf__puts(out, s->complete ? "true" : "false");
	api_json__key(out, "spans");
	buf__putc(out, '[');
	for (size_t i = 0; i < s->n; i++) {
		api_json__next(out);
		api_span__write(out, &s->v[i]);
	}
	buf__puts(out, "]}");
	history_spans__free(s);
	return 200;
}
