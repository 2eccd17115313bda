/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds the TLS libraries that selected processes map, and puts probes on them.
 *
 * The event loop says which processes are selected, and hears from the kernel of each
 * executable file that is mapped (mmap_watch.h). Files are read and probes attached by a
 * thread, so that neither a large file nor a slow kernel keeps the loop from its ring;
 * probes are taken off by another one, because that takes longest of all.
 *
 * What is to be done for a process is kept with the process, and mappings in a short queue
 * in front of that: when it is full, the process is looked at as a whole instead. So
 * nothing is unbounded and nothing is lost.
 *
 * All functions are for the event loop's thread; none of them waits, but prober__free.
 */
#ifndef RED_PROBER_H
#define RED_PROBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe_ops.h"
#include "probes.h"

struct mmap_record;
struct prober;
struct self_builder;

#define PROBER_GRACE_NS 30000000000ull

struct prober_problem {
	enum probe_failure reason;
	char path[256];   /* of the file; "": it is about the process */
	char process[16]; /* the first of which it was found: its comm */
	char text[160];   /* one sentence */
	uint64_t cnt;     /* how often: files of this path, or processes of this name */
};

struct prober_config {
	int scope;              /* enum uprobe_scope, options.h */
	const char *signatures; /* tls_signatures; NULL: none */
	const char *proc_root;  /* NULL: "/proc" */
	bool returns_kill;      /* who is under a seccomp filter (return_trial.h) */
	bool no_watch;          /* tests: no word of mappings from the kernel */
	/* 0: the default, here and below */
	uint32_t per_file;      /* 8 */
	uint32_t max_links;     /* 8192; less when so many descriptors are not to be had */
	uint32_t max_files;     /* 4096, and four times as many without TLS */
	uint32_t max_processes; /* 8192 */
	uint32_t max_maps;      /* mappings in the queue: 1024 */
	uint64_t grace_ns;      /* PROBER_GRACE_NS */
	/* Called by prober__read, for each problem that is new. May be NULL. */
	void (*problem)(void *arg, const struct prober_problem *problem);
	void *arg;
};

struct prober_stats {
	struct probes_stats probes;
	uint64_t links;    /* open now */
	uint64_t closing;  /* of these, waiting to be taken off */
	uint64_t attached; /* since the start */
	uint64_t detached;
	uint64_t max_links;
	uint64_t overflows;    /* mappings that found the queue full: see above */
	uint64_t refused;      /* processes that found no place */
	uint64_t looks;        /* /proc/PID/maps that were read */
	uint64_t mmap_records; /* of all processes */
	uint64_t mmap_lost;
	uint32_t watched_cpus;
	uint32_t waiting; /* processes and mappings that the thread is not done with */
	uint64_t problems;
};

/* `ops`: program and mark must be there, the rest may be NULL. NULL, errno and a sentence
 * in why. When only the word of mappings is not to be had, prober__unwatched says why:
 * processes are then looked at when they are selected, and not again. */
struct prober *prober__new(const struct prober_config *c, const struct probe_ops *ops, char *why,
			   size_t why_size);
/* Waits until all probes are off: some 0.1 s for each. Accepts NULL. */
void prober__free(struct prober *p);

const char *prober__unwatched(const struct prober *p); /* NULL: it is watched */

/* The process is selected now, also after its fork and its exec; may be said again. */
void prober__selected(struct prober *p, uint32_t tgid);
void prober__left(struct prober *p, uint32_t tgid);

/* Whenever this descriptor is readable. */
int prober__fd(const struct prober *p);
void prober__read(struct prober *p);
/* Every second: processors may have come or gone. */
void prober__tick(struct prober *p);

/* The i-th of the problems that are remembered, oldest first. False at the end. */
bool prober__problem(struct prober *p, size_t i, struct prober_problem *out);

void prober__stats(struct prober *p, struct prober_stats *out);
void prober__metrics(struct prober *p, struct self_builder *b); /* redeye.uprobe.*; accepts NULL */

/* ---- for tests ---- */

/* The kernel's word, as if it were read from a ring. */
void prober__mapped(struct prober *p, const struct mmap_record *r);

#endif /* RED_PROBER_H */
