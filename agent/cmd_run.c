// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* redeye run: watch the selected processes, serve /metrics. */
#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exports.h"
#include "httpd.h"
#include "live.h"
#include "log.h"
#include "options.h"
#include "resource.h"
#include "snapshot.h"
#include "table.h"

#define SCRAPE_TIMEOUT_MS 5000
#define TABLE_NS          1000000000ull
#define TABLE_PLAIN_NS    5000000000ull
#define EXPORT_TICK_NS    50000000ull

struct run {
	struct options options, reloaded;
	struct resource_attrs resource;
	int argc;
	char **argv;
	struct live *live;
	struct snapshots *snapshots;
	struct httpd *httpd;
	struct table *table;
	struct exports *exports;
	char note[160];
	int snapshot_timer;
	bool ready;
};

/* ---- snapshots for HTTP threads ---------------------------------------------------------- */

static int scrape(void *arg, struct metrics **out)
{
	struct run *r = arg;

	return snapshots__get(r->snapshots, out, SCRAPE_TIMEOUT_MS);
}

static bool is_ready(void *arg)
{
	const struct run *r = arg;

	return __atomic_load_n(&r->ready, __ATOMIC_ACQUIRE);
}

/* Builds the snapshot that was asked for; later, when the last is too young. */
static uint64_t on_snapshot_due(void *arg, uint64_t now_ns)
{
	struct run *r = arg;
	uint64_t wait = snapshots__accept(r->snapshots, now_ns);

	if (wait)
		return now_ns + wait;
	snapshots__publish(r->snapshots, live__metrics(r->live), now_ns);
	return UINT64_MAX;
}

static void on_asked(void *arg)
{
	struct run *r = arg;

	loop__arm(live__loop(r->live), r->snapshot_timer, on_snapshot_due(r, mono_ns()));
}

static int serve(struct run *r, char *err, size_t err_size)
{
	const struct options *o = &r->options;
	struct httpd_config c = {
		.listen = o->listen,
		.tls_cert = o->listen_tls_cert,
		.tls_key = o->listen_tls_key,
		.token_file = o->listen_token_file,
		.admin_remote = o->admin_remote,
		.snapshot = scrape,
		.ready = is_ready,
		.arg = r,
	};

	if (!strcmp(o->listen, "none"))
		return 0;
	r->httpd = httpd__new(&c, err, err_size);
	return r->httpd ? 0 : -errno;
}

/* ---- table ------------------------------------------------------------------------------------
 */

static uint64_t on_table(void *arg, uint64_t now_ns)
{
	struct run *r = arg;
	struct metrics *m = live__metrics(r->live);

	if (m)
		table__print(r->table, m, r->note);
	metrics__put(m);
	return now_ns + (isatty(STDOUT_FILENO) ? TABLE_NS : TABLE_PLAIN_NS);
}

/* ---- exports ----------------------------------------------------------------------------- */

static void on_span(void *arg, const struct span *s)
{
	struct run *r = arg;

	exports__span(r->exports, s);
}

static void on_kept(void *arg, const struct span *s)
{
	struct run *r = arg;

	exports__kept(r->exports, s);
}

static void add_selfmetrics(void *arg, struct self_builder *b)
{
	const struct run *r = arg;

	if (r->exports)
		exports__selfmetrics(r->exports, b);
}

static uint64_t on_export(void *arg, uint64_t now_ns)
{
	struct run *r = arg;

	exports__tick(r->exports, now_ns);
	return now_ns + EXPORT_TICK_NS;
}

static int start_exports(struct run *r, char *err, size_t err_size)
{
	struct exports_config c = {
		.options = &r->options, .resource = &r->resource, .snapshot = scrape, .arg = r
	};

	r->exports = exports__new(&c, err, err_size);
	if (!r->exports)
		return -errno;
	if (exports__need_traces(&r->options))
		loop__timer(live__loop(r->live), mono_ns() + EXPORT_TICK_NS, on_export, r);
	return 0;
}

