// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What became of that which was to be exported: items + recovered == delivered + dropped +
 * waiting, item by item, at any quiet moment. Recovered are those that an earlier run has left
 * in the spool; what a collector took and rejected is dropped. */
#include "exporter.h"
#include "self_builder.h"
#include "sender.h"
#include "span_queue.h"

struct families {
	struct metric_family *items, *recovered, *delivered, *dropped, *waiting, *requests, *sent,
		*away, *errors;
};

static const char *const results[OTLP_RESULT__CNT] = {
	[OTLP_DELIVERED] = "delivered", [OTLP_PARTIAL] = "partial",     [OTLP_RETRY] = "retry",
	[OTLP_PERMANENT] = "permanent", [OTLP_TOO_LARGE] = "too_large",
};

static void point(struct self_builder *b, struct metric_family *f, double value, const char *key,
		  const char *word, const char *signal)
{
	struct self_label l[] = { { key, word }, { "signal", signal }, { NULL, NULL } };

	self__point(b, f, value, key ? l : l + 1);
}

static void queue_points(struct self_builder *b, const struct families *f, const char *signal,
			 const struct span_queue_stats *st)
{
	point(b, f->items, st->added + st->dropped, NULL, NULL, signal);
	point(b, f->waiting, st->queued, "place", "queue", signal);
	point(b, f->dropped, st->dropped, "reason", "export_queue_full", signal);
	if (st->lost)
		point(b, f->dropped, st->lost, "reason", "not_encoded", signal);
}

static void error_points(struct self_builder *b, const struct families *f, const char *signal,
			 const struct sender_stats *st)
{
	point(b, f->errors, st->failed_next, "kind", "not_encoded", signal);
	point(b, f->errors, st->spool_damaged, "kind", "spool_damaged", signal);
	point(b, f->errors, st->spool_failed, "kind", "spool_failed", signal);
	point(b, f->errors, st->spool_foreign, "kind", "spool_foreign", signal);
}

static void sender_points(struct self_builder *b, const struct families *f, const char *signal,
			  const struct sender_stats *st)
{
	int i;

	point(b, f->recovered, st->recovered_items, NULL, NULL, signal);
	point(b, f->delivered, st->delivered_items, NULL, NULL, signal);
	if (st->rejected_items)
		point(b, f->dropped, st->rejected_items, "reason", "rejected", signal);
	for (i = 0; i < SENDER_DROP__CNT; i++)
		if (st->dropped_items[i])
			point(b, f->dropped, st->dropped_items[i], "reason", sender_drop__name(i),
			      signal);
	point(b, f->waiting, st->memory_items, "place", "memory", signal);
	point(b, f->waiting, st->spool_items, "place", "spool", signal);
	for (i = 0; i < OTLP_RESULT__CNT; i++)
		if (st->requests[i])
			point(b, f->requests, st->requests[i], "result", results[i], signal);
	point(b, f->sent, st->sent_bytes, NULL, NULL, signal);
	point(b, f->away, st->away, NULL, NULL, signal);
	error_points(b, f, signal, st);
}

void exports__figures(struct self_builder *b, const struct export_figures *figures, uint32_t n)
{
	struct families f = {
		.items = self__family(b, "redeye.export.items", "{item}", METRIC_COUNTER, 8,
				      "Spans, log records and metric points that were to be "
				      "exported."),
		.recovered = self__family(b, "redeye.export.recovered", "{item}", METRIC_COUNTER, 8,
					  "Those that were on disk from before redeye began."),
		.delivered = self__family(b, "redeye.export.delivered", "{item}", METRIC_COUNTER, 8,
					  "Spans, log records and metric points that a "
					  "collector has taken."),
		.dropped = self__family(b, "redeye.export.dropped", "{item}", METRIC_COUNTER, 64,
					"Those that none has taken and none will, by reason."),
		.waiting = self__family(b, "redeye.export.waiting", "{item}", METRIC_UPDOWN, 16,
					"Those that wait, by place."),
		.requests = self__family(b, "redeye.export.requests", "{request}", METRIC_COUNTER,
					 32, "Requests to a collector, by result."),
		.sent = self__family(b, "redeye.export.sent", "By", METRIC_COUNTER, 8,
				     "Bytes of their bodies."),
		.away = self__family(b, "redeye.export.away", "", METRIC_GAUGE, 8,
				     "1: the collector does not answer as it should."),
		.errors = self__family(b, "redeye.export.errors", "{error}", METRIC_COUNTER, 32,
				       "Requests that could not be made; of the spool: damaged "
				       "places, refused system calls, files of others."),
	};
	uint32_t i;

	for (i = 0; i < n; i++) {
		if (figures[i].queue)
			queue_points(b, &f, figures[i].signal, figures[i].queue);
		else if (figures[i].sender)
			point(b, f.items, figures[i].sender->taken_items, NULL, NULL,
			      figures[i].signal);
		if (figures[i].sender)
			sender_points(b, &f, figures[i].signal, figures[i].sender);
	}
}
