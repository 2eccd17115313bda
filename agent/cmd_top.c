// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* redeye top: services and routes as they are now, on a terminal; or once, as text. */
#include "commands.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "client.h"
#include "held_log.h"
#include "interrupt.h"
#include "log.h"
#include "loop.h"
#include "options.h"
#include "session.h"
#include "term_text.h"
#include "top_plain.h"
#include "top_screen.h"

#define WAIT_MAX_MS 500 /* a signal between a look and the wait is seen after this */

enum asked { ASKED_NOTHING, ASKED_ROWS, ASKED_STATUS };

struct top {
	const struct options *options;
	struct top_model model;
	struct client *client;
	struct buf target;
	enum asked asked;
	uint64_t next_ns;   /* when to ask again */
	char message[512];  /* what went wrong last; empty: nothing */
	char watching[256]; /* in the words of the agent; empty: not known */
};

/* ---- answers -------------------------------------------------------------------------------- */

static int take_rows(struct top *t, cJSON *document)
{
	struct top_rows rows;
	int err = t->model.routes ? top_rows__routes(&rows, document)
				  : top_rows__services(&rows, document);

	if (err)
		snprintf(t->message, sizeof(t->message), "redeye's answer is not understood: %s",
			 strerror(-err));
	else
		top_model__take(&t->model, &rows);
	return err;
}

static void take_status(struct top *t, cJSON *document)
{
	const char *watching = answer__text(document, "watching");

	t->model.lost = top_status__lost(document);
	snprintf(t->watching, sizeof(t->watching), "%s", watching ? watching : "");
	cJSON_Delete(document);
}

static const char *target(struct top *t, bool screen)
{
	return top_model__target(&t->model, &t->target, screen ? top_screen__spark() : 0);
}

/* ---- once ----------------------------------------------------------------------------------- */

static int get_rows(struct top *t)
{
	const char *path = target(t, false);
	cJSON *document =
		path ? client__get(t->client, path, t->message, sizeof(t->message)) : NULL;

	return document ? take_rows(t, document) : -EIO;
}

static int print(const struct top *t)
{
	struct buf out = { 0 };
	int err;

	if (t->options->json)
		top_plain__json(&t->model, &out);
	else
		top_plain__table(&t->model, &out);
	err = out.err;
	if (!err && (fwrite(out.p, 1, out.len, stdout) != out.len || fflush(stdout)))
		err = -errno;
	buf__free(&out);
	if (!err || err == -EPIPE)
		return 0;
	log__error("cannot write to standard output: %s", strerror(-err));
	return err;
}

/* A capture that has just begun has nothing to show. */
static void watch_first(const struct top *t)
{
	struct pollfd interrupt = { .fd = interrupt__fd(), .events = POLLIN };

	if (options__selects(t->options))
		poll(&interrupt, 1, (int)(t->options->view.interval_ns / 1000000));
}

static int show_once(struct top *t)
{
	watch_first(t);
	t->model.both = t->options->view.kind == VIEW_ANY;
	if (!get_rows(t))
		return print(t);
	log__error("%s", t->message);
	return -EIO;
}

/* ---- on a terminal -------------------------------------------------------------------------- */

static void ask(struct top *t, enum asked what)
{
	const char *path = what == ASKED_STATUS ? "/api/v1/status" : target(t, true);

	t->asked = path && !client__start(t->client, path, NULL, NULL) ? what : ASKED_NOTHING;
	if (!t->asked)
		snprintf(t->message, sizeof(t->message), "out of memory");
}

/* Rows, then the state of the agent, then nothing until it is time again. */
static void on_answer(struct top *t)
{
	cJSON *document = client__document(t->client, t->message, sizeof(t->message));
	enum asked was = t->asked;

	t->asked = ASKED_NOTHING;
	if (!document)
		return;
	if (was == ASKED_STATUS) {
		take_status(t, document);
	} else {
		*t->message = '\0';
		if (!take_rows(t, document))
			ask(t, ASKED_STATUS);
	}
}

static int wait_ms(const struct top *t, uint64_t now_ns)
{
	uint64_t ms = t->next_ns > now_ns ? (t->next_ns - now_ns) / 1000000 + 1 : 0;

	return ms < WAIT_MAX_MS && !t->asked && !t->model.paused ? (int)ms : WAIT_MAX_MS;
}

static bool terminal_is_gone(void)
{
	struct pollfd in = { .fd = STDIN_FILENO };

	return poll(&in, 1, 0) > 0 && (in.revents & (POLLERR | POLLHUP | POLLNVAL));
}

/* Whether there is something new to draw. */
static bool look(struct top *t)
{
	uint64_t now_ns = mono_ns();
	int rc;

	if (!t->asked && !t->model.paused && now_ns >= t->next_ns) {
		t->next_ns = now_ns + t->options->view.interval_ns;
		ask(t, ASKED_ROWS);
	}
	rc = client__wait(t->client, STDIN_FILENO, wait_ms(t, now_ns), t->message,
			  sizeof(t->message));
	if (rc > 0)
		on_answer(t);
	else if (rc < 0)
		t->asked = ASKED_NOTHING;
	return rc != 0;
}

/* All keys that wait. TOP_QUIT ends. */
static enum top_effect press_keys(struct top *t)
{
	enum top_effect effect = TOP_NOTHING, one;
	unsigned int key;

	while (effect != TOP_QUIT && top_screen__key(&key)) {
		one = top_model__key(&t->model, key, top_screen__page());
		one = one == TOP_NOTHING ? TOP_REDRAW : one; /* the window may have changed */
		effect = effect > one ? effect : one;
	}
	if (effect == TOP_ASK)
		ask(t, ASKED_ROWS);
	return effect;
}

/* Nobody at the socket at the start is an error; later it is said, and tried again. */
static int show_live(struct top *t)
{
	enum top_effect keys = TOP_NOTHING;
	bool news = true;
	int err = get_rows(t);

	held_log__begin();
	if (!err)
		err = top_screen__open(t->message, sizeof(t->message));
	if (err)
		log__error("%s", t->message);
	while (!err && keys != TOP_QUIT && !interrupt__came() && !terminal_is_gone()) {
		if (news || keys)
			top_screen__draw(&t->model, *t->message ? t->message : NULL,
					 *t->watching ? t->watching : NULL);
		news = look(t);
		keys = press_keys(t);
	}
	top_screen__close();
	held_log__end();
	return err;
}

int cmd_top(int argc, char **argv)
{
	struct options o;
	struct top t = { .options = &o };
	struct session *session;
	int rc = command__options(&o, argc, argv);
	bool live;

	if (rc >= 0)
		return rc;
	live = !o.view.once && !o.json && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	term_text__init();
	interrupt__init();
	session = session__start(&o, t.message, sizeof(t.message));
	if (session)
		t.client = client__new(session__socket(session), t.message, sizeof(t.message));
	if (t.client && !top_model__init(&t.model, &o.view)) {
		rc = live ? show_live(&t) : show_once(&t);
	} else if (*t.message || !interrupt__came()) {
		log__error("%s", *t.message ? t.message : "out of memory");
	} else {
		rc = 0; /* a signal came first */
	}
	top_model__free(&t.model);
	client__free(t.client);
	session__free(session);
	buf__free(&t.target);
	options__free(&o);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
