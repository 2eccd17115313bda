// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The tail decision. A trace, as far as this host sees it, is all requests with its id.
 * As long as one of them is open nobody knows how the trace ends, so its finished spans
 * are held; once all have ended, and a grace time for records of other processes that
 * come later has passed, all are kept or all are dropped.
 *
 * A trace is kept when one of its spans gives a reason: the debug header, the head
 * decision, an error, slowness, a new route. The first reason counts; of a span's own
 * it is the first in that order.
 *
 * Holding costs a copy, so it ends as soon as the answer is known. Without a limit a
 * reason is the answer: what was held and what comes later leaves at once, and where
 * the sampler takes everything nothing is ever copied. With a limit the trace pays with
 * a token of the service that began it, which is known only at its end. Forced traces
 * do not pay. Where no rule is on nothing is held and no trace is known at all.
 *
 * Decisions are remembered for spans that come after them: kept traces stay whole, and
 * of those beyond the limit no fragment is kept. A trace that no rule wanted is
 * forgotten; should it go on and fail, its error is kept.
 *
 * Bounds: one entry for each trace that is not decided (max_traces) or remembered
 * (TAIL_DECISIONS_MAX, least recently used goes), from a pool made at the start; bytes
 * of held spans (max_bytes). Beyond them the trace that began first is decided by what
 * is known of it. So is a trace for whose span there is no memory. A begin or an end
 * whose trace was decided so does nothing, and a span without a begin opens an entry
 * that is due after the grace time: counts of open requests heal by themselves.
 */
#include "tail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service.h"
#include "tail_internal.h"

struct tail {
	struct tail_config cfg;
	bool active; /* a rule or a limit is on */
	uint64_t now_ns;
	struct tail_traces traces;
	struct tail_routes *routes; /* NULL: no rule needs them */
	struct tail_limit *limit;   /* NULL: none */
	struct tail_stats stats;
};

const char *const tail_reason_names[TAIL_REASON__CNT] = {
	[TAIL_NOT_SAMPLED] = "not_sampled",
	[TAIL_RATE_LIMIT] = "rate_limit",
	[TAIL_HEAD] = "head",
	[TAIL_FORCED] = "forced",
	[TAIL_ERROR] = "error",
	[TAIL_SLOW] = "slow",
	[TAIL_SLOWEST] = "slowest",
	[TAIL_NEW_ROUTE] = "new_route",
	[TAIL_FOLLOW] = "follow",
};

/* ---- life ---- */

static bool is_active(const struct tail_config *c)
{
	return c->keep_errors || c->keep_slow_ns || c->keep_slowest || c->keep_new_routes ||
	       c->limit_per_s;
}

static int start(struct tail *t)
{
	const struct tail_config *c = &t->cfg;

	if (!t->active)
		return 0;
	if (!c->max_traces || !c->max_bytes)
		return -EINVAL;
	if (c->keep_slowest || c->keep_new_routes) {
		t->routes = tail_routes__new(c->keep_slowest, c->seed);
		if (!t->routes)
			return -ENOMEM;
	}
	if (c->limit_per_s) {
		t->limit = tail_limit__new(c->limit_per_s);
		if (!t->limit)
			return -ENOMEM;
	}
	return tail_traces__init(&t->traces, c->max_traces, c->seed);
}

struct tail *tail__new(const struct tail_config *c)
{
	struct tail *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return NULL;
	t->cfg = *c;
	t->active = is_active(c);
	err = start(t);
	if (!err)
		return t;
	tail__free(t);
	errno = -err;
	return NULL;
}

void tail__free(struct tail *t)
{
	if (!t)
		return;
	tail_traces__free(&t->traces);
	tail_routes__free(t->routes);
	tail_limit__free(t->limit);
	free(t);
}

/* ---- deciding ---- */

static enum tail_reason reason_of(struct tail *t, const struct span *s, bool sampled)
{
	const struct tail_config *c = &t->cfg;
	unsigned int seen = t->routes ? tail_routes__see(t->routes, s, t->now_ns) : 0;

	if (seen & TAIL_SEEN_LOST)
		t->stats.lost_routes_cnt++;
	if (s->trace.forced)
		return TAIL_FORCED;
	if (sampled)
		return TAIL_HEAD;
	if (c->keep_errors && s->error_type)
		return TAIL_ERROR;
	if (c->keep_slow_ns && tail_duration_ns(s) > c->keep_slow_ns)
		return TAIL_SLOW;
	if (seen & TAIL_SEEN_SLOWEST)
		return TAIL_SLOWEST;
	if (c->keep_new_routes && (seen & TAIL_SEEN_NEW))
		return TAIL_NEW_ROUTE;
	return TAIL_NOT_SAMPLED;
}

static void deliver(struct tail *t, const struct span *s, enum tail_reason verdict)
{
	t->stats.spans[verdict]++;
	if (tail_reason__keeps(verdict))
		t->cfg.keep(t->cfg.arg, s);
}

static enum tail_reason judge(struct tail *t, enum tail_reason reason, uint32_t service)
{
	if (reason == TAIL_NOT_SAMPLED || reason == TAIL_FORCED || !t->limit ||
	    tail_limit__take(t->limit, service, t->now_ns))
		return reason;
	return TAIL_RATE_LIMIT;
}

/* tr is not to be used afterwards. */
static enum tail_reason decide(struct tail *t, struct tail_trace *tr)
{
	enum tail_reason verdict = judge(t, tr->reason, tr->root_service);
	uint32_t i;

