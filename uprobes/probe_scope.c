// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * In whose memory a file has its breakpoints.
 *
 * A probe of one process costs nobody else anything, but each process needs its own, and
 * to take one off again is slow: the kernel waits for grace periods, one after the other
 * for all probes of the machine (0.1 s each on a small virtual machine). A probe of the
 * file is there for every process that maps it, in the moment that it does, and costs
 * those that are not selected a breakpoint for each call.
 *
 * So with the scope `auto` a few processes are probed one by one, and when more than
 * per_file have used a file within the grace time it is probed for all, first; then the
 * single ones go. Likewise when one uses it that began after redeye: a process is faster
 * than its own probes for some 10 ms, and there will be others like it. Those that have left
 * meanwhile count too: a server that forks a process for each request has few at a time, and each
 * would be gone before it is probed. The way back is only when the last user has been gone for the
 * grace time.
 *
 * What runs twice for one call while both are there must not count it twice. Programs that see
 * but the beginning of a call cannot know (rustls, .NET): those files stay probed one by one as
 * long as any process has probes of its own.
 *
 * One process can map many files that were made to have as many places as there may be. So it
 * has a share of the probes, and when there are no more, those that nobody uses go at once, and
 * who found no room is looked at again.
 *
 * A probe holds the mount that its file was found on. A file system that is to be
 * unmounted with its last user would be busy for the grace time; container runtimes
 * detach theirs (MNT_DETACH), which does not mind.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "probe_plan.h"
#include "probes_internal.h"
#include "tls_functions.h"

static void release(struct probes *p, struct probe_link **links)
{
	struct probe_link *l;

	while ((l = *links)) {
		*links = l->next;
		if (p->c.release)
			p->c.release(p->c.arg, l);
		else
			probe_link__close(l);
	}
}

void probe_scope__release(struct probes *p, struct probe_file *f, struct probe_link **links)
{
	if (!*links)
		return;
	p->st.wide -= links == &f->links;
	p->st.probed -= !--f->holders;
	release(p, links);
	probe_file__touch(p, f);
}

void probe_scope__problem(struct probes *p, struct probe_file *file, uint32_t tgid,
			  enum probe_failure reason, int fd, const char *text)
{
	if (file->told)
		return;
	file->told = true;
	if (p->c.problem)
		p->c.problem(p->c.arg, tgid, reason, fd, text);
}

/* ---- attaching ------------------------------------------------------------------------ */

/* Returns the reason why nothing of use was attached, or __CNT. */
static enum probe_failure judge(const struct probe_batch *b, char *text, size_t size)
{
	if (b->err == -ESRCH)
		return PROBE_GONE;
	if (b->usable)
		return PROBE_FAILURE__CNT;
	if (b->failed) {
		snprintf(text, size, "the kernel refused probes: %s%s", strerror(-b->err),
			 b->err == -EACCES ? " (those of perf take CAP_SYS_ADMIN)" : "");
		return PROBE_ATTACH;
	}
	snprintf(text, size, "the kernel refused the BPF programs for it");
	return PROBE_REFUSED;
}

bool probe_scope__room(const struct probes *p, uint32_t links)
{
	return probe_counts__open(p->c.counts) + links <= p->c.max_links;
}

/* The worker's threads take a while to close what is released. */
static bool make_room(struct probes *p, uint32_t links)
{
	if (probe_scope__room(p, links))
		return true;
	for (size_t i = 0; i < PROBES_BUCKETS; i++)
		for (struct probe_file *f = p->by_inode[i]; f; f = f->of_inode)
			if (!f->uses)
				probe_scope__release(p, f, &f->links);
	return probe_scope__room(p, links);
}

