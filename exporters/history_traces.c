// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Traces out of the store. A search goes through all spans once; of each trace that has one
 * that matches, all spans are found by the index, which says when it was and how long. Its root
 * and its services are only found out for those that are on the page.
 */
#include "history_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SERVICES_MAX = 16 };

struct found {
	const struct record *any; /* one of its spans */
	int64_t start_ns, end_ns;
	uint32_t spans, errors;
};

struct traces_query {
	const struct history *h;
	const struct history_span_filter *filter;
	struct found *v;
	size_t n;
	uint32_t *seen;  /* by hash of the trace id: 1 + the index in v; 0: free */
	uint32_t n_seen; /* a power of two, more than twice as many as spans */
};

static bool same_trace(const struct record *a, const struct record *b)
{
	return !memcmp(a->trace.trace_id, b->trace.trace_id, sizeof(a->trace.trace_id));
}

static bool has_id(const uint8_t *id, size_t n)
{
	static const uint8_t none[16];

	return memcmp(id, none, n) != 0;
}

static const struct hservice *service_of(const struct history *h, const struct record *r)
{
	return (const struct hservice *)h->services.by_id[r->service];
}

/* ---- searching ------------------------------------------------------------------------------ */

static bool wanted(const struct traces_query *q, const struct record *r)
{
	const struct history_span_filter *f = q->filter;
	const struct hservice *v = service_of(q->h, r);
	int64_t start = record__start(r);
	union record_details details;
	struct span s;

	if ((f->from_ns && start < f->from_ns) || (f->to_ns && start >= f->to_ns) ||
	    record__duration(r) < f->min_duration_ns || !has_id(r->trace.trace_id, 16))
		return false;
	record__read(r, &s, &details);
	return match__span(f, &s, v->name, v->namespace);
}

/* Whole as it is in the store. */
static void measure(const struct history *h, struct found *t)
{
	const struct record *r = span_store__bucket(h, t->any->trace.trace_id);
	int64_t start, end;

	t->start_ns = INT64_MAX;
	for (; r; r = r->next) {
		if (!same_trace(r, t->any))
			continue;
		start = record__start(r);
		end = start + (int64_t)record__duration(r);
		t->start_ns = start < t->start_ns ? start : t->start_ns;
		t->end_ns = end > t->end_ns ? end : t->end_ns;
		t->spans++;
		t->errors += r->error_type != NULL;
	}
}

static void add_found(struct traces_query *q, const struct record *r)
{
	uint32_t i = (uint32_t)(trace__hash(q->h->admit.seed, r->trace.trace_id) >> 20);

	for (i &= q->n_seen - 1; q->seen[i]; i = (i + 1) & (q->n_seen - 1))
		if (same_trace(q->v[q->seen[i] - 1].any, r))
			return;
	q->v[q->n] = (struct found){ .any = r };
	measure(q->h, &q->v[q->n]);
	q->seen[i] = (uint32_t)++q->n;
}

static void search(struct traces_query *q)
{
	const struct chunk *c;
	uint32_t at;
	int i;

	for (i = 0; i < RINGS; i++)
		for (c = q->h->spans.rings[i].oldest; c; c = c->next)
			for (at = 0; at < c->used;) {
				const struct record *r = (const struct record *)(c->data + at);

				if (wanted(q, r))
					add_found(q, r);
				at += r->bytes;
			}
}

/* ---- order -------------------------------------------------------------------------------------
 */

static int compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int by_id(const struct found *a, const struct found *b)
{
	return memcmp(a->any->trace.trace_id, b->any->trace.trace_id, 16);
}

static int oldest_first(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	int c = compare(x->start_ns, y->start_ns);

	return c ? c : by_id(x, y);
}

static int newest_first(const void *a, const void *b)
{
	return oldest_first(b, a);
}

static int shortest_first(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	int c = compare(x->end_ns - x->start_ns, y->end_ns - y->start_ns);

	return c ? c : oldest_first(a, b);
}

static int longest_first(const void *a, const void *b)
{
	return shortest_first(b, a);
}

