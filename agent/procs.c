// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Three things change what is known, and each may come late, twice or not at
 * all: records from the ring, a scan of /proc, and data of a process whose FORK
 * or EXEC record is still in the ring. So there is one function, evaluate(),
 * that looks at a process as it is now and brings the table and the kernel's
 * byte to that state; the records only say when to look. FORK alone is believed
 * without a look: the child is still its parent in everything that counts, and
 * ten thousand forks a second must not become fifty thousand reads of /proc.
 *
 * A process can end between the look and the byte. The kernel clears the byte
 * at the end and tells only of processes that have it set, so a byte set just
 * after the end would stay, for whoever gets the pid next. Therefore evaluate()
 * looks again after it has set the byte.
 */
#include "procs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "procfs.h"
#include "redeye.h"
#include "select.h"
#include "service.h"

#define UNKNOWN       "unknown_service"
#define PID_LIMIT     (4u << 20) /* of the kernel, on 64-bit machines */
#define SCAN_PASSES   3
#define MAX_PROCS_CAP (1u << 22)

/* What one look at /proc tells. */
struct look {
	struct procfs_stat st;
	struct listeners_held held;
	char exe[PROCFS_EXE_MAX];
	char cgroups[PROCFS_CGROUP_MAX];
};

struct procs {
	struct procs_config c;
	struct procfs fs;
	bool live; /* there is a /proc to look at */
	struct proc **buckets;
	uint32_t mask, max;
	struct proc *oldest, *newest; /* of those that left */
	struct service *unknown;
	struct procs_stats stats;
	uint64_t now_ns; /* of the latest record or procs__gc() */
	struct look look;
	char text[PROCFS_ENVIRON_MAX];
};

static const struct selection nothing;
static const struct str_list no_names;

/* ---- the table ---- */

static struct proc *find(const struct procs *p, uint32_t tgid)
{
	struct proc *proc = p->buckets[tgid & p->mask];

	while (proc && proc->tgid != tgid)
		proc = proc->next;
	return proc;
}

const struct proc *procs__find(const struct procs *p, uint32_t tgid)
{
	return find(p, tgid);
}

static void leave(struct procs *p, struct proc *proc)
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

static void forget(struct procs *p, struct proc *proc)
{
	struct proc **link = &p->buckets[proc->tgid & p->mask];

	while (*link != proc)
		link = &(*link)->next;
	*link = proc->next;
	come_back(p, proc);
	p->stats.targets -= proc->target;
	p->stats.known--;
	service__put(proc->own);
	service__put(proc->service);
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
	forget(p, victim);
	p->stats.evicted++;
	return true;
}

static struct proc *add(struct procs *p, uint32_t tgid, const struct proc *keep)
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
	proc->own = service__ref(p->unknown);
	proc->next = *bucket;
	*bucket = proc;
	p->stats.known++;
	return proc;
}

/* ---- names ---- */

static void set_service(struct service **slot, struct service *s)
{
	service__put(*slot);
	*slot = s;
}

static void set_exe(struct proc *proc, const char *exe)
{
	char *copy = strcmp(proc->exe, exe) ? strdup(exe) : NULL;

	if (!copy)
		return;
	free(proc->exe);
	proc->exe = copy;
	proc->announced = false;
}

/* The first "GLOB=NAME" that matches: the name, or NULL. */
static const char *configured_name(const struct str_list *services, const char *exe)
{
	for (size_t i = 0; i < services->n; i++) {
		const char *eq = strrchr(services->v[i], '=');
		char glob[PROCFS_EXE_MAX];
		size_t n = eq ? (size_t)(eq - services->v[i]) : 0;

		if (!eq || !eq[1] || n >= sizeof(glob))
			continue;
		memcpy(glob, services->v[i], n);
		glob[n] = 0;
		if (select__exe_matches(glob, exe))
			return eq + 1;
	}
	return NULL;
}

/* The user's name for it goes before its own. */
static void apply_names(struct procs *p, struct proc *proc)
{
	const char *name = configured_name(p->c.services, proc->exe);
	char clean[PROCFS_NAME_MAX] = "";
	struct service *s;

	if (name)
		procfs__clean(clean, name, strlen(name));
	s = *clean ? service__get(clean, proc->own->namespace, proc->own->instance) : NULL;
	if (!s)
		s = service__ref(proc->own);
	if (s != proc->service)
		proc->announced = false;
	set_service(&proc->service, s);
}

