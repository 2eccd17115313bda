// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The first list is of resourceVersion 0: what the API server has in its cache, which costs it
 * next to nothing when a whole cluster's agents start. Every other list is of the present
 * state, in pages. From the list's resourceVersion on a watch brings what changes, and
 * bookmarks, so that the next watch can go on from a recent version. A watch that ends is
 * begun again; one that is refused with 410, or tells of it in an event, leads to a list.
 *
 * An agent must not hurry an API server that is in trouble: waits double up to their maximum,
 * of which up to a half is left to chance, and are forgotten only once a watch has held.
 */
#include "k8s_client.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "k8s_cut.h"
#include "k8s_http.h"
#include "k8s_queue.h"
#include "log.h"
#include "loop.h"

#define MS              UINT64_C(1000000)
#define SEC             UINT64_C(1000000000)
#define LIST_NS         (30 * SEC)
#define HELD_NS         (5 * SEC) /* a watch that lasted so long is no failure */
#define WATCH_SLACK_NS  (30 * SEC)
#define RETRY_AFTER_MAX (300 * SEC)
#define VERSION_MAX     128
#define CONTINUE_MAX    1024

const char *const k8s_error_names[K8S_ERROR__CNT] = {
	[K8S_ERROR_CONNECTION] = "connection", [K8S_ERROR_UNAUTHORIZED] = "unauthorized",
	[K8S_ERROR_FORBIDDEN] = "forbidden",   [K8S_ERROR_GONE] = "gone",
	[K8S_ERROR_THROTTLED] = "throttled",   [K8S_ERROR_SERVER] = "server",
	[K8S_ERROR_STATUS] = "status",         [K8S_ERROR_MALFORMED] = "malformed",
	[K8S_ERROR_TOO_LARGE] = "too_large",   [K8S_ERROR_TOKEN] = "token",
};

struct k8s_client {
	struct k8s_client_config cfg;
	struct k8s_queue *queue;
	pthread_t thread;
	bool started;
	int wake_fd;
	atomic_bool stop, rewanted;

	pthread_mutex_t lock;         /* of the next two */
	struct k8s_wants *next_wants; /* NULL: as before */

	atomic_uint_fast64_t lists, watches, events, errors[K8S_ERROR__CNT], last_event_ns;

	/* the thread's own */
	struct k8s_http *http;
	struct k8s_cut cut;
	struct k8s_wants *wants;
	char version[VERSION_MAX]; /* to watch from; "": list first */
	char more[CONTINUE_MAX];   /* of the list: its next page; "": none */
	bool first_list, gone, event_failed, away;
	unsigned int attempt;
	struct log_limit log_limit;
};

/* ---- wants ---------------------------------------------------------------- */

static void free_list(struct str_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
}

static void free_wants(struct k8s_wants *w)
{
	if (!w)
		return;
	free_list(&w->labels);
	free_list(&w->annotations);
	free(w);
}

static int copy_list(struct str_list *to, const struct str_list *from)
{
	to->v = calloc(from->n + 1, sizeof(*to->v));
	for (size_t i = 0; to->v && i < from->n; i++) {
		to->v[i] = strdup(from->v[i]);
		if (!to->v[i])
			return -ENOMEM;
		to->n++;
	}
	return to->v ? 0 : -ENOMEM;
}

static struct k8s_wants *copy_wants(const struct k8s_wants *from)
{
	struct k8s_wants *w = calloc(1, sizeof(*w));

	if (w && !copy_list(&w->labels, &from->labels) &&
	    !copy_list(&w->annotations, &from->annotations))
		return w;
	free_wants(w);
	return NULL;
}

int k8s_client__set_wants(struct k8s_client *c, const struct k8s_wants *w)
{
	struct k8s_wants *copy = copy_wants(w);

	if (!copy)
		return -ENOMEM;
	pthread_mutex_lock(&c->lock);
	free_wants(c->next_wants);
	c->next_wants = copy;
	pthread_mutex_unlock(&c->lock);
	atomic_store(&c->rewanted, true);
	eventfd_write(c->wake_fd, 1);
	return 0;
}

/* What was kept so far lacks what is wanted now. */
static void take_wants(struct k8s_client *c)
{
	eventfd_t count;

	if (!atomic_exchange(&c->rewanted, false))
		return;
	eventfd_read(c->wake_fd, &count);
	pthread_mutex_lock(&c->lock);
	free_wants(c->wants);
	c->wants = c->next_wants;
	c->next_wants = NULL;
	pthread_mutex_unlock(&c->lock);
	c->version[0] = 0;
}

/* ---- trouble -------------------------------------------------------------- */

static bool give_up(void *arg)
{
	struct k8s_client *c = arg;

	return atomic_load(&c->stop) || atomic_load(&c->rewanted);
}

