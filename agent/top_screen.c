// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "top_screen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NCURSES_WIDECHAR 1
#include <curses.h>

#include "term_text.h"
#include "top_layout.h"

enum { ESCAPE_MS = 25, PAIR_ALARM = 1, ABOVE = 2, BELOW = 1 };

static SCREEN *screen;
static bool colours;

int top_screen__open(char *err, size_t err_size)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	set_escdelay(ESCAPE_MS);
	screen = newterm(NULL, stdout, stdin);
	if (!screen) {
		snprintf(err, err_size,
			 "no terminal of type %s is known here: set TERM, or use --once",
			 term ? term : "(none)");
		return -ENOTTY;
	}
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, true);
	nodelay(stdscr, true);
	curs_set(0);
	colours = !(no_color && *no_color) && has_colors() && start_color() == OK &&
		  use_default_colors() == OK && init_pair(PAIR_ALARM, COLOR_RED, -1) == OK;
	return 0;
}

void top_screen__close(void)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
}

size_t top_screen__page(void)
{
	return LINES > ABOVE + BELOW ? LINES - ABOVE - BELOW : 1;
}

int top_screen__spark(void)
{
	return COLS >= TOP_SPARK_FROM ? TOP_SPARK : 0;
}

/* ---- keys ----------------------------------------------------------------------------------- */

static unsigned int function_key(wint_t code)
{
	static const struct {
		wint_t code;
		enum top_key key;
	} keys[] = {
		{ KEY_UP, TOP_KEY_UP },
		{ KEY_DOWN, TOP_KEY_DOWN },
		{ KEY_PPAGE, TOP_KEY_PAGE_UP },
		{ KEY_NPAGE, TOP_KEY_PAGE_DOWN },
		{ KEY_HOME, TOP_KEY_HOME },
		{ KEY_FIND, TOP_KEY_HOME }, /* as screen and tmux say it */
		{ KEY_END, TOP_KEY_END },
		{ KEY_SELECT, TOP_KEY_END },
		{ KEY_ENTER, TOP_KEY_ENTER },
		{ KEY_BACKSPACE, TOP_KEY_BACKSPACE },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (keys[i].code == code)
			return keys[i].key;
	}
	return TOP_KEY_OTHER;
}

static unsigned int character_key(wint_t c)
{
	switch (c) {
	case '\r':
	case '\n':
		return TOP_KEY_ENTER;
	case 27:
		return TOP_KEY_ESCAPE;
	case 8:
	case 127:
		return TOP_KEY_BACKSPACE;
	default:
		return c;
	}
}

bool top_screen__key(unsigned int *key)
{
	wint_t c;
	int rc = get_wch(&c);

	if (rc == ERR)
		return false;
	*key = rc == KEY_CODE_YES ? function_key(c) : character_key(c);
	return true;
}

/* ---- drawing -------------------------------------------------------------------------------- */

/* What all of a line has in common. */
struct line {
	attr_t attrs;
};

static attr_t attrs_of(enum top_style style)
{
	switch (style) {
	case TOP_HEAD:
		return A_UNDERLINE;
	case TOP_ALARM:
		return A_BOLD | (colours ? COLOR_PAIR(PAIR_ALARM) : 0);
	case TOP_STRONG:
		return A_BOLD;
	case TOP_FAINT:
		return A_DIM;
	default:
		return A_NORMAL;
	}
}

/* Cut at the right edge: curses would go on in the next line. */
static void put(void *arg, enum top_style style, const char *text)
{
	const struct line *line = arg;
	struct buf b = { 0 };

	term_text__put(&b, text, COLS - getcurx(stdscr));
	buf__append(&b, "", 1);
	attrset(attrs_of(style) | line->attrs);
	if (!b.err)
		addstr(b.p);
	attrset(A_NORMAL);
	buf__free(&b);
}

static void put_at(int y, enum top_style style, const char *text)
{
	struct line line = { A_NORMAL };

	if (move(y, 0) == OK)
		put(&line, style, text);
}

static void draw_rows(struct top_model *m)
{
	struct line line = { A_NORMAL };
	const struct top_pen pen = { put, &line };
	size_t page = top_screen__page();
	struct top_layout l;

	top_layout__choose(&l, m, COLS, false);
	move(1, 0);
	top_layout__head(&l, m, &pen);
	top_model__scroll(m, page);
	for (size_t i = m->first; i < m->n_shown && i < m->first + page; i++) {
		line.attrs = i == m->selected ? A_REVERSE : A_NORMAL;
		move(ABOVE + (int)(i - m->first), 0);
		top_layout__row(&l, m->shown[i], i == m->selected, &pen);
	}
}

/* Why there is nothing to see, and what could be done. */
static void draw_empty(const struct top_model *m, const char *watching)
{
	char text[512];

	if (!m->answered)
		snprintf(text, sizeof(text), "waiting for redeye's answer");
	else if (*m->at.filter)
		snprintf(text, sizeof(text), "nothing matches '%s'; Esc takes the filter away",
			 m->at.filter);
	else if (m->errors_only)
		snprintf(text, sizeof(text), "no errors; e shows what has none");
	else if (m->rows.n)
		snprintf(text, sizeof(text), "nothing on this side; Tab shows the other");
	else
		snprintf(text, sizeof(text), "no request seen yet%s%s", watching ? " on " : "",
			 watching ? watching : "; send some, or watch more");
	put_at(ABOVE, TOP_PLAIN, text);
}

static void draw_help(void)
{
	static const char *const lines[] = {
		"Up Down PgUp PgDn Home End  select",
		"Enter           the routes of a service",
		"Esc, Backspace  filter away (Esc), then back",
		"Tab             served, or asked of others",
		"s > < r         sort by another column; reverse",
		"/               filter by text",
		"e               only what has errors",
		"w               over 1m, 5m, 15m, 1h",
		"p, Space        pause",
		"q               quit; any other key: on",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		put_at((int)i, TOP_PLAIN, lines[i]);
}

/* What is typed, what went wrong, where we are: one line, the most urgent first. */
static void draw_bottom(const struct top_model *m, const char *message)
{
	char text[512], where[64] = "";

	if (m->cut)
		snprintf(where, sizeof(where), "first %zu of %.0f, / finds  ", m->rows.n,
			 m->rows.total);
	else if (m->n_shown > top_screen__page())
		snprintf(where, sizeof(where), "%zu of %zu  ", m->selected + 1, m->n_shown);
	if (m->typing)
		snprintf(text, sizeof(text), "filter: %s_  %s", m->at.filter, where);
	else if (message)
		snprintf(text, sizeof(text), "! %s", message);
	else if (*m->at.filter)
		snprintf(text, sizeof(text), "filter: %s  %sEsc takes it away", m->at.filter,
			 where);
	else
		snprintf(text, sizeof(text), "%s%s", where,
			 m->routes ? "Esc back  / filter  s sort  ? help  q quit"
				   : "Enter routes  / filter  s sort  ? help  q quit");
	put_at(LINES - 1, message && !m->typing ? TOP_ALARM : TOP_FAINT, text);
}

void top_screen__draw(struct top_model *m, const char *message, const char *watching)
{
	struct line line = { A_NORMAL };
	const struct top_pen pen = { put, &line };

	erase();
	if (m->help) {
		draw_help();
	} else {
		move(0, 0);
		top_layout__summary(m, COLS, &pen);
		draw_rows(m);
		if (!m->n_shown)
			draw_empty(m, watching);
		draw_bottom(m, message);
	}
	refresh();
}
