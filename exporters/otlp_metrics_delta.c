// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a snapshot has more than an earlier one. The earlier one is kept as it is, a
 * reference, and its series are found by a table over it: so a series that vanished
 * is forgotten with it, and the memory is that of one snapshot.
 *
 *   new series                 whole, since it began
 *   same start, nothing less   the difference, since the earlier snapshot
 *   another start              it began anew: whole, since then
 *   same start, but less       it began anew and nobody said when: whole, since the
 *                              earlier snapshot
 *
 * Exponential histograms lose scale as they grow: the earlier one is lowered to the
 * scale of the later one, which is exact, before the buckets are subtracted. The
 * smallest and largest value of a difference are not known.
 */
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "otlp_metrics_internal.h"

struct slot {
	uint64_t hash;
	struct point_ref ref; /* family NULL: free */
};

struct baseline {
	const struct metrics *m;
	size_t mask;
	struct slot slots[];
};

/* ---- finding a series ----------------------------------------------------- */

static uint64_t mix_text(uint64_t h, const char *s)
{
	return hash_mix(h, hash_bytes(s, strlen(s)));
}

static uint64_t hash_of(const struct point_ref *r)
{
	const struct metric_resource *res = r->point->resource;
	uint64_t h = mix_text(1, r->family->name);
	uint32_t i;

	if (res) {
		h = mix_text(h, res->service_name);
		h = mix_text(h, res->service_namespace);
		h = mix_text(h, res->service_instance_id);
	}
	for (i = 0; i < r->point->n_attrs; i++) {
		const struct metric_attr *a = &r->point->attrs[i];

		h = mix_text(h, a->key);
		h = a->type == ATTR_STRING ? mix_text(h, a->str) : hash_mix(h, (uint64_t)a->num);
	}
	return h;
}

static bool same_resource(const struct metric_resource *x, const struct metric_resource *y)
{
	if (!x || !y)
		return x == y;
	return !strcmp(x->service_name, y->service_name) &&
	       !strcmp(x->service_namespace, y->service_namespace) &&
	       !strcmp(x->service_instance_id, y->service_instance_id);
}

static bool same_attr(const struct metric_attr *x, const struct metric_attr *y)
{
	if (x->type != y->type || strcmp(x->key, y->key) != 0)
		return false;
	return x->type == ATTR_STRING ? !strcmp(x->str, y->str) : x->num == y->num;
}

static bool same_series(const struct point_ref *x, const struct point_ref *y)
{
	uint32_t i;

	if (x->family->kind != y->family->kind || strcmp(x->family->name, y->family->name) != 0 ||
	    x->point->n_attrs != y->point->n_attrs ||
	    !same_resource(x->point->resource, y->point->resource))
		return false;
	for (i = 0; i < x->point->n_attrs; i++)
		if (!same_attr(&x->point->attrs[i], &y->point->attrs[i]))
			return false;
	return true;
}

/* Where the series is, or the free place where it belongs. */
static const struct slot *find(const struct baseline *b, uint64_t hash, const struct point_ref *r)
{
	size_t i = hash & b->mask;

	while (b->slots[i].ref.family &&
	       (b->slots[i].hash != hash || !same_series(&b->slots[i].ref, r)))
		i = (i + 1) & b->mask;
	return &b->slots[i];
}

static void add(struct baseline *b, const struct metric_family *f, const struct metric_point *p)
{
	struct point_ref ref = { f, p };
	uint64_t hash = hash_of(&ref);

	*(struct slot *)find(b, hash, &ref) = (struct slot){ hash, ref };
}

static bool has_deltas(const struct metric_family *f)
{
	return f->kind == METRIC_COUNTER || f->kind == METRIC_HISTOGRAM;
}

struct baseline *baseline__new(const struct metrics *m)
{
	struct baseline *b;
	size_t n = 0, cap = 16;
	uint32_t i, k;

	for (i = 0; i < m->n_families; i++)
		n += has_deltas(&m->families[i]) ? m->families[i].n_points : 0;
	while (cap < 2 * n)
		cap *= 2;
	b = calloc(1, sizeof(*b) + cap * sizeof(*b->slots));
	if (!b)
		return NULL;
	b->m = m;
	b->mask = cap - 1;
	for (i = 0; i < m->n_families; i++)
		for (k = 0; has_deltas(&m->families[i]) && k < m->families[i].n_points; k++)
			add(b, &m->families[i], &m->families[i].points[k]);
	return b;
}

void baseline__free(struct baseline *b)
{
	free(b);
}

/* ---- subtracting: false when there is less than before -------------------- */

