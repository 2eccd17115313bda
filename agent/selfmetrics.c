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
#include "selfmetrics_internal.h"

static const char *const hook_names[RED_HOOK__CNT] = {
	[RED_HOOK_SEND] = "send",    [RED_HOOK_RECV] = "recv", [RED_HOOK_STATE] = "connection",
	[RED_HOOK_PROC] = "process", [RED_HOOK_POLL] = "poll", [RED_HOOK_TLS] = "tls",
};

static const char *const drop_names[RED_DROP__CNT] = {
	[RED_DROP_NOT_WANTED] = "not_wanted",
	[RED_DROP_RING_FULL] = "ring_full",
	[RED_DROP_CONNS_FULL] = "conn_table_full",
	[RED_DROP_NOT_STREAM] = "not_stream",
	[RED_DROP_PEEK] = "peek",
	[RED_DROP_STASH_FULL] = "stash_full",
	[RED_DROP_MISSED] = "missed_return",
	[RED_DROP_CIPHERTEXT] = "ciphertext",
	[RED_DROP_NOT_JOINED] = "not_joined",
	[RED_DROP_TLS_FULL] = "tls_calls_full",
	[RED_DROP_RACE] = "race",
	[RED_DROP_SHARE] = "share",
};

/* ---- kernel side ----------------------------------------------------------------------- */

struct event_families {
	struct metric_family *observed, *emitted, *dropped, *bytes, *without, *lost;
};

static void hook_points(struct self_builder *b, const struct event_families *f, enum red_hook hook,
			const struct red_stat *st)
{
	struct self_label l[] = { { "hook", hook_names[hook] },
				  { "reason", NULL },
				  { NULL, NULL } };
	struct self_label only[] = { l[0], { NULL, NULL } };
	int i;

	self__point(b, f->observed, st->observed, only);
	self__point(b, f->emitted, st->emitted, only);
	self__point(b, f->bytes, st->bytes, only);
	for (i = 0; i < RED_DROP__CNT; i++) {
		l[1].value = drop_names[i];
		if (st->dropped[i])
			self__point(b, f->dropped, st->dropped[i], l);
	}
	l[1].value = "no_buffer";
	if (st->nobuf)
		self__point(b, f->without, st->nobuf, l);
	l[1].value = "unreadable";
	if (st->read_err)
		self__point(b, f->without, st->read_err, l);
	if (st->lost)
		self__point(b, f->lost, st->lost, only);
}

static void add_events(struct self_builder *b, const struct loader *loader)
{
	struct event_families f = {
		.observed = self__family(b, "redeye.events.observed", "{event}", METRIC_COUNTER,
					 RED_HOOK__CNT,
					 "Events of selected processes that a hook saw."),
		.emitted = self__family(b, "redeye.events.emitted", "{event}", METRIC_COUNTER,
					RED_HOOK__CNT, "Events written to the ring."),
		.dropped = self__family(
			b, "redeye.events.dropped", "{event}", METRIC_COUNTER,
			RED_HOOK__CNT * RED_DROP__CNT,
			"Events not written, by reason. not_wanted is no loss: the bytes "
			"are counted. observed = emitted + dropped."),
		.bytes = self__family(b, "redeye.events.size", "By", METRIC_COUNTER, RED_HOOK__CNT,
				      "Bytes written to the ring."),
		.without = self__family(b, "redeye.events.without_payload", "{event}",
					METRIC_COUNTER, RED_HOOK__CNT * 2,
					"Events written without the payload that was wanted."),
		.lost = self__family(b, "redeye.events.position_lost", "{event}", METRIC_COUNTER,
				     RED_HOOK__CNT,
				     "Calls of HTTP/2 after which it was not known where the next "
				     "frame begins."),
	};
	struct red_stat st;
	int hook;

	for (hook = 0; hook < RED_HOOK__CNT; hook++) {
		loader__stat(loader, hook, &st);
		hook_points(b, &f, hook, &st);
	}
}

#define MAX_PROGRAMS 72

