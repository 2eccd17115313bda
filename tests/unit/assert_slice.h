/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef RED_TEST_ASSERT_SLICE_H
#define RED_TEST_ASSERT_SLICE_H

#include "slice.h"

#define assert_slice(s, text)                                                                      \
	do {                                                                                       \
		struct slice got_ = (s);                                                           \
		if (!slice_eq(got_, slice_of(text)))                                               \
			fail_msg("got '%.*s', not '%s'", (int)got_.len, got_.p, text);             \
	} while (0)

#endif /* RED_TEST_ASSERT_SLICE_H */