	for (i = 0; i < tr->n; i++)
		deliver(t, tr->spans[i], verdict);
	t->stats.held_spans -= tr->n;
	t->stats.held_bytes -= tr->bytes;
	tail_trace__release(tr);
	tr->reason = verdict;
	if (verdict == TAIL_NOT_SAMPLED)
		tail_traces__forget(&t->traces, tr);
	else
		tail_traces__set_decided(&t->traces, tr);
	return verdict;
}

static enum tail_reason decide_early(struct tail *t, struct tail_trace *tr)
{
	t->stats.early_cnt++;
	return decide(t, tr);
}

/* ---- traces ---- */

static void pass_time(struct tail *t, uint64_t now_ns)
{
	if (now_ns > t->now_ns)
		t->now_ns = now_ns;
}

static bool has_id(const uint8_t id[16])
{
	static const uint8_t none[16];

	return memcmp(id, none, sizeof(none));
}

static struct tail_trace *find_or_add(struct tail *t, const uint8_t id[16])
{
	struct tail_trace *tr = tail_traces__find(&t->traces, id);

	if (tr)
		return tr;
	if (t->traces.n_undecided == t->cfg.max_traces)
		decide_early(t, tail_traces__oldest(&t->traces));
	return tail_traces__add(&t->traces, id);
}

static void set_due(struct tail *t, struct tail_trace *tr)
{
	tr->due_ns = t->now_ns + t->cfg.grace_ns;
	if (tr->due_ns < t->now_ns)
		tr->due_ns = UINT64_MAX;
	tail_link__move(&t->traces.due, &tr->due);
}

void tail__begin(struct tail *t, const uint8_t trace_id[16], uint64_t now_ns)
{
	struct tail_trace *tr;

	if (!t->active || !has_id(trace_id))
		return;
	pass_time(t, now_ns);
	tr = find_or_add(t, trace_id);
	if (tr->decided)
		return;
	tr->open++;
	tail_link__remove(&tr->due);
}

void tail__end(struct tail *t, const uint8_t trace_id[16], uint64_t now_ns)
{
	struct tail_trace *tr;

	if (!t->active || !has_id(trace_id))
		return;
	pass_time(t, now_ns);
	tr = tail_traces__find(&t->traces, trace_id);
	if (!tr || tr->decided || !tr->open || --tr->open)
		return;
	if (tr->n)
		set_due(t, tr);
	else
		tail_traces__forget(&t->traces, tr);
}

/* ---- spans ---- */

/* Of a trace whose decision is remembered. */
static void follow(struct tail *t, struct tail_trace *tr, const struct span *s,
		   enum tail_reason reason)
{
	if (reason == TAIL_FORCED)
		tr->reason = TAIL_FORCED;
	if (tr->reason == TAIL_RATE_LIMIT)
		deliver(t, s, TAIL_RATE_LIMIT);
	else
		deliver(t, s, tail_reason__keeps(reason) ? reason : TAIL_FOLLOW);
}

static void note(struct tail_trace *tr, const struct span *s, enum tail_reason reason)
{
	if (!tr->root_service || s->start_ns < tr->root_start_ns) {
		tr->root_start_ns = s->start_ns;
		tr->root_service = s->service->id;
	}
	if (tr->reason == TAIL_NOT_SAMPLED || reason == TAIL_FORCED)
		tr->reason = reason;
}

static bool is_certain(const struct tail *t, const struct tail_trace *tr)
{
	return tail_reason__keeps(tr->reason) && (!t->limit || tr->reason == TAIL_FORCED);
}

/* Unless there is no room even when all older traces are decided. */
static void hold(struct tail *t, struct tail_trace *tr, const struct span *s)
{
	size_t cost = tail_trace__cost(s);
	struct tail_trace *oldest = NULL;

	while (oldest != tr && t->stats.held_bytes + cost > t->cfg.max_bytes) {
		enum tail_reason verdict;

		oldest = tail_traces__oldest(&t->traces);
		verdict = decide_early(t, oldest);
		if (oldest == tr)
			deliver(t, s, verdict);
	}
	if (oldest == tr)
		return;
	if (tail_trace__hold(tr, s)) {
		deliver(t, s, decide_early(t, tr));
		return;
	}
	t->stats.held_spans++;
	t->stats.held_bytes += cost;
}

void tail__span(struct tail *t, const struct span *s, bool sampled)
{
	enum tail_reason reason = reason_of(t, s, sampled);
	struct tail_trace *tr;

	if (!t->active || !has_id(s->trace.trace_id)) {
		deliver(t, s, judge(t, reason, s->service->id));
		return;
	}
	tr = find_or_add(t, s->trace.trace_id);
	if (tr->decided) {
		follow(t, tr, s, reason);
		return;
	}
	note(tr, s, reason);
	if (is_certain(t, tr)) {
		deliver(t, s, decide(t, tr));
		return;
	}
	if (!tr->open && tail_link__is_alone(&tr->due))
		set_due(t, tr);
	hold(t, tr, s);
}

/* ---- time ---- */

uint64_t tail__tick(struct tail *t, uint64_t now_ns)
{
	struct tail_trace *tr;

	if (!t->active)
		return UINT64_MAX;
	pass_time(t, now_ns);
	while ((tr = tail_traces__next_due(&t->traces))) {
		if (tr->due_ns > now_ns)
			return tr->due_ns;
		decide(t, tr);
	}
	return UINT64_MAX;
}

void tail__flush(struct tail *t)
{
	struct tail_trace *tr;

	while (t->active && (tr = tail_traces__oldest(&t->traces)))
		decide(t, tr);
}

void tail__stats(const struct tail *t, struct tail_stats *out)
{
	*out = t->stats;
	out->held_traces = t->traces.n_undecided;
}
