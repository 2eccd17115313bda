// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "term_text.h"

#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "utf8.h"

#define MARKS_MAX 3 /* combining characters on one other: what a cell of curses holds */

static bool unicode;

static bool locale_is_named(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	const char *value;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		value = getenv(names[i]);
		if (value && *value)
			return true;
	}
	return false;
}

/* Under sudo and in containers no locale is named, and the terminal knows UTF-8 all the same. */
void term_text__init(void)
{
	setlocale(LC_CTYPE, locale_is_named() ? "" : "C.UTF-8");
	unicode = !strcmp(nl_langinfo(CODESET), "UTF-8");
}

bool term_text__unicode(void)
{
	return unicode;
}

/* One character as it will be shown. */
struct glyph {
	const char *p;
	size_t len; /* in the text */
	int width;  /* 0: a mark on the one before */
	bool shown; /* else a '?' stands for it */
};

static struct glyph next_glyph(const char *s, size_t len, int marks)
{
	struct glyph g = { .p = s, .width = 1 };
	uint32_t cp;
	int width;

	g.len = utf8_next(s, len, &cp);
	if (!g.len) {
		g.len = 1;
		return g;
	}
	if (!utf8_printable(cp) || (cp >= 0x80 && !unicode))
		return g;
	width = cp < 0x80 ? 1 : wcwidth((wchar_t)cp);
	if (width < 0 || (!width && marks >= MARKS_MAX))
		return g;
	g.width = width;
	g.shown = true;
	return g;
}

int term_text__width(const char *s)
{
	size_t len = s ? strlen(s) : 0;
	int width = 0, marks = MARKS_MAX;
	struct glyph g;

	for (; len; s += g.len, len -= g.len) {
		g = next_glyph(s, len, marks);
		marks = g.width ? 0 : marks + 1;
		width += g.width;
	}
	return width;
}

int term_text__put(struct buf *out, const char *s, int room)
{
	bool cut = term_text__width(s) > room;
	size_t len = s ? strlen(s) : 0;
	int used = 0, marks = MARKS_MAX;
	struct glyph g;

	if (room < 1)
		return 0;
	for (; len; s += g.len, len -= g.len) {
		g = next_glyph(s, len, marks);
		if (used + g.width > room - cut)
			break;
		marks = g.width ? 0 : marks + 1;
		used += g.width;
		if (g.shown)
			buf__append(out, g.p, g.len);
		else
			buf__putc(out, '?');
	}
	if (cut)
		buf__putc(out, '+');
	return used + cut;
}

void term_text__cell(struct buf *out, const char *s, int room)
{
	int used = term_text__put(out, s, room);

	buf__printf(out, "%*s", room > used ? room - used : 0, "");
}

/* ---- figures -------------------------------------------------------------------------------- */

static void nothing(char to[TERM_FIGURE])
{
	snprintf(to, TERM_FIGURE, "%6s", "-");
}

void term_text__duration(char to[TERM_FIGURE], double s)
{
	const char *unit = s < 0.9995e-3 ? "us" : s < 0.9995 ? "ms" : "s";
	double v = s < 0.9995e-3 ? s * 1e6 : s < 0.9995 ? s * 1e3 : s;
	int decimals = *unit == 'u' || v >= 99.95 ? 0 : v >= 9.995 ? 1 : 2;
	char text[TERM_FIGURE];

	if (!(s > 0) || s >= 99999.5) {
		snprintf(to, TERM_FIGURE, "%6s", s > 0 ? ">1day" : "-");
		return;
	}
	snprintf(text, sizeof(text), "%.*f%s", decimals, v, unit);
	snprintf(to, TERM_FIGURE, "%6s", text);
}

/* Four digits and k, M or G for what has more than six. */
static void short_number(char to[TERM_FIGURE], int columns, int decimals, double v)
{
	static const char units[] = " kMGTPE";
	size_t unit = 0;

	if (v < pow(10, columns) - 0.5) {
		snprintf(to, TERM_FIGURE, "%*.*f", columns, decimals, v);
		return;
	}
	for (; v >= 9999.5 && units[unit + 1]; unit++)
		v /= 1000;
	if (v >= 9999.5)
		snprintf(to, TERM_FIGURE, "%*s", columns, ">9999E");
	else
		snprintf(to, TERM_FIGURE, "%*.*f%c", columns - 1, v < 99.5, v, units[unit]);
}

void term_text__rate(char to[TERM_FIGURE], double per_second)
{
	if (isnan(per_second))
		nothing(to);
	else
		short_number(to, 6, per_second < 999.95 ? 1 : 0, per_second);
}

void term_text__ratio(char to[TERM_FIGURE], double ratio)
{
	if (!(ratio >= 0 && ratio <= 1))
		nothing(to);
	else
		snprintf(to, TERM_FIGURE, "%5.1f%%", ratio * 100);
}

void term_text__count(char to[TERM_FIGURE], double count)
{
	short_number(to, 7, 0, count >= 0 ? count : 0);
}
