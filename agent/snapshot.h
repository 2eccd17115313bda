/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How other threads get a picture of the event loop's tables without touching
 * them: they ask and wait, the loop builds one immutable snapshot for all who
 * wait, at most ten in a second. A loop that is busy or stuck costs the asker
 * its patience, nothing else.
 */
#ifndef RED_SNAPSHOT_H
#define RED_SNAPSHOT_H

#include "metrics.h"

struct snapshots;

struct snapshots *snapshots__new(void);    /* NULL and errno */
void snapshots__free(struct snapshots *s); /* accepts NULL; nobody may be waiting */

/* Any thread: 0 and a reference in *out, -ETIMEDOUT, -ENOMEM, -ESHUTDOWN. */
int snapshots__get(struct snapshots *s, struct metrics **out, unsigned int timeout_ms);

/* ---- the event loop ---- */
int snapshots__fd(const struct snapshots *s); /* readable when somebody asks */
/* Clears the request. Returns how many ns to wait before building, 0: now. */
uint64_t snapshots__accept(struct snapshots *s, uint64_t now_ns);
/* Hands m (or, when it is NULL, the failure) to all who wait; takes the reference. */
void snapshots__publish(struct snapshots *s, struct metrics *m, uint64_t now_ns);
/* Nobody waits any more from now on. */
void snapshots__shutdown(struct snapshots *s);

#endif /* RED_SNAPSHOT_H */
