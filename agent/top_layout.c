// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "top_layout.h"

#include <stdio.h>
#include <string.h>

#include "term_text.h"

enum {
	LABEL_MAX = 100, /* columns, however long the texts are */
	NAME_LEAST = 16, /* a figure goes when the name had less */
	LINE_MAX_BYTES = 512,
};

static const char *const label_heads[] = {
	[TOP_SERVICE] = "SERVICE",
	[TOP_KIND] = "KIND",
	[TOP_METHOD] = "METHOD",
	[TOP_ROUTE] = "ROUTE",
};

/* With the blank before them; ERRORS has a column for its mark. */
static const struct {
	const char *head;
	int width;
} figure_heads[] = {
	[TOP_RATE] = { "RATE/S", 7 }, [TOP_COUNT] = { "COUNT", 8 }, [TOP_ERRORS] = { "ERRORS", 8 },
	[TOP_P50] = { "P50", 7 },     [TOP_P95] = { "P95", 7 },     [TOP_P99] = { "P99", 7 },
};

/* ---- what there is room for ----------------------------------------------------------------- */

static const char *label_text(const struct top_row *row, enum top_label label, char *room,
			      size_t size)
{
	switch (label) {
	case TOP_SERVICE:
		return *row->service ? row->service : "-";
	case TOP_KIND:
		return row->client ? "client" : "server";
	case TOP_METHOD:
		return top_row__method(row);
	default:
		return top_row__route(row, room, size);
	}
}

static int natural_width(const struct top_model *m, enum top_label label)
{
	int widest = (int)strlen(label_heads[label]) + 1, width;
	char room[TOP_ID_MAX];

	for (size_t i = 0; i < m->n_shown; i++) {
		width = term_text__width(label_text(m->shown[i], label, room, sizeof(room)));
		widest = widest < width ? width : widest;
	}
	return widest < LABEL_MAX ? widest : LABEL_MAX;
}

static int labels_width(const struct top_layout *l)
{
	int width = 0;

	for (int i = 0; i < TOP_LABEL__CNT; i++)
		width += l->labels[i] ? l->labels[i] + (width > 0) : 0;
	return width;
}

static int line_width(const struct top_layout *l)
{
	int width = (l->mark ? 2 : 0) + labels_width(l) + (l->spark ? 1 + l->spark : 0);

	for (int i = 0; i < TOP_COLUMN__CNT; i++)
		width += l->figures[i] ? figure_heads[i].width : 0;
	return width;
}

/* The last to go is the first that people look at. */
static bool drop_figure(struct top_layout *l)
{
	static const enum top_column order[] = { TOP_P50, TOP_COUNT, TOP_P99, TOP_P95, TOP_ERRORS };

	if (l->spark) {
		l->spark = 0;
		return true;
	}
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (l->figures[order[i]]) {
			l->figures[order[i]] = false;
			return true;
		}
	}
	return false;
}

/* Figures go until the name has its least, then the name is cut. */
static void fit(struct top_layout *l, int *name, int width)
{
	int wanted = *name < NAME_LEAST ? *name : NAME_LEAST, over;

	while ((over = line_width(l) - width) > 0 && *name - over < wanted) {
		if (!drop_figure(l))
			break;
	}
	if (over > 0)
		*name = *name - over > 1 ? *name - over : 1;
}

void top_layout__choose(struct top_layout *l, const struct top_model *m, int width, bool plain)
{
	int spark = plain || m->routes || width < TOP_SPARK_FROM ? 0 : TOP_SPARK;

	*l = (struct top_layout){ .mark = !plain, .spark = spark };
	for (int i = TOP_RATE; i < TOP_COLUMN__CNT; i++)
		l->figures[i] = true;
	if (plain || !m->routes)
		l->labels[TOP_SERVICE] = natural_width(m, TOP_SERVICE);
	if (plain)
		l->labels[TOP_KIND] = natural_width(m, TOP_KIND);
	if (m->routes) {
		l->labels[TOP_METHOD] = natural_width(m, TOP_METHOD);
		l->labels[TOP_ROUTE] = natural_width(m, TOP_ROUTE);
	}
	if (width > 0)
		fit(l, &l->labels[m->routes ? TOP_ROUTE : TOP_SERVICE], width);
}

