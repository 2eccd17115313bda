/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Spans that outlive the call that brought them: deep copies in one arena, for
 * another thread. Built by one thread, then handed over and only read; freed in
 * one piece. The services are copies too: equal services of a batch are one
 * pointer, so that an exporter groups by comparing pointers.
 */
#ifndef RED_SPAN_BATCH_H
#define RED_SPAN_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "span.h"

struct span_batch {
	uint32_t n, max;
	int64_t unix_minus_mono_ns; /* add it to a span's times for CLOCK_REALTIME */
	struct span *spans;         /* n */
	const struct service **services;
	uint32_t n_services;
	struct span_chunk *chunks; /* private */
	size_t bytes;              /* memory it holds */
};

struct span_batch *span_batch__new(uint32_t max_spans, int64_t unix_minus_mono_ns); /* or NULL */
void span_batch__free(struct span_batch *b); /* accepts NULL */

/* 0, -ENOSPC (it has max_spans), -ENOMEM. */
int span_batch__add(struct span_batch *b, const struct span *s);

/* One span by itself: its strings follow it in the same allocation. The service is that of
 * the original. NULL: no memory. */
struct span *span__dup(const struct span *s);
size_t span__strings_bytes(const struct span *s);

#endif /* RED_SPAN_BATCH_H */