static int (*const orders[])(const void *, const void *) = {
	[HISTORY_NEWEST] = newest_first,
	[HISTORY_OLDEST] = oldest_first,
	[HISTORY_LONGEST] = longest_first,
	[HISTORY_SHORTEST] = shortest_first,
};

/* ---- one trace ---------------------------------------------------------------------------------
 */

struct gathered {
	const struct record **v; /* by their start */
	const uint8_t **ids;     /* of spans, in order */
	size_t n;
};

static int by_start(const void *a, const void *b)
{
	const struct record *x = *(const struct record *const *)a;
	const struct record *y = *(const struct record *const *)b;
	int c = compare(record__start(x), record__start(y));

	/* A client's span and that of the server begin with the same byte, at times. */
	return c ? c : compare((int64_t)y->end_ns, (int64_t)x->end_ns);
}

static int by_span_id(const void *a, const void *b)
{
	return memcmp(*(const uint8_t *const *)a, *(const uint8_t *const *)b, 8);
}

static int gather(const struct history *h, const uint8_t trace_id[16], struct gathered *g)
{
	const struct record *first = span_store__bucket(h, trace_id), *r;
	size_t n = 0;

	*g = (struct gathered){ 0 };
	for (r = first; r; r = r->next)
		n += !memcmp(r->trace.trace_id, trace_id, 16);
	g->v = calloc(n + 1, sizeof(*g->v));
	g->ids = calloc(n + 1, sizeof(*g->ids));
	if (!g->v || !g->ids)
		return -ENOMEM;
	for (r = first; r; r = r->next)
		if (!memcmp(r->trace.trace_id, trace_id, 16)) {
			g->ids[g->n] = r->trace.span_id;
			g->v[g->n++] = r;
		}
	qsort(g->v, g->n, sizeof(*g->v), by_start);
	qsort(g->ids, g->n, sizeof(*g->ids), by_span_id);
	return 0;
}

static void gathered__free(struct gathered *g)
{
	free(g->v);
	free(g->ids);
}

static bool has_parent(const struct gathered *g, const struct record *r)
{
	const uint8_t *id = r->trace.parent_id;

	return has_id(id, 8) && bsearch(&id, g->ids, g->n, sizeof(*g->ids), by_span_id);
}

/* Whose parent is one that redeye itself has seen. */
static bool lacks_parent(const struct gathered *g, const struct record *r)
{
	bool ours = !r->trace.remote || r->trace.link == TRACE_LINK_CONNECTION;

	return ours && has_id(r->trace.parent_id, 8) && !has_parent(g, r);
}

static const struct record *root_of(const struct gathered *g)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		if (!has_parent(g, g->v[i]))
			return g->v[i];
	return g->v[0]; /* a circle */
}

static int put_services(const struct history *h, const struct gathered *g, struct result_arena *a,
			struct history_trace *out)
{
	const struct hservice *seen[SERVICES_MAX], *v;
	size_t i, k;

	out->services = result_arena__alloc(a, SERVICES_MAX * sizeof(*out->services));
	if (!out->services)
		return -ENOMEM;
	for (i = 0; i < g->n && out->n_services < SERVICES_MAX; i++) {
		v = service_of(h, g->v[i]);
		for (k = 0; k < out->n_services && seen[k] != v; k++)
			;
		if (k < out->n_services)
			continue;
		seen[k] = v;
		out->services[k] = result_arena__text(a, v->name);
		if (!out->services[k])
			return -ENOMEM;
		out->n_services++;
	}
	return 0;
}

static int copy_span(const struct history *h, const struct record *r, struct result_arena *a,
		     struct history_span *out)
{
	const struct hservice *v = service_of(h, r);

	return record__copy(r, v->name, v->namespace, a, out);
}

static int put_trace(const struct history *h, const struct found *t, struct result_arena *a,
		     struct history_trace *out)
{
	struct history_span *root = result_arena__alloc(a, sizeof(*root));
	struct gathered g;
	int err = gather(h, t->any->trace.trace_id, &g);

