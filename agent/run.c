// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "api.h"
#include "exports.h"
#include "history.h"
#include "httpd.h"
#include "live.h"
#include "live_table.h"
#include "log.h"
#include "preflight.h"
#include "privileges.h"
#include "resource.h"
#include "self_builder.h"
#include "selfmetrics.h"
#include "snapshot.h"
#include "watching.h"

#define SCRAPE_TIMEOUT_MS 5000
#define TABLE_NS          1000000000ull
#define TABLE_PLAIN_NS    5000000000ull
#define TICK_NS           50000000ull

struct run {
	struct run_config cfg;
	const struct options *options;
	struct resource_attrs resource;
	struct live *live;
	struct snapshots *snapshots;
	struct history *history; /* NULL: none */
	struct api *api;
	struct httpd *httpd;
	struct exports *exports;  /* NULL: private */
	struct live_table *table; /* NULL: not asked for */
	char note[300];
	int snapshot_timer, stop_fd;
	bool ready;
};

/* ---- snapshots for other threads ------------------------------------------------------------- */

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

static int start_snapshots(struct run *r, char *err, size_t err_size)
{
	struct loop *loop = live__loop(r->live);

	r->snapshots = snapshots__new();
	if (!r->snapshots)
		return -errno;
	r->snapshot_timer = loop__timer(loop, UINT64_MAX, on_snapshot_due, r);
	return loop__watch(loop, snapshots__fd(r->snapshots), on_asked, r);
}

/* ---- from the capture ------------------------------------------------------------------------ */

/* Nobody remembers what nobody could ask for. */
static bool has_history(const struct run *r)
{
	const struct options *o = r->options;

	return o->history_limit_bytes &&
	       (r->cfg.private_socket || strcmp(o->listen, "none") || strcmp(o->socket, "none"));
}

static bool need_traces(const struct run *r)
{
	return has_history(r) || (!r->cfg.private_socket && exports__need_traces(r->options));
}

static bool need_kept(const struct run *r)
{
	return !r->cfg.private_socket && exports__need_kept(r->options);
}

static void on_span(void *arg, const struct span *s)
{
	struct run *r = arg;

	if (r->exports)
		exports__span(r->exports, s);
	if (r->history)
		history__span(r->history, s);
}

static void on_kept(void *arg, const struct span *s)
{
	struct run *r = arg;

	if (r->exports)
		exports__kept(r->exports, s);
}

static void add_selfmetrics(void *arg, struct self_builder *b)
{
	const struct run *r = arg;
	struct httpd_stats served;

	if (r->exports)
		exports__selfmetrics(r->exports, b);
	if (r->history)
		history__selfmetrics(r->history, b);
	if (r->httpd) {
		httpd__stats(r->httpd, &served);
		selfmetrics__http(b, &served);
	}
}

static void on_memory_short(void *arg)
{
	struct run *r = arg;

	if (r->history)
		history__shrink(r->history);
}

static uint64_t on_tick(void *arg, uint64_t now_ns)
{
	struct run *r = arg;

	if (r->exports)
		exports__tick(r->exports, now_ns);
	if (r->history)
		history__tick(r->history, now_ns);
	return now_ns + TICK_NS;
}

/* ---- destinations ---------------------------------------------------------------------------- */

static int start_history(struct run *r, char *err, size_t err_size)
{
	const struct options *o = r->options;
	uint64_t most = o->memory_limit_bytes / 2;
	struct history_config c = {
		.limit_bytes = o->history_limit_bytes < most ? o->history_limit_bytes : most,
		.query = o->span_query,
		.rpc_message = o->span_rpc_message,
		.snapshot = scrape,
		.arg = r,
	};

	if (!has_history(r))
		return 0;
	r->history = history__new(&c);
	return r->history ? 0 : -errno;
}