/* ---- lines ---------------------------------------------------------------------------------- */

/* Text of one style, at most LINE_MAX_BYTES, put as a whole. */
static void put(const struct top_pen *pen, enum top_style style, struct buf *text)
{
	buf__append(text, "", 1);
	if (!text->err)
		pen->put(pen->arg, style, text->p);
	buf__reset(text);
}

void top_layout__head(const struct top_layout *l, const struct top_model *m,
		      const struct top_pen *pen)
{
	const char *arrow = !l->mark                              ? ""
			    : !term_text__unicode()               ? "*"
			    : (m->sort == TOP_NAME) == m->reverse ? "\xe2\x86\x93"
								  : "\xe2\x86\x91";
	enum top_label name = m->routes ? TOP_ROUTE : TOP_SERVICE;
	const char *between = l->mark ? "  " : "";
	struct buf b = { 0 };
	char head[32];

	for (int i = 0; i < TOP_LABEL__CNT; i++) {
		if (!l->labels[i])
			continue;
		snprintf(head, sizeof(head), "%s%s", label_heads[i],
			 (int)name == i && m->sort == TOP_NAME ? arrow : "");
		buf__puts(&b, between);
		term_text__cell(&b, head, l->labels[i]);
		between = " ";
	}
	for (int i = 0; i < TOP_COLUMN__CNT; i++) {
		if (!l->figures[i])
			continue;
		snprintf(head, sizeof(head), "%s%s", (int)m->sort == i ? arrow : "",
			 figure_heads[i].head);
		buf__printf(&b, "%*s%s%s",
			    figure_heads[i].width - term_text__width(head) - (i == TOP_ERRORS), "",
			    head, i == TOP_ERRORS ? " " : "");
	}
	if (l->spark)
		buf__printf(&b, " %-*s", l->spark, "RATE OVER TIME");
	put(pen, TOP_HEAD, &b);
	buf__free(&b);
}

static void put_figure(const struct top_row *row, enum top_column column, char to[TERM_FIGURE])
{
	switch (column) {
	case TOP_RATE:
		term_text__rate(to, row->rate);
		break;
	case TOP_COUNT:
		term_text__count(to, row->count);
		break;
	case TOP_ERRORS:
		term_text__ratio(to, row->error_ratio);
		break;
	default:
		term_text__duration(to, column == TOP_P50   ? row->p50
					: column == TOP_P95 ? row->p95
							    : row->p99);
	}
}

static void put_spark(struct buf *b, const struct top_row *row, int width)
{
	static const char *const bars[] = { " ",
					    "\xe2\x96\x81",
					    "\xe2\x96\x82",
					    "\xe2\x96\x83",
					    "\xe2\x96\x84",
					    "\xe2\x96\x85",
					    "\xe2\x96\x86",
					    "\xe2\x96\x87",
					    "\xe2\x96\x88" };
	static const char plain[] = " .:-=+*#%";
	float max = 0;
	size_t i;
	int level;

	buf__putc(b, ' ');
	for (i = 0; i < row->n_spark; i++)
		max = max < row->spark[i] ? row->spark[i] : max;
	for (i = 0; i < row->n_spark && i < (size_t)width; i++) {
		level = max > 0 && row->spark[i] > 0 ? 1 + (int)(row->spark[i] / max * 7) : 0;
		if (term_text__unicode())
			buf__puts(b, bars[level]);
		else
			buf__putc(b, plain[level]);
	}
}

