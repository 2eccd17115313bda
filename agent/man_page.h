/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* redeye(1) in the man macros, from the tables of commands and of options. */
#ifndef RED_MAN_PAGE_H
#define RED_MAN_PAGE_H

#include <stdio.h>

#include "commands.h"

void man_page__print(const struct command_row *rows, size_t n, FILE *to);

#endif /* RED_MAN_PAGE_H */
