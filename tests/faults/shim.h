/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A library that is loaded before redeye's own (LD_PRELOAD) and lets chosen calls fail, so
 * that what is tested is the program as it is shipped. What is to fail comes from the environment,
 * or while it runs from a file that the test has mapped, too:
 *
 *	FAULTS_CONTROL=FILE	struct control, read at each call
 *	FAULTS_SWEEP=FIRST:STEP	runs main once for each allocation, see sweep.c
 *	FAULTS_SPARE=NAME,...	libraries whose own allocations are left alone
 *	FAULTS_REFUSE=WHAT=ERRNO,...	what the kernel refuses, see kernel.c
 *	FAULTS_MAPS=NAME=N,...	entries of BPF maps
 */
#ifndef FAULTS_SHIM_H
#define FAULTS_SHIM_H

#include <stdbool.h>
#include <stdint.h>

struct control {
	int64_t realtime_ns; /* added to CLOCK_REALTIME */
	uint32_t one_in; /* so many allocations, chosen at random, of which one fails; 0: none */
	uint32_t seed;
	uint64_t allocations; /* since the start, failed ones included */
	uint64_t failed;
	uint64_t fail_at; /* the allocation with this number fails; 0: none */
	uint64_t calls;   /* of clock_gettime(CLOCK_REALTIME) */
};

extern struct control *control; /* never NULL */

void find_spared_libraries(void);
void *next_symbol(const char *name);

/* The number behind "NAME=" in a list "NAME=N,...", or -1. */
long listed(const char *list, const char *name);

/* Runs main for each allocation; returns in the children, with what is to fail set. */
bool sweep_asked(void);
int sweep(int (*run)(int, char **, char **), int argc, char **argv, char **envp);

#endif /* FAULTS_SHIM_H */
