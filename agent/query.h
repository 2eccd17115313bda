/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A path and its query, "/api/v1/routes?service=a%20b&limit=10". One at a time. */
#ifndef RED_QUERY_H
#define RED_QUERY_H

#include "buf.h"

void query__begin(struct buf *b, const char *path); /* b is initialised; forgets what it had */
void query__text(struct buf *b, const char *key, const char *value); /* NULL: nothing */
void query__number(struct buf *b, const char *key, double value);
/* The terminated whole, valid until b changes; NULL: out of memory. */
const char *query__end(struct buf *b);

#endif /* RED_QUERY_H */
