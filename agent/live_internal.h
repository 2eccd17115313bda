/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the live*.c share.
 *
 *   live.c            how it begins and ends
 *   live_ring.c       reading the ring, and what is looked after each second
 *   live_processes.c  who is watched
 *   live_signals.c    the end, and a new configuration
 *   live_probes.c     probes in user space
 */
#ifndef RED_LIVE_INTERNAL_H
#define RED_LIVE_INTERNAL_H

#include "k8s.h"
#include "live.h"
#include "memory.h"
#include "privileges.h"
#include "prober.h"
#include "propagate.h"

struct live {
	struct live_config cfg;
	const struct options *options;
	struct loop *loop;
	struct loader *loader;
	struct procs *procs;
	struct pipeline *pipeline;
	struct propagate *propagate; /* NULL: not asked for */
	struct prober *prober;       /* NULL: no TLS */
	bool returns_kill;           /* return_trial.h */
	struct k8s *k8s;             /* NULL: no Kubernetes */
	struct shares *shares;
	int rescan_timer;
	uint64_t scanned_ns;
	struct red_trace_key trace_key;
	struct ring *ring;
	uint64_t active_until_ns;
	uint64_t lost_proc_records;
	struct memory_guard memory;
	struct privileges privileges;
	uint64_t short_until_ns; /* who keeps memory was told, and has time to give some back */
	uint64_t start_unix_ns;
	int poll_timer;
	int signal_fd;
};

/* May a move to another cgroup change whether a process is watched? */
static inline bool live__asks_cgroups(const struct options *o)
{
	return o->include.cgroups.n || o->exclude.cgroups.n;
}

/* ---- live_ring.c ---- */
int live_ring__new(struct live *l);
void live_ring__read(struct live *l);

/* ---- live_processes.c ---- */
int live_processes__new_k8s(struct live *l, char *err, size_t err_size);
int live_processes__new(struct live *l, char *err, size_t err_size);

/* ---- live_signals.c ---- */
int live_signals__watch(struct live *l);

#endif /* RED_LIVE_INTERNAL_H */
