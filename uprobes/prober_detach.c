// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * To take a probe off, the kernel waits for grace periods (uprobe_link.c). Where it can do
 * so for several at a time, several threads have it done. Where it holds a lock meanwhile,
 * who attaches waits his turn for each of his probes, and 30 of them, which take 2 ms
 * otherwise, take as many times 0.1 s. So these threads stand back while the worker
 * attaches.
 */
#include <errno.h>

#include "prober_internal.h"

static struct probe_link *take(struct detacher *d)
{
	struct probe_link *link;

	pthread_mutex_lock(&d->lock);
	while (!d->stop && (!d->first || (d->hold && d->waiting <= d->patience)))
		pthread_cond_wait(&d->wake, &d->lock);
	link = d->first;
	if (link) {
		d->first = link->next;
		if (!d->first)
			d->end = &d->first;
	}
	pthread_mutex_unlock(&d->lock);
	return link;
}

static void *run(void *arg)
{
	struct detacher *d = arg;
	struct probe_link *link;

	while ((link = take(d))) {
		probe_link__close(link);
		pthread_mutex_lock(&d->lock);
		d->waiting--;
		pthread_mutex_unlock(&d->lock);
	}
	return NULL;
}

static int more_threads(struct detacher *d, int n)
{
	int err = 0;

	while (!err && d->n_threads < n) {
		err = pthread_create(&d->threads[d->n_threads], NULL, run, d);
		d->n_threads += !err;
	}
	return err;
}

int detacher__init(struct detacher *d, uint64_t patience)
{
	int err = 0;

	d->end = &d->first;
	d->patience = patience;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->wake, NULL);
	err = more_threads(d, PROBER_DETACHERS);
	return d->n_threads ? 0 : -err;
}

void detacher__fini(struct detacher *d)
{
	if (!d->n_threads)
		return;
	pthread_mutex_lock(&d->lock);
	d->stop = true;
	pthread_cond_broadcast(&d->wake);
	pthread_mutex_unlock(&d->lock);
	if (detacher__waiting(d) > PROBER_DETACHERS)
		more_threads(d, PROBER_DETACHERS_END);
	while (d->n_threads)
		pthread_join(d->threads[--d->n_threads], NULL);
}

void detacher__add(struct detacher *d, struct probe_link *link)
{
	link->next = NULL;
	pthread_mutex_lock(&d->lock);
	*d->end = link;
	d->end = &link->next;
	d->waiting++;
	pthread_cond_signal(&d->wake);
	pthread_mutex_unlock(&d->lock);
}

void detacher__hold(struct detacher *d, bool on)
{
	pthread_mutex_lock(&d->lock);
	d->hold = on;
	if (!on && d->first) /* this comes with each mapping: who has nothing to do sleeps on */
		pthread_cond_broadcast(&d->wake);
	pthread_mutex_unlock(&d->lock);
}

uint64_t detacher__waiting(struct detacher *d)
{
	uint64_t n;

	pthread_mutex_lock(&d->lock);
	n = d->waiting;
	pthread_mutex_unlock(&d->lock);
	return n;
}
