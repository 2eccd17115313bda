/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The table of top in so many columns of a terminal: which figures there is room for, and each line
 * as pieces of text with a style. A terminal's window and plain output take the same pieces.
 */
#ifndef RED_TOP_LAYOUT_H
#define RED_TOP_LAYOUT_H

#include <stdbool.h>

#include "top_model.h"

enum {
	TOP_SPARK = 20,      /* columns of a sparkline */
	TOP_SPARK_FROM = 90, /* no narrower line has one */
};

enum top_style {
	TOP_PLAIN,
	TOP_HEAD,
	TOP_FAINT,
	TOP_ALARM, /* never said by colour alone */
	TOP_STRONG,
};

/* Harmless, terminated text; it goes behind what was put before. */
struct top_pen {
	void (*put)(void *arg, enum top_style style, const char *text);
	void *arg;
};

enum top_label { TOP_SERVICE, TOP_KIND, TOP_METHOD, TOP_ROUTE, TOP_LABEL__CNT };

struct top_layout {
	int labels[TOP_LABEL__CNT]; /* columns; 0: left out */
	bool figures[TOP_COLUMN__CNT];
	int spark; /* columns; 0: none */
	bool mark; /* a column before all, for the selected row */
};

/* For the rows that are shown. width 0: no limit. plain: rows of several services and both sides,
 * no row is selected. */
void top_layout__choose(struct top_layout *l, const struct top_model *m, int width, bool plain);

void top_layout__head(const struct top_layout *l, const struct top_model *m,
		      const struct top_pen *pen);
void top_layout__row(const struct top_layout *l, const struct top_row *row, bool selected,
		     const struct top_pen *pen);

/* "services, served | 60.0/s | 1.2% errors | last 1m | ...": as much as `width` has room for. */
void top_layout__summary(const struct top_model *m, int width, const struct top_pen *pen);

#endif /* RED_TOP_LAYOUT_H */
