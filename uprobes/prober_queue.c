// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "loop.h"
#include "prober_internal.h"

/* The condition waits by the clock that deadlines are told in. */
static int init_monotonic(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	int err;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	err = pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
	return -err;
}

int prober_queue__init(struct prober_queue *q, uint32_t max_tasks, uint32_t max_maps)
{
	q->max_tasks = max_tasks;
	q->max_maps = max_maps;
	q->todo_end = &q->todo;
	q->busy = true;
	pthread_mutex_init(&q->lock, NULL);
	q->maps = calloc(max_maps, sizeof(*q->maps));
	return q->maps ? init_monotonic(&q->wake) : -ENOMEM;
}

void prober_queue__fini(struct prober_queue *q)
{
	struct prober_task *t;

	for (size_t i = 0; i < PROBER_BUCKETS; i++)
		while ((t = q->buckets[i])) {
			q->buckets[i] = t->next;
			free(t);
		}
	free(q->maps);
}

/* ---- the loop's side -------------------------------------------------------------------- */

static struct prober_task **place_of(struct prober_queue *q, uint32_t tgid)
{
	struct prober_task **at = &q->buckets[tgid & (PROBER_BUCKETS - 1)];

	while (*at && (*at)->tgid != tgid)
		at = &(*at)->next;
	return at;
}

static void push(struct prober_queue *q, struct prober_task *t)
{
	if (t->queued)
		return;
	t->queued = true;
	t->next_todo = NULL;
	*q->todo_end = t;
	q->todo_end = &t->next_todo;
	q->n_todo++;
	pthread_cond_signal(&q->wake);
}

static struct prober_task *get_task(struct prober_queue *q, uint32_t tgid)
{
	struct prober_task **at = place_of(q, tgid), *t = *at;

	if (t)
		return t;
	t = q->n_tasks < q->max_tasks ? calloc(1, sizeof(*t)) : NULL;
	if (!t) {
		q->refused++;
		return NULL;
	}
	t->tgid = tgid;
	*at = t;
	q->n_tasks++;
	return t;
}

void prober_queue__selected(struct prober_queue *q, uint32_t tgid)
{
	struct prober_task *t;

	pthread_mutex_lock(&q->lock);
	t = get_task(q, tgid);
	if (t) {
		t->selected = t->enter = t->look = true;
		push(q, t);
	}
	pthread_mutex_unlock(&q->lock);
}

void prober_queue__left(struct prober_queue *q, uint32_t tgid)
{
	struct prober_task *t;

	pthread_mutex_lock(&q->lock);
	t = *place_of(q, tgid);
	if (t && t->selected) {
		t->selected = t->enter = t->look = false;
		t->left = true;
		push(q, t);
	}
	pthread_mutex_unlock(&q->lock);
}

void prober_queue__mapped(struct prober_queue *q, const struct mmap_record *r)
{
	struct prober_task *t;

	pthread_mutex_lock(&q->lock);
	t = *place_of(q, r->tgid);
	if (!t || !t->selected || t->look)
		goto out;
	if (q->n_maps < q->max_maps) {
		q->maps[(q->first_map + q->n_maps++) % q->max_maps] = *r;
		pthread_cond_signal(&q->wake);
	} else {
		q->overflows++;
		t->look = true;
		push(q, t);
	}
out:
	pthread_mutex_unlock(&q->lock);
}

void prober_queue__look_at_all(struct prober_queue *q)
{
	struct prober_task *t;

	pthread_mutex_lock(&q->lock);
	for (size_t i = 0; i < PROBER_BUCKETS; i++)
		for (t = q->buckets[i]; t; t = t->next)
			if (t->selected) {
				t->look = true;
				push(q, t);
			}
	pthread_mutex_unlock(&q->lock);
}

void prober_queue__stop(struct prober_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->stop = true;
	pthread_cond_signal(&q->wake);
	pthread_mutex_unlock(&q->lock);
}

void prober_queue__stats(struct prober_queue *q, uint32_t *waiting, uint64_t *overflows,
			 uint64_t *refused)
{
	pthread_mutex_lock(&q->lock);
	*waiting = q->n_todo + q->n_maps + q->busy;
	*overflows = q->overflows;
	*refused = q->refused;
	pthread_mutex_unlock(&q->lock);
}

bool prober_queue__empty(struct prober_queue *q)
{
	bool empty;

	pthread_mutex_lock(&q->lock);
	empty = !q->todo && !q->n_maps;
	pthread_mutex_unlock(&q->lock);
	return empty;
}

/* ---- the worker's side -------------------------------------------------------------------- */

static void take_task(struct prober_queue *q, struct prober_work *work)
{
	struct prober_task *t = q->todo, **at;

	work->kind = PROBER_PROCESS;
	work->task = *t;
	q->todo = t->next_todo;
	if (!q->todo)
		q->todo_end = &q->todo;
	q->n_todo--;
	t->queued = t->left = t->enter = t->look = false;
	if (t->selected)
		return;
	at = place_of(q, t->tgid);
	*at = t->next;
	free(t);
	q->n_tasks--;
}

static void take_mapping(struct prober_queue *q, struct prober_work *work)
{
	work->kind = PROBER_MAPPING;
	work->mapping = q->maps[q->first_map];
	q->first_map = (q->first_map + 1) % q->max_maps;
	q->n_maps--;
}

/* Processes before mappings: those of a process that is looked at anyway say nothing new. */
bool prober_queue__next(struct prober_queue *q, uint64_t until_ns, struct prober_work *work)
{
	struct timespec t = mono_timespec(until_ns);
	int rc = 0;

	work->kind = PROBER_NOTHING;
	pthread_mutex_lock(&q->lock);
	q->busy = false;
	while (!rc && !q->stop && !q->todo && !q->n_maps)
		rc = until_ns == UINT64_MAX ? pthread_cond_wait(&q->wake, &q->lock)
					    : pthread_cond_timedwait(&q->wake, &q->lock, &t);
	if (!q->stop && q->todo)
		take_task(q, work);
	else if (!q->stop && q->n_maps)
		take_mapping(q, work);
	q->busy = work->kind != PROBER_NOTHING;
	pthread_mutex_unlock(&q->lock);
	return !q->stop;
}
