// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "table.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

#define MAX_ROWS 200
#define SHOWN	 40

struct row {
	char key[256]; /* service, kind, method, route, each ended by \n */
	uint64_t count, errors;
	struct metric_exp exp; /* merged, counts below */
	uint64_t counts[320];
	int32_t lo, hi; /* bucket indexes at `scale` */
	int32_t scale;
	uint64_t zero;
	bool any;
};

struct seen {
	char key[256];
	uint64_t count;
};

struct table {
	FILE *to;
	bool terminal;
	uint64_t last_ns;
	struct row *rows;
	size_t n_rows;
	struct seen *seen; /* counts of the last call */
	size_t n_seen;
	int drawn; /* lines to go up before drawing again */
};

struct table *table__new(FILE *to, bool terminal)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->to = to;
	t->terminal = terminal;
	t->rows = calloc(MAX_ROWS, sizeof(*t->rows));
	t->seen = calloc(MAX_ROWS, sizeof(*t->seen));
	if (t->rows && t->seen)
		return t;
	table__free(t);
	errno = ENOMEM;
	return NULL;
}

void table__free(struct table *t)
{
	if (!t)
		return;
	free(t->rows);
	free(t->seen);
	free(t);
}

/* ---- rows from series ------------------------------------------------------------------ */

static const char *attr(const struct metric_point *p, const char *key)
{
	uint32_t i;

	for (i = 0; i < p->n_attrs; i++)
		if (!strcmp(p->attrs[i].key, key))
			return p->attrs[i].type == ATTR_STRING ? p->attrs[i].str : "yes";
	return NULL;
}

static struct row *row_of(struct table *t, const char *key)
{
	size_t i;

	for (i = 0; i < t->n_rows; i++)
		if (!strcmp(t->rows[i].key, key))
			return &t->rows[i];
	if (t->n_rows == MAX_ROWS)
		return NULL;
	memset(&t->rows[t->n_rows], 0, sizeof(struct row));
	snprintf(t->rows[t->n_rows].key, sizeof(t->rows->key), "%s", key);
	return &t->rows[t->n_rows++];
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

static void add_point(struct table *t, const struct metric_point *p, const char *kind)
{
	const char *route = attr(p, "http.route"), *method = attr(p, "http.request.method");
	const char *server = attr(p, "server.address");
	char key[256];
	struct row *r;

	if (attr(p, "otel.metric.overflow"))
		method = "(overflow)";
	snprintf(key, sizeof(key), "%.60s\n%s\n%s\n%.120s",
		 p->resource ? p->resource->service_name : "", kind, method ? method : "",
		 route ? route : server ? server : "");
	r = row_of(t, key);
	if (!r)
		return;
	r->count += p->hist.count;
	if (attr(p, "error.type"))
		r->errors += p->hist.count;
	merge(r, &p->hist.exp);
}

/* The upper bound of the bucket in which the quantile lies, in seconds. */
static double quantile(const struct row *r, double q)
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

/* ---- printing --------------------------------------------------------------------------- */

static uint64_t last_count(const struct table *t, const char *key)
{
	size_t i;

	for (i = 0; i < t->n_seen; i++)
		if (!strcmp(t->seen[i].key, key))
			return t->seen[i].count;
	return 0;
}

/* What came from outside must not move the cursor. */
static void put_cell(FILE *to, const char *s, size_t len, int width)
{
	uint32_t cp;
	size_t n;
	int used = 0;

	for (; len && used < width; s += n, len -= n, used++) {
		n = utf8_next(s, len, &cp);
		if (n && utf8_printable(cp)) {
			fwrite(s, 1, n, to);
		} else {
			fputc('?', to);
			n = 1;
		}
	}
	fprintf(to, "%*s ", width - used, "");
}

static void put_duration(FILE *to, double s)
{
	if (s <= 0)
		fprintf(to, " %8s", "-");
	else if (s < 1e-3)
		fprintf(to, " %6.0fus", s * 1e6);
	else if (s < 1)
		fprintf(to, " %6.1fms", s * 1e3);
	else
		fprintf(to, " %7.2fs", s);
}

static void put_row(struct table *t, const struct row *r, double interval_s)
{
	static const int width[] = { 18, 6, 8, 28 };
	const char *p = r->key, *end;
	uint64_t before = last_count(t, r->key);
	int i;

	for (i = 0; i < 4; i++) {
		end = strchrnul(p, '\n');
		put_cell(t->to, p, end - p, width[i]);
		p = *end ? end + 1 : end;
	}
	if (interval_s > 0)
		fprintf(t->to, "%8.1f", (r->count - before) / interval_s);
	else
		fprintf(t->to, "%8s", "-");
	fprintf(t->to, " %8llu %6.1f%%", (unsigned long long)r->count,
		r->count ? 100.0 * r->errors / r->count : 0);
	put_duration(t->to, quantile(r, 0.5));
	put_duration(t->to, quantile(r, 0.95));
	put_duration(t->to, quantile(r, 0.99));
	fputs(t->terminal ? "\033[K\n" : "\n", t->to);
}

static void remember(struct table *t, uint64_t now_ns)
{
	size_t i;

	for (i = 0; i < t->n_rows; i++) {
		memcpy(t->seen[i].key, t->rows[i].key, sizeof(t->seen[i].key));
		t->seen[i].count = t->rows[i].count;
	}
	t->n_seen = t->n_rows;
	t->last_ns = now_ns;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->key, ((const struct row *)b)->key);
}

static void collect(struct table *t, const struct metrics *m)
{
	uint32_t f, p;

	t->n_rows = 0;
	for (f = 0; f < m->n_families; f++) {
		const struct metric_family *fam = &m->families[f];
		bool server = !strcmp(fam->name, "http.server.request.duration");

		if (!server && strcmp(fam->name, "http.client.request.duration"))
			continue;
		for (p = 0; p < fam->n_points; p++)
			add_point(t, &fam->points[p], server ? "server" : "client");
	}
	qsort(t->rows, t->n_rows, sizeof(*t->rows), by_key);
}

void table__print(struct table *t, const struct metrics *m, const char *note)
{
	double interval_s = t->last_ns ? (m->unix_ns - t->last_ns) / 1e9 : 0;
	const char *eol = t->terminal ? "\033[K\n" : "\n";
	size_t i, shown;

	collect(t, m);
	shown = t->n_rows < SHOWN ? t->n_rows : SHOWN;
	if (t->terminal && t->drawn)
		fprintf(t->to, "\033[%dA", t->drawn);
	fprintf(t->to, "%-18s %-6s %-8s %-28s %8s %8s %7s %8s %8s %8s%s", "SERVICE", "KIND",
		"METHOD", "ROUTE", "RATE/S", "COUNT", "ERRORS", "P50", "P95", "P99", eol);
	for (i = 0; i < shown; i++)
		put_row(t, &t->rows[i], interval_s);
	if (!shown)
		fprintf(t->to, "no request seen yet%s", eol);
	if (t->n_rows > shown)
		fprintf(t->to, "... and %zu more%s", t->n_rows - shown, eol);
	fprintf(t->to, "%s%s", note ? note : "", eol);
	if (t->terminal)
		fputs("\033[J", t->to);
	t->drawn = shown + 2 + !shown + (t->n_rows > shown);
	remember(t, m->unix_ns);
	fflush(t->to);
}