static void add_programs(struct self_builder *b, const struct loader *loader)
{
	struct metric_family *runs, *time, *missed;
	struct loader_prog_stat st;
	struct self_label l[] = { { "program", NULL }, { NULL, NULL } };
	size_t i;

	runs = self__family(b, "redeye.bpf.program.runs", "{run}", METRIC_COUNTER, MAX_PROGRAMS,
			    "Runs of each BPF program; only with --bpf-stats.");
	time = self__family(b, "redeye.bpf.program.time", "s", METRIC_COUNTER, MAX_PROGRAMS,
			    "Time in each BPF program; only with --bpf-stats.");
	missed = self__family(b, "redeye.bpf.program.missed", "{run}", METRIC_COUNTER, MAX_PROGRAMS,
			      "Runs that the kernel left out because the program was running.");
	for (i = 0; loader__prog_stat(loader, i, &st); i++) {
		l[0].value = st.name;
		if (st.run_cnt) {
			self__point(b, runs, st.run_cnt, l);
			self__point(b, time, st.run_ns / 1e9, l);
		}
		if (!st.uprobe || st.recursion_misses)
			self__point(b, missed, st.recursion_misses, l);
	}
}

static void add_maps(struct self_builder *b, const struct loader *loader)
{
	struct metric_family *used, *max;
	struct self_label l[] = { { "map", "conns" }, { NULL, NULL } };
	uint32_t max_conns, conns = loader__conns_used(loader, &max_conns);
	uint64_t ring_size, waiting;
	int ring_fd;

	waiting = ring__used(loader__ring(loader, &ring_size, &ring_fd));
	used = self__family(b, "redeye.bpf.map.entries", "{entry}", METRIC_GAUGE, 1,
			    "Entries in use.");
	max = self__family(b, "redeye.bpf.map.max_entries", "{entry}", METRIC_GAUGE, 1,
			   "Room for so many.");
	self__point(b, used, conns, l);
	self__point(b, max, max_conns, l);
	self__single(b, "redeye.ring.used", "By", METRIC_GAUGE, waiting,
		     "Bytes in the ring, not yet read.");
	self__single(b, "redeye.ring.size", "By", METRIC_GAUGE, ring_size, "Size of the ring.");
}

/* ---- user space --------------------------------------------------------------------------- */

struct request_families {
	struct metric_family *observed, *emitted, *in_flight, *dropped, *oddities;
};

static void request_points(struct self_builder *b, const struct request_families *f,
			   const char *proto, const struct proto_stat *st)
{
	struct self_label l[] = { { "protocol", proto }, { "reason", NULL }, { NULL, NULL } };
	struct self_label only[] = { l[0], { NULL, NULL } };
	const struct {
		const char *reason;
		uint64_t n;
	} odd[] = {
		{ "malformed", st->malformed },
		{ "unmatched_response", st->unmatched },
		{ "gap", st->gaps },
		{ "head_cut", st->heads_cut },
		{ "head_gave_way", st->heads_gone },
		{ "trace_context", st->bad_contexts },
		{ "field_unknown", st->unknown },
		{ "pushed", st->pushed },
		{ "no_memory", st->no_memory },
	};
	size_t i;

	self__point(b, f->observed, st->observed, only);
	self__point(b, f->emitted, st->emitted, only);
	self__point(b, f->in_flight, st->in_flight, only);
	for (i = 0; i < PROTO_DROP__CNT; i++) {
		l[1].value = proto_drop_names[i];
		if (st->dropped[i])
			self__point(b, f->dropped, st->dropped[i], l);
	}
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		l[1].value = odd[i].reason;
		if (odd[i].n)
			self__point(b, f->oddities, odd[i].n, l);
	}
}

static void add_requests(struct self_builder *b, const struct pipeline *p)
{
	struct request_families f = {
		.observed = self__family(b, "redeye.requests.observed", "{request}", METRIC_COUNTER,
					 8, "Requests that were seen to begin."),
		.emitted = self__family(b, "redeye.requests.emitted", "{request}", METRIC_COUNTER,
					8, "Requests that became a transaction."),
		.in_flight = self__family(b, "redeye.requests.in_flight", "{request}",
					  METRIC_UPDOWN, 8, "Requests without an answer so far."),
		.dropped =
			self__family(b, "redeye.requests.dropped", "{request}", METRIC_COUNTER, 64,
				     "Requests given up, by reason. "
				     "observed = emitted + in_flight + dropped."),
		.oddities = self__family(
			b, "redeye.messages.irregular", "{message}", METRIC_COUNTER, 64,
			"Messages that could not be read as they should, by reason."),
	};
	size_t i;

	for (i = 0; protos[i]; i++)
		request_points(b, &f, protos[i]->name, pipeline__proto_stat(p, i));
	self__single(b, "redeye.rpc.excluded", "{call}", METRIC_COUNTER,
		     pipeline__stat(p)->excluded,
		     "Calls that --exclude-rpc-method left out; emitted requests, too.");
}

