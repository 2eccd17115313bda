/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A SPAN of docs/api.md as a line for people:
 *
 *	15:04:05.123 shop <- GET /products/17 200 4.01ms 4bf92f35
 *	15:04:05.120 shop -> GET stock:8080/items/17 503 1.20ms error=503 4bf92f35
 *
 * <- is what a service was asked, -> what it asked. The end is the beginning of the trace's id.
 */
#ifndef RED_WATCH_LINE_H
#define RED_WATCH_LINE_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "buf.h"

struct watch_line {
	bool colour;
	/* private */
	int service; /* columns: as many as the longest so far */
};

void watch_line__put(struct watch_line *w, struct buf *out, const cJSON *span);
/* "... 12 not shown" */
void watch_line__lost(struct watch_line *w, struct buf *out, double count);

#endif /* RED_WATCH_LINE_H */
