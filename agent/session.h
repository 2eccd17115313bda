/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The agent that top and tail show: one that runs on this machine. */
#ifndef RED_SESSION_H
#define RED_SESSION_H

#include <stddef.h>

struct options;
struct session;

/* NULL and a sentence. The options stay the caller's and as they are until session__free. */
struct session *session__start(const struct options *o, char *err, size_t err_size);
void session__free(struct session *s); /* accepts NULL */

const char *session__socket(const struct session *s);

#endif /* RED_SESSION_H */
