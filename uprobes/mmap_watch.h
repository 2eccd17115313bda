/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's word that a process mapped an executable file: at once, of every process,
 * and without a look at /proc. Owned by the event loop.
 */
#ifndef RED_MMAP_WATCH_H
#define RED_MMAP_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of the host's PID namespace, as all else. */
struct mmap_record {
	uint32_t tgid;
	uint64_t start, len;
	uint32_t dev_major, dev_minor;
	uint64_t inode;
	uint64_t generation;
};

struct mmap_watch_stats {
	uint64_t records; /* mappings of files that were told */
	uint64_t lost;    /* that did not fit into the kernel's rings */
	uint32_t cpus;    /* watched now */
};

struct mmap_watch;

/* NULL, errno and a sentence: no processor can be watched. */
struct mmap_watch *mmap_watch__new(char *why, size_t why_size);
void mmap_watch__free(struct mmap_watch *w); /* accepts NULL */

/* One descriptor for all processors. Becomes readable for each record, and it takes
 * mmap_watch__read to have it told again. */
int mmap_watch__fd(const struct mmap_watch *w);

/* What is there now. True: some were lost, so look at /proc/PID/maps of everything that
 * matters. */
bool mmap_watch__read(struct mmap_watch *w, void (*fn)(void *arg, const struct mmap_record *r),
		      void *arg);

/* Once in a while: takes in processors that came, lets go of those that went. True: some
 * did, as above. */
bool mmap_watch__check(struct mmap_watch *w);

void mmap_watch__stats(const struct mmap_watch *w, struct mmap_watch_stats *out);

/* ---- for tests ---- */

/* Reads a ring of `size` bytes (a power of two) from *tail to head, and moves *tail. */
void mmap_watch__parse(const uint8_t *ring, uint64_t size, uint64_t *tail, uint64_t head,
		       struct mmap_watch_stats *st,
		       void (*fn)(void *arg, const struct mmap_record *r), void *arg);

/* "0-3,8": calls fn for each. -EINVAL for anything else. */
int mmap_watch__cpus(const char *list, void (*fn)(void *arg, unsigned int cpu), void *arg);

#endif /* RED_MMAP_WATCH_H */
