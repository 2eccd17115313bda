// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The access log among the exporters; the log itself is access_log.c. */
#include "access_log.h"
#include "exporter.h"
#include "options.h"
#include "self_builder.h"

static bool wanted(const struct options *o)
{
	return o->access_log;
}

static void *start(const struct export_env *env, char *err, size_t err_size)
{
	const struct options *o = env->options;
	struct access_log_config c = {
		.to = o->access_log,
		.max_bytes = o->access_log_max_bytes,
		.backups = o->access_log_backups,
		.query = o->span_query,
		.rpc_message = o->span_rpc_message,
		.queue_bytes = env->queue_bytes,
	};

	return access_log__new(&c, err, err_size);
}

static void release(void *log)
{
	access_log__free(log);
}

static void span(void *log, const struct span *s)
{
	access_log__add(log, s);
}

static void tick(void *log, uint64_t now_ns)
{
	access_log__tick(log, now_ns);
}

static void reopen(void *log)
{
	access_log__reopen(log);
}

static void selfmetrics(void *log, struct self_builder *b)
{
	struct access_log_stats st;
	struct metric_family *f;
	struct self_label l[] = { { "reason", NULL }, { NULL, NULL } };
	int i;

	access_log__stats(log, &st);
	self__single(b, "redeye.access_log.lines", "{line}", METRIC_COUNTER, st.lines,
		     "Lines of the access log.");
	self__single(b, "redeye.access_log.queued", "{line}", METRIC_UPDOWN, st.queued,
		     "Requests whose line is not written yet.");
	f = self__family(b, "redeye.access_log.dropped", "{line}", METRIC_COUNTER, ACCESS_LOG_DROPS,
			 "Requests without a line, by reason.");
	for (i = 0; i < ACCESS_LOG_DROPS; i++) {
		l[0].value = access_log_drop_names[i];
		self__point(b, f, st.dropped[i], l);
	}
}

const struct exporter access_log_exporter = {
	.spans = EXPORTER_ALL_SPANS,
	.wanted = wanted,
	.start = start,
	.free = release,
	.span = span,
	.tick = tick,
	.reopen = reopen,
	.selfmetrics = selfmetrics,
};
