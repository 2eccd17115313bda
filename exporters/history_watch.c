// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who watches. Each has room for copies of the spans that its filter wants; the history's
 * thread fills it, the watcher takes all at once. What has no room is counted. That room is
 * taken from the limit for as long as the watch lasts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "history_internal.h"
#include "loop.h"
#include "service.h"

enum { WATCH_SHARE = 128 /* of the limit */, WATCH_SPANS = 1024 };

struct history_watch {
	struct history_watch *next;
	struct history *h;
	struct history_span_filter filter;
	struct result_arena *texts; /* the filter's */
	bool spans;

	/* with watch_lock */
	char *room; /* records, each with its service's names behind it */
	size_t size, used;
	uint32_t n;
	uint64_t lost;
	bool tick;
};

/* ---- filling ------------------------------------------------------------------------------- */

static size_t padded(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static void put_span(struct history_watch *w, const struct span *s, int64_t unix_minus_mono_ns)
{
	size_t bytes = record__bytes(&w->h->cfg, s), name = strlen(s->service->name) + 1;
	size_t namespace = strlen(s->service->namespace) + 1;
	size_t all = padded(bytes + name + namespace);
	char *at = w->room + w->used;

	if (w->n == WATCH_SPANS || all > w->size - w->used) {
		w->lost++;
		return;
	}
	record__write((struct record *)at, &w->h->cfg, s, unix_minus_mono_ns);
	memcpy(at + bytes, s->service->name, name);
	memcpy(at + bytes + name, s->service->namespace, namespace);
	w->used += all;
	w->n++;
}

static void put_matching(struct history_watch *w, const struct span_batch *b)
{
	const struct span *s;

	for (s = b->spans; s < b->spans + b->n; s++)
		if (match__span(&w->filter, s, s->service->name, s->service->namespace))
			put_span(w, s, b->unix_minus_mono_ns);
}

void watches__batch(struct history *h, const struct span_batch *b, uint64_t lost)
{
	struct history_watch *w;

	pthread_mutex_lock(&h->watch_lock);
	for (w = h->watches; w; w = w->next)
		if (w->spans) {
			put_matching(w, b);
			w->lost += lost;
		}
	pthread_cond_broadcast(&h->watched);
	pthread_mutex_unlock(&h->watch_lock);
}

void watches__tick(struct history *h)
{
	struct history_watch *w;

	pthread_mutex_lock(&h->watch_lock);
	for (w = h->watches; w; w = w->next)
		w->tick = true;
	pthread_cond_broadcast(&h->watched);
	pthread_mutex_unlock(&h->watch_lock);
}

void history__shutdown(struct history *h)
{
	pthread_mutex_lock(&h->watch_lock);
	h->is_shut = true;
	pthread_cond_broadcast(&h->watched);
	pthread_mutex_unlock(&h->watch_lock);
}

/* ---- taking -----------------------------------------------------------------------------------
 */

static int take_spans(struct history_watch *w, struct history_spans *out)
{
	char *at = w->room;
	uint32_t i;

	out->v = calloc(w->n + 1, sizeof(*out->v));
	for (i = 0; out->v && i < w->n; i++) {
		const struct record *r = (const struct record *)at;
		const char *name = at + r->bytes, *namespace = name + strlen(name) + 1;

		if (record__copy(r, name, namespace, out->memory, &out->v[i]))
			return -ENOMEM;
		at += padded((size_t)(namespace + strlen(namespace) + 1 - at));
	}
	if (!out->v)
		return -ENOMEM;
	out->n = w->n;
	w->n = 0;
	w->used = 0;
	return 0;
}

static struct timespec deadline(int timeout_ms)
{
	return mono_timespec(mono_ns() + (uint64_t)timeout_ms * 1000000);
}

/* With the lock. */
static int await(struct history_watch *w, int timeout_ms)
{
	struct timespec until = deadline(timeout_ms);
	struct history *h = w->h;
	int err = 0;

	while (!h->is_shut && !w->n && !w->lost && !w->tick && !err)
		err = pthread_cond_timedwait(&h->watched, &h->watch_lock, &until);
	return h->is_shut ? -ESHUTDOWN : 0;
}

int history_watch__next(struct history_watch *w, int timeout_ms, struct history_spans **out,
			uint64_t *lost, bool *tick)
{
	struct history_spans *spans = calloc(1, sizeof(*spans));
	int err = -ENOMEM;

	if (spans)
		spans->memory = result_arena__new();
	if (!spans || !spans->memory)
		goto out;
	pthread_mutex_lock(&w->h->watch_lock);
	err = await(w, timeout_ms);
	if (!err)
		err = take_spans(w, spans);
	if (!err) {
		*lost = w->lost;
		*tick = w->tick;
		w->lost = 0;
		w->tick = false;
	}
	pthread_mutex_unlock(&w->h->watch_lock);
out:
	if (err)
		history_spans__free(spans);
	else
		*out = spans;
	return err;
}

/* ---- life
 * ---------------------------------------------------------------------------------------- */

static int copy_text(struct result_arena *a, const char **text)
{
	const char *was = *text;

	*text = result_arena__text(a, was);
	return was && !*text ? -ENOMEM : 0;
}

static int copy_filter(struct history_watch *w, const struct history_span_filter *f)
{
	struct history_filter *n = &w->filter.names;
	const char **texts[] = { &n->service.text, &n->namespace.text, &n->protocol.text,
				 &n->method.text,  &n->route.text,     &n->peer.text,
				 &n->status,       &w->filter.text };
	size_t i;

	w->filter = *f;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (copy_text(w->texts, texts[i]))
			return -ENOMEM;
	return 0;
}

static int make_watch_room(struct history_watch *w)
{
	struct history *h = w->h;

	w->size = h->cfg.limit_bytes / WATCH_SHARE & ~(size_t)7;
	if (!w->spans)
		return 0;
	pthread_rwlock_wrlock(&h->lock);
	w->room = room__alloc(h, ROOM_WATCHES, w->size);
	pthread_rwlock_unlock(&h->lock);
	return w->room ? 0 : -ENOMEM;
}

static int enlist(struct history_watch *w)
{
	struct history *h = w->h;
	int err = 0;

	pthread_mutex_lock(&h->watch_lock);
	if (h->n_watches == HISTORY_WATCHES_MAX) {
		err = -EBUSY;
	} else {
		h->n_watches++;
		w->next = h->watches;
		h->watches = w;
		if (w->spans)
			atomic_fetch_add(&h->span_watches, 1);
	}
	pthread_mutex_unlock(&h->watch_lock);
	return err;
}

static void drop(struct history_watch *w)
{
	struct history *h = w->h;

	if (w->room) {
		pthread_rwlock_wrlock(&h->lock);
		room__free(h, ROOM_WATCHES, w->room, w->size);
		pthread_rwlock_unlock(&h->lock);
	}
	result_arena__free(w->texts);
	free(w);
}

struct history_watch *history__watch(struct history *h, const struct history_span_filter *f,
				     bool spans)
{
	struct history_watch *w = calloc(1, sizeof(*w));
	int err = -ENOMEM;

	if (!w)
		return NULL;
	w->h = h;
	w->spans = spans;
	w->texts = result_arena__new();
	if (w->texts)
		err = copy_filter(w, f);
	if (!err)
		err = make_watch_room(w);
	if (!err)
		err = enlist(w);
	if (!err)
		return w;
	drop(w);
	errno = -err;
	return NULL;
}

void history_watch__free(struct history_watch *w)
{
	struct history_watch **link;
	struct history *h;

	if (!w)
		return;
	h = w->h;
	pthread_mutex_lock(&h->watch_lock);
	for (link = &h->watches; *link != w; link = &(*link)->next)
		;
	*link = w->next;
	h->n_watches--;
	if (w->spans)
		atomic_fetch_sub(&h->span_watches, 1);
	pthread_mutex_unlock(&h->watch_lock);
	drop(w);
}
