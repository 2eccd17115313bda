/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which processes survive a return probe. */
#ifndef RED_RETURN_TRIAL_H
#define RED_RETURN_TRIAL_H

#include <stdbool.h>

/* Does a process under a seccomp filter that is older than the kernel go on after a return
 * probe? True also where that cannot be tried, as with an older kernel. Forks; takes some
 * milliseconds. */
bool return_trial__survived(void);

/* The same of a child that calls `function`, which is tried in our own file. */
bool return_trial__of(void (*function)(void));

#endif /* RED_RETURN_TRIAL_H */