static void count(struct k8s_client *c, enum k8s_error kind)
{
	atomic_fetch_add(&c->errors[kind], 1);
}

static enum k8s_error kind_of(const struct k8s_answer *a)
{
	if (a->token)
		return K8S_ERROR_TOKEN;
	if (a->refused)
		return K8S_ERROR_MALFORMED;
	switch (a->status) {
	case 0:
	case 200:
		return K8S_ERROR_CONNECTION;
	case 401:
		return K8S_ERROR_UNAUTHORIZED;
	case 403:
		return K8S_ERROR_FORBIDDEN;
	case 410:
		return K8S_ERROR_GONE;
	case 429:
		return K8S_ERROR_THROTTLED;
	default:
		return a->status >= 500 ? K8S_ERROR_SERVER : K8S_ERROR_STATUS;
	}
}

static uint64_t random_below(uint64_t n)
{
	uint64_t r = 0;

	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != sizeof(r))
		r = mono_ns();
	return n ? r % n : 0;
}

static void pause_for(struct k8s_client *c, uint64_t wait_ns)
{
	struct pollfd p = { .fd = c->wake_fd, .events = POLLIN };

	if (!give_up(c))
		poll(&p, 1, (int)(wait_ns / MS) + 1);
}

static void back_off(struct k8s_client *c, uint64_t asked_ns)
{
	uint64_t wait = c->cfg.backoff_max_ns;

	if (c->attempt < 32 && c->cfg.backoff_min_ns << c->attempt < wait)
		wait = c->cfg.backoff_min_ns << c->attempt;
	c->attempt++;
	wait = wait / 2 + random_below(wait / 2);
	asked_ns = asked_ns < RETRY_AFTER_MAX ? asked_ns : RETRY_AFTER_MAX;
	pause_for(c, asked_ns > wait ? asked_ns + random_below(asked_ns / 10) : wait);
}

static void failed(struct k8s_client *c, const struct k8s_answer *a, const char *what)
{
	if (give_up(c))
		return;
	count(c, kind_of(a));
	log__limited(&c->log_limit, LOG_LEVEL_WARN, "Kubernetes: %s: %s: %s", what,
		     c->cfg.where.url, a->refused ? "what it sent is no such answer" : a->reason);
	c->away = true;
	back_off(c, a->retry_after_ns);
}

static void alive(struct k8s_client *c)
{
	atomic_store(&c->last_event_ns, mono_ns());
}

static void works(struct k8s_client *c)
{
	if (c->away)
		log__info("Kubernetes: %s answers again", c->cfg.where.url);
	c->away = false;
}

/* ---- objects -------------------------------------------------------------- */

static const cJSON *member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static void set_text(char *to, size_t size, const cJSON *from)
{
	const char *s = cJSON_GetStringValue(from);

	snprintf(to, size, "%s", s && strlen(s) < size ? s : "");
}

static void give(struct k8s_client *c, enum k8s_change_kind kind, struct k8s_pod *pod)
{
	k8s_queue__put(c->queue, &(struct k8s_change){ .kind = kind, .pod = pod });
}

static void give_pod(struct k8s_client *c, const cJSON *object)
{
	struct k8s_pod *pod = k8s_pod__new(object, c->wants);

	if (pod)
		give(c, K8S_CHANGE_POD, pod);
	else
		count(c, K8S_ERROR_MALFORMED);
}

static void give_gone(struct k8s_client *c, const cJSON *object)
{
	struct k8s_change change = { .kind = K8S_CHANGE_GONE };

	set_text(change.uid, sizeof(change.uid), member(member(object, "metadata"), "uid"));
	if (*change.uid)
		k8s_queue__put(c->queue, &change);
	else
		count(c, K8S_ERROR_MALFORMED);
}

/* A Status. Whatever it says, this watch is over. */
static void on_error_event(struct k8s_client *c, const cJSON *object)
{
	const cJSON *code = member(object, "code");
	struct k8s_answer a = { .status = cJSON_IsNumber(code) ? code->valueint : 500 };

	count(c, kind_of(&a));
	c->gone |= a.status == 410;
	c->event_failed = true;
}

static void on_event(struct k8s_client *c, const cJSON *event)
{
	const char *type = cJSON_GetStringValue(member(event, "type"));
	const cJSON *object = member(event, "object");
	const cJSON *version = member(member(object, "metadata"), "resourceVersion");

	if (!type || !cJSON_IsObject(object)) {
		count(c, K8S_ERROR_MALFORMED);
		return;
	}
	atomic_fetch_add(&c->events, 1);
	if (!strcmp(type, "ERROR"))
		on_error_event(c, object);
	else if (!strcmp(type, "ADDED") || !strcmp(type, "MODIFIED"))
		give_pod(c, object);
	else if (!strcmp(type, "DELETED"))
		give_gone(c, object);
	if (!c->event_failed && cJSON_IsString(version))
		set_text(c->version, sizeof(c->version), version);
}

