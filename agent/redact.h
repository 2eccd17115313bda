/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is kept of requests when it is asked for, without the values of known secrets. */
#ifndef RED_REDACT_H
#define RED_REDACT_H

#include <stdbool.h>

#include "slice.h"

#define REDACTED          "REDACTED"
#define REDACT_QUERY_ROOM 16384 /* a captured head is not longer */

bool redact__is_secret_header(struct slice name);
/* The query itself when there is nothing to hide; else in `room`, cut to what it holds. */
struct slice redact__query(struct slice query, char room[REDACT_QUERY_ROOM]);
/* The same of those keys alone which the conventions name, in their case: what is hidden of
 * attributes even with --no-redact. */
struct slice redact__query_least(struct slice query, char room[REDACT_QUERY_ROOM]);

#endif /* RED_REDACT_H */