static int attach(struct probes *p, struct probe_file *f, struct probe_link **links, int pid,
		  uint32_t tgid, int fd)
{
	enum probe_failure reason = PROBE_LINKS_FULL;
	struct probe_batch b = { .err = -ENOSPC };
	char text[160] = "the limit of probes is reached";
	uint64_t start_ns;

	if (make_room(p, f->plan->n)) {
		start_ns = probes__now_ns();
		probe_attach__all(&b, p->c.ops, p->c.counts, f->plan, pid, fd);
		p->st.attach_ns += probes__now_ns() - start_ns;
		reason = judge(&b, text, sizeof(text));
	}
	release(p, &b.dropped);
	if (reason == PROBE_FAILURE__CNT) {
		*links = b.links;
		p->st.wide += links == &f->links;
		p->st.probed += !f->holders++;
		return 0;
	}
	release(p, &b.links);
	probes__failed(p, reason);
	if (reason != PROBE_GONE)
		probe_scope__problem(p, f, tgid, reason, fd, text);
	return b.err ? b.err : -ENOTSUP;
}

/* ---- scope -------------------------------------------------------------------------------- */

static uint32_t recent_users(const struct probes *p, const struct probe_file *f, uint64_t now_ns)
{
	return f->n_uses + (now_ns - f->left_since_ns < p->c.grace_ns ? f->left_cnt : 0);
}

static bool has_single_ones(const struct probe_file *f)
{
	for (const struct probe_use *u = f->uses; u; u = u->of_file)
		if (u->links)
			return true;
	return false;
}

/* When a file is probed for all, the single probes are there for a moment, too. */
static bool one_by_one(const struct probe_file *f)
{
	for (unsigned int k = 0; k < TLS_KIND__CNT; k++)
		if (f->plan->kinds & 1u << k && (tls_libraries[k].only_with_nss ||
						 (tls_libraries[k].once && has_single_ones(f))))
			return true;
	return false;
}

bool probe_scope__may_return(const struct probes *p, const struct probe_file *f, uint32_t tgid)
{
	return !probe_plan__has_returns(f->plan) || p->c.ops->returns(p->c.ops->arg, tgid);
}

static bool wants_all(const struct probes *p, const struct probe_file *f, bool young,
		      uint64_t now_ns)
{
	if (f->refused || p->c.scope == UPROBE_SCOPE_PROCESS || one_by_one(f) ||
	    !probe_scope__may_return(p, f, 0))
		return false;
	return p->c.scope == UPROBE_SCOPE_FILE || young ||
	       recent_users(p, f, now_ns) > p->c.per_file;
}

/* Both are there for a moment: no call goes unseen, and the kernel side does not count twice
 * (but see tls_library.once). */
static int attach_for_all(struct probes *p, struct probe_file *f, const struct process *proc,
			  int fd)
{
	int err = attach(p, f, &f->links, -1, proc->tgid, fd);

	if (err)
		return err;
	for (struct probe_use *u = f->uses; u; u = u->of_file)
		probe_scope__release(p, f, &u->links);
	probe_twin__tell(p, f, proc);
	return 0;
}

/* Links that a process has, those that it has together with others included. */
static uint32_t links_of(const struct process *proc)
{
	uint32_t n = 0;

	for (const struct probe_use *u = proc->uses; u; u = u->of_process)
		n += u->links || u->file->links ? u->file->plan->n : 0;
	return n;
}

/* Any one file may be probed. */
static bool has_its_share(const struct probes *p, const struct process *proc, uint32_t more)
{
	uint32_t share = p->c.max_links / PROBES_SHARE;

	return links_of(proc) + more > (share > PROBE_SITES_MAX ? share : PROBE_SITES_MAX);
}

int probe_scope__attach(struct probes *p, struct probe_use *use, int fd, uint64_t now_ns)
{
	struct probe_file *f = use->file;
	uint32_t tgid = use->process->tgid;

	f->idle_ns = 0;
	if (f->links)
		return 0;
	if (has_its_share(p, use->process, f->plan->n)) {
		probes__failed(p, PROBE_LINKS_FULL);
		probe_scope__problem(p, f, tgid, PROBE_LINKS_FULL, fd,
				     "its process has its share of all probes");
		return -EDQUOT;
	}
	if (wants_all(p, f, use->process->young, now_ns)) {
		int err = attach_for_all(p, f, use->process, fd);

		if (!err)
			return 0;
		f->refused = err != -ENOSPC;
	}
	return attach(p, f, &use->links, tgid, tgid, fd);
}