static int start_api(struct run *r, char *err, size_t err_size)
{
	char *watching = watching__text(&r->options->include, &r->options->exclude);
	struct api_config c = {
		.history = r->history,
		.backend = loader__backend(live__loader(r->live))->name,
		.watching = watching,
		.traces = need_traces(r),
		.memory_limit_bytes = r->options->memory_limit_bytes,
		.snapshot = scrape,
		.ready = is_ready,
		.arg = r,
	};

	r->api = watching ? api__new(&c) : NULL;
	free(watching);
	return r->api ? 0 : -ENOMEM;
}

/* A socket that cannot be had is no reason not to watch, unless nobody could see anything. */
static int serve_socket(struct run *r, char *err, size_t err_size)
{
	const char *path = r->cfg.private_socket ? r->cfg.private_socket : r->options->socket;
	int rc;

	if (!strcmp(path, "none"))
		return 0;
	rc = httpd__add_socket(r->httpd, path, err, err_size);
	if (!rc || r->cfg.private_socket)
		return rc;
	log__warn("%s: the API is not there", err);
	err[0] = '\0';
	return 0;
}

static int serve(struct run *r, char *err, size_t err_size)
{
	const struct options *o = r->options;
	bool tcp = !r->cfg.private_socket && strcmp(o->listen, "none") != 0;
	struct httpd_config c = {
		.listen = tcp ? o->listen : NULL,
		.tls_cert = o->listen_tls_cert,
		.tls_key = o->listen_tls_key,
		.token_file = tcp ? o->listen_token_file : NULL,
		.admin_remote = o->admin_remote,
		.max_bytes = o->memory_limit_bytes / 8,
		.api = r->api,
		.snapshot = scrape,
		.ready = is_ready,
		.arg = r,
	};

	r->httpd = httpd__new(&c, err, err_size);
	return r->httpd ? serve_socket(r, err, err_size) : -errno;
}

static int start_exports(struct run *r, char *err, size_t err_size)
{
	struct exports_config c = {
		.options = r->options, .resource = &r->resource, .snapshot = scrape, .arg = r
	};

	if (!r->cfg.private_socket) {
		r->exports = exports__new(&c, err, err_size);
		if (!r->exports)
			return -errno;
	}
	if (need_traces(r))
		loop__timer(live__loop(r->live), mono_ns() + TICK_NS, on_tick, r);
	return 0;
}

/* ---- table ----------------------------------------------------------------------------------- */

static uint64_t on_table(void *arg, uint64_t now_ns)
{
	struct run *r = arg;
	struct metrics *m = live_table__is_read(r->table) ? live__metrics(r->live) : NULL;

	if (m)
		live_table__print(r->table, m, r->note);
	metrics__put(m);
	return now_ns + (isatty(STDOUT_FILENO) ? TABLE_NS : TABLE_PLAIN_NS);
}

/* While we may still open a terminal of whom sudo was called by. */
static int open_table(struct run *r, char *err, size_t err_size)
{
	if (!r->options->table || r->cfg.private_socket)
		return 0;
	r->table = live_table__new(STDOUT_FILENO);
	return r->table ? 0 : -errno;
}

