// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "prober_internal.h"

int problems__init(struct problems *s)
{
	pthread_mutex_init(&s->lock, NULL);
	s->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return s->event_fd < 0 ? -errno : 0;
}

void problems__fini(struct problems *s)
{
	if (s->event_fd >= 0)
		close(s->event_fd);
}

static struct prober_problem *oldest(struct problems *s, size_t i)
{
	return &s->ring[(s->total - s->n + i) % PROBER_PROBLEMS];
}

/* One library in a hundred containers is one problem. */
static bool same(const struct prober_problem *a, const struct prober_problem *b)
{
	if (a->reason != b->reason || strcmp(a->path, b->path))
		return false;
	return a->path[0] || !strcmp(a->process, b->process);
}

static struct prober_problem *find(struct problems *s, const struct prober_problem *problem)
{
	for (size_t i = 0; i < s->n; i++)
		if (same(oldest(s, i), problem))
			return oldest(s, i);
	return NULL;
}

void problems__add(struct problems *s, const struct prober_problem *problem)
{
	struct prober_problem *known;
	uint64_t one = 1;

	pthread_mutex_lock(&s->lock);
	known = find(s, problem);
	if (known) {
		known->cnt++;
	} else {
		s->ring[s->total % PROBER_PROBLEMS] = *problem;
		s->ring[s->total++ % PROBER_PROBLEMS].cnt = 1;
		s->n += s->n < PROBER_PROBLEMS;
	}
	pthread_mutex_unlock(&s->lock);
	if (!known && write(s->event_fd, &one, sizeof(one)) < 0)
		return; /* it is readable already */
}

bool problems__next(struct problems *s, struct prober_problem *out)
{
	bool more;

	pthread_mutex_lock(&s->lock);
	if (s->total - s->told > s->n)
		s->told = s->total - s->n;
	more = s->told < s->total;
	if (more)
		*out = s->ring[s->told++ % PROBER_PROBLEMS];
	pthread_mutex_unlock(&s->lock);
	return more;
}

uint64_t problems__total(struct problems *s)
{
	uint64_t n;

	pthread_mutex_lock(&s->lock);
	n = s->total;
	pthread_mutex_unlock(&s->lock);
	return n;
}

bool problems__at(struct problems *s, size_t i, struct prober_problem *out)
{
	bool there;

	pthread_mutex_lock(&s->lock);
	there = i < s->n;
	if (there)
		*out = *oldest(s, i);
	pthread_mutex_unlock(&s->lock);
	return there;
}