/* ---- life ---------------------------------------------------------------------------------------
 */

static const struct options *reload(void *arg)
{
	struct run *r = arg;
	struct options fresh;
	char err[512];
	int rc = options__parse(&fresh, "run", r->argc, r->argv, err, sizeof(err));

	if (rc) {
		log__error("configuration not reloaded: %s", err);
		return NULL;
	}
	options__free(&r->reloaded);
	r->reloaded = fresh;
	exports__reopen(r->exports);
	return &r->reloaded;
}

static int start(struct run *r, char *err, size_t err_size)
{
	const struct options *o = &r->options;
	struct live_config c = {
		.options = o,
		.reload = reload,
		.resource = &r->resource,
		.traces = exports__need_traces(o),
		.span = exports__need_traces(o) ? on_span : NULL,
		.kept = exports__need_kept(o) ? on_kept : NULL,
		.selfmetrics = add_selfmetrics,
		.arg = r,
	};
	struct loop *loop;
	int rc;

	rc = resource_attrs__init(&r->resource, &o->resource_attributes);
	if (rc)
		return rc;
	r->live = live__new(&c, err, err_size);
	if (!r->live)
		return -errno;
	loop = live__loop(r->live);
	r->snapshots = snapshots__new();
	if (!r->snapshots)
		return -errno;
	r->snapshot_timer = loop__timer(loop, UINT64_MAX, on_snapshot_due, r);
	rc = loop__watch(loop, snapshots__fd(r->snapshots), on_asked, r);
	if (!rc)
		rc = serve(r, err, err_size);
	if (!rc)
		rc = start_exports(r, err, err_size);
	if (rc || !r->options.table)
		return rc;
	r->table = table__new(stdout, isatty(STDOUT_FILENO));
	if (!r->table)
		return -errno;
	loop__timer(loop, 0, on_table, r);
	return 0;
}

static void fill_note(struct run *r)
{
	const char *listen = r->options.listen;
	int host = strrchr(listen, ':') ? strrchr(listen, ':') - listen : 0;

	if (r->httpd)
		snprintf(r->note, sizeof(r->note), "metrics: %s://%.*s:%u/metrics",
			 r->options.listen_tls_cert ? "https" : "http", host ? host : 9,
			 host ? listen : "localhost", httpd__port(r->httpd));
	else
		snprintf(r->note, sizeof(r->note), "metrics: not served");
}

static void say_ready(struct run *r)
{
	const struct procs_stats *st = procs__stats(live__procs(r->live));

	fill_note(r);
	log__info("ready: backend %s, %llu processes, %s",
		  loader__backend(live__loader(r->live))->name, (unsigned long long)st->targets,
		  r->note);
	__atomic_store_n(&r->ready, true, __ATOMIC_RELEASE);
}

static void stop(struct run *r)
{
	struct metrics *last = r->exports ? live__metrics(r->live) : NULL;

	if (r->table && r->live)
		on_table(r, mono_ns());
	if (r->snapshots)
		snapshots__shutdown(r->snapshots);
	httpd__free(r->httpd);
	exports__free(r->exports, last);
	metrics__put(last);
	snapshots__free(r->snapshots);
	table__free(r->table);
	live__free(r->live);
	resource_attrs__free(&r->resource);
	options__free(&r->options);
	options__free(&r->reloaded);
}

int cmd_run(int argc, char **argv)
{
	struct run r = { .argc = argc, .argv = argv };
	int rc = command__options(&r.options, argc, argv);
	char err[512] = "";

	if (rc >= 0)
		return rc;
	rc = start(&r, err, sizeof(err));
	if (rc) {
		log__error("%s", err[0] ? err : strerror(-rc));
	} else {
		live__await_probes(r.live);
		say_ready(&r);
		rc = live__run(r.live);
	}
	stop(&r);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
