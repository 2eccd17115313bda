/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Between top_model.c (what is shown) and top_keys.c (what keys do). */
#ifndef RED_TOP_INTERNAL_H
#define RED_TOP_INTERNAL_H

#include "top_model.h"

/* Chooses and sorts the rows again; the selection stays with its row. */
void top_model__arrange(struct top_model *m);
/* Equal for the same row of two answers. */
void top_row__id(const struct top_row *row, char id[TOP_ID_MAX]);

#endif /* RED_TOP_INTERNAL_H */
