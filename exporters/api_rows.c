// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double key_of(const struct history_dist *d, enum api_sort by)
{
	switch (by) {
	case API_BY_RATE:
		return (double)d->count;
	case API_BY_ERRORS:
		return d->count ? (double)d->errors / (double)d->count : 0;
	case API_BY_P50:
		return history_dist__quantile(d, 0.5);
	case API_BY_P95:
		return history_dist__quantile(d, 0.95);
	case API_BY_P99:
		return history_dist__quantile(d, 0.99);
	case API_BY_NAME:
		break;
	}
	return 0;
}

struct api_place api_rows__place(const struct history_dist *d, const struct api_query *q, size_t i)
{
	return (struct api_place){ q->sort == API_BY_NAME ? (double)i : key_of(d, q->sort), i };
}

bool api_rows__has(const char *text, const char *q)
{
	return text && strcasestr(text, q);
}

int api_rows__cmp(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) : (a != NULL) - (b != NULL);
}

static int compare(const struct api_place *a, const struct api_place *b, int sign)
{
	if (isnan(a->key) || isnan(b->key))
		return isnan(a->key) - isnan(b->key);
	if (a->key != b->key)
		return a->key < b->key ? -sign : sign;
	return 0;
}

static int by_number(const struct api_place *a, const struct api_place *b)
{
	return a->i < b->i ? -1 : a->i > b->i;
}

static int ascending(const void *va, const void *vb)
{
	int c = compare(va, vb, 1);

	return c ? c : by_number(va, vb);
}

static int descending(const void *va, const void *vb)
{
	int c = compare(va, vb, -1);

	return c ? c : by_number(va, vb);
}

void api_rows__sort(struct api_place *v, size_t n, enum api_order order)
{
	if (n)
		qsort(v, n, sizeof(*v), order == API_DESC ? descending : ascending);
}

void api_rows__write(struct buf *out, const struct api_request *r, const struct api_query *q,
		     const struct history_rows *rows, const char *key,
		     const struct api_place *order, size_t n,
		     void (*write)(struct buf *out, size_t i, const void *arg), const void *arg)
{
	size_t from = q->offset < n ? q->offset : n;
	size_t shown = n - from < q->limit ? n - from : q->limit;

	buf__putc(out, '{');
	api_json__range(out, rows->range);
	api_json__key(out, "step");
	api_json__number(out, rows->step);
	api_json__page(out, r, q, n, shown);
	api_json__key(out, key);
	buf__putc(out, '[');
	for (size_t i = from; i < from + shown; i++)
		write(out, order[i].i, arg);
	buf__puts(out, "]}");
}