	if (!root)
		err = -ENOMEM;
	if (!err) {
		memcpy(out->trace_id, t->any->trace.trace_id, sizeof(out->trace_id));
		out->start_ns = t->start_ns;
		out->duration_ns = (uint64_t)(t->end_ns - t->start_ns);
		out->spans = t->spans;
		out->errors = t->errors;
		out->root = root;
		err = copy_span(h, root_of(&g), a, root);
	}
	if (!err)
		err = put_services(h, &g, a, out);
	gathered__free(&g);
	return err;
}

/* ---- queries
 * -------------------------------------------------------------------------------------- */

static int put_page(struct traces_query *q, enum history_order order, size_t offset, size_t limit,
		    struct history_traces *out)
{
	size_t i;

	qsort(q->v, q->n, sizeof(*q->v), orders[order]);
	out->total = q->n;
	offset = offset < q->n ? offset : q->n;
	limit = limit < q->n - offset ? limit : q->n - offset;
	out->v = calloc(limit + 1, sizeof(*out->v));
	if (!out->v)
		return -ENOMEM;
	for (i = 0; i < limit; i++)
		if (put_trace(q->h, &q->v[offset + i], out->memory, &out->v[i]))
			return -ENOMEM;
	out->n = limit;
	return 0;
}

static int find_traces(struct traces_query *q, enum history_order order, size_t offset,
		       size_t limit, struct history_traces *out)
{
	int err = -ENOMEM;

	q->n_seen = 2;
	while (q->n_seen < 2 * q->h->spans.n + 1)
		q->n_seen *= 2;
	q->seen = calloc(q->n_seen, sizeof(*q->seen));
	q->v = calloc(q->h->spans.n + 1, sizeof(*q->v));
	if (q->seen && q->v) {
		search(q);
		err = put_page(q, order, offset, limit, out);
	}
	free(q->seen);
	free(q->v);
	return err;
}

struct history_traces *history__traces(struct history *h, const struct history_span_filter *f,
				       enum history_order order, size_t offset, size_t limit)
{
	struct traces_query q = { .h = h, .filter = f };
	struct history_traces *out = calloc(1, sizeof(*out));
	int err = -ENOMEM;

	if (!out)
		return NULL;
	out->memory = result_arena__new();
	if (out->memory) {
		pthread_rwlock_rdlock(&h->lock);
		err = find_traces(&q, order, offset, limit, out);
		pthread_rwlock_unlock(&h->lock);
	}
	if (!err)
		return out;
	history_traces__free(out);
	return NULL;
}

void history_traces__free(struct history_traces *t)
{
	if (!t)
		return;
	result_arena__free(t->memory);
	free(t->v);
	free(t);
}

static int put_spans(const struct history *h, const uint8_t trace_id[16], struct history_spans *out)
{
	struct gathered g;
	int err = gather(h, trace_id, &g);
	size_t i, n = g.n < HISTORY_TRACE_MAX ? g.n : HISTORY_TRACE_MAX;

	out->complete = n == g.n;
	out->v = err ? NULL : calloc(n + 1, sizeof(*out->v));
	if (!out->v)
		err = -ENOMEM;
	for (i = 0; !err && i < n; i++) {
		if (lacks_parent(&g, g.v[i]))
			out->complete = false;
		err = copy_span(h, g.v[i], out->memory, &out->v[i]);
	}
	out->n = err ? 0 : n;
	gathered__free(&g);
	return err;
}

struct history_spans *history__trace(struct history *h, const uint8_t trace_id[16])
{
	struct history_spans *out = calloc(1, sizeof(*out));
	int err = -ENOMEM;

	if (!out)
		return NULL;
	out->memory = result_arena__new();
	if (out->memory) {
		pthread_rwlock_rdlock(&h->lock);
		err = put_spans(h, trace_id, out);
		pthread_rwlock_unlock(&h->lock);
	}
	if (!err)
		return out;
	history_spans__free(out);
	return NULL;
}

void history_spans__free(struct history_spans *s)
{
	if (!s)
		return;
	result_arena__free(s->memory);
	free(s->v);
	free(s);
}
