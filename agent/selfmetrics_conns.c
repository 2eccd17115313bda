// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Connections, and what became of those that speak TLS. */
#include "selfmetrics_internal.h"

static void add_records(struct self_builder *b, const struct conn_stat *st)
{
	self__single(b, "redeye.records.orphaned", "{record}", METRIC_COUNTER, st->unknown,
		     "Records of a connection that is not, or no longer, followed.");
	self__single(b, "redeye.records.outdated", "{record}", METRIC_COUNTER, st->old_layer,
		     "Records of a TLS layer that was over.");
}

static void add_tls(struct self_builder *b, const struct conn_stat *st)
{
	const struct {
		const char *reason;
		uint64_t n;
	} rows[] = {
		{ "malformed", st->hellos_bad },
		{ "no_memory", st->hellos_no_room },
		{ "server_name", st->names_bad },
	};
	struct self_label l[] = { { "reason", NULL }, { NULL, NULL } };
	struct metric_family *f;
	size_t i;

	self__single(b, "redeye.tls.connections", "{connection}", METRIC_COUNTER, st->tls,
		     "Connections that speak TLS.");
	self__single(b, "redeye.tls.connections.joined", "{connection}", METRIC_COUNTER,
		     st->tls_joined, "Of these, those whose plaintext is seen.");
	self__single(b, "redeye.tls.connections.unseen", "{connection}", METRIC_COUNTER,
		     st->tls_unseen,
		     "Of these, those for which no library was found, perhaps only at first.");
	f = self__family(b, "redeye.tls.hellos.irregular", "{message}", METRIC_COUNTER, 3,
			 "TLS hellos that could not be read as they should, by reason.");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		l[0].value = rows[i].reason;
		if (rows[i].n)
			self__point(b, f, rows[i].n, l);
	}
}

void selfmetrics__connections(struct self_builder *b, const struct pipeline *p)
{
	const struct conn_stat *st = pipeline__conn_stat(p);

	self__single(b, "redeye.connections.open", "{connection}", METRIC_UPDOWN, st->open,
		     "Connections that are followed.");
	self__single(b, "redeye.connections.opened", "{connection}", METRIC_COUNTER, st->opened,
		     "Connections followed since the start.");
	self__single(b, "redeye.connections.evicted", "{connection}", METRIC_COUNTER, st->evicted,
		     "Connections given up to keep --max-connections.");
	self__single(b, "redeye.connections.refused", "{connection}", METRIC_COUNTER, st->no_memory,
		     "Connections that are not followed: no memory.");
	self__single(b, "redeye.connections.unclassified", "{connection}", METRIC_COUNTER,
		     st->unclassified, "Connections that speak no known protocol.");
	self__single(b, "redeye.connections.polls", "{poll}", METRIC_COUNTER, st->polls,
		     "Questions to the kernel about a connection.");
	add_records(b, st);
	self__single(b, "redeye.records.malformed", "{record}", METRIC_COUNTER,
		     pipeline__stat(p)->malformed, "Records that were none.");
	add_tls(b, st);
}
