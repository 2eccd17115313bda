/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef RED_SECCOMP_FILTER_H
#define RED_SECCOMP_FILTER_H

#include <stdbool.h>
#include <stddef.h>

struct seccomp_filter_config {
	bool fork; /* new processes, of this program */
};

/* From now on all threads make only the system calls that redeye and its libraries need. Sets
 * no_new_privs as well. 0, or -errno and a reason. */
int seccomp_filter__install(const struct seccomp_filter_config *c, char *why, size_t why_size);

#endif /* RED_SECCOMP_FILTER_H */
