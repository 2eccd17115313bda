/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The processes that redeye watches: it decides which (select.h says how), tells
 * the kernel side by one byte per process, and knows what service each is.
 *
 * Only targets are kept, and for a grace time those that ended or ceased to be
 * one, so that their late records still find a service. A process that matches
 * nothing costs one look at /proc when it executes something, and no memory.
 *
 * The kernel side marks a child of a target and a process that starts to listen
 * on a port that the rules name by itself, and clears the mark when a process ends;
 * the records of these events then bring procs.c to the same state, or procs.c takes the
 * mark back: of an excluded port, too, there is nothing else that tells. Every function
 * that finds a match sets the byte first and names the process afterwards.
 *
 * Owned by the event loop.
 */
#ifndef RED_PROCS_H
#define RED_PROCS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct container;
struct k8s_naming;
struct k8s_table;
struct procs;
struct red_ev_proc;
struct red_ev_process;
struct selection;
struct service;
struct str_list;

#define PROCS_MAX_DEFAULT 8192
#define PROCS_GRACE_NS    2000000000ull

/* Read-only for everybody but procs.c. */
struct proc {
	uint32_t tgid;
	uint32_t ppid;       /* 0 unknown */
	uint32_t reasons;    /* enum select_reason, also after its end; 0: matches no more */
	uint32_t root;       /* the process whose pid match it has: itself or an ancestor; 0 none */
	uint16_t port;       /* the port whose match it has; 0 none */
	uint32_t share;      /* what set_share said; 0: none */
	bool target;         /* watched now */
	bool ended;          /* its EXIT was seen, or it is gone from /proc */
	bool announced;      /* `selected` has been told of it, as it is now */
	uint64_t start_time; /* ticks since boot, 0 unknown */
	uint64_t left_ns;    /* when it ended or ceased to be a target */
	struct service *service;     /* never NULL */
	struct service *own;         /* what it is called, before the option `services`; a name */
	struct service *base;        /* what it calls itself, before what its pod says; the same */
	bool name_is_its_own;        /* by its environment: goes before its pod's */
	struct container *container; /* NULL: in none, nor in a pod */
	char *exe;                   /* "" unknown */
	struct proc *next;           /* in its hash bucket */
	struct proc *older, *newer;  /* among those that left */
	bool leaving;
	bool refused; /* it cannot be a target */
	bool dropped; /* it lives, and is not watched although it was */
};

struct procs_ops {
	/* 0, or -errno when it cannot be one. May be NULL. */
	int (*set_target)(void *arg, uint32_t tgid, bool on);
	/* A process became a target, or has another name since an exec or procs__reselect. Also
	 * called for one whose data came before its FORK or EXEC record. May be NULL. */
	void (*selected)(void *arg, uint32_t tgid, const struct proc *p);
	/* A process has the share of the ring of `s` from now on. NULL: of none any more, it ended,
	 * is not watched or is forgotten. `had` is what the last call for it returned, 0: nothing;
	 * so what is taken is given back, once. May be NULL. */
	uint32_t (*set_share)(void *arg, uint32_t tgid, uint32_t had, const struct service *s);
	/* It lives and is watched no more, or was by mistake: the kernel side does not look at it
	 * from now on, and what it has under way is not to be followed. May be NULL. */
	void (*dropped)(void *arg, uint32_t tgid);
	/* Is the container in redeye's own pod? Such are not watched. May be NULL. */
	bool (*is_own)(void *arg, const struct container *c);
	void *arg;
};

struct procs_config {
	const struct selection *include, *exclude; /* must outlive procs; NULL: empty */
	const struct str_list *services;           /* GLOB=NAME, first match wins; NULL: none */
	const struct k8s_table *pods;              /* NULL: there is no Kubernetes */
	const struct k8s_naming *naming;           /* NULL: as the options are by default */
	uint32_t own_tgid;
	uint32_t max_procs;    /* 0: PROCS_MAX_DEFAULT */
	const char *proc_root; /* NULL: "/proc"; "": none, in a replay */
	struct procs_ops ops;
};

struct procs_stats {
	uint64_t known;   /* processes kept now */
	uint64_t targets; /* of these, watched now */
	uint64_t evicted; /* left early to make room */
	uint64_t
		refused; /* matched, but all places were taken by targets, or the kernel has none */
	uint64_t scans;
};

struct procs *procs__new(const struct procs_config *c); /* NULL and errno */
void procs__free(struct procs *p);                      /* accepts NULL */

/* Are the pids that `include` names there? 0, or -ESRCH and a sentence in err. One that is not
 * selects nobody. */
int procs__check(const struct procs *p, char *err, size_t size);

/* Looks at every process: once when the BPF programs are attached, and whenever
 * life-cycle records were lost. */
int procs__scan(struct procs *p);

/* A FORK, EXEC, EXIT, LISTEN or CGROUP record. */
void procs__event(struct procs *p, const struct red_ev_proc *ev);

/* New rules: looks at every process again. The old ones are not used any more. */
int procs__reselect(struct procs *p, const struct selection *include,
		    const struct selection *exclude, const struct str_list *services);

/* The table of pods has changed: names services anew. Whom to watch is not asked again: that
 * takes procs__scan. */
void procs__pods_changed(struct procs *p);

/* Never NULL. Take a reference to keep it. */
struct service *procs__service(struct procs *p, uint32_t tgid);
const struct proc *procs__find(const struct procs *p, uint32_t tgid); /* NULL: not known */
/* Is what comes of it late, from before it ceased to be watched? */
bool procs__is_dropped(const struct procs *p, uint32_t tgid);

/* Forgets what left more than PROCS_GRACE_NS ago. */
void procs__gc(struct procs *p, uint64_t now_ns);

const struct procs_stats *procs__stats(const struct procs *p);

/* Writes a RED_EV_PROCESS record, its strings behind it: its length, or -ENOSPC. */
int procs__describe(const struct proc *p, void *buf, size_t size);

/* The way back. The record is hostile: -EBADMSG when its lengths contradict each
 * other, -ENOSPC when there is no room, else 0. */
int procs__add_recorded(struct procs *p, const struct red_ev_process *ev);

#endif /* RED_PROCS_H */
