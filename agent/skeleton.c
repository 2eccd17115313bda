// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "skeleton.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Where in the executable it is. Constant once known. */
static const void *object;
static size_t object_size;

struct redeye_bpf *skeleton__open(void)
{
	struct redeye_bpf *s = redeye_bpf__open();

	if (s && !object) {
		object = s->skeleton->data;
		object_size = s->skeleton->data_sz;
	}
	return s;
}

/* The mapping is private and read-only: a page that is given up is the file's, as it was. */
void skeleton__unneeded(void)
{
	const uintptr_t page = getpagesize();
	uintptr_t from = ((uintptr_t)object + page - 1) & -page;
	uintptr_t to = ((uintptr_t)object + object_size) & -page;

	if (from < to)
		madvise((void *)from, to - from, MADV_DONTNEED);
}
