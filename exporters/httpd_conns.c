// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How long a client may take over one request. libmicrohttpd's own timeout is
 * about silence: a client that sends or reads one byte every few seconds would
 * keep its connection, and a few of them all connections. A thread looks at
 * the open connections once a second and shuts down those that are overdue; the
 * thread that serves such a connection then finds it closed.
 */
#include "httpd_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

struct httpd_conn {
	int fd;		   /* -1: the slot is free */
	uint64_t since_ns; /* when it was opened, or its last request done */
};

struct httpd_conns {
	pthread_mutex_t lock; /* of everything below; a slot's fd is not closed while it is held */
	pthread_cond_t wake;
	pthread_t thread;
	bool stop;
	uint64_t deadline_ns, cut_off;
	unsigned int n;
	struct httpd_conn conns[];
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void cut_off_overdue(struct httpd_conns *c, uint64_t now)
{
	for (struct httpd_conn *conn = c->conns; conn < c->conns + c->n; conn++) {
		if (conn->fd < 0 || now - conn->since_ns < c->deadline_ns)
			continue;
		shutdown(conn->fd, SHUT_RDWR);
		conn->since_ns = now; /* counted once, though its thread takes a moment */
		c->cut_off++;
	}
}

static void *watch(void *arg)
{
	struct httpd_conns *c = arg;
	struct timespec next;

	pthread_mutex_lock(&c->lock);
	while (!c->stop) {
		clock_gettime(CLOCK_MONOTONIC, &next);
		next.tv_sec++;
		pthread_cond_timedwait(&c->wake, &c->lock, &next);
		cut_off_overdue(c, now_ns());
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

struct httpd_conns *httpd_conns__new(unsigned int max, unsigned int deadline_s)
{
	struct httpd_conns *c = calloc(1, sizeof(*c) + max * sizeof(*c->conns));
	pthread_condattr_t attr;
	int err;

	if (!c)
		return NULL;
	c->n = max;
	c->deadline_ns = (uint64_t)deadline_s * 1000000000;
	for (unsigned int i = 0; i < max; i++)
		c->conns[i].fd = -1;
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->wake, &attr);
	pthread_condattr_destroy(&attr);
	err = pthread_create(&c->thread, NULL, watch, c);
	if (err) {
		free(c);
		errno = err;
		return NULL;
	}
	return c;
}

struct httpd_conn *httpd_conns__open(struct httpd_conns *c, int fd)
{
	struct httpd_conn *found = NULL;

	pthread_mutex_lock(&c->lock);
	for (unsigned int i = 0; i < c->n && !found; i++) {
		if (c->conns[i].fd < 0)
			found = &c->conns[i];
	}
	if (found)
		*found = (struct httpd_conn){ .fd = fd, .since_ns = now_ns() };
	pthread_mutex_unlock(&c->lock);
	return found;
}

void httpd_conns__request_done(struct httpd_conns *c, struct httpd_conn *conn)
{
	if (!conn)
		return;
	pthread_mutex_lock(&c->lock);
	conn->since_ns = now_ns();
	pthread_mutex_unlock(&c->lock);
}

void httpd_conns__close(struct httpd_conns *c, struct httpd_conn *conn)
{
	if (!conn)
		return;
	pthread_mutex_lock(&c->lock);
	conn->fd = -1;
	pthread_mutex_unlock(&c->lock);
}

uint64_t httpd_conns__cut_off(struct httpd_conns *c)
{
	uint64_t n;

	pthread_mutex_lock(&c->lock);
	n = c->cut_off;
	pthread_mutex_unlock(&c->lock);
	return n;
}

void httpd_conns__free(struct httpd_conns *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	pthread_cond_destroy(&c->wake);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
