// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "exports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "access_log.h"
#include "options.h"
#include "self_builder.h"

struct exports {
	struct exports_config cfg;
	struct access_log *access_log; /* NULL: none, as with all of these */
};

bool exports__need_kept(const struct options *o)
{
	return false;
}

bool exports__need_traces(const struct options *o)
{
	return o->access_log || exports__need_kept(o);
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
	};

	if (!o->access_log)
		return 0;
	e->access_log = access_log__new(&c, err, err_size);
	return e->access_log ? 0 : -errno;
}

struct exports *exports__new(const struct exports_config *c, char *err, size_t err_size)
{
	struct exports *e = calloc(1, sizeof(*e));
	int rc;

	if (!e)
		return NULL;
	e->cfg = *c;
	rc = new_access_log(e, err, err_size);
	if (!rc)
		return e;
	exports__free(e);
	errno = -rc;
	return NULL;
}

void exports__free(struct exports *e)
{
	if (!e)
		return;
	access_log__free(e->access_log);
	free(e);
}

/* ---- the event loop ------------------------------------------------------------------- */

void exports__span(struct exports *e, const struct span *s)
{
	if (e->access_log)
		access_log__add(e->access_log, s);
}

void exports__kept(struct exports *e, const struct span *s)
{
}

uint64_t exports__tick(struct exports *e, uint64_t now_ns)
{
	uint64_t next = UINT64_MAX;

	if (e->access_log)
		next = access_log__tick(e->access_log, now_ns);
	return next;
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
	f = self__family(b, "redeye.access_log.dropped", "{line}", METRIC_COUNTER,
			 ACCESS_LOG_DROPS, "Requests without a line, by reason.");
	for (i = 0; i < ACCESS_LOG_DROPS; i++) {
		l[0].value = access_log_drop_names[i];
		self__point(b, f, st.dropped[i], l);
	}
}

void exports__selfmetrics(const struct exports *e, struct self_builder *b)
{
	if (e->access_log)
		add_access_log(e->access_log, b);
}
