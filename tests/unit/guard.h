/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Input of a parser that ends where memory ends: what reads on, dies. */
#ifndef RED_TEST_GUARD_H
#define RED_TEST_GUARD_H

#include <string.h>
#include <sys/mman.h>

#include "assert_slice.h"

#define GUARD_ROOM 8192

static char *guard_end;

static inline int guard_set_up(void **state)
{
	char *p = mmap(NULL, 2 * GUARD_ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	assert_true(p != MAP_FAILED);
	assert_int_equal(mprotect(p + GUARD_ROOM, GUARD_ROOM, PROT_NONE), 0);
	guard_end = p + GUARD_ROOM;
	return 0;
}

/* Valid until the next call. */
static inline const char *at_end(const char *s, size_t len)
{
	assert_true(len <= GUARD_ROOM);
	return len ? memcpy(guard_end - len, s, len) : guard_end;
}

#endif /* RED_TEST_GUARD_H */