static void set_own_name(struct procs *p, struct proc *proc, const struct procfs_name *n)
{
	struct service *s = service__get(n->service, n->namespace, n->instance);

	set_service(&proc->own, s ? s : service__ref(p->unknown));
	apply_names(p, proc);
}

static void name_by_comm(struct procfs_name *n, const char *comm)
{
	char clean[PROCFS_NAME_MAX];

	procfs__clean(clean, comm, strnlen(comm, 16));
	snprintf(n->service, sizeof(n->service), *clean ? UNKNOWN ":%s" : UNKNOWN, clean);
}

/* From its environment, else its command line, else what the kernel calls it. */
static void name_process(struct procs *p, struct proc *proc, const struct look *l)
{
	struct procfs_name n = { 0 };
	ssize_t len;

	set_exe(proc, l->exe);
	len = procfs__read(&p->fs, proc->tgid, "environ", p->text, sizeof(p->text));
	if (len > 0)
		procfs__name_from_environ(&n, p->text, len);
	if (!*n.service) {
		len = procfs__read(&p->fs, proc->tgid, "cmdline", p->text, sizeof(p->text));
		procfs__name_from_program(n.service, l->exe, p->text, len > 0 ? len : 0);
	}
	if (!*n.service)
		name_by_comm(&n, l->st.comm);
	set_own_name(p, proc, &n);
}

static bool unnamed(const struct procs *p, const struct proc *proc)
{
	return proc->own == p->unknown;
}

/* ---- targets ---- */

static void set_byte(struct procs *p, uint32_t tgid, bool on)
{
	if (p->c.ops.set_target)
		p->c.ops.set_target(p->c.ops.arg, tgid, on);
}

static void mark(struct procs *p, struct proc *proc, bool on)
{
	set_byte(p, proc->tgid, on);
	p->stats.targets += on - proc->target;
	proc->target = on;
	if (on)
		come_back(p, proc);
	else
		leave(p, proc);
}

static void announce(struct procs *p, struct proc *proc)
{
	if (proc->announced)
		return;
	proc->announced = true;
	if (p->c.ops.selected)
		p->c.ops.selected(p->c.ops.arg, proc->tgid, proc);
}

/* The reasons stay, for a child whose FORK record is still to come. */
static void end(struct procs *p, struct proc *proc)
{
	proc->ended = true;
	mark(p, proc, false);
}

static void drop(struct procs *p, uint32_t tgid, struct proc *proc)
{
	if (!proc) {
		set_byte(p, tgid, false);
		return;
	}
	proc->reasons = 0;
	proc->root = 0;
	proc->port = 0;
	mark(p, proc, false);
}

/* ---- one look at one process ---- */

enum why { WHY_SCAN, WHY_FORK, WHY_EXEC, WHY_LISTEN, WHY_CGROUP };

struct ask {
	uint32_t tgid;
	enum why why;
	uint16_t port;               /* it listens there, says the kernel */
	const char *comm;            /* its name, in case it is gone by now */
	struct listeners *listeners; /* NULL: ports are not looked at */
	struct proc *parent;         /* a target, from which it may inherit */
};

enum verdict { NO_MATCH, NEVER, SELECTED };

static bool uses_cgroups(const struct procs *p)
{
	return p->c.include->cgroups.n || p->c.exclude->cgroups.n;
}

static int look_at(struct procs *p, const struct ask *a)
{
	struct look *l = &p->look;

	l->exe[0] = l->cgroups[0] = 0;
	l->held = (struct listeners_held){ 0 };
	if (procfs__stat(&p->fs, a->tgid, &l->st) < 0)
		return -ESRCH;
	procfs__exe(&p->fs, a->tgid, l->exe);
	if (uses_cgroups(p))
		procfs__read(&p->fs, a->tgid, "cgroup", l->cgroups, sizeof(l->cgroups));
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
	struct select_facts f = { .tgid = a->tgid, .exe = l->exe, .cgroups = l->cgroups };
	/* In a scan another executable means a lost EXEC record. */
	bool same_program = a->why != WHY_EXEC && proc && !strcmp(proc->exe, l->exe);

	f.root = proc && proc->root ? proc->root : a->parent ? a->parent->root : 0;
	f.port = a->port ? a->port : l->held.include;
	if (!f.port)
		inherit_port(&f, a, proc, same_program);
	return f;
}

static bool excluded(const struct procs *p, struct select_facts f)
{
	f.port = p->look.held.exclude;
	f.root = 0; /* `exclude` on a pid means that one process */
	return p->look.st.kthread || f.tgid == p->c.own_tgid || select__match(p->c.exclude, &f);
}

