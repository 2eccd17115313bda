// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "selfmetrics.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agg.h"
#include "loader.h"
#include "memory.h"
#include "metrics.h"
#include "pipeline.h"
#include "procs.h"
#include "proto.h"
#include "ring.h"

static const char *const hook_names[RED_HOOK__CNT] = {
	[RED_HOOK_SEND] = "send",    [RED_HOOK_RECV] = "recv", [RED_HOOK_STATE] = "connection",
	[RED_HOOK_PROC] = "process", [RED_HOOK_POLL] = "poll",
};

static const char *const drop_names[RED_DROP__CNT] = {
	[RED_DROP_NOT_WANTED] = "not_wanted",
	[RED_DROP_RING_FULL] = "ring_full",
	[RED_DROP_CONNS_FULL] = "conn_table_full",
	[RED_DROP_NOT_STREAM] = "not_stream",
	[RED_DROP_PEEK] = "peek",
	[RED_DROP_STASH_FULL] = "stash_full",
	[RED_DROP_MISSED] = "missed_return",
};

struct builder {
	struct metrics *m;
	uint64_t start_unix_ns;
};

struct label {
	const char *key, *value;
};

/* One point; labels sorted by key, ended by a NULL key. */
static void point(struct builder *b, struct metric_family *f, double value,
		  const struct label *labels)
{
	struct metric_attr *attrs;
	struct metric_point *p;
	uint32_t i, n = 0;

	while (labels && n < 2 && labels[n].key)
		n++;
	p = f ? metrics__point(b->m, f, n, &attrs) : NULL;
	if (!p)
		return;
	for (i = 0; i < n; i++) {
		attrs[i].key = labels[i].key;
		attrs[i].type = ATTR_STRING;
		attrs[i].str = labels[i].value;
	}
	p->value = value;
	p->start_unix_ns = f->kind == METRIC_COUNTER ? b->start_unix_ns : 0;
}

static struct metric_family *family(struct builder *b, const char *name, const char *unit,
				    enum metric_kind kind, uint32_t n, const char *help)
{
	return metrics__family(b->m, name, unit, help, kind, n);
}

static void single(struct builder *b, const char *name, const char *unit, enum metric_kind kind,
		   double value, const char *help)
{
	point(b, family(b, name, unit, kind, 1, help), value, NULL);
}

/* ---- kernel side ----------------------------------------------------------------------- */

struct event_families {
	struct metric_family *observed, *emitted, *dropped, *bytes, *without;
};

static void hook_points(struct builder *b, const struct event_families *f, enum red_hook hook,
			const struct red_stat *st)
{
	struct label l[] = { { "hook", hook_names[hook] }, { "reason", NULL }, { NULL, NULL } };
	struct label only[] = { l[0], { NULL, NULL } };
	int i;

	point(b, f->observed, st->observed, only);
	point(b, f->emitted, st->emitted, only);
	point(b, f->bytes, st->bytes, only);
	for (i = 0; i < RED_DROP__CNT; i++) {
		l[1].value = drop_names[i];
		if (st->dropped[i])
			point(b, f->dropped, st->dropped[i], l);
	}
	l[1].value = "no_buffer";
	if (st->nobuf)
		point(b, f->without, st->nobuf, l);
	l[1].value = "unreadable";
	if (st->read_err)
		point(b, f->without, st->read_err, l);
}

static void add_events(struct builder *b, const struct loader *loader)
{
	struct event_families f = {
		.observed = family(b, "redeye.events.observed", "{event}", METRIC_COUNTER,
				   RED_HOOK__CNT, "Events of selected processes that a hook saw."),
		.emitted = family(b, "redeye.events.emitted", "{event}", METRIC_COUNTER,
				  RED_HOOK__CNT, "Events written to the ring."),
		.dropped = family(b, "redeye.events.dropped", "{event}", METRIC_COUNTER,
				  RED_HOOK__CNT * RED_DROP__CNT,
				  "Events not written, by reason. not_wanted is no loss: the bytes "
				  "are counted. observed = emitted + dropped."),
		.bytes = family(b, "redeye.events.size", "By", METRIC_COUNTER, RED_HOOK__CNT,
				"Bytes written to the ring."),
		.without = family(b, "redeye.events.without_payload", "{event}", METRIC_COUNTER,
				  RED_HOOK__CNT * 2,
				  "Events written without the payload that was wanted."),
	};
	struct red_stat st;
	int hook;

	for (hook = 0; hook < RED_HOOK__CNT; hook++)
		if (!loader__stat(loader, hook, &st))
			hook_points(b, &f, hook, &st);
}

