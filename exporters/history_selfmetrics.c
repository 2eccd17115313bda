// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* On the event loop: only what can be read without a lock. */
#include "history_internal.h"
#include "self_builder.h"

static uint64_t get(const _Atomic uint64_t *v)
{
	return atomic_load_explicit(v, memory_order_relaxed);
}

static void add_bytes(const struct history *h, struct self_builder *b)
{
	static const char *const places[ROOM__CNT] = {
		[ROOM_TABLES] = "names", [ROOM_FINE] = "fine",       [ROOM_COARSE] = "coarse",
		[ROOM_SPANS] = "spans",  [ROOM_WATCHES] = "watches",
	};
	struct metric_family *f =
		self__family(b, "redeye.history.memory", "By", METRIC_UPDOWN, ROOM__CNT,
			     "Memory of the history, by what is in it.");
	int i;

	for (i = 0; i < ROOM__CNT; i++) {
		struct self_label l[] = { { "place", places[i] }, { NULL, NULL } };

		self__point(b, f, (double)get(&h->room[i]), l);
	}
}

static void add_left_out(const struct history *h, struct self_builder *b)
{
	struct metric_family *f =
		self__family(b, "redeye.history.spans.left_out", "{span}", METRIC_COUNTER, 3,
			     "Spans that the history does not keep, by reason.");
	struct self_label not_chosen[] = { { "reason", "not_chosen" }, { NULL, NULL } };
	struct self_label queue_full[] = { { "reason", "queue_full" }, { NULL, NULL } };
	struct self_label no_room[] = { { "reason", "no_room" }, { NULL, NULL } };

	self__point(b, f, (double)get(&h->not_chosen), not_chosen);
	self__point(b, f, (double)get(&h->queue_dropped), queue_full);
	self__point(b, f, (double)get(&h->no_room), no_room);
}

void history__selfmetrics(const struct history *h, struct self_builder *b)
{
	add_bytes(h, b);
	self__single(b, "redeye.history.limit", "By", METRIC_UPDOWN, (double)get(&h->limit),
		     "What that may be.");
	self__single(b, "redeye.history.series", "{series}", METRIC_UPDOWN,
		     atomic_load_explicit(&h->n_series, memory_order_relaxed),
		     "Series that the history has, those that are over included.");
	self__single(b, "redeye.history.series.left_out", "{series}", METRIC_UPDOWN,
		     (double)get(&h->series_left_out), "Present series that it has no room for.");
	self__single(b, "redeye.history.steps", "{step}", METRIC_COUNTER, (double)get(&h->steps),
		     "Seconds that were added to it.");
	self__single(
		b, "redeye.history.steps.failed", "{step}", METRIC_COUNTER,
		(double)get(&h->step_failures),
		"Seconds without a picture of the metrics; the next one has what they counted.");
	self__single(b, "redeye.history.spans", "{span}", METRIC_UPDOWN,
		     atomic_load_explicit(&h->n_spans, memory_order_relaxed), "Spans that it has.");
	self__single(b, "redeye.history.spans.offered", "{span}", METRIC_COUNTER,
		     (double)get(&h->offered), "Spans that it was offered.");
	add_left_out(h, b);
}
