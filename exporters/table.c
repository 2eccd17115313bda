// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "table_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "utf8.h"

#define SHOWN   40
#define NUMBERS 43  /* columns from RATE/S on, with the blanks before them */
#define WIDE    100 /* a terminal of fewer columns gets no KIND */

struct table *table__new(FILE *to, int terminal)
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

/* ---- layout ---------------------------------------------------------------------------- */

/* Columns a cell takes when each character takes one. */
static int cell_width(const char *s)
{
	size_t len = strlen(s), n;
	uint32_t cp;
	int width = 0;

	for (; len; s += n, len -= n, width++) {
		n = utf8_next(s, len, &cp);
		n = n ? n : 1;
	}
	return width;
}

static void widen(int *column, int least)
{
	if (*column < least)
		*column = least;
}

static void choose_layout(struct table *t, size_t shown, int width)
{
	struct layout *l = &t->layout;
	size_t i;
	int room, least;

	*l = (struct layout){ .service = 7, .method = 6, .route = 5 };
	l->kind = !width || width >= WIDE ? 6 : 0;
	for (i = 0; i < shown; i++) {
		const struct name *n = &t->rows[i].name;

		widen(&l->service, cell_width(n->service));
		widen(&l->method, cell_width(n->method));
		widen(&l->route, cell_width(n->route) + (!l->kind && n->client ? 3 : 0));
	}
	if (!width)
		return;
	/* What does not fit is cut: the service to a third of the room, the route to the rest. */
	room = width - NUMBERS - l->method - 1 - (l->kind ? l->kind + 1 : 0);
	least = room / 3 > 7 ? room / 3 : 7;
	if (l->service > room - 1 - l->route && l->service > least)
		l->service = room - 1 - l->route > least ? room - 1 - l->route : least;
	room -= l->service + 1;
	if (l->route > room)
		l->route = room > 5 ? room : 5;
}

/* Columns and lines of the terminal; 0: unknown or none, no limit. */
static void terminal_size(const struct table *t, int *width, int *height)
{
	struct winsize size = { 0 };

	if (t->terminal < 0 || ioctl(t->terminal, TIOCGWINSZ, &size))
		size.ws_row = size.ws_col = 0;
	*width = size.ws_col;
	*height = size.ws_row;
}

/* ---- printing --------------------------------------------------------------------------- */

static uint64_t last_count(const struct table *t, const struct name *name)
{
	size_t i;

	for (i = 0; i < t->n_seen; i++)
		if (!memcmp(&t->seen[i].name, name, sizeof(*name)))
			return t->seen[i].count;
	return 0;
}

/* What came from outside must not move the cursor. A cell that is cut ends with +. */
static void put_cell(FILE *to, const char *s, int width)
{
	size_t len = strlen(s), n;
	bool cut = cell_width(s) > width;
	uint32_t cp;
	int used = 0;

	for (; len && used < width - cut; s += n, len -= n, used++) {
		n = utf8_next(s, len, &cp);
		if (n && utf8_printable(cp)) {
			fwrite(s, 1, n, to);
		} else {
			fputc('?', to);
			n = n ? n : 1;
		}
	}
	fprintf(to, "%s%*s ", cut ? "+" : "", width - used - cut, "");
}

/* Three digits that count, in six columns: 342us, 4.01ms, 34.8ms, 139ms, 1.20s. */
static void put_duration(FILE *to, double s)
{
	const char *unit = s < 0.9995e-3 ? "us" : s < 0.9995 ? "ms" : "s";
	double v = s < 0.9995e-3 ? s * 1e6 : s < 0.9995 ? s * 1e3 : s;
	int decimals = *unit == 'u' || v >= 99.95 ? 0 : v >= 9.995 ? 1 : 2;
	char text[32];

	snprintf(text, sizeof(text), "%.*f%s", decimals, v, unit);
	fprintf(to, " %6s", s > 0 ? text : "-");
}

