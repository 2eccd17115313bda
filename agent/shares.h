/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which service has which share of the ring (bpf/share.h): places in the kernel side's
 * table. Who comes when all were given out has that of the service that has had no process
 * for the longest. Only when all have processes do several have one.
 *
 * Owned by the event loop.
 */
#ifndef RED_SHARES_H
#define RED_SHARES_H

#include <stdint.h>

#include "redeye.h"

struct self_builder;
struct service;
struct shares;

struct shares_ops {
	/* What was ever refused at the place, whoever had it. */
	uint64_t (*refused)(void *arg, uint32_t place);
	/* Another service has the place: what the last one wrote is not its. */
	void (*begin)(void *arg, uint32_t place);
	void *arg;
};

struct shares *shares__new(const struct shares_ops *ops); /* NULL and errno */
void shares__free(struct shares *sh);                     /* accepts NULL */

/* Added to the place, in what a process has whose service has none of its own. */
#define SHARES_GUEST RED_SHARES

/* A process that has `from` (0: nothing) is one of service `to` (NULL: none) from now on.
 * Returns what it has: to be given back, once, by the next call. */
uint32_t shares__move(struct shares *sh, uint32_t from, const struct service *to);

/* In [1, RED_SHARES), of what shares__move() returned; all instances have the same. */
static inline uint32_t shares__place(uint32_t share)
{
	return share % RED_SHARES;
}

/* The name that a place is shown by: "namespace/name", or "other" while several have it. */
const char *shares__name(const struct shares *sh, uint32_t place);

/* What was refused, of those of which something was. */
void shares__metrics(const struct shares *sh, struct self_builder *b);

#endif /* RED_SHARES_H */
