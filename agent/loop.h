/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An event loop over epoll: descriptors and timers, no knowledge of what they
 * mean. One thread. */
#ifndef RED_LOOP_H
#define RED_LOOP_H

#include <stdint.h>
#include <time.h>

struct loop;

struct loop *loop__new(void);    /* NULL and errno */
void loop__free(struct loop *l); /* accepts NULL; closes no descriptor it was given */

/* Calls fn whenever fd is readable. At most 16 descriptors. 0 or -errno. */
int loop__watch(struct loop *l, int fd, void (*fn)(void *arg), void *arg);

/* Calls fn at when_ns (CLOCK_MONOTONIC) and then whenever its result says:
 * the next time, UINT64_MAX for never. At most 8 timers. Its number, or -errno. */
int loop__timer(struct loop *l, uint64_t when_ns, uint64_t (*fn)(void *arg, uint64_t now_ns),
		void *arg);

/* Moves a timer's next call; the second one never to a later time. A watch that is called again
 * and again must not put off a timer that is due: watches come before timers. */
void loop__arm(struct loop *l, int timer, uint64_t when_ns);
void loop__arm_sooner(struct loop *l, int timer, uint64_t when_ns);

/* Until loop__stop is called from one of the callbacks. 0 or -errno. */
int loop__run(struct loop *l);
void loop__stop(struct loop *l);

/* The kernel's CLOCK_MONOTONIC, by which records are timed, also in a time namespace; and such
 * a time as ours, for calls that wait for one. */
uint64_t mono_ns(void);
struct timespec mono_timespec(uint64_t at_ns);
uint64_t unix_ns(void);

#endif /* RED_LOOP_H */