static void on_listed(struct k8s_client *c, const char *key, const cJSON *object)
{
	if (!strcmp(key, "items")) {
		give_pod(c, object);
	} else if (!strcmp(key, "metadata")) {
		set_text(c->version, sizeof(c->version), member(object, "resourceVersion"));
		set_text(c->more, sizeof(c->more), member(object, "continue"));
	}
}

static void on_object(void *arg, const char *key, const char *json, size_t len)
{
	struct k8s_client *c = arg;
	cJSON *j = cJSON_ParseWithLength(json, len);

	if (!j)
		count(c, K8S_ERROR_MALFORMED);
	else if (c->cut.list)
		on_listed(c, key, j);
	else
		on_event(c, j);
	cJSON_Delete(j);
}

static int on_body(void *arg, const char *p, size_t len)
{
	struct k8s_client *c = arg;
	int err;

	alive(c);
	works(c);
	err = k8s_cut__feed(&c->cut, p, len);
	atomic_fetch_add(&c->errors[K8S_ERROR_TOO_LARGE], c->cut.too_large);
	c->cut.too_large = 0;
	return err ? err : give_up(c) || c->event_failed ? -ECANCELED : 0;
}

/* ---- requests ------------------------------------------------------------- */

static void get(struct k8s_client *c, const char *path, uint64_t timeout_ns, struct k8s_answer *a)
{
	struct k8s_request r = {
		.path = path,
		.timeout_ns = timeout_ns,
		.body = on_body,
		.give_up = give_up,
		.arg = c,
		.wake_fd = c->wake_fd,
	};

	k8s_http__get(c->http, &r, a);
	if (a->status == 200)
		alive(c);
}

/* Percent-encoded, for a query. "" when it does not fit. */
static const char *encode(char *to, size_t size, const char *s)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789-._~";
	char *at = to;

	for (; *s && at + 4 < to + size; s++) {
		if (strchr(safe, *s))
			*at++ = *s;
		else
			at += sprintf(at, "%%%02X", (unsigned char)*s);
	}
	*at = 0;
	return *s ? strcpy(to, "") : to;
}

static bool list_page(struct k8s_client *c, bool paged, struct k8s_answer *a)
{
	char more[3 * CONTINUE_MAX], path[sizeof(more) + 512], limit[32] = "";

	encode(more, sizeof(more), c->more);
	if (paged)
		snprintf(limit, sizeof(limit), "&limit=%u", c->cfg.page);
	snprintf(path, sizeof(path), "/api/v1/pods?fieldSelector=spec.nodeName%%3D%s%s%s%s%s",
		 c->cfg.where.node, limit, c->first_list && !*more ? "&resourceVersion=0" : "",
		 *more ? "&continue=" : "", more);
	c->version[0] = c->more[0] = 0;
	c->event_failed = false;
	k8s_cut__reset(&c->cut, true);
	get(c, path, LIST_NS, a);
	if (a->status != 200 || a->broken)
		return false;
	if (k8s_cut__whole(&c->cut) && *c->version)
		return true;
	a->refused = -EBADMSG;
	return false;
}

/* All pages; false: some are missing. A page's `continue` may be too old by now (410): then
 * once more, in one answer. */
static bool list_pages(struct k8s_client *c, struct k8s_answer *a)
{
	bool paged = true;

	give(c, K8S_CHANGE_BEGIN, NULL);
	c->more[0] = 0;
	do {
		bool later = *c->more;

		if (list_page(c, paged, a))
			continue;
		if (a->status != 410 || !later)
			return false;
		count(c, K8S_ERROR_GONE);
		paged = false;
		c->more[0] = 0;
		if (!list_page(c, paged, a))
			return false;
	} while (*c->more && !give_up(c));
	return !give_up(c);
}

static void list(struct k8s_client *c)
{
	struct k8s_answer a = { 0 };

	atomic_fetch_add(&c->lists, 1);
	if (list_pages(c, &a)) {
		give(c, K8S_CHANGE_END, NULL);
		c->first_list = false;
		return;
	}
	c->version[0] = 0;
	failed(c, &a, "the pods of this node cannot be listed");
}

static uint32_t watch_seconds(const struct k8s_client *c)
{
	return c->cfg.watch_s ? c->cfg.watch_s : 300 + (uint32_t)random_below(300);
}

