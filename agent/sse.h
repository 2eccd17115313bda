/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Server-sent events out of a byte stream that is cut anywhere (HTML Living Standard, section
 * 9.2.6). What only browsers have a use for, `id` and `retry`, is passed over.
 */
#ifndef RED_SSE_H
#define RED_SSE_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

enum {
	SSE_NAME_MAX = 63,
	SSE_EVENT_MAX = 4 << 20, /* bytes of one line, and of one event's data */
};

/* An event: its name ("message" when it has none) and its data, terminated, valid for the call. */
typedef void sse_event_fn(void *arg, const char *name, const char *data, size_t len);

struct sse {
	sse_event_fn *fn;
	void *arg;
	/* private */
	struct buf line, data;
	char name[SSE_NAME_MAX + 1];
	bool begun;    /* a byte order mark may come before the first line only */
	bool after_cr; /* a line feed that comes now belongs to the line before it */
	bool has_data;
};

void sse__init(struct sse *s, sse_event_fn *fn, void *arg);
void sse__free(struct sse *s);
/* 0; -EMSGSIZE: a line or an event is longer than SSE_EVENT_MAX; -ENOMEM. After an error the stream
 * is of no use any more. */
int sse__feed(struct sse *s, const char *p, size_t len);

#endif /* RED_SSE_H */
