/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What procs.c and procs_*.c share. */
#ifndef RED_PROCS_INTERNAL_H
#define RED_PROCS_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "container.h"
#include "k8s_identity.h"
#include "options.h"
#include "procfs.h"
#include "procs.h"
#include "redeye.h"
#include "select.h"

#define UNKNOWN "unknown_service"

/* What one look at /proc tells. */
struct look {
	struct procfs_stat st;
	struct listeners_held held;
	char exe[PROCFS_EXE_MAX];
	bool has_cgroups; /* they were read */
	char cgroups[PROCFS_CGROUP_MAX];
	struct container container;
	const struct k8s_pod *pod;
};

struct procs {
	struct procs_config c;
	struct procfs fs;
	bool live; /* there is a /proc to look at */
	struct proc **buckets;
	uint32_t mask, max;
	struct proc *oldest, *newest; /* of those that left */
	struct service *unknown;
	uint64_t *include_starts, *exclude_starts; /* procs_pids.c */
	struct procs_stats stats;
	uint64_t now_ns; /* of the latest record or procs__gc() */
	struct look look;
	struct k8s_identity identity;
	char text[PROCFS_ENVIRON_MAX];
};

static inline bool unnamed(const struct procs *p, const struct proc *proc)
{
	return proc->base == p->unknown;
}

static inline bool uses_cgroups(const struct procs *p)
{
	return p->c.include->cgroups.n || p->c.exclude->cgroups.n || p->c.pods;
}

/* ---- procs_table.c ---- */
struct proc *procs_table__find(const struct procs *p, uint32_t tgid);
/* Makes room for it, but not by evicting `keep`. NULL: there is none. */
struct proc *procs_table__add(struct procs *p, uint32_t tgid, const struct proc *keep);
/* It is no target, or not any more: forgotten after the grace time. */
void procs_table__leave(struct procs *p, struct proc *proc);
void procs_table__forget(struct procs *p, struct proc *proc);

int procs__set_byte(struct procs *p, uint32_t tgid, bool on);
void procs__mark(struct procs *p, struct proc *proc, bool on);
void procs__announce(struct procs *p, struct proc *proc);
void procs__end(struct procs *p, struct proc *proc);
void procs__drop(struct procs *p, uint32_t tgid, struct proc *proc); /* proc may be NULL */
/* The same of one that the kernel side has marked by itself: its data may be on their way. */
void procs__unmark(struct procs *p, uint32_t tgid, struct proc *proc);

/* ---- procs_pids.c ---- */
void procs_pids__set(struct procs *p); /* there are new rules */
void procs_pids__free(struct procs *p);
/* Is the process that has the number, and started then, one that the rules name? */
bool procs_pids__includes(const struct procs *p, uint32_t tgid, uint64_t start_time);
bool procs_pids__excludes(const struct procs *p, uint32_t tgid, uint64_t start_time);

/* ---- procs_names.c ---- */
/* `exec`: the record of it that is being handled, or NULL. */
void procs__name(struct procs *p, struct proc *proc, struct look *l,
		 const struct red_ev_proc *exec);
void procs__name_gone(struct procs *p, struct proc *proc,
		      const struct red_ev_proc *exec); /* it has ended since */
void procs__name_like(struct proc *child, const struct proc *parent);
void procs__name_recorded(struct procs *p, struct proc *proc, const struct red_ev_process *ev);
void procs__apply_names(struct procs *p, struct proc *proc); /* the option `services` */

/* Both take over a reference; of `own` and `base` it becomes that of a name. */
void procs__set_service(struct service **slot, struct service *s);
void procs__set_name(struct service **slot, struct service *s);

/* ---- procs_pods.c ---- */
void procs__look_cgroups(struct procs *p, uint32_t tgid, struct look *l);
void procs__set_container(struct proc *proc, const struct container *c);
/* From what it calls itself and what its pod says; then the option `services`. */
void procs__identify(struct procs *p, struct proc *proc);

/* ---- procs_evaluate.c ---- */
enum why { WHY_SCAN, WHY_FORK, WHY_EXEC, WHY_LISTEN, WHY_CGROUP };

struct ask {
	uint32_t tgid;
	enum why why;
	uint16_t port;                  /* it listens there, says the kernel */
	const struct red_ev_proc *exec; /* what the kernel told, in case it is gone by now */
	struct listeners *listeners;    /* NULL: ports are not looked at */
	const struct proc *parent;      /* a target, from which it may inherit */
};

enum verdict { NO_MATCH, NEVER, SELECTED };

/* What /proc says goes to p->look: 0, or -ESRCH. */
int procs__look(struct procs *p, const struct ask *a);
enum verdict procs__evaluate(struct procs *p, const struct ask *a);

#endif /* RED_PROCS_INTERNAL_H */
