/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Fields of the documents of docs/api.md, whatever is really there, and documents as text. */
#ifndef RED_ANSWER_H
#define RED_ANSWER_H

#include <stddef.h>

#include <cjson/cJSON.h>

#include "buf.h"

/* NULL when it is missing, null or no text. Valid as long as the document. */
const char *answer__text(const cJSON *object, const char *key);
/* NAN when it is missing, null or no number. */
double answer__number(const cJSON *object, const char *key);
double answer__count(const cJSON *object, const char *key); /* 0 for that, and for less than 0 */

/* Appends a JSON document so that it can be shown: what must not reach a terminal (see
 * utf8_printable), and what is no UTF-8, leaves as \u escapes, line ends between tokens as blanks.
 */
void answer__put(struct buf *out, const char *json, size_t len);

#endif /* RED_ANSWER_H */
