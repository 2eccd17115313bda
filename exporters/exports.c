// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "exports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "access_log.h"
#include "exports_internal.h"
#include "options.h"
#include "span_queue.h"

struct exports {
	struct exports_config cfg;
	struct export_env env;
	/* NULL: none */
	struct access_log *access_log;
	struct span_export *traces, *logs; /* traces: OTLP or Zipkin */
	struct console_export *console;
	struct metric_export *metrics;
};

/* Is this signal sent by OTLP? What is wrong with the options shows when it starts. */
static bool has_otlp(const struct options *o, enum otlp_signal signal)
{
	struct otlp_endpoint e;
	char err[256];
	int rc = otlp_config__resolve(o, signal, &e, err, sizeof(err));

	otlp_endpoint__free(&e);
	return rc != 0;
}

/* Who may write to the spool. */
static uint32_t destinations(const struct options *o)
{
	uint32_t n = has_otlp(o, OTLP_METRICS) + has_otlp(o, OTLP_LOGS);

	n += o->traces_exporter == TRACES_ZIPKIN || has_otlp(o, OTLP_TRACES);
	return n ? n : 1;
}

bool exports__need_kept(const struct options *o)
{
	return o->traces_exporter == TRACES_ZIPKIN || o->traces_exporter == TRACES_CONSOLE ||
	       has_otlp(o, OTLP_TRACES);
}

bool exports__need_traces(const struct options *o)
{
	return o->access_log || has_otlp(o, OTLP_LOGS) || exports__need_kept(o);
}

/* ---- life ---------------------------------------------------------------------------- */

static int new_access_log(struct exports *e, char *err, size_t err_size)
{
	const struct options *o = e->cfg.options;
	struct access_log_config c = {
		.to = o->access_log,
		.max_bytes = o->access_log_max_bytes,
		.backups = o->access_log_backups,
		.query = o->span_query,
		.rpc_message = o->span_rpc_message,
	};

	if (!o->access_log)
		return 0;
	e->access_log = access_log__new(&c, err, err_size);
	return e->access_log ? 0 : -errno;
}

static int new_traces(struct exports *e, char *err, size_t err_size)
{
	const struct options *o = e->cfg.options;
	bool zipkin = o->traces_exporter == TRACES_ZIPKIN;
	struct otlp_endpoint to;
	int rc;

	if (o->traces_exporter == TRACES_CONSOLE) {
		e->console = console_export__new(&e->env);
		return e->console ? 0 : -errno;
	}
	rc = zipkin ? otlp_config__zipkin(o, &to, err, err_size)
		    : otlp_config__resolve(o, OTLP_TRACES, &to, err, err_size);
	if (rc <= 0)
		return rc;
	e->traces = span_export__new(&e->env, zipkin ? SPAN_EXPORT_ZIPKIN : SPAN_EXPORT_TRACES, &to,
				     err, err_size);
	return e->traces ? 0 : -errno;
}

static int new_logs(struct exports *e, char *err, size_t err_size)
{
	struct otlp_endpoint to;
	int rc = otlp_config__resolve(e->cfg.options, OTLP_LOGS, &to, err, err_size);

	if (rc <= 0)
		return rc;
	e->logs = span_export__new(&e->env, SPAN_EXPORT_LOGS, &to, err, err_size);
	return e->logs ? 0 : -errno;
}

static int new_metrics(struct exports *e, char *err, size_t err_size)
{
	struct otlp_endpoint to;
	int rc = otlp_config__resolve(e->cfg.options, OTLP_METRICS, &to, err, err_size);

	if (rc <= 0)
		return rc;
	e->metrics = metric_export__new(&e->env, &e->cfg, &to, err, err_size);
	return e->metrics ? 0 : -errno;
}

struct exports *exports__new(const struct exports_config *c, char *err, size_t err_size)
{
	static int (*const start[])(struct exports * e, char *err,
				    size_t err_size) = { new_access_log, new_traces, new_logs,
							 new_metrics };
	struct exports *e = calloc(1, sizeof(*e));
	size_t i;
	int rc = 0;

	if (!e)
		return NULL;
	e->cfg = *c;
	e->env = (struct export_env){
		.options = c->options,
		.resource = c->resource,
		.attrs = { c->options->span_query, c->options->request_id_header,
			   c->options->span_rpc_message },
		.spool_limit_bytes = c->options->spool_limit_bytes / destinations(c->options),
	};
	for (i = 0; !rc && i < sizeof(start) / sizeof(start[0]); i++)
		rc = start[i](e, err, err_size);
	if (!rc)
		return e;
	exports__free(e, NULL);
	errno = -rc;
	return NULL;
}

void exports__free(struct exports *e, struct metrics *last)
{
	if (!e)
		return;
	/* All are told before the first is waited for. */
	span_export__stop(e->traces);
	span_export__stop(e->logs);
	metric_export__stop(e->metrics, last);
	span_export__free(e->traces);
	span_export__free(e->logs);
	metric_export__free(e->metrics);
	console_export__free(e->console);
	access_log__free(e->access_log);
	free(e);
}

/* ---- the event loop ------------------------------------------------------------------- */

void exports__span(struct exports *e, const struct span *s)
{
	if (e->access_log)
		access_log__add(e->access_log, s);
	if (e->logs)
		span_export__add(e->logs, s);
}

void exports__kept(struct exports *e, const struct span *s)
{
	if (e->traces)
		span_export__add(e->traces, s);
	if (e->console)
		console_export__add(e->console, s);
}

void exports__tick(struct exports *e, uint64_t now_ns)
{
	if (e->access_log)
		access_log__tick(e->access_log, now_ns);
	if (e->traces)
		span_export__tick(e->traces, now_ns);
	if (e->logs)
		span_export__tick(e->logs, now_ns);
	if (e->console)
		console_export__tick(e->console, now_ns);
}

void exports__reopen(struct exports *e)
{
	if (e->access_log)
		access_log__reopen(e->access_log);
}

/* ---- own metrics -------------------------------------------------------------------------- */

static void add_access_log(const struct access_log *log, struct self_builder *b)
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

void exports__selfmetrics(const struct exports *e, struct self_builder *b)
{
	struct span_queue_stats queues[3];
	struct export_figures f[4];
	uint32_t n = 0;

	if (e->access_log)
		add_access_log(e->access_log, b);
	if (e->traces)
		span_export__figures(e->traces, &f[n++], &queues[0]);
	if (e->console)
		console_export__figures(e->console, &f[n++], &queues[1]);
	if (e->logs)
		span_export__figures(e->logs, &f[n++], &queues[2]);
	if (e->metrics)
		metric_export__figures(e->metrics, &f[n++]);
	if (n)
		exports__figures(b, f, n);
}
