// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The protobuf format: MetricFamily messages, each behind its length. A
 * histogram carries its classic buckets and a native histogram of the same
 * values; Prometheus takes the one it is configured for.
 *
 * Exponential to native histogram:
 *
 *   OTLP bucket i holds (b^i, b^(i+1)], a native bucket j holds (b^(j-1), b^j],
 *   so j = i + 1. Native schemas end at 8: a finer scale is halved until it
 *   fits, i >> k, which is exact. A scale under -4 has no native form.
 *
 *   Buckets are listed as spans of neighbours. A gap of one or two empty
 *   buckets is bridged with zeros, since a span costs more than that. Counts
 *   are written as the difference to the bucket listed before.
 *
 * A family's metrics are packed one by one behind the family's other fields:
 * a repeated field may be appended in encoded form, and so the protobuf-c
 * structures of only one metric exist at a time.
 */
#include "hex.h"
#include "pb_write.h"
#include "prom_internal.h"

#include <math.h>

#include "exporters/prom_metrics.pb-c.h"

#define PB(name)              Io__Prometheus__Client__##name
#define NATIVE_SCALE_MAX      8
#define NATIVE_SCALE_MIN      (-4)
#define NATIVE_GAP            2        /* empty buckets that do not end a span */
#define NATIVE_ZERO_THRESHOLD 0x1p-128 /* as client_golang: no measured time is that short */

/* The elements of a repeated field, and their addresses, which is what protobuf-c takes. */
struct list {
	struct buf items, ptrs;
};

#define EXEMPLARS_MAX 32

/* An exemplar with all that it points to. */
struct exemplar {
	PB(Exemplar) msg;
	PB(LabelPair) labels[2], *ptrs[2];
	PB(Timestamp) time;
	char trace_id[2 * 16 + 1], span_id[2 * 8 + 1];
};

struct proto {
	const struct prom_out *to;
	struct buf *out; /* to's */
	unsigned int flags;
	struct prom_labels labels;
	struct buf family; /* the message under construction */
	struct list pairs, buckets, spans;
	struct buf deltas;
	struct exemplar exemplars[EXEMPLARS_MAX];
	PB(Exemplar) * exemplar_ptrs[EXEMPLARS_MAX];
	uint32_t n_exemplars;
};

static void list__add(struct list *l, const void *item, size_t size)
{
	buf__append(&l->items, item, size);
}

static void list__reset(struct list *l)
{
	buf__reset(&l->items);
	buf__reset(&l->ptrs);
}

static void list__free(struct list *l)
{
	buf__free(&l->items);
	buf__free(&l->ptrs);
}

/* Call it when nothing more will be added: growing moves the items. */
static void *list__ptrs(struct list *l, size_t size, size_t *n)
{
	for (size_t at = 0; at < l->items.len; at += size)
		buf__append(&l->ptrs, &(char *){ l->items.p + at }, sizeof(char *));
	*n = l->ptrs.len / sizeof(char *);
	return l->ptrs.p;
}

static void put_metric(struct proto *p, const PB(Metric) * metric)
{
	size_t size = protobuf_c_message_get_packed_size(&metric->base);

	/* Field 4, length-delimited: MetricFamily.metric. */
	buf__putc(&p->family, 4 << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED);
	pb_put_varint(&p->family, size);
	pb_put_message(&p->family, &metric->base, size);
}

static void set_labels(struct proto *p, PB(Metric) * metric)
{
	PB(LabelPair) pair = IO__PROMETHEUS__CLIENT__LABEL_PAIR__INIT;

	list__reset(&p->pairs);
	if (prom_labels__err(&p->labels))
		return;
	for (size_t i = 0; i < prom_labels__count(&p->labels); i++) {
		pair.name = (char *)prom_labels__name(&p->labels, i);
		pair.value = (char *)prom_labels__value(&p->labels, i);
		list__add(&p->pairs, &pair, sizeof(pair));
	}
	metric->label = list__ptrs(&p->pairs, sizeof(pair), &metric->n_label);
}

