/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reading the BPF ring buffer, see ring.c. Event loop only. */
#ifndef RED_RING_H
#define RED_RING_H

#include <stddef.h>
#include <stdint.h>

struct ring;

/* For the map of this descriptor, `size` bytes large. NULL and errno. The
 * descriptor stays the caller's; it becomes readable (epoll) as the kernel wakes. */
struct ring *ring__new(int map_fd, size_t size);
void ring__free(struct ring *r); /* accepts NULL */

/* Hands up to `max` records to fn, oldest first, each valid during its call.
 * Returns how many. */
unsigned int ring__read(struct ring *r, unsigned int max,
			void (*fn)(void *arg, const void *record, size_t size), void *arg);

/* Bytes that wait. Any thread. */
uint64_t ring__used(const struct ring *r);

#endif /* RED_RING_H */
