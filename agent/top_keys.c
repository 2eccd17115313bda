// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What each key does to the model of top. */
#include "top_model.h"

#include <stdio.h>
#include <string.h>

#include "top_internal.h"
#include "utf8.h"

/* What the agent chose by order and filter has to be chosen again; else all rows are here. */
static enum top_effect rearrange(struct top_model *m)
{
	top_model__arrange(m);
	return m->cut ? TOP_ASK : TOP_REDRAW;
}

/* ---- moving --------------------------------------------------------------------------------- */

static enum top_effect select_row(struct top_model *m, size_t i)
{
	if (!m->n_shown)
		return TOP_NOTHING;
	m->selected = i < m->n_shown ? i : m->n_shown - 1;
	m->at.moved = m->selected != 0;
	top_row__id(m->shown[m->selected], m->at.id);
	return TOP_REDRAW;
}

static enum top_effect up(struct top_model *m, size_t page)
{
	return select_row(m, m->selected ? m->selected - 1 : 0);
}

static enum top_effect down(struct top_model *m, size_t page)
{
	return select_row(m, m->selected + 1);
}

static enum top_effect page_up(struct top_model *m, size_t page)
{
	return select_row(m, m->selected > page ? m->selected - page : 0);
}

static enum top_effect page_down(struct top_model *m, size_t page)
{
	return select_row(m, m->selected + page);
}

static enum top_effect home(struct top_model *m, size_t page)
{
	return select_row(m, 0);
}

static enum top_effect end(struct top_model *m, size_t page)
{
	return select_row(m, TOP_ROWS_MAX);
}

/* ---- views ---------------------------------------------------------------------------------- */

static enum top_effect show(struct top_model *m, bool routes, const struct top_place *at)
{
	m->routes = routes;
	m->at = *at;
	m->answered = m->cut = false;
	m->selected = m->first = 0;
	top_rows__free(&m->rows);
	top_model__arrange(m);
	return TOP_ASK;
}

static enum top_effect enter(struct top_model *m, size_t page)
{
	const struct top_place fresh = { 0 };
	const struct top_row *row;

	if (m->routes || !m->n_shown)
		return TOP_NOTHING;
	row = m->shown[m->selected];
	m->above = m->at;
	top_row__id(row, m->above.id);
	snprintf(m->service, sizeof(m->service), "%s", row->service);
	snprintf(m->namespace, sizeof(m->namespace), "%s", row->namespace);
	m->any_namespace = false;
	return show(m, true, &fresh);
}

static enum top_effect back(struct top_model *m, size_t page)
{
	const struct top_place above = m->above;

	return m->routes ? show(m, false, &above) : TOP_NOTHING;
}

/* First what narrows the view goes, then the view. */
static enum top_effect escape(struct top_model *m, size_t page)
{
	if (!*m->at.filter)
		return back(m, page);
	*m->at.filter = '\0';
	return rearrange(m);
}

static enum top_effect other_side(struct top_model *m, size_t page)
{
	m->client = !m->client;
	m->answered &= !m->routes;
	m->at.moved = false;
	top_model__arrange(m);
	return m->routes ? TOP_ASK : TOP_REDRAW;
}

static enum top_effect next_window(struct top_model *m, size_t page)
{
	static const unsigned int windows[] = { 60, 300, 900, 3600 };
	size_t i = 0;

	while (i < 4 && windows[i] <= m->window_s)
		i++;
	m->window_s = windows[i % 4];
	return TOP_ASK;
}

/* ---- order and choice ----------------------------------------------------------------------- */

static enum top_effect sort_right(struct top_model *m, size_t page)
{
	m->sort = (m->sort + 1) % TOP_COLUMN__CNT;
	return rearrange(m);
}

static enum top_effect sort_left(struct top_model *m, size_t page)
{
	m->sort = (m->sort + TOP_COLUMN__CNT - 1) % TOP_COLUMN__CNT;
	return rearrange(m);
}

static enum top_effect reverse(struct top_model *m, size_t page)
{
	m->reverse = !m->reverse;
	return rearrange(m);
}

static enum top_effect only_errors(struct top_model *m, size_t page)
{
	m->errors_only = !m->errors_only;
	return rearrange(m);
}

static enum top_effect pause_or_go_on(struct top_model *m, size_t page)
{
	m->paused = !m->paused;
	return m->paused ? TOP_REDRAW : TOP_ASK;
}

static enum top_effect begin_filter(struct top_model *m, size_t page)
{
	m->typing = true;
	return TOP_REDRAW;
}

static enum top_effect help(struct top_model *m, size_t page)
{
	m->help = true;
	return TOP_REDRAW;
}

static enum top_effect quit(struct top_model *m, size_t page)
{
	return TOP_QUIT;
}

static const struct {
	unsigned int key;
	enum top_effect (*press)(struct top_model *m, size_t page);
} keys[] = {
	{ TOP_KEY_UP, up },
	{ TOP_KEY_DOWN, down },
	{ TOP_KEY_PAGE_UP, page_up },
	{ TOP_KEY_PAGE_DOWN, page_down },
	{ TOP_KEY_HOME, home },
	{ TOP_KEY_END, end },
	{ TOP_KEY_ENTER, enter },
	{ TOP_KEY_ESCAPE, escape },
	{ TOP_KEY_BACKSPACE, back },
	{ '\t', other_side },
	{ 'w', next_window },
	{ 's', sort_right },
	{ '>', sort_right },
	{ '<', sort_left },
	{ 'r', reverse },
	{ 'e', only_errors },
	{ 'p', pause_or_go_on },
	{ ' ', pause_or_go_on },
	{ '/', begin_filter },
	{ '?', help },
	{ 'q', quit },
};

/* ---- the filter, key by key ----------------------------------------------------------------- */

static enum top_effect erase(struct top_model *m)
{
	size_t len = strlen(m->at.filter);

	while (len && (m->at.filter[--len] & 0xc0) == 0x80)
		;
	m->at.filter[len] = '\0';
	return rearrange(m);
}

static enum top_effect append(struct top_model *m, uint32_t cp)
{
	char bytes[4];
	size_t n = utf8_put(bytes, cp), len = strlen(m->at.filter);

	if (!n || !utf8_printable(cp) || len + n > TOP_FILTER_MAX)
		return TOP_NOTHING;
	memcpy(m->at.filter + len, bytes, n);
	m->at.filter[len + n] = '\0';
	return rearrange(m);
}

static enum top_effect type(struct top_model *m, unsigned int key)
{
	switch (key) {
	case TOP_KEY_ENTER:
		m->typing = false;
		return TOP_REDRAW;
	case TOP_KEY_ESCAPE:
		m->typing = false;
		*m->at.filter = '\0';
		return rearrange(m);
	case TOP_KEY_BACKSPACE:
		return erase(m);
	default:
		return append(m, key);
	}
}

/* Keys that move go on to do so while a filter is typed. */
static bool is_typed(unsigned int key)
{
	return key < TOP_KEY_UP || key == TOP_KEY_ENTER || key == TOP_KEY_ESCAPE ||
	       key == TOP_KEY_BACKSPACE;
}

enum top_effect top_model__key(struct top_model *m, unsigned int key, size_t page)
{
	if (m->help) {
		m->help = false;
		return key == 'q' ? TOP_QUIT : TOP_REDRAW;
	}
	if (m->typing && is_typed(key))
		return type(m, key);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (keys[i].key == key)
			return keys[i].press(m, page);
	}
	return TOP_NOTHING;
}
