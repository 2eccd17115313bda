// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* redeye tail: a line for each request, as it ends. */
#include "commands.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "client.h"
#include "interrupt.h"
#include "log.h"
#include "options.h"
#include "query.h"
#include "session.h"
#include "sse.h"
#include "term_text.h"
#include "watch_line.h"

#define WAIT_MS 1000

struct tail_view {
	const struct options *options;
	struct watch_line line;
	struct sse sse;
	struct buf out;
	uint32_t lines; /* written */
	int err;        /* -errno: standard output takes no more */
};

/* ---- events to lines ------------------------------------------------------------------------ */

static bool is_done(const struct tail_view *v)
{
	const uint32_t lines = v->options->view.lines;

	return v->err || (lines && v->lines >= lines);
}

/* Each event at once: somebody watches. */
static void flush(struct tail_view *v)
{
	if (v->out.err)
		v->err = v->out.err;
	else if (v->out.len &&
		 (fwrite(v->out.p, 1, v->out.len, stdout) != v->out.len || fflush(stdout)))
		v->err = errno ? -errno : -EIO;
	buf__reset(&v->out);
}

static void on_span(struct tail_view *v, const cJSON *span, const char *json, size_t len)
{
	if (v->options->json) {
		answer__put(&v->out, json, len);
		buf__putc(&v->out, '\n');
	} else {
		watch_line__put(&v->line, &v->out, span);
	}
	v->lines++;
}

static void on_lost(struct tail_view *v, const cJSON *lost)
{
	double count = answer__count(lost, "count");

	if (v->options->json)
		log__warn("%.0f not shown", count);
	else
		watch_line__lost(&v->line, &v->out, count);
}

static void on_event(void *arg, const char *name, const char *data, size_t len)
{
	struct tail_view *v = arg;
	cJSON *j;

	if (is_done(v))
		return;
	j = cJSON_ParseWithLength(data, len);
	if (cJSON_IsObject(j) && !strcmp(name, "span"))
		on_span(v, j, data, len);
	else if (cJSON_IsObject(j) && !strcmp(name, "lost"))
		on_lost(v, j);
	cJSON_Delete(j);
	flush(v);
}

static int on_piece(void *arg, const char *p, size_t len)
{
	struct tail_view *v = arg;
	int err = sse__feed(&v->sse, p, len);

	if (err)
		v->err = err;
	return is_done(v);
}

/* ---- the stream ----------------------------------------------------------------------------- */

static const char *target(struct buf *b, const struct view_options *o)
{
	static const char *const kinds[] = { [VIEW_SERVER] = "server", [VIEW_CLIENT] = "client" };

	query__begin(b, "/api/v1/events");
	query__number(b, "spans", 1);
	query__number(b, "ticks", 0);
	query__text(b, "service", o->service);
	query__text(b, "route", o->route);
	query__text(b, "method", o->method);
	query__text(b, "status", o->status);
	query__text(b, "q", o->text);
	if (o->kind != VIEW_ANY)
		query__text(b, "kind", kinds[o->kind]);
	if (o->min_duration_ns)
		query__number(b, "min_duration", (double)o->min_duration_ns / 1e9);
	return query__end(b);
}

/* Whoever read has gone, though there is nothing to write now. */
static bool reader_is_gone(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO };

	return poll(&out, 1, 0) > 0 && (out.revents & (POLLERR | POLLHUP | POLLNVAL));
}

/* 0 when it ended as it should, 1 when the agent has ended, or -errno and a sentence. */
static int watch(struct tail_view *v, struct client *c, char *err, size_t err_size)
{
	int rc = 0;

	while (!rc && !interrupt__came() && !reader_is_gone())
		rc = client__wait(c, interrupt__fd(), WAIT_MS, err, err_size);
	return rc == -ECANCELED ? 0 : rc;
}

static int show(struct tail_view *v, const char *socket)
{
	struct buf b = { 0 };
	char err[512] = "";
	struct client *c = client__new(socket, err, sizeof(err));
	const char *path = target(&b, &v->options->view);
	int rc = !c || !path ? -ENOMEM : client__start(c, path, on_piece, v);

	if (!rc)
		rc = watch(v, c, err, sizeof(err));
	if (rc == 1)
		snprintf(err, sizeof(err), "redeye at %s has ended", socket);
	else if (!rc && v->err && v->err != -EPIPE)
		snprintf(err, sizeof(err), "cannot go on: %s", strerror(-v->err));
	if (rc || *err)
		log__error("%s", *err ? err : strerror(-rc));
	client__free(c);
	buf__free(&b);
	return *err || rc ? EXIT_FAILURE : EXIT_SUCCESS;
}

static bool wants_colour(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color) && term && strcmp(term, "dumb");
}

int cmd_tail(int argc, char **argv)
{
	struct options o;
	struct tail_view v = { .options = &o };
	struct session *session;
	char err[512] = "";
	int rc = command__options(&o, argc, argv);

	if (rc >= 0)
		return rc;
	term_text__init();
	interrupt__init();
	v.line.colour = wants_colour();
	sse__init(&v.sse, on_event, &v);
	session = session__start(&o, err, sizeof(err));
	if (session)
		rc = show(&v, session__socket(session));
	else if (*err)
		log__error("%s", err);
	else
		rc = 0; /* a signal came first */
	session__free(session);
	sse__free(&v.sse);
	buf__free(&v.out);
	options__free(&o);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
