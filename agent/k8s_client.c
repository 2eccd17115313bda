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
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "k8s_client_internal.h"
#include "loop.h"

#define SEC            UINT64_C(1000000000)
#define MS             UINT64_C(1000000)
#define LIST_NS        (30 * SEC)
#define HELD_NS        (5 * SEC) /* a watch that lasted so long is no failure */
#define WATCH_SLACK_NS (30 * SEC)

/* ---- requests ------------------------------------------------------------- */

static void get(struct k8s_client *c, const char *path, uint64_t timeout_ns, struct k8s_answer *a)
{
	struct k8s_request r = {
		.path = path,
		.timeout_ns = timeout_ns,
		.body = k8s_client__on_body,
		.give_up = k8s_client__give_up,
		.arg = c,
		.wake_fd = c->wake_fd,
	};

	k8s_http__get(c->http, &r, a);
	if (a->status == 200)
		k8s_client__alive(c);
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

	k8s_client__give(c, K8S_CHANGE_BEGIN, NULL);
	c->more[0] = 0;
	do {
		bool later = *c->more;

		if (list_page(c, paged, a))
			continue;
		if (a->status != 410 || !later)
			return false;
		k8s_client__count(c, K8S_ERROR_GONE);
		paged = false;
		c->more[0] = 0;
		if (!list_page(c, paged, a))
			return false;
	} while (*c->more && !k8s_client__give_up(c));
	return !k8s_client__give_up(c);
}

static void list(struct k8s_client *c)
{
	struct k8s_answer a = { 0 };

	atomic_fetch_add(&c->lists, 1);
	if (list_pages(c, &a)) {
		k8s_client__give(c, K8S_CHANGE_END, NULL);
		c->first_list = false;
		return;
	}
	c->version[0] = 0;
	k8s_client__failed(c, &a, "the pods of this node cannot be listed");
}

static uint32_t watch_seconds(const struct k8s_client *c)
{
	return c->cfg.watch_s ? c->cfg.watch_s : 300 + (uint32_t)k8s_client__random(300);
}

static void watch(struct k8s_client *c)
{
	char version[3 * VERSION_MAX + 8], path[sizeof(version) + 640];
	uint64_t start = mono_ns();
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
	/* Whatever it brought: each one that ends soon is one more request. */
	held = a.status == 200 && !c->event_failed && mono_ns() - start >= HELD_NS;
	if (held)
		c->attempt = 0;
	if (a.status == 410)
		k8s_client__count(c, K8S_ERROR_GONE);
	if (a.status == 410 || c->gone) {
		c->version[0] = 0;
		k8s_client__back_off(c, 0);
	} else if (c->event_failed || (a.status == 200 && !a.broken && !held)) {
		k8s_client__back_off(c, 0);
	} else if (a.broken || a.status != 200) {
		k8s_client__failed(c, &a, "the watch ended");
	}
}

static void *run(void *arg)
{
	struct k8s_client *c = arg;

	while (!atomic_load(&c->stop)) {
		k8s_wants__take(c);
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
	c->wants = k8s_wants__copy(w);
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
	c->cut = (struct k8s_cut){ .max = c->cfg.max_document,
				   .object = k8s_client__on_object,
				   .arg = c };
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
	k8s_wants__free(c->wants);
	k8s_wants__free(c->next_wants);
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
