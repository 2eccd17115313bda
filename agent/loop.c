// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "loop.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define MAX_WATCHES 16
#define MAX_TIMERS  8

struct watch {
	void (*fn)(void *arg);
	void *arg;
};

struct timer {
	uint64_t when_ns;
	uint64_t (*fn)(void *arg, uint64_t now_ns);
	void *arg;
};

struct loop {
	int epoll_fd;
	bool stopped;
	struct watch watches[MAX_WATCHES];
	unsigned int n_watches;
	struct timer timers[MAX_TIMERS];
	unsigned int n_timers;
};

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* Nanoseconds by which a time namespace moves our CLOCK_MONOTONIC from the kernel's. */
static int64_t namespace_ns;

static void __attribute__((constructor)) find_namespace(void)
{
	FILE *f = fopen("/proc/self/timens_offsets", "re");
	long long s = 0, ns = 0;

	if (!f)
		return;
	if (fscanf(f, "monotonic %lld %lld", &s, &ns) == 2)
		namespace_ns = s * 1000000000 + ns;
	fclose(f);
}

uint64_t mono_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC) - (uint64_t)namespace_ns;
}

struct timespec mono_timespec(uint64_t at_ns)
{
	at_ns += (uint64_t)namespace_ns;
	return (struct timespec){ .tv_sec = at_ns / 1000000000, .tv_nsec = at_ns % 1000000000 };
}

uint64_t unix_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

struct loop *loop__new(void)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd >= 0)
		return l;
	free(l);
	return NULL;
}

void loop__free(struct loop *l)
{
	if (!l)
		return;
	close(l->epoll_fd);
	free(l);
}

int loop__watch(struct loop *l, int fd, void (*fn)(void *arg), void *arg)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = l->n_watches };

	if (l->n_watches == MAX_WATCHES)
		return -ENOSPC;
	l->watches[l->n_watches] = (struct watch){ fn, arg };
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev))
		return -errno;
	l->n_watches++;
	return 0;
}

int loop__timer(struct loop *l, uint64_t when_ns, uint64_t (*fn)(void *arg, uint64_t now_ns),
		void *arg)
{
	if (l->n_timers == MAX_TIMERS)
		return -ENOSPC;
	l->timers[l->n_timers] = (struct timer){ when_ns, fn, arg };
	return l->n_timers++;
}

void loop__arm(struct loop *l, int timer, uint64_t when_ns)
{
	if (timer >= 0 && (unsigned int)timer < l->n_timers)
		l->timers[timer].when_ns = when_ns;
}

void loop__arm_sooner(struct loop *l, int timer, uint64_t when_ns)
{
	if (timer >= 0 && (unsigned int)timer < l->n_timers && when_ns < l->timers[timer].when_ns)
		l->timers[timer].when_ns = when_ns;
}

static void run_timers(struct loop *l)
{
	uint64_t now = mono_ns();
	unsigned int i;

	for (i = 0; i < l->n_timers && !l->stopped; i++)
		if (l->timers[i].when_ns <= now)
			l->timers[i].when_ns = l->timers[i].fn(l->timers[i].arg, now);
}

/* Milliseconds to the next timer, rounded up; -1: none. */
static int timeout_ms(const struct loop *l)
{
	uint64_t now = mono_ns(), soonest = UINT64_MAX, ms;
	unsigned int i;

	for (i = 0; i < l->n_timers; i++)
		if (l->timers[i].when_ns < soonest)
			soonest = l->timers[i].when_ns;
	if (soonest == UINT64_MAX)
		return -1;
	if (soonest <= now)
		return 0;
	ms = (soonest - now + 999999) / 1000000;
	return ms > 60000 ? 60000 : (int)ms;
}

int loop__run(struct loop *l)
{
	struct epoll_event ev[MAX_WATCHES];
	int i, n;

	while (!l->stopped) {
		n = epoll_wait(l->epoll_fd, ev, MAX_WATCHES, timeout_ms(l));
		if (n < 0 && errno != EINTR)
			return -errno;
		for (i = 0; i < n && !l->stopped; i++)
			l->watches[ev[i].data.u32].fn(l->watches[ev[i].data.u32].arg);
		run_timers(l);
	}
	return 0;
}

void loop__stop(struct loop *l)
{
	l->stopped = true;
}