/* ---- native histograms ---- */

struct native {
	struct proto *p;
	bool started;
	int64_t next;      /* index behind the last listed bucket */
	uint64_t previous; /* count of the last listed bucket */
};

static void list_bucket(struct native *n, uint64_t count)
{
	struct buf *spans = &n->p->spans.items;

	buf__append(&n->p->deltas, &(int64_t){ (int64_t)(count - n->previous) }, sizeof(int64_t));
	if (!spans->err)
		((PB(BucketSpan) *)(spans->p + spans->len))[-1].length++;
	n->previous = count;
	n->next++;
}

static void add_span(struct proto *p, int64_t offset)
{
	PB(BucketSpan) span = IO__PROMETHEUS__CLIENT__BUCKET_SPAN__INIT;

	span.has_offset = span.has_length = true;
	span.offset = (int32_t)offset;
	list__add(&p->spans, &span, sizeof(span));
}

static void add_native(struct native *n, int64_t index, uint64_t count)
{
	if (!n->started || index - n->next > NATIVE_GAP) {
		add_span(n->p, index - n->next); /* next is 0 before the first one */
		n->next = index;
		n->started = true;
	}
	while (n->next < index)
		list_bucket(n, 0);
	list_bucket(n, count);
}

static void add_native_buckets(struct proto *p, const struct metric_exp *e)
{
	int k = e->scale > NATIVE_SCALE_MAX ? e->scale - NATIVE_SCALE_MAX : 0;
	struct native n = { .p = p };
	int64_t index, current = 0;
	uint64_t count = 0;

	for (uint32_t i = 0; i < e->n_counts; i++) {
		index = (((int64_t)e->offset + i) >> (k < 63 ? k : 63)) + 1;
		if (count && index != current) {
			add_native(&n, current, count);
			count = 0;
		}
		current = index;
		count += e->counts[i];
	}
	if (count)
		add_native(&n, current, count);
	if (!n.started) /* tells a native histogram without buckets from a classic one */
		add_span(p, 0);
}

/* Prometheus refuses a native histogram whose buckets do not add up to its count. */
static bool has_native(const struct metric_hist *h)
{
	uint64_t sum = h->exp.zero_count;

	for (uint32_t i = 0; i < h->exp.n_counts; i++)
		sum += h->exp.counts[i];
	return h->exp.scale >= NATIVE_SCALE_MIN && sum == h->count;
}

static void set_native(struct proto *p, PB(Histogram) * out, const struct metric_exp *e)
{
	add_native_buckets(p, e);
	out->has_schema = out->has_zero_threshold = out->has_zero_count = true;
	out->schema = e->scale < NATIVE_SCALE_MAX ? e->scale : NATIVE_SCALE_MAX;
	out->zero_threshold = NATIVE_ZERO_THRESHOLD;
	out->zero_count = e->zero_count;
	out->positive_span = list__ptrs(&p->spans, sizeof(PB(BucketSpan)), &out->n_positive_span);
	out->positive_delta = (int64_t *)p->deltas.p;
	out->n_positive_delta = p->deltas.len / sizeof(int64_t);
	out->exemplars = p->exemplar_ptrs;
	out->n_exemplars = p->n_exemplars;
}

/* ---- exemplars ---- */

static void set_label(struct exemplar *e, int i, const char *name, char *value)
{
	e->labels[i] = (PB(LabelPair))IO__PROMETHEUS__CLIENT__LABEL_PAIR__INIT;
	e->labels[i].name = (char *)name;
	e->labels[i].value = value;
	e->ptrs[i] = &e->labels[i];
}

