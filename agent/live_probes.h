/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The prober (uprobes/prober.h) with this agent's kernel side, options, loop and log. */
#ifndef RED_LIVE_PROBES_H
#define RED_LIVE_PROBES_H

#include <stdbool.h>
#include <stddef.h>

struct loader;
struct loop;
struct options;
struct prober;

/* returns_kill: see prober_config. Watched by the loop from now on. NULL: errno, and a sentence in
 * err. */
struct prober *live_probes__new(struct loader *loader, const struct options *o, bool returns_kill,
				struct loop *loop, char *err, size_t err_size);

#endif /* RED_LIVE_PROBES_H */
