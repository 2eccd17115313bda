/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From the event loop to the thread of an exporter: spans in, batches out, two
 * bounds between them, of spans and of bytes: whoever sends requests chooses how
 * long the text in them is. What does not fit is dropped and counted; the loop never
 * waits. The names are those of OpenTelemetry's batching span processor.
 */
#ifndef RED_SPAN_QUEUE_H
#define RED_SPAN_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "span_batch.h"

struct span_queue_config {
	uint32_t max_queue; /* spans that wait, those being collected included */
	uint32_t max_batch; /* spans of one batch, at most max_queue */
	uint64_t delay_ns;  /* a batch that is not full is handed over after this */
	uint64_t max_bytes; /* memory of what waits, the same; 0: no bound */
};

/* A batch of so much memory is full, however few its spans. Its encoded form is of about that
 * size, and collectors refuse a message of gRPC over 4 MiB. */
#define SPAN_BATCH_BYTES_MAX (UINT64_C(1) << 20)

struct span_queue_stats {
	uint64_t added, dropped; /* spans; dropped ones had no room */
	uint64_t lost;           /* of those added: see span_queue__lose */
	uint32_t queued;         /* spans that wait now */
	uint64_t bytes;          /* their memory */
};

struct span_queue;

struct span_queue *span_queue__new(const struct span_queue_config *c); /* NULL and errno */
void span_queue__free(struct span_queue *q); /* accepts NULL; the thread has ended */

/* ---- the event loop ---- */
void span_queue__add(struct span_queue *q, const struct span *s);
/* Hands over what has waited long enough. When to be called next; UINT64_MAX: nothing waits. */
uint64_t span_queue__tick(struct span_queue *q, uint64_t now_ns);
/* The last batch is handed over, then wait returns NULL at once. */
void span_queue__stop(struct span_queue *q);

/* ---- the exporter's thread ---- */
/* The next batch, to be freed by the caller, or NULL: none in time, or stopped and empty.
 * The batch counts as waiting until span_queue__done. */
struct span_batch *span_queue__wait(struct span_queue *q, int timeout_ms);
void span_queue__done(struct span_queue *q, struct span_batch *b); /* frees it */
void span_queue__lose(struct span_queue *q, struct span_batch *b); /* and counts it as lost */
/* Collect no longer than this from now on: while the receiver is away, what is not yet on
 * disk is what a crash would lose. 0: as configured. */
void span_queue__hurry(struct span_queue *q, uint64_t delay_ns);

/* ---- any thread ---- */
bool span_queue__stopped(struct span_queue *q);
void span_queue__stats(struct span_queue *q, struct span_queue_stats *out);

#endif /* RED_SPAN_QUEUE_H */
