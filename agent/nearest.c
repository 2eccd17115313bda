// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "nearest.h"

#include <string.h>

#define EDITS_MAX 2
#define WORD_MAX  63

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Levenshtein distance with one row: row[j] is that of a[0..i) and b[0..j). */
static size_t edit_distance(const char *a, const char *b, size_t b_len)
{
	size_t row[WORD_MAX + 1], diagonal, above;

	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		diagonal = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < b_len; j++) {
			above = row[j + 1];
			row[j + 1] = min3(above + 1, row[j] + 1, diagonal + (a[i] != b[j]));
			diagonal = above;
		}
	}
	return row[b_len];
}

void nearest__try(struct nearest *n, const char *candidate)
{
	size_t word_len = strlen(n->word), len = strlen(candidate), distance;

	if (word_len > WORD_MAX || len > WORD_MAX)
		return;
	distance = edit_distance(n->word, candidate, len);
	if (distance > EDITS_MAX || distance >= word_len)
		return; /* a word of one or two letters is near everything */
	if (n->best && distance >= n->distance)
		return;
	n->best = candidate;
	n->distance = distance;
}