static void watch(struct k8s_client *c)
{
	char version[3 * VERSION_MAX + 8], path[sizeof(version) + 640];
	uint64_t start = mono_ns(), events = atomic_load(&c->events);
	uint32_t seconds = watch_seconds(c);
	struct k8s_answer a;
	bool held;

	snprintf(path, sizeof(path),
		 "/api/v1/pods?watch=1&fieldSelector=spec.nodeName%%3D%s&resourceVersion=%s"
		 "&allowWatchBookmarks=true&timeoutSeconds=%u",
		 c->cfg.where.node, encode(version, sizeof(version), c->version), seconds);
	atomic_fetch_add(&c->watches, 1);
	k8s_cut__reset(&c->cut, false);
	c->gone = c->event_failed = false;
	get(c, path, seconds * SEC + WATCH_SLACK_NS, &a);
	held = a.status == 200 && !c->event_failed &&
	       (mono_ns() - start >= HELD_NS || atomic_load(&c->events) > events);
	if (held)
		c->attempt = 0;
	if (a.status == 410)
		count(c, K8S_ERROR_GONE);
	if (a.status == 410 || c->gone) {
		c->version[0] = 0;
		back_off(c, 0);
	} else if (c->event_failed || (a.status == 200 && !a.broken && !held)) {
		back_off(c, 0);
	} else if (a.broken || a.status != 200) {
		failed(c, &a, "the watch ended");
	}
}

static void *run(void *arg)
{
	struct k8s_client *c = arg;

	while (!atomic_load(&c->stop)) {
		take_wants(c);
		if (*c->version)
			watch(c);
		else
			list(c);
	}
	return NULL;
}

/* ---- life ----------------------------------------------------------------- */

static void set_defaults(struct k8s_client_config *c)
{
	c->backoff_min_ns = c->backoff_min_ns ? c->backoff_min_ns : 500 * MS;
	c->backoff_max_ns = c->backoff_max_ns ? c->backoff_max_ns : 30 * SEC;
	c->page = c->page ? c->page : 100;
	c->max_document = c->max_document ? c->max_document : 1u << 20;
}

static int start(struct k8s_client *c)
{
	sigset_t all, before;
	int err;

	/* Signals are the event loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&c->thread, NULL, run, c);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	c->started = !err;
	return -err;
}

static int set_up(struct k8s_client *c, const struct k8s_wants *w, char *err, size_t err_size)
{
	c->http = k8s_http__new(&c->cfg.where, err, err_size);
	if (!c->http)
		return -EOPNOTSUPP;
	c->wants = copy_wants(w);
	c->queue = k8s_queue__new();
	c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	snprintf(err, err_size, "out of memory or descriptors");
	if (!c->wants || !c->queue || c->wake_fd < 0)
		return -ENOMEM;
	return start(c);
}

struct k8s_client *k8s_client__new(const struct k8s_client_config *cfg, const struct k8s_wants *w,
				   char *err, size_t err_size)
{
	struct k8s_client *c = calloc(1, sizeof(*c));
	int rc;

	if (!c) {
		snprintf(err, err_size, "out of memory");
		return NULL;
	}
	c->cfg = *cfg;
	set_defaults(&c->cfg);
	c->wake_fd = -1;
	c->first_list = true;
	c->log_limit = (struct log_limit)LOG_LIMIT(1, 60);
	c->cut = (struct k8s_cut){ .max = c->cfg.max_document, .object = on_object, .arg = c };
	pthread_mutex_init(&c->lock, NULL);
	rc = set_up(c, w, err, err_size);
	if (!rc)
		return c;
	k8s_client__free(c);
	errno = -rc;
	return NULL;
}

void k8s_client__free(struct k8s_client *c)
{
	if (!c)
		return;
	atomic_store(&c->stop, true);
	if (c->queue)
		k8s_queue__close(c->queue);
	if (c->started) {
		eventfd_write(c->wake_fd, 1);
		pthread_join(c->thread, NULL);
	}
	k8s_http__free(c->http);
	k8s_cut__free(&c->cut);
	k8s_queue__free(c->queue);
	free_wants(c->wants);
	free_wants(c->next_wants);
	if (c->wake_fd >= 0)
		close(c->wake_fd);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* ---- the event loop ------------------------------------------------------- */

int k8s_client__fd(const struct k8s_client *c)
{
	return k8s_queue__fd(c->queue);
}

bool k8s_client__take(struct k8s_client *c, struct k8s_change *out)
{
	return k8s_queue__take(c->queue, out);
}

void k8s_client__stats(struct k8s_client *c, struct k8s_client_stats *out)
{
	*out = (struct k8s_client_stats){
		.lists = atomic_load(&c->lists),
		.watches = atomic_load(&c->watches),
		.events = atomic_load(&c->events),
		.last_event_ns = atomic_load(&c->last_event_ns),
	};
	for (int i = 0; i < K8S_ERROR__CNT; i++)
		out->errors[i] = atomic_load(&c->errors[i]);
}
