// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Three things change what is known, and each may come late, twice or not at
 * all: records from the ring, a scan of /proc, and data of a process whose FORK
 * or EXEC record is still in the ring. So there is one function, procs__evaluate(),
 * that looks at a process as it is now and brings the table and the kernel's
 * byte to that state; the records only say when to look. FORK alone is believed
 * without a look: the child is still its parent in everything that counts, and
 * ten thousand forks a second must not become fifty thousand reads of /proc.
 *
 * A process can end between the look and the byte. The kernel clears the byte
 * at the end and tells only of processes that have it set, so a byte set just
 * after the end would stay, for whoever gets the pid next. Therefore procs__evaluate()
 * looks again after it has set the byte.
 */
#include "procs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "procs_internal.h"
#include "redeye.h"
#include "service.h"

#define MAX_PROCS_CAP (1u << 22)

static const struct selection nothing;
static const struct str_list no_names;

/* ---- records ---- */

/* The child is known: by a scan, or because its data came first. What is known of it
 * is at least as new as the fork. */
static void inherit(struct proc *child, const struct proc *parent)
{
	child->ppid = parent->tgid;
	child->reasons |= parent->reasons | SELECT_INHERITED;
	if (!child->root)
		child->root = parent->root;
	if (!child->port)
		child->port = parent->port;
}

/* One that is gone by now is not worth a look at the rules. */
static bool excludes_child(const struct procs *p, uint32_t tgid)
{
	struct procfs_stat st = { 0 };

	if (!select__has_pid(p->c.exclude, tgid) ||
	    (p->live && procfs__stat(&p->fs, tgid, &st) < 0))
		return false;
	return procs_pids__excludes(p, tgid, st.start_time);
}

static void on_fork(struct procs *p, const struct red_ev_proc *ev)
{
	struct proc *child = procs_table__find(p, ev->tgid), *parent;

	if (child && child->ended) {
		procs_table__forget(p, child);
		child = NULL;
	}
	parent = procs_table__find(p, ev->other);
	/* The parent ceased to be a target after it had forked. */
	if (!parent || parent == child || !parent->reasons) {
		if (p->live && !(child && child->target))
			procs__evaluate(p, &(struct ask){ .tgid = ev->tgid, .why = WHY_FORK });
		return;
	}
	if (excludes_child(p, ev->tgid) ||
	    !(child || (child = procs_table__add(p, ev->tgid, parent)))) {
		procs__unmark(p, ev->tgid, child);
		return;
	}
	inherit(child, parent);
	if (unnamed(p, child)) {
		procs__name_like(child, parent);
	}
	procs__mark(p, child, true);
	procs__announce(p, child);
}

/* Of a process that is no target, only these rules can make an exec a match. */
static bool exec_can_match(const struct selection *s, uint32_t tgid)
{
	return s->all || s->exes.n || s->cgroups.n || select__has_pid(s, tgid);
}

/* A pod may ask for it by itself. */
static bool may_match(const struct procs *p, uint32_t tgid)
{
	return p->c.pods || exec_can_match(p->c.include, tgid);
}

static void with_listeners(struct procs *p, struct ask *a, bool wanted)
{
	if (wanted || p->c.exclude->n_ports)
		a->listeners = listeners__new(&p->fs, p->c.include, p->c.exclude);
	procs__evaluate(p, a);
	listeners__free(a->listeners);
}

static void on_exec(struct procs *p, const struct red_ev_proc *ev)
{
	struct proc *proc = procs_table__find(p, ev->tgid);
	struct ask a = { .tgid = ev->tgid, .why = WHY_EXEC, .exec = ev };

	if (proc || may_match(p, ev->tgid))
		with_listeners(p, &a, proc && proc->port);
}

static void on_listen(struct procs *p, const struct red_ev_proc *ev)
{
	struct ask a = { .tgid = ev->tgid, .why = WHY_LISTEN };

	if (select__has_port(p->c.exclude, ev->other)) {
		procs__unmark(p, ev->tgid, procs_table__find(p, ev->tgid));
		return;
	}
	/* Not any more, when the rules have changed since. */
	if (select__has_port(p->c.include, ev->other))
		a.port = ev->other;
	with_listeners(p, &a, false);
}

