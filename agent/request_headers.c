// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "request_headers.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "redact.h"

#define NAME_MAX_LEN 64

enum want_kind {
	WANT_REQUEST_ID = 0,
	WANT_DEBUG = 1,
	WANT_KEPT = 2,
};

struct want {
	enum want_kind kind;
	bool hidden; /* that it was there is kept, its value is not */
	uint32_t len;
	char name[NAME_MAX_LEN + 1]; /* lower case */
};

struct header_wants {
	unsigned int formats; /* enum trace_format */
	bool redact;
	uint32_t n;
	struct want v[SPAN_HEADERS_MAX + 2];
	/* Most headers of a request are none of these: by length, the first letters of those
	 * that are. */
	uint32_t first[NAME_MAX_LEN + 1];
};

static uint32_t letter(char c)
{
	return UINT32_C(1) << (c & 31); /* either case */
}

/* Who names one twice wants it once. */
static bool is_wanted(const struct header_wants *w, enum want_kind kind, const char *name)
{
	uint32_t i;

	for (i = 0; i < w->n; i++)
		if (w->v[i].kind == kind && !strcasecmp(w->v[i].name, name))
			return true;
	return false;
}

static void add(struct header_wants *w, enum want_kind kind, const char *name)
{
	size_t len = name ? strlen(name) : 0, i;
	struct want *want = &w->v[w->n];

	if (!len || len > NAME_MAX_LEN || w->n == sizeof(w->v) / sizeof(w->v[0]) ||
	    is_wanted(w, kind, name))
		return;
	want->kind = kind;
	want->len = len;
	for (i = 0; i < len; i++)
		want->name[i] = tolower((unsigned char)name[i]);
	want->hidden = w->redact && redact__is_secret_header((struct slice){ name, len });
	w->first[len] |= letter(name[0]);
	w->n++;
}

struct header_wants *header_wants__new(const struct options *o)
{
	struct header_wants *w = calloc(1, sizeof(*w));
	size_t i;

	if (!w)
		return NULL;
	w->redact = o->redact;
	for (i = 0; i < o->propagators.n; i++)
		w->formats |= trace_context__formats(o->propagators.v[i]);
	add(w, WANT_REQUEST_ID, o->request_id_header);
	add(w, WANT_DEBUG, o->debug_header);
	for (i = 0; i < o->span_headers.n && i < SPAN_HEADERS_MAX; i++)
		add(w, WANT_KEPT, o->span_headers.v[i]);
	return w;
}

void header_wants__free(struct header_wants *w)
{
	free(w);
}

/* As far as length and first letter say it, which is nearly always right. */
static bool is_candidate(const struct header_wants *w, struct slice name)
{
	return name.len && name.len <= NAME_MAX_LEN && (w->first[name.len] & letter(name.p[0]));
}

bool header_wants__may(const struct header_wants *w, struct slice name)
{
	return trace_context__may(name) || is_candidate(w, name);
}

/* ---- one request ------------------------------------------------------------------------ */

void header_reader__begin(struct header_reader *r, const struct header_wants *w,
			  struct request_headers *out)
{
	memset(out, 0, offsetof(struct request_headers, kept));
	out->n_kept = 0;
	r->wants = w;
	r->out = out;
	trace_context__init(&r->context, w->formats);
}

static size_t append(char *to, size_t at, struct slice s)
{
	size_t n = s.len < REQUEST_HEADER_MAX - at ? s.len : REQUEST_HEADER_MAX - at;

	if (n) /* an empty slice may point nowhere */
		memmove(to + at, s.p, n);
	return at + n;
}

/* Cookies come in crumbs, which another separator joins (RFC 9113 §8.2.3). */
static void join(struct slice *kept, char *room, const struct want *want, struct slice value)
{
	size_t n = append(room, 0, *kept);

	n = append(room, n, strcmp(want->name, "cookie") ? SLICE(", ") : SLICE("; "));
	*kept = (struct slice){ room, append(room, n, value) };
}

static void keep(struct request_headers *out, const struct want *want, struct slice value)
{
	uint32_t i;

	for (i = 0; i < out->n_kept && out->kept[i].name != want->name; i++)
		;
	if (i < out->n_kept) {
		if (!want->hidden)
			join(&out->kept[i].value, out->joined[i], want, value);
		return;
	}
	if (value.len > REQUEST_HEADER_MAX)
		value.len = REQUEST_HEADER_MAX;
	out->kept[out->n_kept++] = (struct span_header){ want->name, value };
}

static void take(struct request_headers *out, const struct want *want, struct slice value)
{
	if (want->hidden && want->kind != WANT_DEBUG)
		value = SLICE(REDACTED);
	switch (want->kind) {
	case WANT_REQUEST_ID:
		if (!out->request_id.len)
			out->request_id = value;
		out->id_hidden = want->hidden;
		if (out->request_id.len > REQUEST_HEADER_MAX)
			out->request_id.len = REQUEST_HEADER_MAX;
		break;
	case WANT_DEBUG:
		out->forced |= slice_ieq(value, SLICE("true")) || slice_eq(value, SLICE("1"));
		break;
	case WANT_KEPT:
		keep(out, want, value);
		break;
	}
}

void header_reader__field(struct header_reader *r, struct slice name, struct slice value)
{
	const struct header_wants *w = r->wants;
	uint32_t i;

	trace_context__field(&r->context, name, value);
	if (!is_candidate(w, name))
		return;
	/* The same header may be wanted twice: as the request's id, and kept. */
	for (i = 0; i < w->n; i++)
		if (w->v[i].len == name.len && !strncasecmp(w->v[i].name, name.p, name.len))
			take(r->out, &w->v[i], value);
}

void header_reader__end(struct header_reader *r)
{
	struct request_headers *out = r->out;

	out->bad_context =
		trace_context__finish(&r->context, &out->context) == TRACE_CONTEXT_MALFORMED;
}
