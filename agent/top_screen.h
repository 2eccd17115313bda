/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The terminal while top has it, by curses. One at a time. */
#ifndef RED_TOP_SCREEN_H
#define RED_TOP_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "top_model.h"

/* Takes the terminal on standard input and output. 0, or -errno and a sentence. */
int top_screen__open(char *err, size_t err_size);
void top_screen__close(void); /* gives it back as it was; accepts one that is not open */

size_t top_screen__page(void); /* rows that fit */
int top_screen__spark(void);   /* columns of a sparkline that fit; 0: none */
/* The next key that was pressed, an enum top_key or a code point; false: none. */
bool top_screen__key(unsigned int *key);
/* message: a line for the bottom; NULL: what keys there are. watching: what the agent watches, for
 * a table without rows; NULL: not known. */
void top_screen__draw(struct top_model *m, const char *message, const char *watching);

#endif /* RED_TOP_SCREEN_H */