/* It ended before it could be looked at. */
static void missed(struct procs *p, const struct ask *a, struct proc *proc)
{
	struct procfs_name n = { 0 };

	if (!proc)
		return;
	if (a->why == WHY_SCAN) {
		end(p, proc);
	} else if (a->why == WHY_EXEC && (proc->target || unnamed(p, proc))) {
		name_by_comm(&n, a->comm);
		set_exe(proc, "");
		set_own_name(p, proc, &n);
		announce(p, proc);
	}
}

static enum verdict reject(struct procs *p, const struct ask *a, struct proc *proc, bool never)
{
	/* The kernel may have marked it a moment ago and the record be on its way: a scan
	 * leaves an unknown process's byte to the end. */
	if (proc || never || a->why != WHY_SCAN)
		drop(p, a->tgid, proc);
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
	mark(p, proc, true);
	if (rename)
		name_process(p, proc, &p->look);
	announce(p, proc);
	if (procfs__stat(&p->fs, proc->tgid, &now) < 0 || now.start_time != proc->start_time)
		end(p, proc);
}

static enum verdict evaluate(struct procs *p, const struct ask *a)
{
	struct proc *proc = find(p, a->tgid);
	struct select_facts f;
	uint32_t reasons;
	bool never;

	if (look_at(p, a) < 0) {
		missed(p, a, proc);
		return NEVER;
	}
	if (proc &&
	    (proc->ended || (proc->start_time && proc->start_time != p->look.st.start_time))) {
		forget(p, proc); /* the pid has a new owner */
		proc = NULL;
	}
	f = gather(p, a, proc);
	never = excluded(p, f);
	reasons = never ? 0 : select__match(p->c.include, &f);
	if (reasons && !proc)
		proc = add(p, a->tgid, a->parent);
	if (!reasons || !proc)
		return reject(p, a, proc, never);
	accept(p, a, proc, reasons, &f);
	return SELECTED;
}

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

static void on_fork(struct procs *p, const struct red_ev_proc *ev)
{
	struct proc *child = find(p, ev->tgid), *parent;

	if (child && child->ended) {
		forget(p, child);
		child = NULL;
	}
	parent = find(p, ev->other);
	/* The parent ceased to be a target after it had forked. */
	if (!parent || parent == child || !parent->reasons) {
		if (p->live && !(child && child->target))
			evaluate(p, &(struct ask){ .tgid = ev->tgid, .why = WHY_FORK });
		return;
	}
	if (select__has_pid(p->c.exclude, ev->tgid) ||
	    !(child || (child = add(p, ev->tgid, parent)))) {
		drop(p, ev->tgid, child);
		return;
	}
	inherit(child, parent);
	if (unnamed(p, child)) {
		set_exe(child, parent->exe);
		set_service(&child->own, service__ref(parent->own));
		set_service(&child->service, service__ref(parent->service));
	}
	mark(p, child, true);
	announce(p, child);
}

/* Of a process that is no target, only these rules can make an exec a match. */
static bool exec_can_match(const struct selection *s, uint32_t tgid)
{
	return s->all || s->exes.n || s->cgroups.n || select__has_pid(s, tgid);
}

static void with_listeners(struct procs *p, struct ask *a, bool wanted)
{
	if (wanted || p->c.exclude->n_ports)
		a->listeners = listeners__new(&p->fs, p->c.include, p->c.exclude);
	evaluate(p, a);
	listeners__free(a->listeners);
}

static void on_exec(struct procs *p, const struct red_ev_proc *ev)
{
	struct proc *proc = find(p, ev->tgid);
	struct ask a = { .tgid = ev->tgid, .why = WHY_EXEC, .comm = (const char *)ev->comm };

	if (proc || exec_can_match(p->c.include, ev->tgid))
		with_listeners(p, &a, proc && proc->port);
}

