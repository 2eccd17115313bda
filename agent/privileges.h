/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What redeye gives up when the kernel side is loaded: capabilities that it does not need any
 * more, the way to new ones, and system calls that it never makes (seccomp.h). docs/security.md
 * says what each capability that stays is for.
 */
#ifndef RED_PRIVILEGES_H
#define RED_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct options;
struct self_builder;

#define PRIVILEGES_TEXT 512

struct privileges {
	bool asked_for;
	uint64_t kept;       /* effective and permitted, a bit for each capability */
	bool reduced;        /* there is nothing but `kept` */
	bool bounded;        /* nor in the bounding set */
	bool no_new_privs;   /* exec gives none */
	bool filtered;       /* system calls are */
	char unfiltered[96]; /* why not */
};

/* Of what this thread has, what a capture with these options takes after its start. Tries what
 * depends on the kernel. */
uint64_t privileges__needed(const struct options *o);

/*
 * Capabilities are a thread's, and new threads have their creator's: to be called by the one
 * that goes on to start all others. The filter is for all threads that there are. Nothing that
 * fails here is a reason not to watch; *out says what is in force.
 */
void privileges__give_up(const struct options *o, struct privileges *out);

/* File capabilities of a binary that anybody may start are only permitted: takes what there is. */
void privileges__take(void);

/* What this thread may do now. */
uint64_t privileges__effective(void);

/* For a thread that was there before, or a process that was forked before: keeps no others
 * than these. Makes system calls only. */
int privileges__keep(uint64_t capabilities);

/* "CAP_BPF CAP_PERFMON", "none" */
const char *privileges__text(uint64_t capabilities, char text[PRIVILEGES_TEXT]);
void privileges__log(const struct privileges *p);
void privileges__metrics(const struct privileges *p, struct self_builder *b);

#endif /* RED_PRIVILEGES_H */
