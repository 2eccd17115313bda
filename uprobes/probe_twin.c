// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One file that looks like several.
 *
 * Each overlay has a device number of its own, so two containers of one image execute from
 * files that have no name in common; but the kernel puts breakpoints on the inode below,
 * which is one. Probed for all by each of its names, it would have every probe as many times
 * as there are containers, and each process would run them all.
 *
 * That inode, size and time are alike is a hint: anybody can make files that are. That two
 * are one is seen when one of them has its probes for all: then they are in the memory of
 * whoever maps the other, so also in ours.
 */
#include "probe_plan.h"
#include "probes_internal.h"

static bool alike(const struct probe_file *a, const struct probe_file *b)
{
	return a != b && a->plan && b->plan && a->plan->n && a->plan->n == b->plan->n &&
	       a->key.inode == b->key.inode && a->key.dev != b->key.dev &&
	       a->key.size == b->key.size && a->key.mtime_s == b->key.mtime_s &&
	       a->key.mtime_ns == b->key.mtime_ns;
}

/* A site of its own may have been refused. */
static bool has_probes(const struct probes *p, const struct probe_plan *plan, int fd)
{
	for (size_t i = 0; i < plan->n; i++)
		if (p->c.ops->probed(p->c.ops->arg, fd, plan->sites[i].offset))
			return true;
	return false;
}

/* From now on it is the other. */
static void merge(struct probes *p, struct probe_file *f, struct probe_file *into)
{
	struct probe_use *u;

	while ((u = f->uses)) {
		probe_scope__release(p, f, &u->links);
		f->uses = u->of_file;
		u->file = into;
		u->of_file = into->uses;
		into->uses = u;
		into->n_uses++;
	}
	f->n_uses = 0;
	f->same = into;
	into->twins++;
	probe_file__touch(p, f);
}

struct probe_file *probe_twin__of(struct probes *p, struct probe_file *f, int fd)
{
	struct probe_file *t = f->same ? NULL : *probe_file__by_inode(p, &f->key);

	for (; t && !f->links; t = t->of_inode) {
		if (!t->links || !alike(f, t) || !has_probes(p, t->plan, fd))
			continue;
		merge(p, f, t);
		break;
	}
	return f->same ? f->same : f;
}

void probe_twin__tell(struct probes *p, const struct probe_file *f, const struct process *but)
{
	struct probe_file *t;

	for (t = *probe_file__by_inode(p, &f->key); t && p->c.again; t = t->of_inode) {
		if (!alike(f, t) || !t->uses || t->uses->process == but)
			continue;
		t->twins++; /* its uses may move to another, and it is to stay */
		p->c.again(p->c.arg, t->uses->process->tgid);
		t->twins--;
		probe_file__touch(p, t);
	}
}