static void put_rate(struct table *t, const struct row *r, double interval_s)
{
	uint64_t before = last_count(t, &r->name);
	double rate = r->count > before ? (r->count - before) / interval_s : 0;

	if (interval_s > 0)
		fprintf(t->to, "%6.*f", rate < 999.95 ? 1 : 0, rate);
	else
		fprintf(t->to, "%6s", "-");
}

static void put_row(struct table *t, const struct row *r, double interval_s)
{
	double errors = r->count ? 100.0 * r->errors / r->count : 0;
	const struct layout *l = &t->layout;
	bool arrow = !l->kind && r->name.client;

	put_cell(t->to, r->name.service, l->service);
	if (l->kind)
		put_cell(t->to, r->name.client ? "client" : "server", l->kind);
	put_cell(t->to, r->name.method, l->method);
	fputs(arrow ? "-> " : "", t->to);
	put_cell(t->to, r->name.route, l->route - (arrow ? 3 : 0));
	put_rate(t, r, interval_s);
	fprintf(t->to, " %7llu %5.1f%%", (unsigned long long)r->count, errors);
	put_duration(t->to, table__quantile(r, 0.5));
	put_duration(t->to, table__quantile(r, 0.95));
	put_duration(t->to, table__quantile(r, 0.99));
}

static void put_head(struct table *t)
{
	const struct layout *l = &t->layout;

	put_cell(t->to, "SERVICE", l->service);
	if (l->kind)
		put_cell(t->to, "KIND", l->kind);
	put_cell(t->to, "METHOD", l->method);
	put_cell(t->to, "ROUTE", l->route);
	fprintf(t->to, "%6s %7s %6s %6s %6s %6s", "RATE/S", "COUNT", "ERRORS", "P50", "P95", "P99");
}

static void remember(struct table *t, uint64_t now_ns)
{
	size_t i;

	for (i = 0; i < t->n_rows; i++) {
		memcpy(&t->seen[i].name, &t->rows[i].name, sizeof(t->seen[i].name));
		t->seen[i].count = t->rows[i].count;
	}
	t->n_seen = t->n_rows;
	t->last_ns = now_ns;
}

/* Without autowrap no line takes two, however wide its characters are. The rest of a line is
 * erased before it is written: behind its last column the cursor stands on that column. */
static void begin(const struct table *t)
{
	if (t->terminal >= 0 && t->drawn)
		fprintf(t->to, "\r\033[%dA", t->drawn);
	if (t->terminal >= 0)
		fputs("\033[?7l\033[K", t->to);
	else if (t->last_ns)
		fputc('\n', t->to);
}

static void end_line(struct table *t)
{
	fputs(t->terminal >= 0 ? "\n\033[K" : "\n", t->to);
	t->drawn++;
}

static size_t rows_that_fit(const struct table *t, int height)
{
	size_t max = SHOWN;

	/* Besides them: the head, what is left out, the note, the cursor. */
	if (height && max + 4 > (size_t)height)
		max = height > 5 ? height - 4 : 1;
	return t->n_rows < max ? t->n_rows : max;
}

static void put_rows(struct table *t, size_t shown, double interval_s)
{
	size_t i;

	for (i = 0; i < shown; i++) {
		put_row(t, &t->rows[i], interval_s);
		end_line(t);
	}
	if (t->n_rows > shown)
		fprintf(t->to, "... and %zu more", t->n_rows - shown);
	else if (!shown)
		fputs("no request seen yet", t->to);
	if (t->n_rows > shown || !shown)
		end_line(t);
}

void table__print(struct table *t, const struct metrics *m, const char *note)
{
	double interval_s = t->last_ns ? (m->unix_ns - t->last_ns) / 1e9 : 0;
	int width, height;
	size_t shown;

	table__collect(t, m);
	terminal_size(t, &width, &height);
	shown = rows_that_fit(t, height);
	choose_layout(t, shown, width);
	begin(t);
	t->drawn = 0;
	put_head(t);
	end_line(t);
	put_rows(t, shown, interval_s);
	fputs(note ? note : "", t->to);
	end_line(t);
	if (t->terminal >= 0)
		fputs("\033[J\033[?7h", t->to);
	remember(t, m->unix_ns);
	fflush(t->to);
}
