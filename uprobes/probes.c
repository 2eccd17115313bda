// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "probes.h"

#include <errno.h>
#include <stdlib.h>

#include "probe_plan.h"
#include "probes_internal.h"
#include "redeye.h"
#include "tls_functions.h"

const char *const probe_failure_names[PROBE_FAILURE__CNT] = {
	[PROBE_NO_MINIMUM] = "functions_missing",
	[PROBE_REFUSED] = "programs_refused",
	[PROBE_ATTACH] = "probes_refused",
	[PROBE_OPEN] = "file_not_readable",
	[PROBE_MAPS] = "maps_not_readable",
	[PROBE_JSSE] = "jsse",
	[PROBE_LINKS_FULL] = "link_limit",
	[PROBE_FILES_FULL] = "file_table_full",
	[PROBE_PROCESSES_FULL] = "process_table_full",
	[PROBE_GONE] = "process_gone",
	[PROBE_NO_MEMORY] = "no_memory",
	[PROBE_SECCOMP] = "seccomp_filter",
};

void probes__failed(struct probes *p, enum probe_failure reason)
{
	p->st.failed[reason]++;
}

/* ---- processes ------------------------------------------------------------------------ */

static struct process **place_of(struct probes *p, uint32_t tgid)
{
	struct process **at = &p->processes[tgid & (PROBES_BUCKETS - 1)];

	while (*at && (*at)->tgid != tgid)
		at = &(*at)->next;
	return at;
}

static void forget_use(struct probes *p, struct probe_use *use)
{
	struct probe_use **at = &use->file->uses;

	while (*at != use)
		at = &(*at)->of_file;
	*at = use->of_file;
	use->file->n_uses--;
	probe_scope__release(p, use->file, &use->links);
	probe_file__touch(p, use->file);
	free(use);
}

/* A user that left counts for a while (probe_scope.c). */
static void note_left(struct probes *p, struct probe_file *f, uint64_t now_ns)
{
	if (now_ns - f->left_since_ns >= p->c.grace_ns) {
		f->left_since_ns = now_ns;
		f->left_cnt = 0;
	}
	f->left_cnt++;
}

static void note_idle(struct probes *p, struct probe_file *f, uint64_t now_ns)
{
	f->idle_ns = now_ns;
	if (f->links && now_ns + p->c.grace_ns < p->due_ns)
		p->due_ns = now_ns + p->c.grace_ns;
}

static void let_go(struct probes *p, struct process *proc, bool left, uint64_t now_ns)
{
	struct probe_use *use;
	struct probe_file *f;

	while ((use = proc->uses)) {
		proc->uses = use->of_process;
		f = use->file;
		forget_use(p, use);
		if (left)
			note_left(p, f, now_ns);
		if (!f->uses)
			note_idle(p, f, now_ns);
	}
	proc->kinds = proc->n_uses = proc->wants = 0;
	proc->news = proc->wants_file = false;
	proc->waits_for_nss = false;
}

int probes__enter(struct probes *p, uint32_t tgid, uint64_t identity, uint64_t now_ns)
{
	struct process **at = place_of(p, tgid), *proc = *at;

	if (proc && identity && proc->identity == identity)
		return 0;
	if (proc) {
		let_go(p, proc, false, now_ns);
		proc->identity = identity;
		return 0;
	}
	proc = p->st.processes < p->c.max_processes ? calloc(1, sizeof(*proc)) : NULL;
	if (!proc) {
		probes__failed(p, PROBE_PROCESSES_FULL);
		return -ENOSPC;
	}
	proc->tgid = tgid;
	proc->identity = identity;
	*at = proc;
	p->st.processes++;
	return 0;
}

bool probes__changed(struct probes *p, uint32_t tgid, uint64_t identity, uint64_t now_ns)
{
	struct process *proc = *place_of(p, tgid);

	if (!proc || !identity || proc->identity == identity)
		return false;
	let_go(p, proc, false, now_ns);
	proc->identity = identity;
	return true;
}

