/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What table.c, which prints, and table_rows.c, which adds up, share. */
#ifndef RED_TABLE_INTERNAL_H
#define RED_TABLE_INTERNAL_H

#include <stdbool.h>

#include "table.h"

#define MAX_ROWS 200

/* What a row is about; zeroed before it is filled, so that two are equal bytewise. */
struct name {
	char service[64];
	char method[32];
	char route[128]; /* of a call, its method; of a client else, the server's address */
	bool client;
};

struct row {
	struct name name;
	uint64_t count, errors;
	uint64_t counts[320]; /* all histograms merged */
	int32_t lo, hi;       /* bucket indexes at `scale` */
	int32_t scale;
	uint64_t zero;
	bool any;
};

struct seen {
	struct name name;
	uint64_t count;
};

/* Widths of the columns that depend on what is in them and on the terminal. */
struct layout {
	int service, method, route;
	int kind; /* 0: left out, an arrow marks clients */
};

struct table {
	FILE *to;
	int terminal; /* -1: none */
	uint64_t last_ns;
	struct row *rows;
	size_t n_rows;
	struct seen *seen; /* counts of the last call */
	size_t n_seen;
	struct layout layout;
	int drawn; /* lines to go up before drawing again */
};

/* ---- table_rows.c ---- */
/* Rows of a snapshot's series, sorted. */
void table__collect(struct table *t, const struct metrics *m);
/* The upper bound of the bucket in which the quantile lies, in seconds. */
double table__quantile(const struct row *r, double q);

#endif /* RED_TABLE_INTERNAL_H */
