/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Spans for the eye, one line each:
 *
 *	2026-11-21T15:04:05.123456Z 4bf92f35...0e4736 00f067aa0ba902b7 parent=0102030405060708
 *	server shop "GET /orders/{id}" 200 2.500ms error=...
 *
 * Absent is "-"; what could move a terminal's cursor leaves as \xNN.
 */
#ifndef RED_CONSOLE_H
#define RED_CONSOLE_H

#include "buf.h"
#include "span_batch.h"

void console__write(struct buf *out, const struct span_batch *b); /* appends */

#endif /* RED_CONSOLE_H */
