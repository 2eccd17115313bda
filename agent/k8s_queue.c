// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "k8s_queue.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct k8s_queue {
	pthread_mutex_t lock;
	pthread_cond_t room;
	struct k8s_change v[K8S_QUEUE_MAX];
	unsigned int first, n;
	bool closed;
	int fd;
};

struct k8s_queue *k8s_queue__new(void)
{
	struct k8s_queue *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->fd < 0) {
		free(q);
		return NULL;
	}
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->room, NULL);
	return q;
}

void k8s_queue__free(struct k8s_queue *q)
{
	struct k8s_change change;

	if (!q)
		return;
	while (k8s_queue__take(q, &change))
		k8s_pod__free(change.pod);
	pthread_cond_destroy(&q->room);
	pthread_mutex_destroy(&q->lock);
	close(q->fd);
	free(q);
}

int k8s_queue__fd(const struct k8s_queue *q)
{
	return q->fd;
}

bool k8s_queue__put(struct k8s_queue *q, const struct k8s_change *change)
{
	bool closed;

	pthread_mutex_lock(&q->lock);
	while (q->n == K8S_QUEUE_MAX && !q->closed)
		pthread_cond_wait(&q->room, &q->lock);
	closed = q->closed;
	if (!closed)
		q->v[(q->first + q->n++) % K8S_QUEUE_MAX] = *change;
	pthread_mutex_unlock(&q->lock);
	if (closed)
		k8s_pod__free(change->pod);
	else
		eventfd_write(q->fd, 1);
	return !closed;
}

bool k8s_queue__take(struct k8s_queue *q, struct k8s_change *out)
{
	eventfd_t count;
	bool there;

	pthread_mutex_lock(&q->lock);
	there = q->n;
	if (there) {
		*out = q->v[q->first];
		q->first = (q->first + 1) % K8S_QUEUE_MAX;
		q->n--;
		pthread_cond_signal(&q->room);
	} else {
		eventfd_read(q->fd,
			     &count); /* under the lock: what is put from now on sets it anew */
	}
	pthread_mutex_unlock(&q->lock);
	return there;
}

void k8s_queue__close(struct k8s_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_broadcast(&q->room);
	pthread_mutex_unlock(&q->lock);
}