static bool diff_explicit(struct arena *a, const struct metric_hist *now,
			  const struct metric_hist *old, struct metric_hist *out)
{
	uint64_t *counts = arena__alloc(a, (now->n_bounds + 1) * sizeof(*counts));
	uint32_t i;

	if (!counts)
		return false;
	if (now->n_bounds != old->n_bounds ||
	    (now->n_bounds && memcmp(now->bounds, old->bounds, now->n_bounds * sizeof(double))))
		return false;
	for (i = 0; i <= now->n_bounds; i++) {
		if (now->counts[i] < old->counts[i])
			return false;
		counts[i] = now->counts[i] - old->counts[i];
	}
	out->counts = counts;
	return true;
}

/* Where bucket i of e is at a lower scale. */
static int64_t lowered(const struct metric_exp *e, uint32_t i, int32_t scale)
{
	int32_t k = e->scale - scale;

	return ((int64_t)e->offset + i) >> (k < 63 ? k : 63);
}

static void add_buckets(uint64_t *counts, const struct metric_exp *e, struct metric_exp *out)
{
	uint32_t i;

	for (i = 0; i < e->n_counts; i++)
		counts[lowered(e, i, out->scale) - out->offset] += e->counts[i];
}

static bool take_buckets(uint64_t *counts, const struct metric_exp *e, const struct metric_exp *out)
{
	int64_t at;
	uint32_t i;

	for (i = 0; i < e->n_counts; i++) {
		at = lowered(e, i, out->scale) - out->offset;
		if (!e->counts[i])
			continue;
		if (at < 0 || at >= out->n_counts || counts[at] < e->counts[i])
			return false;
		counts[at] -= e->counts[i];
	}
	return true;
}

static void trim(struct metric_exp *e)
{
	while (e->n_counts && !e->counts[e->n_counts - 1])
		e->n_counts--;
	while (e->n_counts && !e->counts[0]) {
		e->counts++;
		e->offset++;
		e->n_counts--;
	}
	if (!e->n_counts)
		e->offset = 0;
}

static bool diff_exp(struct arena *a, const struct metric_exp *now, const struct metric_exp *old,
		     struct metric_exp *out)
{
	uint64_t *counts;

	if (now->zero_count < old->zero_count)
		return false;
	*out = (struct metric_exp){ .zero_count = now->zero_count - old->zero_count };
	out->scale = now->scale < old->scale || !old->n_counts ? now->scale : old->scale;
	if (now->n_counts) {
		out->offset = (int32_t)lowered(now, 0, out->scale);
		out->n_counts =
			(uint32_t)(lowered(now, now->n_counts - 1, out->scale) - out->offset + 1);
	}
	counts = arena__alloc(a, out->n_counts * sizeof(*counts));
	if (!counts)
		return false;
	memset(counts, 0, out->n_counts * sizeof(*counts));
	out->counts = counts;
	add_buckets(counts, now, out);
	if (!take_buckets(counts, old, out))
		return false;
	trim(out);
	return true;
}

static bool diff_hist(struct arena *a, bool exponential, const struct metric_hist *now,
		      const struct metric_hist *old, struct metric_hist *out)
{
	if (now->count < old->count || now->sum < old->sum)
		return false;
	out->count = now->count - old->count;
	out->sum = now->sum - old->sum;
	return exponential ? diff_exp(a, &now->exp, &old->exp, &out->exp)
			   : diff_explicit(a, now, old, out);
}

/* ---- a point -------------------------------------------------------------- */

static void set_whole(const struct point_ref *now, struct otlp_point *out)
{
	if (now->family->kind == METRIC_HISTOGRAM)
		out->hist = now->point->hist;
	else
		out->value = now->point->value;
	out->extremes = true;
}

static bool subtract(struct arena *a, bool exponential, const struct point_ref *now,
		     const struct metric_point *old, struct otlp_point *out)
{
	out->extremes = false;
	if (now->family->kind == METRIC_HISTOGRAM)
		return diff_hist(a, exponential, &now->point->hist, &old->hist, &out->hist);
	out->value = now->point->value - old->value;
	return out->value >= 0;
}

bool baseline__diff(const struct baseline *b, struct arena *a, bool exponential,
		    const struct point_ref *now, struct otlp_point *out)
{
	const struct slot *old = b ? find(b, hash_of(now), now) : NULL;

	set_whole(now, out);
	if (!old || !old->ref.family || old->ref.point->start_unix_ns != now->point->start_unix_ns)
		return true;
	out->start_ns = b->m->unix_ns < out->time_ns ? b->m->unix_ns : out->time_ns;
	if (!subtract(a, exponential, now, old->ref.point, out)) {
		set_whole(now, out);
		return true;
	}
	return now->family->kind == METRIC_HISTOGRAM ? out->hist.count != 0 : out->value != 0;
}
