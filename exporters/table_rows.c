// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Series that differ in nothing that the table shows are one row. */
#include "table_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "semconv.h"

static const char *attr(const struct metric_point *p, const char *key)
{
	uint32_t i;

	for (i = 0; i < p->n_attrs; i++)
		if (!strcmp(p->attrs[i].key, key))
			return p->attrs[i].type == ATTR_STRING ? p->attrs[i].str : "yes";
	return NULL;
}

static struct row *row_of(struct table *t, const struct name *name)
{
	struct row *r;
	size_t i;

	for (i = 0; i < t->n_rows; i++)
		if (!memcmp(&t->rows[i].name, name, sizeof(*name)))
			return &t->rows[i];
	if (t->n_rows == MAX_ROWS)
		return NULL;
	r = &t->rows[t->n_rows++];
	memset(r, 0, sizeof(*r));
	memcpy(&r->name, name, sizeof(*name));
	return r;
}

/* Indexes of the merged histogram are taken modulo the array, which is wider
 * than the 160 buckets of any one histogram: coarsen until it fits. */
static void coarsen(struct row *r)
{
	uint64_t merged[320] = {};
	int32_t i;

	for (i = r->lo; i <= r->hi; i++)
		merged[((i >> 1) % 320 + 320) % 320] += r->counts[(i % 320 + 320) % 320];
	memcpy(r->counts, merged, sizeof(merged));
	r->lo >>= 1;
	r->hi >>= 1;
	r->scale--;
}

static void add_bucket(struct row *r, int32_t index, uint64_t n)
{
	if (!r->any) {
		r->lo = r->hi = index;
		r->any = true;
	}
	if (index < r->lo)
		r->lo = index;
	if (index > r->hi)
		r->hi = index;
	r->counts[(index % 320 + 320) % 320] += n;
}

static void merge(struct row *r, const struct metric_exp *e)
{
	uint32_t i;
	int32_t lo, hi, shift;

	r->zero += e->zero_count;
	if (!e->n_counts)
		return;
	if (!r->any)
		r->scale = e->scale;
	while (r->scale > e->scale)
		coarsen(r);
	shift = e->scale - r->scale;
	lo = e->offset >> shift;
	hi = (e->offset + (int32_t)e->n_counts - 1) >> shift;
	while (r->any && (hi > r->lo ? hi - r->lo : 0) + (r->hi > lo ? r->hi - lo : 0) >= 300) {
		coarsen(r);
		shift++;
		lo = e->offset >> shift;
		hi = (e->offset + (int32_t)e->n_counts - 1) >> shift;
	}
	for (i = 0; i < e->n_counts; i++)
		if (e->counts[i])
			add_bucket(r, (e->offset + (int32_t)i) >> shift, e->counts[i]);
}

/* 192.0.2.1:80, [2001:db8::1]:80 */
static void put_address(char *out, size_t size, const struct metric_point *p)
{
	const char *host = attr(p, "server.address");
	bool v6 = host && strchr(host, ':');
	uint32_t i;
	int n;

	n = snprintf(out, size, v6 ? "[%.*s]" : "%.*s", (int)size - 10, host ? host : "");
	for (i = 0; i < p->n_attrs; i++)
		if (!strcmp(p->attrs[i].key, "server.port") && p->attrs[i].type == ATTR_INT)
			snprintf(out + n, size - n, ":%u", (uint16_t)p->attrs[i].num);
}

static const char *of(const struct metric_point *p, const struct semconv *c, enum semconv_of of)
{
	const char *key = semconv__key(c, of);

	return key ? attr(p, key) : NULL;
}

static const char *method_of(const struct metric_point *p, const struct semconv *c)
{
	const char *method = of(p, c, OF_METHOD);

	if (attr(p, "otel.metric.overflow"))
		return "(overflow)";
	return method ? method : protocol__title(of(p, c, OF_SYSTEM));
}

static void name_of(struct name *name, const struct metric_point *p, uint32_t class)
{
	const struct semconv *c = class__semconv(class);
	const char *route = of(p, c, OF_ROUTE), *method = method_of(p, c);

	memset(name, 0, sizeof(*name));
	name->client = class__kind(class) == SPAN_CLIENT;
	if (p->resource)
		snprintf(name->service, sizeof(name->service), "%s", p->resource->service_name);
	snprintf(name->method, sizeof(name->method), "%s", method ? method : "");
	if (name->client && !route)
		put_address(name->route, sizeof(name->route), p);
	else
		snprintf(name->route, sizeof(name->route), "%s", route ? route : "-");
}

static void add_point(struct table *t, const struct metric_point *p, uint32_t class)
{
	struct name name;
	struct row *r;

	name_of(&name, p, class);
	r = row_of(t, &name);
	if (!r)
		return;
	r->count += p->hist.count;
	if (attr(p, "error.type"))
		r->errors += p->hist.count;
	merge(r, &p->hist.exp);
}

/* The upper bound of the bucket in which the table__quantile lies, in seconds. */
double table__quantile(const struct row *r, double q)
{
	uint64_t rank = ceil(q * r->count), sum = r->zero;
	int32_t i;

	if (!r->count || !r->any || sum >= rank)
		return 0;
	for (i = r->lo; i <= r->hi; i++) {
		sum += r->counts[(i % 320 + 320) % 320];
		if (sum >= rank)
			break;
	}
	return exp2(ldexp(i + 0.5, -r->scale));
}

static int by_name(const void *a, const void *b)
{
	const struct name *x = &((const struct row *)a)->name, *y = &((const struct row *)b)->name;
	int c = strcmp(x->service, y->service);

	c = c ? c : (int)x->client - (int)y->client;
	c = c ? c : strcmp(x->method, y->method);
	return c ? c : strcmp(x->route, y->route);
}

void table__collect(struct table *t, const struct metrics *m)
{
	uint32_t class, f, p;

	t->n_rows = 0;
	for (f = 0; f < m->n_families; f++) {
		class = class__of_duration(m->families[f].name);
		for (p = 0; class < SPAN_CLASSES && p < m->families[f].n_points; p++)
			add_point(t, &m->families[f].points[p], class);
	}
	qsort(t->rows, t->n_rows, sizeof(*t->rows), by_name);
}
