// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A look at every process, for what the records did not tell. */
#include "procs_internal.h"

#include <errno.h>
#include <stdlib.h>

#define PID_LIMIT   (4u << 20) /* of the kernel, on 64-bit machines */
#define SCAN_PASSES 3

struct candidate {
	uint32_t tgid, ppid;
};

struct scan {
	struct procs *p;
	struct listeners *listeners;
	uint64_t *seen;         /* a bit for each pid */
	struct candidate *rest; /* matched nothing by themselves */
	size_t n, cap;
	uint32_t found; /* new targets in this pass */
};

static bool seen(const struct scan *s, uint32_t tgid)
{
	return s->seen[tgid / 64] >> (tgid % 64) & 1;
}

static void remember(struct scan *s, uint32_t tgid, uint32_t ppid)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 256;
		struct candidate *rest = reallocarray(s->rest, cap, sizeof(*rest));

		if (!rest)
			return;
		s->rest = rest;
		s->cap = cap;
	}
	s->rest[s->n++] = (struct candidate){ tgid, ppid };
}

static int scan_one(void *arg, uint32_t tgid)
{
	struct scan *s = arg;
	const struct proc *proc;
	struct ask a = { .tgid = tgid, .why = WHY_SCAN, .listeners = s->listeners };
	bool was;

	if (tgid >= PID_LIMIT || seen(s, tgid))
		return 0;
	s->seen[tgid / 64] |= 1ull << (tgid % 64);
	if (tgid == s->p->c.own_tgid)
		return 0;
	proc = procs_table__find(s->p, tgid);
	was = proc && proc->target;
	switch (procs__evaluate(s->p, &a)) {
	case SELECTED:
		s->found += !was;
		break;
	case NO_MATCH:
		remember(s, tgid, s->p->look.st.ppid);
		break;
	case NEVER:
		break;
	}
	return 0;
}

/* Children that were forked before redeye could see it; a parent may come after its
 * child, hence the repetition. */
static void scan_children(struct scan *s)
{
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < s->n; i++) {
			struct candidate *c = &s->rest[i];
			struct ask a = { .tgid = c->tgid, .listeners = s->listeners };

			a.parent = c->tgid ? procs_table__find(s->p, c->ppid) : NULL;
			if (!a.parent || !a.parent->target || c->ppid == c->tgid ||
			    (!a.parent->root && !a.parent->port))
				continue;
			if (procs__evaluate(s->p, &a) == SELECTED) {
				s->found++;
				again = true;
				c->tgid = 0;
			}
		}
	}
}

/* Known, but no longer there: their EXIT records were lost. */
static void scan_ended(struct scan *s)
{
	for (uint32_t i = 0; i <= s->p->mask; i++) {
		for (struct proc *proc = s->p->buckets[i]; proc; proc = proc->next) {
			if (!proc->ended && (proc->tgid >= PID_LIMIT || !seen(s, proc->tgid)))
				procs__end(s->p, proc);
		}
	}
}

/* A recovery scan cannot trust the bytes either. */
static void scan_bytes(struct scan *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->rest[i].tgid)
			procs__set_byte(s->p, s->rest[i].tgid, false);
	}
}

/* A child forked while the scan ran, by a parent not yet marked and at a pid already
 * passed, is told by nobody: passes go on, over what is new, until none is found. */
static int scan_passes(struct scan *s)
{
	for (int i = 0; i < SCAN_PASSES; i++) {
		int err;

		s->found = 0;
		err = procfs__each_process(&s->p->fs, scan_one, s);
		if (err < 0)
			return err;
		scan_children(s);
		if (!s->found)
			break;
	}
	scan_ended(s);
	if (s->p->stats.scans)
		scan_bytes(s);
	s->p->stats.scans++;
	return 0;
}

int procs__scan(struct procs *p)
{
	struct scan s = { .p = p };
	int err = -ENOMEM;

	if (!p->live)
		return 0;
	s.seen = calloc(PID_LIMIT / 64, sizeof(*s.seen));
	s.listeners = listeners__new(&p->fs, p->c.include, p->c.exclude);
	if (s.seen && s.listeners)
		err = scan_passes(&s);
	listeners__free(s.listeners);
	free(s.seen);
	free(s.rest);
	return err;
}