static void add_programs(struct builder *b, const struct loader *loader)
{
	struct metric_family *runs, *time, *missed;
	struct loader_prog_stat st;
	struct label l[] = { { "program", NULL }, { NULL, NULL } };
	size_t i;

	runs = family(b, "redeye.bpf.program.runs", "{run}", METRIC_COUNTER, 40,
		      "Runs of each BPF program; only with --bpf-stats.");
	time = family(b, "redeye.bpf.program.time", "s", METRIC_COUNTER, 40,
		      "Time in each BPF program; only with --bpf-stats.");
	missed = family(b, "redeye.bpf.program.missed", "{run}", METRIC_COUNTER, 40,
			"Runs that the kernel left out because the program was running.");
	for (i = 0; loader__prog_stat(loader, i, &st); i++) {
		l[0].value = st.name;
		if (st.run_cnt) {
			point(b, runs, st.run_cnt, l);
			point(b, time, st.run_ns / 1e9, l);
		}
		point(b, missed, st.recursion_misses, l);
	}
}

static void add_maps(struct builder *b, const struct loader *loader)
{
	struct metric_family *used, *max;
	struct label l[] = { { "map", "conns" }, { NULL, NULL } };
	uint32_t max_conns, conns = loader__conns_used(loader, &max_conns);
	uint64_t ring_size, waiting;
	int ring_fd;

	waiting = ring__used(loader__ring(loader, &ring_size, &ring_fd));
	used = family(b, "redeye.bpf.map.entries", "{entry}", METRIC_GAUGE, 1, "Entries in use.");
	max = family(b, "redeye.bpf.map.max_entries", "{entry}", METRIC_GAUGE, 1,
		     "Room for so many.");
	point(b, used, conns, l);
	point(b, max, max_conns, l);
	single(b, "redeye.ring.used", "By", METRIC_GAUGE, waiting,
	       "Bytes in the ring, not yet read.");
	single(b, "redeye.ring.size", "By", METRIC_GAUGE, ring_size, "Size of the ring.");
}

/* ---- user space --------------------------------------------------------------------------- */

struct request_families {
	struct metric_family *observed, *emitted, *in_flight, *dropped, *oddities;
};

static void request_points(struct builder *b, const struct request_families *f, const char *proto,
			   const struct proto_stat *st)
{
	struct label l[] = { { "protocol", proto }, { "reason", NULL }, { NULL, NULL } };
	struct label only[] = { l[0], { NULL, NULL } };
	const struct {
		const char *reason;
		uint64_t n;
	} odd[] = {
		{ "malformed", st->malformed },
		{ "unmatched_response", st->unmatched },
		{ "gap", st->gaps },
		{ "head_cut", st->heads_cut },
	};
	size_t i;

	point(b, f->observed, st->observed, only);
	point(b, f->emitted, st->emitted, only);
	point(b, f->in_flight, st->in_flight, only);
	for (i = 0; i < PROTO_DROP__CNT; i++) {
		l[1].value = proto_drop_names[i];
		if (st->dropped[i])
			point(b, f->dropped, st->dropped[i], l);
	}
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		l[1].value = odd[i].reason;
		if (odd[i].n)
			point(b, f->oddities, odd[i].n, l);
	}
}

static void add_requests(struct builder *b, const struct pipeline *p)
{
	struct request_families f = {
		.observed = family(b, "redeye.requests.observed", "{request}", METRIC_COUNTER, 8,
				   "Requests that were seen to begin."),
		.emitted = family(b, "redeye.requests.emitted", "{request}", METRIC_COUNTER, 8,
				  "Requests that became a transaction."),
		.in_flight = family(b, "redeye.requests.in_flight", "{request}", METRIC_UPDOWN, 8,
				    "Requests without an answer so far."),
		.dropped = family(b, "redeye.requests.dropped", "{request}", METRIC_COUNTER, 64,
				  "Requests given up, by reason. "
				  "observed = emitted + in_flight + dropped."),
		.oddities = family(b, "redeye.messages.irregular", "{message}", METRIC_COUNTER, 64,
				   "Messages that could not be read as they should, by reason."),
	};
	size_t i;

	for (i = 0; protos[i]; i++)
		request_points(b, &f, protos[i]->name, pipeline__proto_stat(p, i));
}

