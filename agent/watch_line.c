// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "watch_line.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "answer.h"
#include "semconv.h"
#include "term_text.h"

enum {
	SERVICE_MAX = 24,
	PATH_MAX_COLUMNS = 400,
	TEXT_MAX = 80, /* all other texts */
	TRACE_SHOWN = 8,
};

#define DIM    "2"
#define RED    "31"
#define YELLOW "33"

static void paint(struct watch_line *w, struct buf *out, const char *how)
{
	if (w->colour)
		buf__printf(out, "\033[%sm", how);
}

static void put_time(struct buf *out, double at)
{
	time_t s;
	struct tm tm;
	char text[16];

	if (!(at >= 0 && at < 1e11)) {
		buf__puts(out, "--:--:--.---");
		return;
	}
	s = (time_t)at;
	localtime_r(&s, &tm);
	strftime(text, sizeof(text), "%T", &tm);
	buf__printf(out, "%s.%03d", text, (int)((at - (double)s) * 1000));
}

static void put_service(struct watch_line *w, struct buf *out, const char *service)
{
	int width = term_text__width(service);

	width = width < SERVICE_MAX ? width : SERVICE_MAX;
	w->service = w->service < width ? width : w->service;
	term_text__cell(out, service, w->service);
}

/* What was asked, of whom: "GET stock:8080/items/17", "gRPC shop.Orders/Get", "get users". */
static void put_request(struct buf *out, const cJSON *span, bool client)
{
	const cJSON *rpc = cJSON_GetObjectItemCaseSensitive(span, "rpc");
	const char *path = answer__text(span, "path"), *server = answer__text(span, "server");
	const char *method = answer__text(span, "method"), *of_rpc = answer__text(rpc, "method");

	if (cJSON_IsObject(rpc)) {
		method = protocol__title(answer__text(rpc, "system"));
		path = of_rpc ? of_rpc : path;
	}
	term_text__put(out, method ? method : "-", TEXT_MAX);
	buf__putc(out, ' ');
	if (client && server) {
		term_text__put(out, server, TEXT_MAX);
		buf__puts(out, path && *path == '/' ? "" : " ");
	}
	if (!path)
		path = answer__text(span, "route");
	term_text__put(out, path ? path : "-", PATH_MAX_COLUMNS);
}

static void put_outcome(struct watch_line *w, struct buf *out, const cJSON *span)
{
	const char *error = answer__text(span, "error"), *status = answer__text(span, "status");
	const char *how = error ? RED : status && *status == '4' ? YELLOW : NULL;
	char took[TERM_FIGURE];

	buf__putc(out, ' ');
	if (how)
		paint(w, out, how);
	term_text__put(out, status ? status : "-", TEXT_MAX);
	if (how)
		paint(w, out, "0");
	term_text__duration(took, answer__number(span, "duration"));
	buf__printf(out, " %s", took + strspn(took, " "));
	if (!error)
		return;
	paint(w, out, RED);
	buf__puts(out, " error=");
	term_text__put(out, error, TEXT_MAX);
	paint(w, out, "0");
}

void watch_line__put(struct watch_line *w, struct buf *out, const cJSON *span)
{
	const char *kind = answer__text(span, "kind"), *trace = answer__text(span, "trace_id");
	const char *service = answer__text(span, "service");
	bool client = kind && !strcmp(kind, "client");
	char id[TRACE_SHOWN + 1];

	paint(w, out, DIM);
	put_time(out, answer__number(span, "start"));
	paint(w, out, "0");
	buf__putc(out, ' ');
	put_service(w, out, service ? service : "-");
	buf__puts(out, client ? " -> " : " <- ");
	put_request(out, span, client);
	put_outcome(w, out, span);
	snprintf(id, sizeof(id), "%s", trace ? trace : "-");
	buf__putc(out, ' ');
	paint(w, out, DIM);
	term_text__put(out, id, TRACE_SHOWN);
	paint(w, out, "0");
	buf__putc(out, '\n');
}

void watch_line__lost(struct watch_line *w, struct buf *out, double count)
{
	paint(w, out, YELLOW);
	buf__printf(out, "%s %.0f not shown", term_text__unicode() ? "\xe2\x80\xa6" : "...", count);
	paint(w, out, "0");
	buf__putc(out, '\n');
}
