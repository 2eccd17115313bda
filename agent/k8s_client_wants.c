// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is kept of objects: copies, since the options may change meanwhile. */
#include "k8s_client_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

static void free_list(struct str_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
}

void k8s_wants__free(struct k8s_wants *w)
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

struct k8s_wants *k8s_wants__copy(const struct k8s_wants *from)
{
	struct k8s_wants *w = calloc(1, sizeof(*w));

	if (w && !copy_list(&w->labels, &from->labels) &&
	    !copy_list(&w->annotations, &from->annotations))
		return w;
	k8s_wants__free(w);
	return NULL;
}

int k8s_client__set_wants(struct k8s_client *c, const struct k8s_wants *w)
{
	struct k8s_wants *copy = k8s_wants__copy(w);

	if (!copy)
		return -ENOMEM;
	pthread_mutex_lock(&c->lock);
	k8s_wants__free(c->next_wants);
	c->next_wants = copy;
	pthread_mutex_unlock(&c->lock);
	/* In this order: whoever sees that there is something new finds the wake, and takes it
	 * away. One that is taken too early was of what is taken with it. */
	eventfd_write(c->wake_fd, 1);
	atomic_store(&c->rewanted, true);
	return 0;
}

/* What was kept so far lacks what is wanted now. */
void k8s_wants__take(struct k8s_client *c)
{
	eventfd_t count;

	if (!atomic_exchange(&c->rewanted, false))
		return;
	eventfd_read(c->wake_fd, &count);
	pthread_mutex_lock(&c->lock);
	if (c->next_wants) { /* else the latest ones were there when we took those before */
		k8s_wants__free(c->wants);
		c->wants = c->next_wants;
		c->next_wants = NULL;
	}
	pthread_mutex_unlock(&c->lock);
	c->version[0] = 0;
}
