// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which processes are known, and which of them are targets. */
#include "procs_internal.h"

#include <stdlib.h>
#include <string.h>

#include "service.h"

static void set_share(struct procs *p, struct proc *proc, const struct service *s)
{
	if (p->c.ops.set_share && (s || proc->share))
		proc->share = p->c.ops.set_share(p->c.ops.arg, proc->tgid, proc->share, s);
}

/* ---- the table ---- */

struct proc *procs_table__find(const struct procs *p, uint32_t tgid)
{
	struct proc *proc = p->buckets[tgid & p->mask];

	while (proc && proc->tgid != tgid)
		proc = proc->next;
	return proc;
}

void procs_table__leave(struct procs *p, struct proc *proc)
{
	if (proc->leaving)
		return;
	proc->leaving = true;
	proc->left_ns = p->now_ns;
	proc->older = p->newest;
	proc->newer = NULL;
	*(p->newest ? &p->newest->newer : &p->oldest) = proc;
	p->newest = proc;
}

static void come_back(struct procs *p, struct proc *proc)
{
	if (!proc->leaving)
		return;
	*(proc->older ? &proc->older->newer : &p->oldest) = proc->newer;
	*(proc->newer ? &proc->newer->older : &p->newest) = proc->older;
	proc->leaving = false;
}

void procs_table__forget(struct procs *p, struct proc *proc)
{
	struct proc **link = &p->buckets[proc->tgid & p->mask];

	while (*link != proc)
		link = &(*link)->next;
	*link = proc->next;
	come_back(p, proc);
	set_share(p, proc, NULL);
	p->stats.targets -= proc->target;
	p->stats.known--;
	service__put_name(proc->own);
	service__put(proc->service);
	service__put_name(proc->base);
	free(proc->container);
	free(proc->exe);
	free(proc);
}

/* Room for one more, without touching `keep`. Targets are never evicted: a fork
 * bomb must not push out the server next to it. */
static bool make_room(struct procs *p, const struct proc *keep)
{
	struct proc *victim = p->oldest;

	if (p->stats.known < p->max)
		return true;
	if (victim && victim == keep)
		victim = victim->newer;
	if (!victim) {
		p->stats.refused++;
		return false;
	}
	procs_table__forget(p, victim);
	p->stats.evicted++;
	return true;
}

struct proc *procs_table__add(struct procs *p, uint32_t tgid, const struct proc *keep)
{
	struct proc **bucket = &p->buckets[tgid & p->mask], *proc;

	if (!make_room(p, keep))
		return NULL;
	proc = calloc(1, sizeof(*proc));
	if (!proc || !(proc->exe = strdup(""))) {
		free(proc);
		return NULL;
	}
	proc->tgid = tgid;
	proc->service = service__ref(p->unknown);
	proc->own = service__ref_name(p->unknown);
	proc->base = service__ref_name(p->unknown);
	proc->next = *bucket;
	*bucket = proc;
	p->stats.known++;
	return proc;
}

/* ---- targets ---- */

int procs__set_byte(struct procs *p, uint32_t tgid, bool on)
{
	return p->c.ops.set_target ? p->c.ops.set_target(p->c.ops.arg, tgid, on) : 0;
}

void procs__mark(struct procs *p, struct proc *proc, bool on)
{
	int err = procs__set_byte(p, proc->tgid, on);

	if (err && on) {
		p->stats.refused += !proc->refused;
		proc->refused = true;
		on = false;
	}
	p->stats.targets += on - proc->target;
	proc->target = on;
	if (on) {
		proc->dropped = false;
		come_back(p, proc);
	} else {
		set_share(p, proc, NULL);
		procs_table__leave(p, proc);
	}
}

void procs__announce(struct procs *p, struct proc *proc)
{
	if (proc->announced || proc->refused)
		return;
	proc->announced = true;
	set_share(p, proc, proc->service);
	if (p->c.ops.selected)
		p->c.ops.selected(p->c.ops.arg, proc->tgid, proc);
}

/* The reasons stay, for a child whose FORK record is still to come. */
void procs__end(struct procs *p, struct proc *proc)
{
	proc->ended = true;
	procs__mark(p, proc, false);
}

/* Should it come back, what it has under way is not the same any more: bytes went by unseen. */
void procs__drop(struct procs *p, uint32_t tgid, struct proc *proc)
{
	if (!proc) {
		procs__set_byte(p, tgid, false);
		return;
	}
	proc->reasons = 0;
	proc->root = 0;
	proc->port = 0;
	proc->announced = false;
	procs__mark(p, proc, false);
	proc->dropped = true;
	if (p->c.ops.dropped)
		p->c.ops.dropped(p->c.ops.arg, tgid);
}

/* Kept for the grace time, if there is room: who is not known is not known to be dropped. */
void procs__unmark(struct procs *p, uint32_t tgid, struct proc *proc)
{
	if (!proc && p->stats.known < p->max)
		proc = procs_table__add(p, tgid, NULL);
	procs__drop(p, tgid, proc);
}