static void add_series(struct self_builder *b, struct pipeline *p)
{
	struct agg_stats st;

	agg__stats(pipeline__agg(p), &st);
	self__single(b, "redeye.series", "{series}", METRIC_UPDOWN, st.series,
		     "Series that are kept.");
	self__single(b, "redeye.series.overflowed", "{measurement}", METRIC_COUNTER,
		     st.overflowed_cnt, "Measurements that went to an overflow series.");
	self__single(b, "redeye.series.lost", "{measurement}", METRIC_COUNTER, st.lost_cnt,
		     "Transactions that no series had memory for.");
	self__single(b, "redeye.active_requests.unbalanced", "{request}", METRIC_COUNTER,
		     st.unbalanced_cnt,
		     "Requests that ended and were not among the active ones: no memory for them.");
	self__single(b, "redeye.routes.learned", "{route}", METRIC_UPDOWN, st.routes_learned,
		     "Learned templates of http.route.");
	self__single(b, "redeye.rpc.methods", "{method}", METRIC_UPDOWN, st.rpc_methods,
		     "Names of RPC methods that are known.");
	self__single(b, "redeye.aggregation.memory", "By", METRIC_GAUGE, st.bytes,
		     "Memory of series and routes.");
}

static void add_cpu(struct self_builder *b)
{
	struct metric_family *f = self__family(b, "redeye.cpu.time", "s", METRIC_COUNTER, 2,
					       "CPU time of redeye itself.");
	struct self_label l[] = { { "cpu.mode", "system" }, { NULL, NULL } };
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	self__point(b, f, ru.ru_stime.tv_sec + ru.ru_stime.tv_usec / 1e6, l);
	l[0].value = "user";
	self__point(b, f, ru.ru_utime.tv_sec + ru.ru_utime.tv_usec / 1e6, l);
}

static void add_memory(struct self_builder *b, const struct memory_guard *g)
{
	self__single(b, "redeye.memory.usage", "By", METRIC_GAUGE, memory__resident_bytes(),
		     "Resident memory of redeye itself.");
	self__single(b, "redeye.memory.limit", "By", METRIC_GAUGE, g->limit_bytes,
		     "--memory-limit.");
	self__single(b, "redeye.memory.limit_reached", "{time}", METRIC_COUNTER, g->full_cnt,
		     "How often the limit was reached: then nothing new is kept.");
}

static void add_processes(struct self_builder *b, const struct procs *procs)
{
	const struct procs_stats *st = procs__stats(procs);

	self__single(b, "redeye.processes.selected", "{process}", METRIC_UPDOWN, st->targets,
		     "Processes that are watched.");
	self__single(b, "redeye.processes.refused", "{process}", METRIC_COUNTER, st->refused,
		     "Processes that matched when there was no room.");
	self__single(b, "redeye.processes.scans", "{scan}", METRIC_COUNTER, st->scans,
		     "Passes over all of /proc.");
}

static void add_info(struct self_builder *b, const struct loader *loader)
{
	struct metric_family *f = self__family(b, "redeye.build.info", "", METRIC_GAUGE, 1,
					       "1; which redeye this is and how it captures.");
	struct self_label l[] = { { "backend", loader ? loader__backend(loader)->name : "replay" },
				  { "version", REDEYE_VERSION },
				  { NULL, NULL } };

	self__point(b, f, 1, l);
}

void selfmetrics__add(struct metrics *m, struct pipeline *p, const struct procs *procs,
		      const struct loader *loader, const struct memory_guard *memory,
		      uint64_t start_unix_ns)
{
	struct self_builder b = { m, start_unix_ns };

	add_info(&b, loader);
	if (loader) {
		add_events(&b, loader);
		add_programs(&b, loader);
		add_maps(&b, loader);
		add_cpu(&b);
		add_memory(&b, memory);
	}
	add_requests(&b, p);
	selfmetrics__connections(&b, p);
	add_series(&b, p);
	add_processes(&b, procs);
	selfmetrics__traces(&b, p);
}
