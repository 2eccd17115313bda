/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which processes use which files, and the probes that follow from it. One thread: the
 * prober's worker.
 */
#ifndef RED_PROBES_H
#define RED_PROBES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe_attach.h"
#include "probe_ops.h"

enum probe_failure {
	PROBE_NO_MINIMUM = 0, /* no function to read with and one to write with */
	PROBE_REFUSED = 1,    /* the kernel refused the BPF programs for it */
	PROBE_ATTACH = 2,     /* or the probes */
	PROBE_OPEN = 3,       /* the file could not be opened */
	PROBE_MAPS = 4,       /* what the process maps could not be read */
	PROBE_JSSE = 5,       /* TLS in the Java virtual machine */
	PROBE_LINKS_FULL = 6, /* all of them are in use, or the process's share */
	PROBE_FILES_FULL = 7, /* likewise */
	PROBE_PROCESSES_FULL = 8,
	PROBE_GONE = 9, /* the process ended meanwhile */
	PROBE_NO_MEMORY = 10,
	PROBE_SECCOMP = 11, /* its seccomp filter would end it at a return probe */
	PROBE_FAILURE__CNT = 12,
};

extern const char *const probe_failure_names[PROBE_FAILURE__CNT];

struct probes_config {
	int scope;          /* enum uprobe_scope, options.h */
	uint32_t per_file;  /* UPROBE_SCOPE_AUTO: processes before a file is probed for all */
	uint32_t max_links; /* open, those being closed included */
	uint32_t max_files; /* known with TLS, and four times as many others; unused they go */
	uint32_t max_processes;
	uint64_t grace_ns;           /* a file without users keeps its probes so long */
	const struct probe_ops *ops; /* complete; must outlive all links */
	struct probe_counts *counts; /* likewise */
	/* Takes over a link that is to be closed; NULL: it is closed here and now. */
	void (*release)(void *arg, struct probe_link *link);
	/* What a user should know, once for each file (once for each process: JSSE). */
	void (*problem)(void *arg, uint32_t tgid, enum probe_failure reason, int fd,
			const char *text);
	/* All that this process maps is to be looked at again: there is room for it now. */
	void (*again)(void *arg, uint32_t tgid);
	void *arg;
};

struct probes_stats {
	uint32_t processes; /* known: selected */
	uint32_t files;     /* known: mapped by one of them, now or before */
	uint32_t probed;    /* of these, with probes now */
	uint32_t wide;      /* of these, probed for all processes */
	uint64_t scans;     /* files that were read */
	uint64_t evicted;   /* files forgotten to make room */
	uint64_t scan_ns;   /* time taken to read files, */
	uint64_t attach_ns; /* and to attach probes */
	uint64_t failed[PROBE_FAILURE__CNT];
};

struct probes;

struct probes *probes__new(const struct probes_config *c); /* NULL and errno */
void probes__free(struct probes *p);                       /* accepts NULL; releases all links */

/* A process is selected, or executes something else: what it had is let go, unless
 * `identity` (not 0) says that its memory is the one that it had. -ENOSPC. */
int probes__enter(struct probes *p, uint32_t tgid, uint64_t identity, uint64_t now_ns);
/* The same, told by the process's memory: returns true when it is another than before, so
 * that all it maps is to be looked at. Nothing for a process that is not selected. */
bool probes__changed(struct probes *p, uint32_t tgid, uint64_t identity, uint64_t now_ns);
/* The process began after we did: others like it will. */
void probes__young(struct probes *p, uint32_t tgid);
void probes__leave(struct probes *p, uint32_t tgid, uint64_t now_ns);

/* A process maps a file to execute it. 0, or 1: look at all that the process maps once
 * more, something there has become of interest. -errno: see the counters. */
int probes__map(struct probes *p, uint32_t tgid, int fd, uint64_t now_ns);

/* All that the process maps was looked at: a connection that begins now is seen whole. */
void probes__ready(struct probes *p, uint32_t tgid);

/* Counts what failed before it came to a file. */
void probes__failed(struct probes *p, enum probe_failure reason);

/* Lets go of what has had no users for the grace time, and has those looked at again that found
 * no room. When to call it next, UINT64_MAX: no need to. */
uint64_t probes__tick(struct probes *p, uint64_t now_ns);

const struct probes_stats *probes__stats(const struct probes *p);

#endif /* RED_PROBES_H */
