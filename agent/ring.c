// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The reader of a BPF_MAP_TYPE_RINGBUF (kernel: Documentation/bpf/ringbuf.rst).
 *
 * libbpf has one. It maps the data twice in a row, so that no record ever looks
 * torn, and the kernel counts every mapped page as resident: a ring of 4 MiB
 * makes 8 MiB of a process whose own memory is 2. This one maps the data once
 * and copies the rare record that lies across the end.
 *
 * Layout: a page with the consumer's position (ours, writable), a page with the
 * producer's, the data. Positions only grow; a record starts with eight bytes,
 * of which the first four are its length and two flags, and is padded to eight.
 */
#include "ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "redeye.h"

#define RECORD_MAX (sizeof(struct red_ev_data) + RED_CAP_MAX)

struct ring {
	uint64_t *consumer;
	const uint64_t *producer;
	const uint8_t *data;
	size_t size, page;
	uint64_t torn[(RECORD_MAX + 7) / 8];
};

struct ring *ring__new(int map_fd, size_t size)
{
	struct ring *r = calloc(1, sizeof(*r));
	void *own, *theirs;

	if (!r)
		return NULL;
	r->page = getpagesize();
	r->size = size;
	own = mmap(NULL, r->page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	if (own == MAP_FAILED)
		goto out;
	r->consumer = own;
	theirs = mmap(NULL, r->page + size, PROT_READ, MAP_SHARED, map_fd, r->page);
	if (theirs == MAP_FAILED)
		goto out;
	r->producer = theirs;
	r->data = (const uint8_t *)theirs + r->page;
	return r;
out:
	ring__free(r);
	return NULL;
}

void ring__free(struct ring *r)
{
	int err = errno;

	if (!r)
		return;
	if (r->consumer)
		munmap(r->consumer, r->page);
	if (r->producer)
		munmap((void *)r->producer, r->page + r->size);
	free(r);
	errno = err;
}

/* The record's bytes in one piece; NULL when it is larger than any of ours. */
static const void *whole(struct ring *r, size_t at, size_t len)
{
	size_t first = r->size - at;

	if (len <= first)
		return r->data + at;
	if (len > sizeof(r->torn))
		return NULL;
	memcpy(r->torn, r->data + at, first);
	memcpy((uint8_t *)r->torn + first, r->data, len - first);
	return r->torn;
}

unsigned int ring__read(struct ring *r, unsigned int max,
			void (*fn)(void *arg, const void *record, size_t size), void *arg)
{
	uint64_t at = *r->consumer, end = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
	const void *record;
	unsigned int n = 0;
	uint32_t len;

	while (at < end && n < max) {
		len = __atomic_load_n((const uint32_t *)(r->data + (at & (r->size - 1))),
				      __ATOMIC_ACQUIRE);
		if (len & BPF_RINGBUF_BUSY_BIT)
			break; /* reserved, still being written */
		record = whole(r, (at + BPF_RINGBUF_HDR_SZ) & (r->size - 1),
			       len & ~BPF_RINGBUF_DISCARD_BIT);
		if (record && !(len & BPF_RINGBUF_DISCARD_BIT))
			fn(arg, record, len);
		len &= ~BPF_RINGBUF_DISCARD_BIT;
		at += (len + BPF_RINGBUF_HDR_SZ + 7) & ~7u;
		__atomic_store_n(r->consumer, at, __ATOMIC_RELEASE);
		n++;
	}
	return n;
}

uint64_t ring__used(const struct ring *r)
{
	return __atomic_load_n(r->producer, __ATOMIC_ACQUIRE) -
	       __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE);
}
