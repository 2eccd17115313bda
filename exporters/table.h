/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The RED table for people: a line per service, kind, method and route, with
 * rate, errors and quantiles. On a terminal it is drawn over itself. */
#ifndef RED_TABLE_H
#define RED_TABLE_H

#include <stdio.h>

#include "metrics.h"

struct table;

/* terminal: what `to` leads to, if it is one, else -1. NULL and errno. */
struct table *table__new(FILE *to, int terminal);
void table__free(struct table *t); /* accepts NULL */

/* Rates are over the time since the last call, quantiles since the start. The
 * note is a line below the table, e.g. where /metrics is; may be NULL. */
void table__print(struct table *t, const struct metrics *m, const char *note);

#endif /* RED_TABLE_H */
