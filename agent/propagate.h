/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Context propagation: the kernel side of bpf/propagate.h tried out, attached,
 * watched and taken off again. docs/propagation.md tells users what it does.
 *
 * Nothing is attached to anybody else's connections before the canary
 * (propagate_canary.c) has found, on connections of redeye's own, that this kernel
 * leaves streams whole. Whatever goes wrong later takes everything off at once.
 * Owned by the event loop.
 */
#ifndef RED_PROPAGATE_H
#define RED_PROPAGATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loader;
struct self_builder;
struct selection;

enum propagate_state {
	PROPAGATE_OFF = 0,   /* refused or switched off, see propagate__why */
	PROPAGATE_EVERY = 1, /* each request can carry a header, if its socket is non-blocking */
	PROPAGATE_FIRST = 2, /* the first of a connection, and those after a pause: see why */
};

struct propagate;

/* With a loader whose configuration says `propagate`, before anything is a target; it
 * reads the ring empty. A kernel that is not fit is no error: the state says so. NULL
 * and errno when memory ran out. */
struct propagate *propagate__new(struct loader *l, const struct selection *include);
void propagate__free(struct propagate *p); /* accepts NULL */

enum propagate_state propagate__state(const struct propagate *p);
const char *propagate__why(const struct propagate *p); /* one sentence; "": all is well */

/* Once a second: false, once, when it has been on and is off now. */
bool propagate__check(struct propagate *p);

/* Every few milliseconds while records come. */
void propagate__tick(struct propagate *p, uint64_t now_ns);

/* Another selection: other cgroups to attach to. */
void propagate__reselect(struct propagate *p, const struct selection *include);

/* This process calls this peer (address as in red_ev_open, port in host order) once for
 * each request that it serves, so the only request that it serves is the parent. */
void propagate__set_regular(struct propagate *p, uint32_t tgid, const uint8_t addr[16],
			    uint16_t port, bool on);

/* redeye.propagation.*; accepts NULL. */
void propagate__metrics(const struct propagate *p, struct self_builder *b);

/* `redeye doctor`: the canary alone. The state, with the reason in why. */
enum propagate_state propagate__try(char *why, size_t why_size);

#endif /* RED_PROPAGATE_H */
