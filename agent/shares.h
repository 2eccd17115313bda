/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which service has which share of the ring (bpf/share.h): places in the kernel side's
 * table, given out as services are seen, never taken back. When there are none left, two
 * services may have one.
 *
 * Owned by the event loop.
 */
#ifndef RED_SHARES_H
#define RED_SHARES_H

#include <stdint.h>

struct self_builder;
struct service;
struct shares;

struct shares *shares__new(void);     /* NULL and errno */
void shares__free(struct shares *sh); /* accepts NULL */

/* The place of a service, in [1, RED_SHARES); all its instances have the same. */
uint32_t shares__place(struct shares *sh, const struct service *s);

/* The name that a place is shown by: "namespace/name" of the first that had it. */
const char *shares__name(const struct shares *sh, uint32_t place);

/* What was refused, of those of which something was: refused(arg, place) says how much. */
void shares__metrics(const struct shares *sh, uint64_t (*refused)(void *arg, uint32_t place),
		     void *arg, struct self_builder *b);

#endif /* RED_SHARES_H */
