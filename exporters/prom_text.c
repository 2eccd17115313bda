// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The two text formats, 0.0.4 and OpenMetrics 1.0.0. They differ in the head of
 * a family (order, the counter's name, UNIT), in `le` and values of whole
 * numbers, in what HELP escapes, and in the `# EOF` of OpenMetrics.
 *
 * No `_created` samples in OpenMetrics: Prometheus would store each as a series
 * of its own; who wants start times gets them in protobuf, where they are free.
 */
#include "prom_internal.h"
#include "hex.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOUNDS_KEPT 32

/* A bucket's bound as text. All histograms of a kind have the same ones. */
struct bound {
	double value;
	uint8_t len; /* 0: none yet */
	char text[40];
};

struct text {
	const struct prom_out *to;
	struct buf *out; /* to's */
	bool openmetrics;
	unsigned int flags;
	struct prom_labels labels;
	struct buf rendered; /* the labels of the current point, as text without braces */
	struct bound bounds[BOUNDS_KEPT]; /* those last written, by their place modulo this */
};

static const char *const type_names[] = {
	[PROM_COUNTER] = "counter",
	[PROM_GAUGE] = "gauge",
	[PROM_HISTOGRAM] = "histogram",
};

/* Written by %.15g as just its digits. */
static bool is_whole(double v)
{
	return v >= 0 && v < 1e15 && (double)(uint64_t)v == v && !signbit(v);
}

/* The shortest decimal form that reads back as the same double. */
static void put_double(struct buf *out, double v, bool openmetrics)
{
	char s[40];

	if (!isfinite(v)) {
		buf__puts(out, isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf");
		return;
	}
	if (is_whole(v)) {
		buf__u64(out, (uint64_t)v);
		if (openmetrics)
			buf__puts(out, ".0");
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(s, sizeof(s), "%.*g", digits, v);
		if (strtod(s, NULL) == v)
			break;
	}
	buf__puts(out, s);
	if (openmetrics && !strpbrk(s, ".e"))
		buf__puts(out, ".0");
}

static void put_escaped(struct buf *out, const char *s, bool quotes)
{
	const char *odd = quotes ? "\\\n\"" : "\\\n";
	size_t n;

	for (; *s; s++) {
		n = strcspn(s, odd);
		buf__append(out, s, n);
		s += n;
		if (!*s)
			break;
		buf__putc(out, '\\');
		buf__putc(out, *s == '\n' ? 'n' : *s);
	}
}

static void put_help(struct text *t, const char *name, const char *help)
{
	struct buf clean = { 0 };

	prom_labels__clean(&clean, help);
	buf__putc(&clean, '\0');
	if (clean.err) {
		t->out->err = clean.err;
	} else if (*clean.p) {
		buf__printf(t->out, "# HELP %s ", name);
		put_escaped(t->out, clean.p, t->openmetrics);
		buf__putc(t->out, '\n');
	}
	buf__free(&clean);
}

static void put_head(struct text *t, const struct prom_family *f)
{
	const char *name = t->openmetrics ? f->name.base : f->name.full;

	if (!t->openmetrics)
		put_help(t, name, f->src->help);
	buf__printf(t->out, "# TYPE %s %s\n", name, type_names[f->name.type]);
	if (t->openmetrics && *f->name.unit)
		buf__printf(t->out, "# UNIT %s %s\n", name, f->name.unit);
	if (t->openmetrics)
		put_help(t, name, f->src->help);
}

/* Once per point: a histogram writes them with each of its buckets. */
static int render_labels(struct text *t)
{
	int err = prom_labels__err(&t->labels);

	buf__reset(&t->rendered);
	for (size_t i = 0; !err && i < prom_labels__count(&t->labels); i++) {
		if (i)
			buf__putc(&t->rendered, ',');
		buf__puts(&t->rendered, prom_labels__name(&t->labels, i));
		buf__puts(&t->rendered, "=\"");
		put_escaped(&t->rendered, prom_labels__value(&t->labels, i), true);
		buf__putc(&t->rendered, '"');
		err = t->rendered.err;
	}
	if (err)
		t->out->err = err;
	return err;
}

/* Everything of a sample's line but the value. */
static void put_series(struct text *t, const char *name, const char *suffix)
{
	buf__puts(t->out, name);
	buf__puts(t->out, suffix);
	if (t->rendered.len) {
		buf__putc(t->out, '{');
		buf__append(t->out, t->rendered.p, t->rendered.len);
		buf__putc(t->out, '}');
	}
	buf__putc(t->out, ' ');
}

static void put_hex(struct buf *out, const uint8_t *bytes, size_t n)
{
	char *to = buf__room(out, 2 * n);

	if (to)
		out->len += hex_put(to, bytes, n) - to;
}

static void put_exemplar(struct text *t, const struct metric_exemplar *e)
{
	buf__puts(t->out, " # {trace_id=\"");
	put_hex(t->out, e->trace_id, sizeof(e->trace_id));
	buf__puts(t->out, "\",span_id=\"");
	put_hex(t->out, e->span_id, sizeof(e->span_id));
	buf__puts(t->out, "\"} ");
	put_double(t->out, e->value, false);
	buf__printf(t->out, " %" PRIu64 ".%03" PRIu64, e->unix_ns / 1000000000,
		    e->unix_ns / 1000000 % 1000);
}

/* The i-th bound of a histogram. */
static void put_bound(struct text *t, uint32_t i, double value)
{
	struct bound *b = &t->bounds[i % BOUNDS_KEPT];
	size_t from = t->out->len;

	if (b->len && b->value == value) {
		buf__append(t->out, b->text, b->len);
		return;
	}
	put_double(t->out, value, t->openmetrics);
	b->value = value;
	b->len = t->out->err ? 0 : t->out->len - from;
	if (b->len)
		memcpy(b->text, t->out->p + from, b->len);
}

/* e: the bucket's, or NULL; 0.0.4 has none. */
static void put_bucket(struct text *t, const char *name, uint32_t i, double bound,
		       uint64_t cumulative, const struct metric_exemplar *e)
{
	buf__puts(t->out, name);
	buf__puts(t->out, "_bucket{");
	buf__append(t->out, t->rendered.p, t->rendered.len);
	buf__puts(t->out, t->rendered.len ? ",le=\"" : "le=\"");
	put_bound(t, i, bound);
	buf__puts(t->out, "\"} ");
	buf__u64(t->out, cumulative);
	if (e && t->openmetrics)
		put_exemplar(t, e);
	buf__putc(t->out, '\n');
}

static void put_histogram(struct text *t, const char *name, const struct metric_hist *h)
{
	uint64_t cumulative = 0;
	uint32_t e = 0;

	for (uint32_t i = 0; i < h->n_bounds; i++) {
		cumulative += h->counts[i];
		put_bucket(t, name, i, h->bounds[i], cumulative,
			   prom__exemplar(h, &e, h->bounds[i]));
	}
	put_bucket(t, name, h->n_bounds, INFINITY, h->count, prom__exemplar(h, &e, INFINITY));
	put_series(t, name, "_sum");
	put_double(t->out, h->sum, false);
	buf__putc(t->out, '\n');
	put_series(t, name, "_count");
	buf__u64(t->out, h->count);
	buf__putc(t->out, '\n');
}

static void put_point(struct text *t, const struct prom_name *name, const struct metric_point *p)
{
	prom_labels__of_point(&t->labels, p, t->flags);
	if (render_labels(t))
		return;
	if (name->type == PROM_HISTOGRAM) {
		put_histogram(t, name->full, &p->hist);
		return;
	}
	put_series(t, name->full, "");
	put_double(t->out, p->value, false);
	buf__putc(t->out, '\n');
}

static void put_family(void *ctx, const struct prom_family *f)
{
	struct text *t = ctx;

	put_head(t, f);
	for (const struct prom_family *part = f; part; part = part->more) {
		for (uint32_t i = 0; i < part->src->n_points && !t->out->err; i++) {
			put_point(t, &f->name, &part->src->points[i]);
			prom_out__pass_on(t->to);
		}
	}
}

static void put_target(void *ctx, const struct metric_resource *r)
{
	struct text *t = ctx;

	prom_labels__of_target(&t->labels, r);
	if (render_labels(t))
		return;
	put_series(t, "target_info", "");
	buf__puts(t->out, "1\n");
	prom_out__pass_on(t->to);
}

static void put_targets(struct text *t, const struct metrics *m)
{
	int err;

	if (!m->n_resources)
		return;
	if (t->openmetrics)
		buf__puts(t->out, "# TYPE target info\n# HELP target " PROM_TARGET_HELP "\n");
	else
		buf__puts(t->out, "# HELP target_info " PROM_TARGET_HELP "\n"
				  "# TYPE target_info gauge\n");
	err = prom__each_target(m, put_target, t);
	if (err)
		t->out->err = err;
}

int prom_text__write(const struct metrics *m, bool openmetrics, unsigned int flags,
		     const struct prom_out *out)
{
	struct text t = { .to = out, .out = out->buf, .openmetrics = openmetrics, .flags = flags };
	int err;

	put_targets(&t, m);
	err = prom__each_family(m, put_family, &t);
	if (openmetrics)
		buf__puts(t.out, "# EOF\n");
	prom_labels__free(&t.labels);
	buf__free(&t.rendered);
	return err ? err : t.out->err;
}
