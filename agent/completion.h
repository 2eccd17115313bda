/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Completion of redeye's command lines, from the tables of commands and of options. */
#ifndef RED_COMPLETION_H
#define RED_COMPLETION_H

#include <stdbool.h>
#include <stdio.h>

#include "commands.h"

extern const char *const completion_shells[]; /* NULL at its end */

/* Writes the shell's script. False: no such shell. */
bool completion__print(const char *shell, const struct command_row *rows, size_t n, FILE *to);

#endif /* RED_COMPLETION_H */
