// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One look at one process, that brings it to the state it should have. See procs.c. */
#include "procs_internal.h"

#include <errno.h>
#include <string.h>

int procs__look(struct procs *p, const struct ask *a)
{
	struct look *l = &p->look;

	l->exe[0] = l->cgroups[0] = 0;
	l->has_cgroups = false;
	l->container = (struct container){ 0 };
	l->pod = NULL;
	l->held = (struct listeners_held){ 0 };
	if (procfs__stat(&p->fs, a->tgid, &l->st) < 0)
		return -ESRCH;
	procfs__exe(&p->fs, a->tgid, l->exe);
	if (uses_cgroups(p))
		procs__look_cgroups(p, a->tgid, l);
	if (a->listeners)
		l->held = listeners__held(a->listeners, a->tgid);
	return 0;
}

static void inherit_port(struct select_facts *f, const struct ask *a, const struct proc *proc,
			 bool same_program)
{
	if (proc && proc->port && same_program) {
		f->port = proc->port;
		f->port_inherited = proc->reasons & SELECT_INHERITED;
	} else if (a->parent && a->parent->port && *f->exe && !strcmp(a->parent->exe, f->exe)) {
		f->port = a->parent->port;
		f->port_inherited = true;
	}
}

static struct select_facts gather(const struct procs *p, const struct ask *a,
				  const struct proc *proc)
{
	const struct look *l = &p->look;
	struct select_facts f = { .exe = l->exe, .cgroups = l->cgroups, .pod = l->pod };
	/* In a scan another executable means a lost EXEC record. */
	bool same_program = a->why != WHY_EXEC && proc && !strcmp(proc->exe, l->exe);

	if (procs_pids__includes(p, a->tgid, l->st.start_time))
		f.tgid = a->tgid;
	if (l->pod)
		f.container = k8s_pod__container(l->pod, l->container.id);
	f.root = proc && proc->root ? proc->root : a->parent ? a->parent->root : 0;
	f.port = a->port ? a->port : l->held.include;
	if (!f.port)
		inherit_port(&f, a, proc, same_program);
	return f;
}

static bool is_own_pod(const struct procs *p)
{
	return p->c.ops.is_own && p->c.ops.is_own(p->c.ops.arg, &p->look.container);
}

static bool excluded(const struct procs *p, uint32_t tgid, struct select_facts f)
{
	const struct procfs_stat *st = &p->look.st;

	if (is_own_pod(p) || !select__instrument(f.pod))
		return true;
	f.port = p->look.held.exclude;
	f.root = 0; /* `exclude` on a pid means that one process */
	f.tgid = procs_pids__excludes(p, tgid, st->start_time) ? tgid : 0;
	return st->kthread || tgid == p->c.own_tgid || select__match(p->c.exclude, &f);
}

/* It ended before it could be looked at. */
static void missed(struct procs *p, const struct ask *a, struct proc *proc)
{
	if (!proc)
		return;
	if (a->why == WHY_SCAN) {
		procs__end(p, proc);
	} else if (a->why == WHY_EXEC && (proc->target || unnamed(p, proc))) {
		procs__name_gone(p, proc, a->exec);
		procs__announce(p, proc);
	}
}

static enum verdict reject(struct procs *p, const struct ask *a, struct proc *proc, bool never)
{
	/* The kernel may have marked it a moment ago and the record be on its way: a scan
	 * leaves an unknown process's byte to the end. */
	if (a->why == WHY_FORK || a->why == WHY_LISTEN)
		procs__unmark(p, a->tgid, proc);
	else if (proc || never || a->why != WHY_SCAN)
		procs__drop(p, a->tgid, proc);
	return never ? NEVER : NO_MATCH;
}

static void accept(struct procs *p, const struct ask *a, struct proc *proc, uint32_t reasons,
		   const struct select_facts *f)
{
	struct procfs_stat now;
	bool rename = a->why == WHY_EXEC || unnamed(p, proc) || strcmp(proc->exe, f->exe);

	proc->ppid = p->look.st.ppid;
	proc->start_time = p->look.st.start_time;
	proc->reasons = reasons;
	proc->root = !(reasons & SELECT_PID)                  ? 0
		     : select__has_pid(p->c.include, f->tgid) ? f->tgid
							      : f->root;
	proc->port = reasons & SELECT_PORT ? f->port : 0;
	procs__mark(p, proc, true);
	if (rename)
		procs__name(p, proc, &p->look, a->exec);
	procs__announce(p, proc);
	if (procfs__stat(&p->fs, proc->tgid, &now) < 0 || now.start_time != proc->start_time)
		procs__end(p, proc);
}

enum verdict procs__evaluate(struct procs *p, const struct ask *a)
{
	struct proc *proc = procs_table__find(p, a->tgid);
	struct select_facts f;
	uint32_t reasons;
	bool never;

	if (procs__look(p, a) < 0) {
		missed(p, a, proc);
		return NEVER;
	}
	if (proc &&
	    (proc->ended || (proc->start_time && proc->start_time != p->look.st.start_time))) {
		procs_table__forget(p, proc); /* the pid has a new owner */
		proc = NULL;
	}
	f = gather(p, a, proc);
	never = excluded(p, a->tgid, f);
	reasons = never ? 0 : select__match(p->c.include, &f);
	if (!never && select__instrument(f.pod) == 1)
		reasons |= SELECT_POD;
	if (reasons && !proc)
		proc = procs_table__add(p, a->tgid, a->parent);
	if (!reasons || !proc)
		return reject(p, a, proc, never);
	accept(p, a, proc, reasons, &f);
	return SELECTED;
}