static void on_cgroup(struct procs *p, const struct red_ev_proc *ev)
{
	struct ask a = { .tgid = ev->tgid, .why = WHY_CGROUP };

	if (uses_cgroups(p))
		with_listeners(p, &a, false);
}

static void on_end(struct procs *p, const struct red_ev_proc *ev)
{
	struct proc *proc = procs_table__find(p, ev->tgid);

	if (proc)
		procs__end(p, proc);
}

void procs__event(struct procs *p, const struct red_ev_proc *ev)
{
	if (ev->h.len < sizeof(*ev) || !ev->tgid || ev->tgid == p->c.own_tgid)
		return;
	if (ev->h.ts_ns > p->now_ns)
		p->now_ns = ev->h.ts_ns;
	if (ev->h.kind == RED_EV_FORK)
		on_fork(p, ev);
	else if (ev->h.kind == RED_EV_EXIT)
		on_end(p, ev);
	else if (!p->live)
		return; /* a replay has the answers recorded */
	else if (ev->h.kind == RED_EV_EXEC)
		on_exec(p, ev);
	else if (ev->h.kind == RED_EV_LISTEN && ev->other <= UINT16_MAX)
		on_listen(p, ev);
	else if (ev->h.kind == RED_EV_CGROUP)
		on_cgroup(p, ev);
}

/* ---- look-up ---- */

const struct proc *procs__find(const struct procs *p, uint32_t tgid)
{
	return procs_table__find(p, tgid);
}

bool procs__is_dropped(const struct procs *p, uint32_t tgid)
{
	const struct proc *proc = procs_table__find(p, tgid);

	return proc && proc->dropped;
}

/* Its data came before its FORK or EXEC record was handled, or its records were lost:
 * kept like one that has left, until a record makes it a target. */
static struct service *stranger(struct procs *p, uint32_t tgid)
{
	struct ask a = { .tgid = tgid };
	struct proc *proc = procs_table__add(p, tgid, NULL);

	if (!proc)
		return p->unknown;
	procs_table__leave(p, proc);
	if (p->live && !procs__look(p, &a)) {
		proc->ppid = p->look.st.ppid;
		proc->start_time = p->look.st.start_time;
		procs__name(p, proc, &p->look, NULL);
		procs__announce(p, proc);
	}
	return proc->service;
}

struct service *procs__service(struct procs *p, uint32_t tgid)
{
	struct proc *proc = procs_table__find(p, tgid);

	return proc ? proc->service : stranger(p, tgid);
}

void procs__gc(struct procs *p, uint64_t now_ns)
{
	if (now_ns > p->now_ns)
		p->now_ns = now_ns;
	while (p->oldest && p->now_ns - p->oldest->left_ns >= PROCS_GRACE_NS)
		procs_table__forget(p, p->oldest);
}

/* ---- rules ---- */

static void set_rules(struct procs *p, const struct selection *include,
		      const struct selection *exclude, const struct str_list *services)
{
	p->c.include = include ? include : &nothing;
	p->c.exclude = exclude ? exclude : &nothing;
	p->c.services = services ? services : &no_names;
	procs_pids__set(p);
}

int procs__reselect(struct procs *p, const struct selection *include,
		    const struct selection *exclude, const struct str_list *services)
{
	set_rules(p, include, exclude, services);
	for (uint32_t i = 0; i <= p->mask; i++) {
		for (struct proc *proc = p->buckets[i]; proc; proc = proc->next)
			procs__identify(p, proc);
	}
	return procs__scan(p);
}

