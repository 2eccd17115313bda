/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel side's object is in the executable once: who opens it asks here, because each
 * file that calls the generated redeye_bpf__open has a copy of its own. */
#ifndef RED_SKELETON_H
#define RED_SKELETON_H

#include "redeye.h" /* the types that the generated file checks */

#include "redeye.skel.h"

struct redeye_bpf *skeleton__open(void); /* NULL and errno, as redeye_bpf__open */

/* What was to be loaded is: the object's pages, nearly a megabyte, need not be resident. Who
 * opens it again gets them again. */
void skeleton__unneeded(void);

#endif /* RED_SKELETON_H */
