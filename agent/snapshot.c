// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "snapshot.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define MIN_INTERVAL_NS 100000000ull

struct snapshots {
	pthread_mutex_t lock;
	pthread_cond_t published;
	int fd;
	bool shutdown;
	uint64_t asked;    /* number of the latest request */
	uint64_t building; /* of the latest that the next snapshot will answer */
	uint64_t answered;
	uint64_t last_ns;       /* event loop only */
	unsigned int waiting;   /* those who ask */
	struct metrics *latest; /* kept only while somebody does */
	int error;
};

struct snapshots *snapshots__new(void)
{
	struct snapshots *s = calloc(1, sizeof(*s));
	pthread_condattr_t attr;

	if (!s)
		return NULL;
	s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->fd < 0) {
		free(s);
		return NULL;
	}
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->published, &attr);
	pthread_condattr_destroy(&attr);
	return s;
}

void snapshots__free(struct snapshots *s)
{
	if (!s)
		return;
	metrics__put(s->latest);
	pthread_cond_destroy(&s->published);
	pthread_mutex_destroy(&s->lock);
	close(s->fd);
	free(s);
}

static struct timespec deadline(unsigned int timeout_ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += timeout_ms / 1000;
	t.tv_nsec += timeout_ms % 1000 * 1000000l;
	if (t.tv_nsec >= 1000000000l) {
		t.tv_nsec -= 1000000000l;
		t.tv_sec++;
	}
	return t;
}

int snapshots__get(struct snapshots *s, struct metrics **out, unsigned int timeout_ms)
{
	struct timespec until = deadline(timeout_ms);
	struct metrics *old = NULL;
	uint64_t mine, one = 1;
	int err = 0;

	pthread_mutex_lock(&s->lock);
	mine = ++s->asked;
	s->waiting++;
	if (write(s->fd, &one, sizeof(one)) < 0)
		err = 0; /* already full of requests: the loop is awake */
	while (!err && !s->shutdown && s->answered < mine)
		err = -pthread_cond_timedwait(&s->published, &s->lock, &until);
	if (s->shutdown)
		err = -ESHUTDOWN;
	else if (s->answered >= mine)
		err = s->error;
	if (!err)
		*out = metrics__ref(s->latest);
	if (!--s->waiting) {
		old = s->latest;
		s->latest = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	metrics__put(old);
	return err;
}

int snapshots__fd(const struct snapshots *s)
{
	return s->fd;
}

uint64_t snapshots__accept(struct snapshots *s, uint64_t now_ns)
{
	uint64_t n;

	if (read(s->fd, &n, sizeof(n)) < 0)
		n = 0;
	if (now_ns < s->last_ns + MIN_INTERVAL_NS)
		return s->last_ns + MIN_INTERVAL_NS - now_ns;
	pthread_mutex_lock(&s->lock);
	s->building = s->asked;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

void snapshots__publish(struct snapshots *s, struct metrics *m, uint64_t now_ns)
{
	struct metrics *old;

	pthread_mutex_lock(&s->lock);
	old = s->latest;
	s->latest = m;
	s->error = m ? 0 : -ENOMEM;
	s->answered = s->building;
	s->last_ns = now_ns;
	pthread_cond_broadcast(&s->published);
	pthread_mutex_unlock(&s->lock);
	metrics__put(old);
}

void snapshots__shutdown(struct snapshots *s)
{
	pthread_mutex_lock(&s->lock);
	s->shutdown = true;
	pthread_cond_broadcast(&s->published);
	pthread_mutex_unlock(&s->lock);
}