void probes__young(struct probes *p, uint32_t tgid)
{
	struct process *proc = *place_of(p, tgid);

	if (proc)
		proc->young = true;
}

static void remove_process(struct probes *p, struct process **at, uint64_t now_ns)
{
	struct process *proc = *at;

	let_go(p, proc, true, now_ns);
	*at = proc->next;
	free(proc);
	p->st.processes--;
}

void probes__leave(struct probes *p, uint32_t tgid, uint64_t now_ns)
{
	struct process **at = place_of(p, tgid);

	if (*at)
		remove_process(p, at, now_ns);
}

/* ---- mappings --------------------------------------------------------------------------- */

/* By inode: a file whose time of change is new is another one to us, but has its probes. */
static struct probe_use *find_use(const struct process *proc, const struct probe_file *f)
{
	struct probe_use *use = proc->uses;

	while (use && (use->file->key.inode != f->key.inode || use->file->key.dev != f->key.dev))
		use = use->of_process;
	return use;
}

static struct probe_use *new_use(struct probes *p, struct process *proc, struct probe_file *f)
{
	struct probe_use *use = calloc(1, sizeof(*use));

	if (!use) {
		probes__failed(p, PROBE_NO_MEMORY);
		return NULL;
	}
	use->process = proc;
	use->file = f;
	use->of_process = proc->uses;
	proc->uses = use;
	proc->n_uses++;
	use->of_file = f->uses;
	f->uses = use;
	f->n_uses++;
	probe_file__touch(p, f);
	return use;
}

/* There may be room when others are gone (try_again). */
static void no_room_for(struct probes *p, struct process *proc, struct probe_use *use)
{
	uint32_t links = use->file->plan->n;

	proc->wants = proc->wants && proc->wants < links ? proc->wants : links;
	p->wanting = true;
	proc->uses = use->of_process;
	proc->n_uses--;
	forget_use(p, use);
}

static int seccomp_problem(struct probes *p, const struct process *proc, struct probe_file *f,
			   int fd)
{
	probes__failed(p, PROBE_SECCOMP);
	probe_scope__problem(p, f, proc->tgid, PROBE_SECCOMP, fd,
			     "with this kernel, its seccomp filter would end it at a return probe");
	return -EPERM;
}

static int probe(struct probes *p, struct process *proc, struct probe_file *f, int fd,
		 uint64_t now_ns)
{
	struct probe_use *use;
	int err;

	use = find_use(proc, f);
	if (use && (use->links || f->links)) {
		/* An exec may have taken the marks off before we knew of it. */
		proc->news = true;
		return p->c.ops->mark(p->c.ops->arg, proc->tgid, f->plan->marks);
	}
	if (use)
		return 0;
	if (proc->n_uses >= p->c.max_files / PROBES_SHARE) {
		probes__failed(p, PROBE_FILES_FULL);
		return -EDQUOT;
	}
	use = new_use(p, proc, f);
	if (!use)
		return -ENOMEM;
	if (!probe_scope__may_return(p, f, proc->tgid))
		return seccomp_problem(p, proc, f, fd);
	err = p->c.ops->mark(p->c.ops->arg, proc->tgid, f->plan->marks);
	if (!err)
		err = probe_scope__attach(p, use, fd, now_ns);
	proc->news |= !err;
	if (err == -ENOSPC)
		no_room_for(p, proc, use);
	/* A use that failed otherwise stays, so that it is not tried at each mapping. */
	return err;
}

/* What the file is changes what the process is: returns 1 when that concerns other files. */
static int learn(struct probes *p, struct process *proc, struct probe_file *f, int fd)
{
	uint32_t news = f->plan->kinds & ~proc->kinds;

	proc->kinds |= f->plan->kinds;
	if (news & 1u << TLS_JVM) {
		probes__failed(p, PROBE_JSSE);
		if (p->c.problem)
			p->c.problem(p->c.arg, proc->tgid, PROBE_JSSE, fd,
				     "TLS by JSSE is inside the JVM; not visible to uprobes");
	}
	if (f->plan->why[0] && !f->told) {
		probes__failed(p, PROBE_NO_MINIMUM);
		probe_scope__problem(p, f, proc->tgid, PROBE_NO_MINIMUM, fd, f->plan->why);
	}
	return news & 1u << TLS_NSS && proc->waits_for_nss;
}