/* src may be NULL, and so the result. */
static PB(Exemplar) * add_exemplar(struct proto *p, const struct metric_exemplar *src)
{
	struct exemplar *e = &p->exemplars[p->n_exemplars];

	if (!src || p->n_exemplars == EXEMPLARS_MAX)
		return NULL;
	e->msg = (PB(Exemplar))IO__PROMETHEUS__CLIENT__EXEMPLAR__INIT;
	e->time = (PB(Timestamp))IO__PROMETHEUS__CLIENT__TIMESTAMP__INIT;
	*hex_put(e->trace_id, src->trace_id, sizeof(src->trace_id)) = 0;
	*hex_put(e->span_id, src->span_id, sizeof(src->span_id)) = 0;
	set_label(e, 0, "trace_id", e->trace_id);
	set_label(e, 1, "span_id", e->span_id);
	e->msg.label = e->ptrs;
	e->msg.n_label = 2;
	e->msg.has_value = true;
	e->msg.value = src->value;
	e->time.has_seconds = e->time.has_nanos = true;
	e->time.seconds = (int64_t)(src->unix_ns / 1000000000);
	e->time.nanos = (int32_t)(src->unix_ns % 1000000000);
	e->msg.timestamp = &e->time;
	p->exemplar_ptrs[p->n_exemplars++] = &e->msg;
	return &e->msg;
}

/* ---- points ---- */

/* The bucket of +Inf, which is sample_count, is there only for an exemplar. */
static void set_classic(struct proto *p, PB(Histogram) * out, const struct metric_hist *h)
{
	PB(Bucket) bucket = IO__PROMETHEUS__CLIENT__BUCKET__INIT;
	uint32_t e = 0;

	p->n_exemplars = 0;
	bucket.has_cumulative_count = bucket.has_upper_bound = true;
	for (uint32_t i = 0; i < h->n_bounds; i++) {
		bucket.cumulative_count += h->counts[i];
		bucket.upper_bound = h->bounds[i];
		bucket.exemplar = add_exemplar(p, prom__exemplar(h, &e, h->bounds[i]));
		list__add(&p->buckets, &bucket, sizeof(bucket));
	}
	bucket.exemplar = add_exemplar(p, prom__exemplar(h, &e, INFINITY));
	if (bucket.exemplar) {
		bucket.cumulative_count = h->count;
		bucket.upper_bound = INFINITY;
		list__add(&p->buckets, &bucket, sizeof(bucket));
	}
	out->bucket = list__ptrs(&p->buckets, sizeof(bucket), &out->n_bucket);
	out->has_sample_count = out->has_sample_sum = true;
	out->sample_count = h->count;
	out->sample_sum = h->sum;
}

static void set_histogram(struct proto *p, PB(Histogram) * out, const struct metric_hist *h)
{
	list__reset(&p->buckets);
	list__reset(&p->spans);
	buf__reset(&p->deltas);
	set_classic(p, out, h);
	if (has_native(h))
		set_native(p, out, &h->exp);
}

static int scratch_err(const struct proto *p)
{
	const struct buf *all[] = { &p->pairs.items,  &p->pairs.ptrs,  &p->buckets.items,
				    &p->buckets.ptrs, &p->spans.items, &p->spans.ptrs,
				    &p->deltas };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (all[i]->err)
			return all[i]->err;
	}
	return prom_labels__err(&p->labels);
}

static void put_point(struct proto *p, enum prom_type type, const struct metric_point *point)
{
	PB(Metric) metric = IO__PROMETHEUS__CLIENT__METRIC__INIT;
	PB(Histogram) histogram = IO__PROMETHEUS__CLIENT__HISTOGRAM__INIT;
	PB(Counter) counter = IO__PROMETHEUS__CLIENT__COUNTER__INIT;
	PB(Gauge) gauge = IO__PROMETHEUS__CLIENT__GAUGE__INIT;
	PB(Timestamp) created = IO__PROMETHEUS__CLIENT__TIMESTAMP__INIT;

	created.has_seconds = created.has_nanos = true;
	created.seconds = (int64_t)(point->start_unix_ns / 1000000000);
	created.nanos = (int32_t)(point->start_unix_ns % 1000000000);
	prom_labels__of_point(&p->labels, point, p->flags);
	set_labels(p, &metric);
	switch (type) {
	case PROM_COUNTER:
		metric.counter = &counter;
		counter.has_value = true;
		counter.value = point->value;
		counter.created_timestamp = point->start_unix_ns ? &created : NULL;
		break;
	case PROM_GAUGE:
		metric.gauge = &gauge;
		gauge.has_value = true;
		gauge.value = point->value;
		break;
	case PROM_HISTOGRAM:
		metric.histogram = &histogram;
		set_histogram(p, &histogram, &point->hist);
		histogram.created_timestamp = point->start_unix_ns ? &created : NULL;
		break;
	}
	p->out->err = scratch_err(p);
	if (!p->out->err)
		put_metric(p, &metric);
}

