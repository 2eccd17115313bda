// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "top_plain.h"

#include <errno.h>
#include <string.h>

#include "answer.h"
#include "top_layout.h"

static void put(void *arg, enum top_style style, const char *text)
{
	buf__puts(arg, text);
}

/* Columns are filled up with blanks: not at the end of a line. */
static void end_line(struct buf *out)
{
	while (out->len && out->p[out->len - 1] == ' ')
		out->len--;
	buf__putc(out, '\n');
}

void top_plain__table(const struct top_model *m, struct buf *out)
{
	const struct top_pen pen = { put, out };
	struct top_layout l;

	top_layout__choose(&l, m, 0, true);
	top_layout__head(&l, m, &pen);
	end_line(out);
	for (size_t i = 0; i < m->n_shown; i++) {
		top_layout__row(&l, m->shown[i], false, &pen);
		end_line(out);
	}
	if (!m->n_shown)
		buf__puts(out, "no request seen yet\n");
	else if (m->rows.total > TOP_ASK_MAX)
		buf__printf(out, "... and %.0f more\n", m->rows.total - TOP_ASK_MAX);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static void add_text(cJSON *o, const char *key, const char *value)
{
	if (value)
		cJSON_AddStringToObject(o, key, value);
	else
		cJSON_AddNullToObject(o, key);
}

static cJSON *row_object(const struct top_row *row, bool routes)
{
	const struct {
		const char *key;
		double value;
	} figures[] = {
		{ "rate", row->rate },
		{ "count", row->count },
		{ "errors", row->errors },
		{ "error_ratio", row->error_ratio },
		{ "mean", row->mean },
		{ "p50", row->p50 },
		{ "p95", row->p95 },
		{ "p99", row->p99 },
		{ "total_count", row->total_count },
		{ "total_errors", row->total_errors },
	};
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "service", row->service);
	cJSON_AddStringToObject(o, "namespace", row->namespace);
	cJSON_AddStringToObject(o, "kind", row->client ? "client" : "server");
	if (routes) {
		add_text(o, "protocol", row->protocol);
		add_text(o, "method", row->method);
		add_text(o, "route", row->route);
		add_text(o, "peer", row->peer);
	}
	/* cJSON prints NAN as null. */
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		cJSON_AddNumberToObject(o, figures[i].key, figures[i].value);
	return o;
}

void top_plain__json(const struct top_model *m, struct buf *out)
{
	cJSON *list = cJSON_CreateArray();
	char *text;

	for (size_t i = 0; i < m->n_shown; i++)
		cJSON_AddItemToArray(list, row_object(m->shown[i], m->routes));
	text = list ? cJSON_PrintUnformatted(list) : NULL;
	if (text) {
		answer__put(out, text, strlen(text));
		buf__putc(out, '\n');
	} else {
		out->err = -ENOMEM;
	}
	cJSON_free(text);
	cJSON_Delete(list);
}