void top_layout__row(const struct top_layout *l, const struct top_row *row, bool selected,
		     const struct top_pen *pen)
{
	const char *between = l->mark ? selected ? "> " : "  " : "";
	char room[TOP_ID_MAX], figure[TERM_FIGURE];
	struct buf b = { 0 };

	for (int i = 0; i < TOP_LABEL__CNT; i++) {
		if (!l->labels[i])
			continue;
		buf__puts(&b, between);
		term_text__cell(&b, label_text(row, i, room, sizeof(room)), l->labels[i]);
		between = " ";
	}
	for (int i = 0; i < TOP_COLUMN__CNT; i++) {
		bool alarm = i == TOP_ERRORS && row->errors > 0;

		if (!l->figures[i])
			continue;
		if (alarm)
			put(pen, TOP_PLAIN, &b);
		put_figure(row, i, figure);
		buf__printf(&b, " %*s%s", figure_heads[i].width - 1 - (i == TOP_ERRORS), figure,
			    i != TOP_ERRORS ? ""
			    : alarm         ? "!"
					    : " ");
		if (alarm)
			put(pen, TOP_ALARM, &b);
	}
	if (l->spark)
		put_spark(&b, row, l->spark);
	put(pen, TOP_PLAIN, &b);
	buf__free(&b);
}

/* ---- the line above ------------------------------------------------------------------------- */

static void window_text(unsigned int s, char *to, size_t size)
{
	if (s % 3600 == 0)
		snprintf(to, size, "%uh", s / 3600);
	else if (s % 60 == 0)
		snprintf(to, size, "%um", s / 60);
	else
		snprintf(to, size, "%us", s);
}

struct line {
	const struct top_pen *pen;
	int room;
	bool any;
};

/* A part of the summary, when there is room for all of it. The first is cut instead. */
static void put_part(struct line *line, enum top_style style, const char *text)
{
	int width = term_text__width(text), taken = 0;
	struct buf b = { 0 };

	if (line->any && width + 3 > line->room)
		return;
	buf__puts(&b, line->any ? " | " : "");
	put(line->pen, TOP_PLAIN, &b);
	line->room -= line->any ? 3 : 0;
	taken = term_text__put(&b, text, line->room);
	put(line->pen, style, &b);
	line->room -= taken;
	line->any = true;
	buf__free(&b);
}

void top_layout__summary(const struct top_model *m, int width, const struct top_pen *pen)
{
	struct line line = { .pen = pen, .room = width };
	char text[TOP_NAME_MAX + 64], figure[TERM_FIGURE];
	double rate, count, errors;

	top_model__sum(m, &rate, &count, &errors);
	snprintf(text, sizeof(text), "%s: %s", m->routes ? m->service : "all services",
		 m->client ? "requests to others" : "requests served");
	put_part(&line, TOP_STRONG, text);
	if (m->paused)
		put_part(&line, TOP_STRONG, "PAUSED");
	term_text__rate(figure, rate);
	snprintf(text, sizeof(text), "%s/s", figure + strspn(figure, " "));
	put_part(&line, TOP_PLAIN, text);
	term_text__ratio(figure, count > 0 ? errors / count : 0);
	snprintf(text, sizeof(text), "%s errors%s", figure + strspn(figure, " "),
		 errors > 0 ? "!" : "");
	put_part(&line, errors > 0 ? TOP_ALARM : TOP_PLAIN, text);
	window_text(m->window_s, figure, sizeof(figure));
	snprintf(text, sizeof(text), "last %s", figure);
	put_part(&line, TOP_PLAIN, text);
	if (m->errors_only)
		put_part(&line, TOP_STRONG, "with errors only");
	if (m->lost > 0)
		snprintf(text, sizeof(text), "redeye lost %.0f!", m->lost);
	else
		snprintf(text, sizeof(text), "nothing lost");
	if (m->lost >= 0)
		put_part(&line, m->lost > 0 ? TOP_ALARM : TOP_PLAIN, text);
}
