/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The agent that top and tail show: one that runs on this machine, or, when the command line
 * selects processes, one in this process: on a thread of its own, at a socket in a directory that
 * only its user can enter.
 */
#ifndef RED_SESSION_H
#define RED_SESSION_H

#include <stddef.h>

struct options;
struct session;

/* Returns when requests are seen. NULL and a sentence; an empty one when a signal came first (see
 * interrupt.h, which is initialised). The options stay the caller's, and as they are until
 * session__free. */
struct session *session__start(const struct options *o, char *err, size_t err_size);
void session__free(struct session *s); /* ends the agent, if it is ours; accepts NULL */

const char *session__socket(const struct session *s);

#endif /* RED_SESSION_H */
