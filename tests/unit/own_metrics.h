/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a snapshot says of redeye itself. */
#ifndef RED_TEST_OWN_METRICS_H
#define RED_TEST_OWN_METRICS_H

#include <string.h>

#include "metrics.h"

static inline bool has_words(const struct metric_point *p, const char *words[2])
{
	for (int w = 0; w < 2 && words[w]; w++) {
		bool has = false;

		for (uint32_t i = 0; i < p->n_attrs; i++)
			has |= !strcmp(p->attrs[i].str, words[w]);
		if (!has)
			return false;
	}
	return true;
}

/* The sum of the family's points that have both as values of attributes; NULL: any. */
static inline double own_total(const struct metrics *m, const char *name, const char *word,
			       const char *other)
{
	const char *words[2] = { word, other };
	double sum = 0;

	for (uint32_t i = 0; i < m->n_families; i++)
		for (uint32_t k = 0;
		     !strcmp(m->families[i].name, name) && k < m->families[i].n_points; k++)
			if (has_words(&m->families[i].points[k], words))
				sum += m->families[i].points[k].value;
	return sum;
}

#endif /* RED_TEST_OWN_METRICS_H */