static bool waits_for_nss(struct process *proc, const struct probe_file *f)
{
	if (!(f->plan->kinds & 1u << TLS_NSPR) || proc->kinds & 1u << TLS_NSS)
		return false;
	proc->waits_for_nss = true;
	return true;
}

int probes__map(struct probes *p, uint32_t tgid, int fd, uint64_t now_ns)
{
	struct process *proc = *place_of(p, tgid);
	struct probe_file *f;
	int err, again;

	if (!proc)
		return 0;
	f = probe_file__get(p, fd);
	if (!f) {
		err = -errno;
		proc->wants_file |= err == -ENOSPC;
		p->wanting |= proc->wants_file;
		return err;
	}
	if (!f->plan)
		return 0;
	f = probe_twin__of(p, f, fd);
	again = learn(p, proc, f, fd);
	if (!f->plan->n || waits_for_nss(proc, f))
		return again;
	err = probe(p, proc, f, fd, now_ns);
	return again ? again : err;
}

void probes__ready(struct probes *p, uint32_t tgid)
{
	struct process *proc = *place_of(p, tgid);

	if (!proc || !proc->news || proc->wants || proc->wants_file)
		return;
	proc->news = false;
	p->c.ops->mark(p->c.ops->arg, tgid, RED_TARGET_READY);
}

/* ---- time ----------------------------------------------------------------------------------- */

/* When a file's probes are to go; UINT64_MAX: not as it is now. */
static uint64_t due_ns(const struct probes *p, const struct probe_file *f)
{
	return f->links && !f->uses ? f->idle_ns + p->c.grace_ns : UINT64_MAX;
}

static void let_go_of_idle(struct probes *p, uint64_t now_ns)
{
	uint64_t next = UINT64_MAX, due;
	struct probe_file *f;

	if (now_ns < p->due_ns)
		return;
	for (size_t i = 0; i < PROBES_BUCKETS; i++)
		for (f = p->by_inode[i]; f; f = f->of_inode) {
			due = due_ns(p, f);
			if (due <= now_ns)
				probe_scope__release(p, f, &f->links);
			else if (due < next)
				next = due;
		}
	p->due_ns = next;
}

/* Who found no room is looked at once more where there is some now. */
static void try_again(struct probes *p, uint64_t now_ns)
{
	struct process *proc;
	bool file;

	if (!p->wanting || now_ns < p->again_ns)
		return;
	p->again_ns = now_ns + PROBES_AGAIN_NS;
	p->wanting = false;
	file = probe_file__room(p);
	for (size_t i = 0; i < PROBES_BUCKETS; i++)
		for (proc = p->processes[i]; proc; proc = proc->next) {
			if ((proc->wants && probe_scope__room(p, proc->wants)) ||
			    (proc->wants_file && file)) {
				proc->wants = 0;
				proc->wants_file = false;
				p->c.again(p->c.arg, proc->tgid);
			}
			p->wanting |= proc->wants || proc->wants_file;
		}
}

uint64_t probes__tick(struct probes *p, uint64_t now_ns)
{
	let_go_of_idle(p, now_ns);
	try_again(p, now_ns);
	return p->wanting && p->again_ns < p->due_ns ? p->again_ns : p->due_ns;
}

/* ---- life -------------------------------------------------------------------------------------
 */

struct probes *probes__new(const struct probes_config *c)
{
	struct probes *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->c = *c;
	p->due_ns = UINT64_MAX;
	probe_file__init(p);
	return p;
}

void probes__free(struct probes *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < PROBES_BUCKETS; i++)
		while (p->processes[i])
			remove_process(p, &p->processes[i], 0);
	probe_file__free_all(p);
	free(p);
}

const struct probes_stats *probes__stats(const struct probes *p)
{
	return &p->st;
}
