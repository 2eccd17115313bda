/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * An agent with all that it has around it: a capture (live.h), the history, its HTTP servers
 * and its exporters. `redeye run` is one; so is a command that looks at what it captures itself.
 *
 * Owner: the thread that calls run__new and run__loop. run__new blocks the signals that the loop
 * takes (SIGINT, SIGTERM, SIGHUP) in this thread and those that it starts from then on.
 */
#ifndef RED_RUN_H
#define RED_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "options.h"

struct run;

struct run_config {
	const struct options *options; /* borrowed */
	/* Its own command's servers and exporters are left out: only this socket is served, which
	 * must then be possible. NULL: all that the options say. */
	const char *private_socket;
	/* SIGHUP: new options, which stay valid until the next ones, or NULL to go on as
	 * before; may be NULL. */
	const struct options *(*reload)(void *arg);
	/* On the thread of the loop, once: requests are seen from now on. May be NULL. */
	void (*ready)(void *arg);
	void *arg;
};

/* Loads, attaches, serves. NULL with errno, and a sentence in err. */
struct run *run__new(const struct run_config *c, char *err, size_t err_size);
/* Until a signal, run__stop, or options.duration_ns. 0 or -errno. */
int run__loop(struct run *r);
void run__stop(struct run *r); /* any thread; may come before run__loop */
void run__free(struct run *r); /* sends what waits; accepts NULL */

#endif /* RED_RUN_H */