static void add_connections(struct builder *b, const struct pipeline *p)
{
	const struct conn_stat *st = pipeline__conn_stat(p);

	single(b, "redeye.connections.open", "{connection}", METRIC_UPDOWN, st->open,
	       "Connections that are followed.");
	single(b, "redeye.connections.opened", "{connection}", METRIC_COUNTER, st->opened,
	       "Connections followed since the start.");
	single(b, "redeye.connections.evicted", "{connection}", METRIC_COUNTER, st->evicted,
	       "Connections given up to keep --max-connections.");
	single(b, "redeye.connections.unclassified", "{connection}", METRIC_COUNTER,
	       st->unclassified, "Connections that speak no known protocol.");
	single(b, "redeye.connections.polls", "{poll}", METRIC_COUNTER, st->polls,
	       "Questions to the kernel about a connection.");
	single(b, "redeye.records.orphaned", "{record}", METRIC_COUNTER, st->unknown,
	       "Records of a connection that is not, or no longer, followed.");
	single(b, "redeye.records.malformed", "{record}", METRIC_COUNTER,
	       pipeline__stat(p)->malformed, "Records that were none.");
}

static void add_series(struct builder *b, struct pipeline *p)
{
	struct agg_stats st;

	agg__stats(pipeline__agg(p), &st);
	single(b, "redeye.series", "{series}", METRIC_UPDOWN, st.series, "Series that are kept.");
	single(b, "redeye.series.overflowed", "{measurement}", METRIC_COUNTER, st.overflowed_cnt,
	       "Measurements that went to an overflow series.");
	single(b, "redeye.series.lost", "{measurement}", METRIC_COUNTER, st.lost_cnt,
	       "Transactions that no series had memory for.");
	single(b, "redeye.routes.learned", "{route}", METRIC_UPDOWN, st.routes_learned,
	       "Learned templates of http.route.");
	single(b, "redeye.aggregation.memory", "By", METRIC_GAUGE, st.bytes,
	       "Memory of series and routes.");
}

static void add_cpu(struct builder *b)
{
	struct metric_family *f =
		family(b, "redeye.cpu.time", "s", METRIC_COUNTER, 2, "CPU time of redeye itself.");
	struct label l[] = { { "cpu.mode", "system" }, { NULL, NULL } };
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	point(b, f, ru.ru_stime.tv_sec + ru.ru_stime.tv_usec / 1e6, l);
	l[0].value = "user";
	point(b, f, ru.ru_utime.tv_sec + ru.ru_utime.tv_usec / 1e6, l);
}

static void add_memory(struct builder *b, const struct memory_guard *g)
{
	single(b, "redeye.memory.usage", "By", METRIC_GAUGE, memory__resident_bytes(),
	       "Resident memory of redeye itself.");
	single(b, "redeye.memory.limit", "By", METRIC_GAUGE, g->limit_bytes, "--memory-limit.");
	single(b, "redeye.memory.limit_reached", "{time}", METRIC_COUNTER, g->full_cnt,
	       "How often the limit was reached: then nothing new is kept.");
}

static void add_processes(struct builder *b, const struct procs *procs)
{
	const struct procs_stats *st = procs__stats(procs);

	single(b, "redeye.processes.selected", "{process}", METRIC_UPDOWN, st->targets,
	       "Processes that are watched.");
	single(b, "redeye.processes.refused", "{process}", METRIC_COUNTER, st->refused,
	       "Processes that matched when the table was full.");
	single(b, "redeye.processes.scans", "{scan}", METRIC_COUNTER, st->scans,
	       "Passes over all of /proc.");
}

static void add_info(struct builder *b, const struct loader *loader)
{
	struct metric_family *f = family(b, "redeye.build.info", "", METRIC_GAUGE, 1,
					 "1; which redeye this is and how it captures.");
	struct label l[] = { { "backend", loader ? loader__backend(loader)->name : "replay" },
			     { "version", REDEYE_VERSION },
			     { NULL, NULL } };

	point(b, f, 1, l);
}

void selfmetrics__add(struct metrics *m, struct pipeline *p, const struct procs *procs,
		      const struct loader *loader, const struct memory_guard *memory,
		      uint64_t start_unix_ns)
{
	struct builder b = { m, start_unix_ns };

	add_info(&b, loader);
	if (loader) {
		add_events(&b, loader);
		add_programs(&b, loader);
		add_maps(&b, loader);
		add_cpu(&b);
		add_memory(&b, memory);
	}
	add_requests(&b, p);
	add_connections(&b, p);
	add_series(&b, p);
	add_processes(&b, procs);
}
