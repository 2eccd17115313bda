// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "top_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"

static const struct {
	const char *key;
	size_t offset;
} figures[] = {
	{ "rate", offsetof(struct top_row, rate) },
	{ "count", offsetof(struct top_row, count) },
	{ "errors", offsetof(struct top_row, errors) },
	{ "error_ratio", offsetof(struct top_row, error_ratio) },
	{ "mean", offsetof(struct top_row, mean) },
	{ "p50", offsetof(struct top_row, p50) },
	{ "p95", offsetof(struct top_row, p95) },
	{ "p99", offsetof(struct top_row, p99) },
	{ "total_count", offsetof(struct top_row, total_count) },
	{ "total_errors", offsetof(struct top_row, total_errors) },
};

static void read_figures(struct top_row *row, const cJSON *stats)
{
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		*(double *)((char *)row + figures[i].offset) =
			answer__number(stats, figures[i].key);
}

static void read_spark(struct top_row *row, const cJSON *spark)
{
	const cJSON *rates = cJSON_GetObjectItemCaseSensitive(spark, "rate"), *rate;

	cJSON_ArrayForEach(rate, rates)
	{
		if (row->n_spark == TOP_SPARK_MAX)
			break;
		row->spark[row->n_spark++] = cJSON_IsNumber(rate) ? (float)rate->valuedouble : 0.0f;
	}
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

/* A service is a row for each side that it has; the spark is of what it serves, if it does. */
static size_t read_service(struct top_row *row, const cJSON *service)
{
	static const char *const sides[] = { "server", "client" };
	size_t n = 0;

	for (size_t side = 0; side < 2; side++) {
		const cJSON *stats = cJSON_GetObjectItemCaseSensitive(service, sides[side]);

		if (!cJSON_IsObject(stats))
			continue;
		row[n] = (struct top_row){
			.service = or_empty(answer__text(service, "name")),
			.namespace = or_empty(answer__text(service, "namespace")),
			.client = side == 1,
		};
		read_figures(&row[n], stats);
		if (!n)
			read_spark(&row[n], cJSON_GetObjectItemCaseSensitive(service, "spark"));
		n++;
	}
	return n;
}

static size_t read_route(struct top_row *row, const cJSON *route)
{
	const char *kind = answer__text(route, "kind");

	*row = (struct top_row){
		.service = or_empty(answer__text(route, "service")),
		.namespace = or_empty(answer__text(route, "namespace")),
		.client = kind && !strcmp(kind, "client"),
		.protocol = answer__text(route, "protocol"),
		.method = answer__text(route, "method"),
		.route = answer__text(route, "route"),
		.peer = answer__text(route, "peer"),
	};
	read_figures(row, route);
	return 1;
}

static int read_rows(struct top_rows *out, cJSON *document, const char *key,
		     size_t (*read)(struct top_row *row, const cJSON *item))
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(document, key), *item;

	*out = (struct top_rows){ .document = document };
	if (!cJSON_IsArray(list)) {
		top_rows__free(out);
		return -EBADMSG;
	}
	out->v = calloc(TOP_ROWS_MAX, sizeof(*out->v));
	if (!out->v) {
		top_rows__free(out);
		return -ENOMEM;
	}
	cJSON_ArrayForEach(item, list)
	{
		if (out->n + 2 > TOP_ROWS_MAX)
			break;
		out->n += read(&out->v[out->n], item);
	}
	out->total = answer__count(document, "total");
	return 0;
}

int top_rows__services(struct top_rows *out, cJSON *document)
{
	return read_rows(out, document, "services", read_service);
}

int top_rows__routes(struct top_rows *out, cJSON *document)
{
	return read_rows(out, document, "routes", read_route);
}

void top_rows__free(struct top_rows *rows)
{
	cJSON_Delete(rows->document);
	free(rows->v);
	*rows = (struct top_rows){ 0 };
}

/* ---- what was lost -------------------------------------------------------------------------- */

/* The reasons that docs/metrics.md calls no loss. */
static bool is_no_loss(const char *reason)
{
	static const char *const reasons[] = { "not_wanted", "not_stream", "peek", "ciphertext" };

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reason && !strcmp(reason, reasons[i]))
			return true;
	}
	return false;
}

double top_status__lost(const cJSON *status)
{
	const cJSON *metrics = cJSON_GetObjectItemCaseSensitive(status, "metrics"), *m;
	double lost = 0;

	cJSON_ArrayForEach(m, metrics)
	{
		const cJSON *attrs = cJSON_GetObjectItemCaseSensitive(m, "attrs");
		const char *name = answer__text(m, "name");

		if (name &&
		    (!strcmp(name, "redeye.events.dropped") ||
		     !strcmp(name, "redeye.requests.dropped")) &&
		    !is_no_loss(answer__text(attrs, "reason")))
			lost += answer__count(m, "value");
	}
	return lost;
}
