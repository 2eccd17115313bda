/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a capture cannot do without, looked at before anything is loaded or written. */
#ifndef RED_PREFLIGHT_H
#define RED_PREFLIGHT_H

#include <stdbool.h>
#include <stddef.h>

/* 0, or -EPERM with one sentence that says what to do. */
int preflight__check(char *err, size_t err_size);

/* Whether the kernel lets this thread load programs and attach them. */
bool preflight__may_load(void);

/* Whether process numbers are others here than in the kernel. */
bool preflight__own_pidns(void);

#endif /* RED_PREFLIGHT_H */