static void begin_family(struct proto *p, const char *name, const char *unit, const char *help,
			 PB(MetricType) type)
{
	PB(MetricFamily) family = IO__PROMETHEUS__CLIENT__METRIC_FAMILY__INIT;
	struct buf clean = { 0 };

	prom_labels__clean(&clean, help);
	buf__putc(&clean, '\0');
	family.name = (char *)name;
	family.unit = *unit ? (char *)unit : NULL;
	family.help = clean.err || !*clean.p ? NULL : clean.p;
	family.has_type = true;
	family.type = type;
	buf__reset(&p->family);
	pb_put_message(&p->family, &family.base, protobuf_c_message_get_packed_size(&family.base));
	if (clean.err)
		p->out->err = clean.err;
	buf__free(&clean);
}

static void end_family(struct proto *p)
{
	if (p->family.err)
		p->out->err = p->family.err;
	pb_put_varint(p->out, p->family.len);
	prom_out__append(p->to, &p->family);
}

static const PB(MetricType) types[] = {
	[PROM_COUNTER] = IO__PROMETHEUS__CLIENT__METRIC_TYPE__COUNTER,
	[PROM_GAUGE] = IO__PROMETHEUS__CLIENT__METRIC_TYPE__GAUGE,
	[PROM_HISTOGRAM] = IO__PROMETHEUS__CLIENT__METRIC_TYPE__HISTOGRAM,
};

static void put_family(void *ctx, const struct prom_family *f)
{
	struct proto *p = ctx;

	if (p->out->err)
		return;
	begin_family(p, f->name.full, f->name.unit, f->src->help, types[f->name.type]);
	for (const struct prom_family *part = f; part; part = part->more) {
		for (uint32_t i = 0; i < part->src->n_points && !p->out->err; i++)
			put_point(p, f->name.type, &part->src->points[i]);
	}
	end_family(p);
}

static void put_target(void *ctx, const struct metric_resource *r)
{
	PB(Metric) metric = IO__PROMETHEUS__CLIENT__METRIC__INIT;
	PB(Gauge) gauge = IO__PROMETHEUS__CLIENT__GAUGE__INIT;
	struct proto *p = ctx;

	if (p->out->err)
		return;
	prom_labels__of_target(&p->labels, r);
	set_labels(p, &metric);
	gauge.has_value = true;
	gauge.value = 1;
	metric.gauge = &gauge;
	p->out->err = scratch_err(p);
	if (!p->out->err)
		put_metric(p, &metric);
}

static void put_targets(struct proto *p, const struct metrics *m)
{
	int err;

	if (!m->n_resources || p->out->err)
		return;
	begin_family(p, "target_info", "", PROM_TARGET_HELP, types[PROM_GAUGE]);
	err = prom__each_target(m, put_target, p);
	if (err)
		p->out->err = err;
	end_family(p);
}

int prom_proto__write(const struct metrics *m, unsigned int flags, const struct prom_out *out)
{
	struct proto p = { .to = out, .out = out->buf, .flags = flags };
	int err;

	buf__init(&p.family, p.out->max);
	put_targets(&p, m);
	err = prom__each_family(m, put_family, &p);
	list__free(&p.pairs);
	list__free(&p.buckets);
	list__free(&p.spans);
	buf__free(&p.deltas);
	buf__free(&p.family);
	prom_labels__free(&p.labels);
	return err ? err : p.out->err;
}
