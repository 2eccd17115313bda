/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Captured text for terminals. Whatever the bytes are, what leaves moves no cursor, reorders
 * nothing and takes as many columns as was said: what is not printable is '?', also what the locale
 * has no character for, and what is longer than its room ends with '+'.
 */
#ifndef RED_TERM_TEXT_H
#define RED_TERM_TEXT_H

#include <stdbool.h>

#include "buf.h"

/* Takes the locale of the environment; where that names none, UTF-8. Once, before threads. */
void term_text__init(void);
bool term_text__unicode(void); /* else only ASCII leaves */

int term_text__width(const char *s); /* columns it takes; NULL: none */
/* Appends s, cut to `room` columns. The columns it took. */
int term_text__put(struct buf *out, const char *s, int room);
/* The same, filled up with blanks. */
void term_text__cell(struct buf *out, const char *s, int room);

/* ---- figures, right-aligned in 6 columns (7: counts) and terminated; NAN is "-" ---- */

enum { TERM_FIGURE = 16 };

void term_text__duration(char to[TERM_FIGURE], double seconds); /* 342us, 4.01ms, 139ms, 1.20s */
void term_text__rate(char to[TERM_FIGURE], double per_second);
void term_text__ratio(char to[TERM_FIGURE], double ratio); /* percent */
void term_text__count(char to[TERM_FIGURE], double count);

#endif /* RED_TERM_TEXT_H */
