// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "prober.h"
#include "self_builder.h"

static void add_links(struct self_builder *b, const struct prober_stats *st)
{
	self__single(b, "redeye.uprobe.links", "{link}", METRIC_UPDOWN, st->links,
		     "Probes on TLS libraries now, those being taken off included.");
	self__single(b, "redeye.uprobe.links.max", "{link}", METRIC_UPDOWN, st->max_links,
		     "Most probes at a time.");
	self__single(b, "redeye.uprobe.attached", "{link}", METRIC_COUNTER, st->attached,
		     "Probes put on.");
	self__single(b, "redeye.uprobe.detached", "{link}", METRIC_COUNTER, st->detached,
		     "Probes taken off. attached = detached + links.");
}

static void add_files(struct self_builder *b, const struct prober_stats *st)
{
	struct metric_family *f =
		self__family(b, "redeye.uprobe.files", "{file}", METRIC_UPDOWN, 3,
			     "Files that selected processes execute from, by how they are probed.");
	const struct probes_stats *p = &st->probes;
	const struct {
		const char *state;
		uint32_t n;
	} rows[] = {
		{ "none", p->files - p->probed },
		{ "process", p->probed - p->wide },
		{ "file", p->wide },
	};
	struct self_label l[] = { { "scope", NULL }, { NULL, NULL } };

	for (int i = 0; i < 3; i++) {
		l[0].value = rows[i].state;
		self__point(b, f, rows[i].n, l);
	}
	self__single(b, "redeye.uprobe.processes", "{process}", METRIC_UPDOWN, p->processes,
		     "Processes whose files are looked at.");
	self__single(b, "redeye.uprobe.scans", "{file}", METRIC_COUNTER, p->scans,
		     "Files read to find where to probe.");
	self__single(b, "redeye.uprobe.scan.time", "s", METRIC_COUNTER, p->scan_ns / 1e9,
		     "Time that reading them took.");
	self__single(b, "redeye.uprobe.attach.time", "s", METRIC_COUNTER, p->attach_ns / 1e9,
		     "Time that attaching probes took.");
}

static void add_failed(struct self_builder *b, const struct prober_stats *st)
{
	struct metric_family *f =
		self__family(b, "redeye.uprobe.failed", "{failure}", METRIC_COUNTER,
			     PROBE_FAILURE__CNT, "Libraries that could not be probed, by reason.");
	struct self_label l[] = { { "reason", NULL }, { NULL, NULL } };

	for (int i = 0; i < PROBE_FAILURE__CNT; i++) {
		uint64_t n = st->probes.failed[i];

		n += i == PROBE_PROCESSES_FULL ? st->refused : 0;
		l[0].value = probe_failure_names[i];
		if (n)
			self__point(b, f, n, l);
	}
}

static void add_maps(struct self_builder *b, const struct prober_stats *st)
{
	self__single(b, "redeye.uprobe.maps.records", "{record}", METRIC_COUNTER, st->mmap_records,
		     "Mappings of executable files that the kernel told of, of all processes.");
	self__single(b, "redeye.uprobe.maps.lost", "{record}", METRIC_COUNTER, st->mmap_lost,
		     "Those that it could not tell; all processes were looked at again.");
	self__single(b, "redeye.uprobe.maps.overflowed", "{record}", METRIC_COUNTER, st->overflows,
		     "Those that waited too long; their processes were looked at again.");
	self__single(b, "redeye.uprobe.waiting", "{process}", METRIC_UPDOWN, st->waiting,
		     "Processes and mappings of which not all is probed yet.");
	self__single(b, "redeye.uprobe.looks", "{look}", METRIC_COUNTER, st->looks,
		     "Times that all mappings of a process were read.");
}

void prober__metrics(struct prober *p, struct self_builder *b)
{
	struct prober_stats st;

	if (!p)
		return;
	prober__stats(p, &st);
	add_links(b, &st);
	add_files(b, &st);
	add_failed(b, &st);
	add_maps(b, &st);
}