static void on_listen(struct procs *p, const struct red_ev_proc *ev)
{
	struct ask a = { .tgid = ev->tgid, .why = WHY_LISTEN };

	if (select__has_port(p->c.exclude, ev->other)) {
		drop(p, ev->tgid, find(p, ev->tgid));
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
	struct proc *proc = find(p, ev->tgid);

	if (proc)
		end(p, proc);
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

/* Its data came before its FORK or EXEC record was handled, or its records were lost:
 * kept like one that has left, until a record makes it a target. */
static struct service *stranger(struct procs *p, uint32_t tgid)
{
	struct ask a = { .tgid = tgid };
	struct proc *proc = add(p, tgid, NULL);

	if (!proc)
		return p->unknown;
	leave(p, proc);
	if (p->live && !look_at(p, &a)) {
		proc->ppid = p->look.st.ppid;
		proc->start_time = p->look.st.start_time;
		name_process(p, proc, &p->look);
		announce(p, proc);
	}
	return proc->service;
}

struct service *procs__service(struct procs *p, uint32_t tgid)
{
	struct proc *proc = find(p, tgid);

	return proc ? proc->service : stranger(p, tgid);
}

void procs__gc(struct procs *p, uint64_t now_ns)
{
	if (now_ns > p->now_ns)
		p->now_ns = now_ns;
	while (p->oldest && p->now_ns - p->oldest->left_ns >= PROCS_GRACE_NS)
		forget(p, p->oldest);
}

/* ---- scan ---- */

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
	proc = find(s->p, tgid);
	was = proc && proc->target;
	switch (evaluate(s->p, &a)) {
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

			a.parent = c->tgid ? find(s->p, c->ppid) : NULL;
			if (!a.parent || !a.parent->target || c->ppid == c->tgid ||
			    (!a.parent->root && !a.parent->port))
				continue;
			if (evaluate(s->p, &a) == SELECTED) {
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
				end(s->p, proc);
		}
	}
}

/* A recovery scan cannot trust the bytes either. */
static void scan_bytes(struct scan *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->rest[i].tgid)
			set_byte(s->p, s->rest[i].tgid, false);
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

static void set_rules(struct procs *p, const struct selection *include,
		      const struct selection *exclude, const struct str_list *services)
{
	p->c.include = include ? include : &nothing;
	p->c.exclude = exclude ? exclude : &nothing;
	p->c.services = services ? services : &no_names;
}

int procs__reselect(struct procs *p, const struct selection *include,
		    const struct selection *exclude, const struct str_list *services)
{
	set_rules(p, include, exclude, services);
	for (uint32_t i = 0; i <= p->mask; i++) {
		for (struct proc *proc = p->buckets[i]; proc; proc = proc->next)
			apply_names(p, proc);
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

static void set_recorded(struct procs *p, struct proc *proc, const struct red_ev_process *ev)
{
	const char *s = (const char *)(ev + 1);
	struct procfs_name n;
	char exe[PROCFS_EXE_MAX];

	procfs__clean(n.service, s, ev->service_len);
	procfs__clean(n.namespace, s += ev->service_len, ev->namespace_len);
	procfs__clean(n.instance, s += ev->namespace_len, ev->instance_len);
	snprintf(exe, sizeof(exe), "%.*s", (int)ev->exe_len, s + ev->instance_len);
	if (!*n.service)
		name_by_comm(&n, "");
	proc->ppid = ev->ppid;
	set_exe(proc, exe);
	set_own_name(p, proc, &n);
}

int procs__add_recorded(struct procs *p, const struct red_ev_process *ev)
{
	struct proc *proc;

	if (ev->h.len < sizeof(*ev) || ev->h.kind != RED_EV_PROCESS ||
	    (size_t)ev->service_len + ev->namespace_len + ev->instance_len + ev->exe_len >
		    ev->h.len - sizeof(*ev))
		return -EBADMSG;
	proc = find(p, ev->tgid);
	if (proc && proc->ended) {
		forget(p, proc);
		proc = NULL;
	}
	if (!proc)
		proc = add(p, ev->tgid, NULL);
	if (!proc)
		return -ENOSPC;
	proc->reasons |= SELECT_ALL;
	set_recorded(p, proc, ev);
	mark(p, proc, true);
	announce(p, proc);
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
	int err = ENOMEM;

	if (!p)
		return NULL;
	p->c = *c;
	p->fs.fd = -1;
	set_rules(p, c->include, c->exclude, c->services);
	p->max = c->max_procs ? c->max_procs : PROCS_MAX_DEFAULT;
	if (p->max > MAX_PROCS_CAP)
		p->max = MAX_PROCS_CAP;
	for (p->mask = 1; p->mask < p->max;)
		p->mask *= 2;
	p->buckets = calloc(p->mask--, sizeof(*p->buckets));
	p->unknown = service__get(UNKNOWN, "", "");
	if (!p->buckets || !p->unknown)
		goto out;
	err = -procfs__open(&p->fs, c->proc_root ? c->proc_root : "/proc");
	if (err)
		goto out;
	p->live = p->fs.fd >= 0;
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
			forget(p, p->buckets[i]);
	}
	free(p->buckets);
	service__put(p->unknown);
	procfs__close(&p->fs);
	free(p);
}