int procs__check(const struct procs *p, char *err, size_t size)
{
	const struct selection *s = p->c.include;

	for (size_t i = 0; p->live && i < s->n_pids; i++) {
		struct procfs_stat st;
		uint32_t pid = s->pids[i], tgid = procfs__tgid(&p->fs, pid);

		if (procfs__stat(&p->fs, pid, &st) < 0)
			snprintf(err, size, "no process with pid %u", pid);
		else if (tgid && tgid != pid)
			snprintf(err, size, "pid %u is a thread of process %u", pid, tgid);
		else if (st.kthread)
			snprintf(err, size, "pid %u is a kernel thread", pid);
		else if (pid == p->c.own_tgid)
			snprintf(err, size, "pid %u is redeye itself", pid);
		else
			continue;
		return -ESRCH;
	}
	return 0;
}

/* ---- recordings ---- */

int procs__describe(const struct proc *p, void *buf, size_t size)
{
	const char *strings[] = { p->service->name, p->service->namespace, p->service->instance,
				  p->exe };
	struct red_ev_process ev = { .tgid = p->tgid, .ppid = p->ppid };
	uint16_t *lens[] = { &ev.service_len, &ev.namespace_len, &ev.instance_len, &ev.exe_len };
	size_t len = sizeof(ev);
	char *out = buf;

	for (size_t i = 0; i < 4; i++) {
		*lens[i] = strlen(strings[i]);
		len += *lens[i];
	}
	if (len > size)
		return -ENOSPC;
	ev.h.kind = RED_EV_PROCESS;
	ev.h.len = len;
	memcpy(out, &ev, sizeof(ev));
	out += sizeof(ev);
	for (size_t i = 0; i < 4; i++) {
		memcpy(out, strings[i], *lens[i]);
		out += *lens[i];
	}
	return len;
}

int procs__add_recorded(struct procs *p, const struct red_ev_process *ev)
{
	struct proc *proc;

	if (ev->h.len < sizeof(*ev) || ev->h.kind != RED_EV_PROCESS ||
	    (size_t)ev->service_len + ev->namespace_len + ev->instance_len + ev->exe_len >
		    ev->h.len - sizeof(*ev))
		return -EBADMSG;
	proc = procs_table__find(p, ev->tgid);
	if (proc && proc->ended) {
		procs_table__forget(p, proc);
		proc = NULL;
	}
	if (!proc)
		proc = procs_table__add(p, ev->tgid, NULL);
	if (!proc)
		return -ENOSPC;
	proc->reasons |= SELECT_ALL;
	proc->ppid = ev->ppid;
	procs__name_recorded(p, proc, ev);
	procs__mark(p, proc, true);
	procs__announce(p, proc);
	return 0;
}

/* ---- life ---- */

const struct procs_stats *procs__stats(const struct procs *p)
{
	return &p->stats;
}

struct procs *procs__new(const struct procs_config *c)
{
	struct procs *p = calloc(1, sizeof(*p));
	struct service *unknown;
	int err = ENOMEM;

	if (!p)
		return NULL;
	p->c = *c;
	p->fs.fd = -1;
	p->max = c->max_procs ? c->max_procs : PROCS_MAX_DEFAULT;
	if (p->max > MAX_PROCS_CAP)
		p->max = MAX_PROCS_CAP;
	for (p->mask = 1; p->mask < p->max;)
		p->mask *= 2;
	p->buckets = calloc(p->mask--, sizeof(*p->buckets));
	unknown = service__get(UNKNOWN, "", "");
	if (unknown)
		procs__set_name(&p->unknown, unknown);
	if (!p->buckets || !p->unknown)
		goto out;
	err = -procfs__open(&p->fs, c->proc_root ? c->proc_root : "/proc");
	if (err)
		goto out;
	p->live = p->fs.fd >= 0;
	set_rules(p, c->include, c->exclude, c->services);
	return p;
out:
	procs__free(p);
	errno = err;
	return NULL;
}

void procs__free(struct procs *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; p->buckets && i <= p->mask; i++) {
		while (p->buckets[i])
			procs_table__forget(p, p->buckets[i]);
	}
	free(p->buckets);
	procs_pids__free(p);
	service__put_name(p->unknown);
	procfs__close(&p->fs);
	free(p);
}
