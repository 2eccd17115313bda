/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The table (table.h) again and again, from the event loop, which may not wait: not for a
 * terminal that stands still (Ctrl-S), not for a pipe that is full. Of a table that only a part
 * went out of, the rest goes first; until then no other is drawn, so that none is cut.
 */
#ifndef RED_LIVE_TABLE_H
#define RED_LIVE_TABLE_H

#include <stdbool.h>

#include "metrics.h"

struct live_table;

struct live_table *live_table__new(int fd); /* NULL and errno */
/* Is there a use in printing now? */
bool live_table__is_read(struct live_table *t);
void live_table__print(struct live_table *t, const struct metrics *m, const char *note);
/* For what has not gone out yet there is a second. Accepts NULL. */
void live_table__free(struct live_table *t);

#endif /* RED_LIVE_TABLE_H */