static int start_table(struct run *r, char *err, size_t err_size)
{
	if (r->table)
		loop__timer(live__loop(r->live), 0, on_table, r);
	return 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

static const struct options *reload(void *arg)
{
	struct run *r = arg;
	const struct options *fresh = r->cfg.reload ? r->cfg.reload(r->cfg.arg) : NULL;
	char *watching = fresh ? watching__text(&fresh->include, &fresh->exclude) : NULL;

	if (watching)
		api__set_watching(r->api, watching);
	free(watching);
	if (fresh && r->exports)
		exports__reopen(r->exports);
	return fresh;
}

static void on_stop(void *arg)
{
	struct run *r = arg;

	loop__stop(live__loop(r->live));
}

static int check_machine(struct run *r, char *err, size_t err_size)
{
	return preflight__check(err, err_size);
}

static int start_live(struct run *r, char *err, size_t err_size)
{
	struct live_config c = {
		.options = r->options,
		.reload = reload,
		.resource = &r->resource,
		.series_ns = r->cfg.private_socket ? 0 : exports__need_series_ns(r->options),
		.traces = need_traces(r),
		.span = need_traces(r) ? on_span : NULL,
		.kept = need_kept(r) ? on_kept : NULL,
		.selfmetrics = add_selfmetrics,
		.memory_short = on_memory_short,
		.arg = r,
	};
	int rc = resource_attrs__init(&r->resource, &r->options->resource_attributes);

	if (rc)
		return rc;
	r->live = live__new(&c, err, err_size);
	if (!r->live)
		return -errno;
	r->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return r->stop_fd < 0 ? -errno : loop__watch(live__loop(r->live), r->stop_fd, on_stop, r);
}

struct run *run__new(const struct run_config *c, char *err, size_t err_size)
{
	static int (*const steps[])(struct run * r, char *err, size_t err_size) = {
		check_machine, open_table, start_live,    start_snapshots, start_history,
		start_api,     serve,      start_exports, start_table,
	};
	struct run *r = calloc(1, sizeof(*r));
	int rc = r ? 0 : -ENOMEM;

	err[0] = '\0';
	if (r) {
		r->cfg = *c;
		r->options = c->options;
		r->stop_fd = -1;
	}
	for (size_t i = 0; !rc && i < sizeof(steps) / sizeof(steps[0]); i++)
		rc = steps[i](r, err, err_size);
	if (!rc)
		return r;
	if (!err[0])
		snprintf(err, err_size, "%s", strerror(-rc));
	run__free(r);
	errno = -rc;
	return NULL;
}

static void fill_note(struct run *r)
{
	const char *listen = r->options->listen;
	int host = strrchr(listen, ':') ? (int)(strrchr(listen, ':') - listen) : 0;
	char url[128];

	if (!r->httpd || !httpd__port(r->httpd)) {
		snprintf(r->note, sizeof(r->note), "metrics: not served");
		return;
	}
	snprintf(url, sizeof(url), "%s://%.*s:%u", r->options->listen_tls_cert ? "https" : "http",
		 host ? host : 9, host ? listen : "localhost", httpd__port(r->httpd));
	snprintf(r->note, sizeof(r->note), "page: %s/, metrics: %s/metrics", url, url);
}

static void say_ready(struct run *r)
{
	const struct procs_stats *st = procs__stats(live__procs(r->live));

	fill_note(r);
	if (!r->cfg.private_socket) {
		privileges__log(live__privileges(r->live));
		log__info("ready: backend %s, %llu processes, %s",
			  loader__backend(live__loader(r->live))->name,
			  (unsigned long long)st->targets, r->note);
	}
	__atomic_store_n(&r->ready, true, __ATOMIC_RELEASE);
	if (r->cfg.ready)
		r->cfg.ready(r->cfg.arg);
}

int run__loop(struct run *r)
{
	live__await_probes(r->live);
	say_ready(r);
	return live__run(r->live);
}

void run__stop(struct run *r)
{
	(void)!write(r->stop_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
}

void run__free(struct run *r)
{
	struct metrics *last;

	if (!r)
		return;
	last = r->exports ? live__metrics(r->live) : NULL;
	if (r->table && r->live)
		on_table(r, mono_ns());
	if (r->snapshots)
		snapshots__shutdown(r->snapshots);
	httpd__free(r->httpd); /* it tells the history's readers */
	api__free(r->api);
	exports__free(r->exports, last);
	history__free(r->history);
	metrics__put(last);
	snapshots__free(r->snapshots);
	live_table__free(r->table);
	live__free(r->live);
	if (r->stop_fd >= 0)
		close(r->stop_fd);
	resource_attrs__free(&r->resource);
	free(r);
}
