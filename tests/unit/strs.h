/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Lists of strings as the options have them: .exes = STRS("nginx", "/opt/x"). */
#ifndef RED_TEST_STRS_H
#define RED_TEST_STRS_H

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define STRS(...)                                                                                  \
	{                                                                                          \
		.v = (char *[]){ __VA_ARGS__ }, .n = N(((char *[]){ __VA_ARGS__ }))                \
	}

#endif /* RED_TEST_STRS_H */
