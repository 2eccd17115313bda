/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What top shows, without a terminal: the view (all services, or the routes of one), how it is
 * sorted and filtered, which row is selected. Keys change it, answers of the agent fill it.
 *
 * The selection stays with its row, wherever sorting moves that, once it has been moved; until then
 * it is the first row, so that the top of the table stays in sight.
 */
#ifndef RED_TOP_MODEL_H
#define RED_TOP_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "options.h"
#include "top_rows.h"

enum {
	TOP_FILTER_MAX = 100,
	TOP_NAME_MAX = 256,
	TOP_ID_MAX = 1024,
	TOP_ASK_MAX = 1000, /* rows of an answer */
};

/* Keys that are no characters. */
enum top_key {
	TOP_KEY_UP = 0x110000,
	TOP_KEY_DOWN,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_END,
	TOP_KEY_ENTER,
	TOP_KEY_ESCAPE,
	TOP_KEY_BACKSPACE,
	TOP_KEY_OTHER,
};

enum top_effect {
	TOP_NOTHING,
	TOP_REDRAW,
	TOP_ASK, /* what is wanted of the agent is something else now */
	TOP_QUIT,
};

/* Where a view was left, to come back to. */
struct top_place {
	char filter[TOP_FILTER_MAX + 1];
	char id[TOP_ID_MAX]; /* of the selected row */
	bool moved;
};

struct top_model {
	/* read by whoever draws; set by top_model__init and keys */
	bool routes; /* of the service below; else: all services */
	char service[TOP_NAME_MAX], namespace[TOP_NAME_MAX];
	bool any_namespace; /* the command line named a service, not where */
	bool client, both;  /* both sides, whatever `client` is */
	unsigned int window_s;
	enum top_column sort;
	bool reverse; /* smallest first; of names: last first */
	bool errors_only, paused, help;
	bool typing; /* the keys are the filter's */
	struct top_place at;

	struct top_rows rows; /* of the last answer */
	bool answered;        /* this view has had one */
	bool cut;             /* the agent has more: it has to choose, by order and filter */
	double lost;          /* NAN: not known yet */

	const struct top_row **shown;    /* that are wanted, in order */
	size_t n_shown, selected, first; /* `first`: the row at the top of the screen */
	struct top_place above;          /* private: of the services, while routes are shown */
};

int top_model__init(struct top_model *m, const struct view_options *o); /* 0 or -ENOMEM */
void top_model__free(struct top_model *m);

/* A key: a code point or an enum top_key. page: rows that the screen has. */
enum top_effect top_model__key(struct top_model *m, unsigned int key, size_t page);

/* Rows that top_model__target asked for; owned by the model from now on. */
void top_model__take(struct top_model *m, struct top_rows *rows);
/* Moves `first` so that the selected row is among `page`. */
void top_model__scroll(struct top_model *m, size_t page);

/* What to ask: the target of a GET, in b; points: length of the sparklines. NULL: out of memory. */
const char *top_model__target(const struct top_model *m, struct buf *b, unsigned int points);

/* Of all rows of this side. */
void top_model__sum(const struct top_model *m, double *rate, double *count, double *errors);

/* What a row of routes is of: "GET", "gRPC", "(overflow)". */
const char *top_row__method(const struct top_row *row);
/* Its route, or where it goes: "/products/{id}", "-> stock:8080/items". In room. */
const char *top_row__route(const struct top_row *row, char *room, size_t size);

#endif /* RED_TOP_MODEL_H */
