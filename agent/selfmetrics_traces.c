// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How parents were found, and which traces are kept. */
#include "correlate.h"
#include "selfmetrics_internal.h"
#include "tail.h"

static const char *const kinds[] = { [SPAN_SERVER] = "server", [SPAN_CLIENT] = "client" };

static void add_parents(struct self_builder *b, const struct correlate_stats *st)
{
	struct metric_family *f =
		self__family(b, "redeye.trace.parents", "{request}", METRIC_COUNTER,
			     2 * TRACE_LINK__CNT, "Requests by what told their parent.");
	struct self_label l[] = { { "evidence", NULL }, { "kind", NULL }, { NULL, NULL } };
	int kind, link;

	for (kind = 0; kind < 2; kind++)
		for (link = 0; link < TRACE_LINK__CNT; link++) {
			l[0].value = trace_link_names[link];
			l[1].value = kinds[kind];
			if (st->links[kind][link])
				self__point(b, f, st->links[kind][link], l);
		}
}

static void add_unknown(struct self_builder *b, const struct correlate_stats *st)
{
	struct metric_family *f =
		self__family(b, "redeye.trace.parents.unknown", "{request}", METRIC_COUNTER, 4,
			     "Requests without a parent, by why it is not known.");
	const struct {
		const char *why;
		uint64_t n;
	} rows[] = {
		{ "ambiguous", st->ambiguous },
		{ "background", st->background },
		{ "late", st->late },
		{ "unproven", st->unproven },
	};
	struct self_label l[] = { { "reason", NULL }, { NULL, NULL } };
	int i;

	for (i = 0; i < 4; i++) {
		l[0].value = rows[i].why;
		self__point(b, f, rows[i].n, l);
	}
}

static void add_tail(struct self_builder *b, const struct tail_stats *st)
{
	struct metric_family *f =
		self__family(b, "redeye.trace.spans", "{span}", METRIC_COUNTER, TAIL_REASON__CNT,
			     "Spans of traces to export or not, by reason.");
	struct self_label l[] = { { "decision", NULL }, { "reason", NULL }, { NULL, NULL } };
	int i;

	for (i = 0; i < TAIL_REASON__CNT; i++) {
		l[0].value = tail_reason__keeps(i) ? "kept" : "dropped";
		l[1].value = tail_reason_names[i];
		if (st->spans[i])
			self__point(b, f, st->spans[i], l);
	}
	self__single(b, "redeye.trace.spans.held", "{span}", METRIC_UPDOWN, st->held_spans,
		     "Spans of traces that are not decided.");
	self__single(b, "redeye.trace.decided_early", "{trace}", METRIC_COUNTER, st->early_cnt,
		     "Traces decided before their end, to keep a bound.");
	self__single(b, "redeye.trace.routes_lost", "{span}", METRIC_COUNTER, st->lost_routes_cnt,
		     "Spans whose route found no place: not seen as slowest, or as new.");
}

void selfmetrics__traces(struct self_builder *b, const struct pipeline *p)
{
	const struct correlate_stats *c = pipeline__correlate_stats(p);
	struct tail_stats t;

	if (c) {
		add_parents(b, c);
		add_unknown(b, c);
	}
	if (pipeline__tail_stats(p, &t))
		add_tail(b, &t);
}
