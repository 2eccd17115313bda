// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "exports.h"

#include <errno.h>
#include <stdlib.h>

#include "exporter.h"
#include "options.h"
#include "span_queue.h"

static const struct exporter *const table[EXPORTER__CNT] = {
#define X(NAME, name) [EXPORTER_##NAME] = &name##_exporter,
	EXPORTER_TABLE(X)
#undef X
};

struct running {
	const struct exporter *row;
	void *x;
};

struct exports {
	struct exports_config cfg;
	struct export_env env;
	struct running v[EXPORTER__CNT];
	uint32_t n;
};

/* Who may write to the spool. */
static uint32_t destinations(const struct options *o)
{
	uint32_t n = 0, i;

	for (i = 0; i < EXPORTER__CNT; i++)
		n += table[i]->spools && table[i]->wanted(o);
	return n ? n : 1;
}

bool exports__need_kept(const struct options *o)
{
	uint32_t i;

	for (i = 0; i < EXPORTER__CNT; i++)
		if (table[i]->spans == EXPORTER_KEPT_SPANS && table[i]->wanted(o))
			return true;
	return false;
}

bool exports__need_traces(const struct options *o)
{
	uint32_t i;

	for (i = 0; i < EXPORTER__CNT; i++)
		if (table[i]->spans != EXPORTER_NO_SPANS && table[i]->wanted(o))
			return true;
	return false;
}

/* What a process counted last is in two exports, of which one may fail. */
uint64_t exports__need_series_ns(const struct options *o)
{
	return otlp_metrics_exporter.wanted(o) ? 2 * o->metric_interval_ns : 0;
}

/* ---- life ---------------------------------------------------------------------------- */

static int start(struct exports *e, const struct exporter *row, char *err, size_t err_size)
{
	void *x;

	if (!row->wanted(e->cfg.options))
		return 0;
	x = row->start(&e->env, err, err_size);
	if (!x)
		return -errno;
	e->v[e->n++] = (struct running){ row, x };
	return 0;
}

struct exports *exports__new(const struct exports_config *c, char *err, size_t err_size)
{
	struct exports *e = calloc(1, sizeof(*e));
	int i, rc = 0;

	if (!e)
		return NULL;
	e->cfg = *c;
	e->env = (struct export_env){
		.source = &e->cfg,
		.options = c->options,
		.resource = c->resource,
		.attrs = { c->options->span_query, c->options->request_id_header,
			   c->options->span_rpc_message },
		.spool_limit_bytes = c->options->spool_limit_bytes / destinations(c->options),
		.queue_bytes = c->options->memory_limit_bytes / 8,
	};
	for (i = 0; !rc && i < EXPORTER__CNT; i++)
		rc = start(e, table[i], err, err_size);
	if (!rc)
		return e;
	exports__free(e, NULL);
	errno = -rc;
	return NULL;
}

void exports__free(struct exports *e, struct metrics *last)
{
	const struct running *r;

	if (!e)
		return;
	/* All are told before the first is waited for. */
	for (r = e->v; r < e->v + e->n; r++)
		if (r->row->stop)
			r->row->stop(r->x, last);
	for (r = e->v + e->n; r-- > e->v;)
		r->row->free(r->x);
	free(e);
}

/* ---- the event loop ------------------------------------------------------------------- */

static void hand_out(struct exports *e, enum exporter_spans which, const struct span *s)
{
	const struct running *r;

	for (r = e->v; r < e->v + e->n; r++)
		if (r->row->spans == which)
			r->row->span(r->x, s);
}

void exports__span(struct exports *e, const struct span *s)
{
	hand_out(e, EXPORTER_ALL_SPANS, s);
}

void exports__kept(struct exports *e, const struct span *s)
{
	hand_out(e, EXPORTER_KEPT_SPANS, s);
}

void exports__tick(struct exports *e, uint64_t now_ns)
{
	const struct running *r;

	for (r = e->v; r < e->v + e->n; r++)
		if (r->row->tick)
			r->row->tick(r->x, now_ns);
}

void exports__reopen(struct exports *e)
{
	const struct running *r;

	for (r = e->v; r < e->v + e->n; r++)
		if (r->row->reopen)
			r->row->reopen(r->x);
}

void exports__selfmetrics(const struct exports *e, struct self_builder *b)
{
	struct span_queue_stats queues[EXPORTER__CNT];
	struct export_figures f[EXPORTER__CNT];
	const struct running *r;
	uint32_t n = 0;

	for (r = e->v; r < e->v + e->n; r++) {
		if (r->row->selfmetrics)
			r->row->selfmetrics(r->x, b);
		if (r->row->figures) {
			r->row->figures(r->x, &f[n], &queues[n]);
			n++;
		}
	}
	if (n)
		exports__figures(b, f, n);
}
