/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The four ways to see socket calls (see bpf/redeye.bpf.c), in order of
 * preference, as a table: which programs each needs, and what it cannot see.
 */
#ifndef RED_BACKEND_H
#define RED_BACKEND_H

#include <stdbool.h>

#include "options.h"

struct backend_prog {
	const char *name;     /* BPF program */
	const char *function; /* kernel function or tracepoint it needs */
	bool optional;        /* without it the backend sees less, but works */
};

struct backend {
	enum backend_id id;
	const char *name;
	const char *needs;                  /* for people */
	const char *misses;                 /* what it cannot see, NULL: nothing known */
	const struct backend_prog *progs;   /* ends with a NULL name */
	const struct backend_prog *progs_7; /* instead of these since Linux 7.0; NULL: the same */
	const char *unfit_7;                /* why it is not used since Linux 7.0; NULL: it is */
	const char *unfit_preempt;          /* and on older ones that are preemptible */
};

extern const struct backend backends[]; /* best first, ends with a NULL name */

/* The programs for this kernel, and why it is not fit for it (NULL: it is). That
 * BPF programs can be preempted cannot be found out by trying, only by losing
 * events: the one place where the version decides. */
const struct backend_prog *backend__progs(const struct backend *b);
const char *backend__unfit(const struct backend *b);

#endif /* RED_BACKEND_H */
