// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "prober.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "uprobe_link.h"
#include "prober_internal.h"
#include "tls_scan.h"

#define FDS_PER_LINK 1
#define FDS_OTHER    512 /* connections of exporters, rings, maps */

/* ---- ops -------------------------------------------------------------------------------- */

static const struct uprobe_program *op_program(void *arg, const char *name)
{
	struct prober *p = arg;

	return p->given.program(p->given.arg, name);
}

static int op_mark(void *arg, uint32_t tgid, uint32_t flags)
{
	struct prober *p = arg;

	return p->given.mark(p->given.arg, tgid, flags);
}

static struct probe_plan *op_find(void *arg, int fd)
{
	struct prober *p = arg;

	return p->given.find ? p->given.find(p->given.arg, fd) : tls_scan__plan(p->scan, fd);
}

static void *op_attach(void *arg, const struct uprobe_program *prog, int pid, int fd,
		       uint64_t offset, bool ret)
{
	struct prober *p = arg;

	return p->given.attach ? p->given.attach(p->given.arg, prog, pid, fd, offset, ret)
			       : (void *)uprobe_link__attach(prog, pid, fd, offset, ret);
}

static void op_detach(void *arg, void *link)
{
	struct prober *p = arg;

	if (p->given.detach)
		p->given.detach(p->given.arg, link);
	else
		uprobe_link__destroy(link);
}

static bool op_returns(void *arg, uint32_t tgid)
{
	struct prober *p = arg;

	if (p->given.returns)
		return p->given.returns(p->given.arg, tgid);
	return !p->c.returns_kill || (tgid && !prober_worker__confined(p, tgid));
}

static bool op_probed(void *arg, int fd, uint64_t offset)
{
	struct prober *p = arg;

	return p->given.probed ? p->given.probed(p->given.arg, fd, offset)
			       : uprobe_link__there(fd, offset);
}

static void set_ops(struct prober *p, const struct probe_ops *given)
{
	p->given = *given;
	p->ops = (struct probe_ops){
		.program = op_program,
		.mark = op_mark,
		.find = op_find,
		.attach = op_attach,
		.detach = op_detach,
		.returns = op_returns,
		.probed = op_probed,
		.arg = p,
	};
}

static void release(void *arg, struct probe_link *link)
{
	struct prober *p = arg;

	detacher__add(&p->detacher, link);
}

/* ---- life ------------------------------------------------------------------------------- */

/* Now, as /proc/PID/stat says when a process began. */
static uint64_t boot_ticks(void)
{
	uint64_t hz = sysconf(_SC_CLK_TCK);
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * hz + t.tv_nsec * hz / 1000000000;
}

static void set_defaults(struct prober_config *c)
{
	c->proc_root = c->proc_root ? c->proc_root : "/proc";
	c->per_file = c->per_file ? c->per_file : 8;
	c->max_links = c->max_links ? c->max_links : 8192;
	c->max_files = c->max_files ? c->max_files : 4096;
	c->max_processes = c->max_processes ? c->max_processes : 8192;
	c->max_maps = c->max_maps ? c->max_maps : 1024;
	c->grace_ns = c->grace_ns ? c->grace_ns : PROBER_GRACE_NS;
}

/* A link is a descriptor. What may be had is asked for, and the limit is kept to. */
static void fit_descriptors(struct prober_config *c)
{
	rlim_t want = (rlim_t)c->max_links * FDS_PER_LINK + FDS_OTHER;
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r))
		return;
	if (r.rlim_cur < want && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
		getrlimit(RLIMIT_NOFILE, &r);
	}
	if (r.rlim_cur < want)
		c->max_links = r.rlim_cur > FDS_OTHER ? (r.rlim_cur - FDS_OTHER) / FDS_PER_LINK : 0;
}

static int new_probes(struct prober *p)
{
	struct probes_config c = {
		.scope = p->c.scope,
		.per_file = p->c.per_file,
		.max_links = p->c.max_links,
		.max_files = p->c.max_files,
		.max_processes = p->c.max_processes,
		.grace_ns = p->c.grace_ns,
		.ops = &p->ops,
		.counts = &p->counts,
		.release = release,
		.problem = prober_worker__problem,
		.again = prober_worker__again,
		.arg = p,
	};

	p->probes = probes__new(&c);
	return p->probes ? 0 : -ENOMEM;
}

static int watch_fd(struct prober *p, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };

	return epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

static int open_fds(struct prober *p)
{
	int err;

	p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (p->epoll_fd < 0)
		return -errno;
	err = problems__init(&p->problems);
	if (!err)
		err = watch_fd(p, p->problems.event_fd);
	if (err || p->c.no_watch)
		return err;
	p->watch = mmap_watch__new(p->unwatched, sizeof(p->unwatched));
	return p->watch ? watch_fd(p, mmap_watch__fd(p->watch)) : 0;
}

static int start(struct prober *p)
{
	int err = prober_queue__init(&p->queue, p->c.max_processes, p->c.max_maps);

	if (!err)
		err = detacher__init(&p->detacher, p->c.max_links / 4);
	if (!err)
		err = -pthread_create(&p->thread, NULL, prober_worker, p);
	p->started = !err;
	return err;
}

struct prober *prober__new(const struct prober_config *c, const struct probe_ops *ops, char *why,
			   size_t why_size)
{
	struct prober *p = calloc(1, sizeof(*p));
	int err = -ENOMEM;

	why[0] = 0;
	if (!p)
		goto out;
	p->c = *c;
	p->epoll_fd = p->problems.event_fd = -1;
	pthread_mutex_init(&p->stats_lock, NULL);
	set_defaults(&p->c);
	p->start_ticks = boot_ticks();
	fit_descriptors(&p->c);
	set_ops(p, ops);
	errno = ENOMEM;
	p->scan = tls_scan__new(c->signatures, why, why_size);
	err = p->scan ? new_probes(p) : -errno;
	if (!err)
		err = open_fds(p);
	if (!err)
		err = start(p);
out:
	if (!err)
		return p;
	if (!why[0])
		snprintf(why, why_size, "%s", strerror(-err));
	prober__free(p);
	errno = -err;
	return NULL;
}

void prober__free(struct prober *p)
{
	if (!p)
		return;
	if (p->started) {
		prober_queue__stop(&p->queue);
		pthread_join(p->thread, NULL);
	}
	probes__free(p->probes);
	detacher__fini(&p->detacher);
	prober_queue__fini(&p->queue);
	problems__fini(&p->problems);
	mmap_watch__free(p->watch);
	tls_scan__free(p->scan);
	if (p->epoll_fd >= 0)
		close(p->epoll_fd);
	free(p);
}

/* ---- the loop's side ---------------------------------------------------------------------- */

const char *prober__unwatched(const struct prober *p)
{
	return p->unwatched[0] ? p->unwatched : NULL;
}

void prober__selected(struct prober *p, uint32_t tgid)
{
	prober_queue__selected(&p->queue, tgid);
}

void prober__left(struct prober *p, uint32_t tgid)
{
	prober_queue__left(&p->queue, tgid);
}

void prober__mapped(struct prober *p, const struct mmap_record *r)
{
	prober_queue__mapped(&p->queue, r);
}

int prober__fd(const struct prober *p)
{
	return p->epoll_fd;
}

static void on_mapping(void *arg, const struct mmap_record *r)
{
	prober__mapped(arg, r);
}

static void tell_problems(struct prober *p)
{
	struct prober_problem problem;
	uint64_t n;

	if (read(p->problems.event_fd, &n, sizeof(n)) < 0)
		return;
	while (problems__next(&p->problems, &problem))
		if (p->c.problem)
			p->c.problem(p->c.arg, &problem);
}

void prober__read(struct prober *p)
{
	if (p->watch && mmap_watch__read(p->watch, on_mapping, p))
		prober_queue__look_at_all(&p->queue);
	tell_problems(p);
}

void prober__tick(struct prober *p)
{
	if (p->watch && mmap_watch__check(p->watch))
		prober_queue__look_at_all(&p->queue);
}

bool prober__problem(struct prober *p, size_t i, struct prober_problem *out)
{
	return problems__at(&p->problems, i, out);
}

void prober__stats(struct prober *p, struct prober_stats *out)
{
	struct mmap_watch_stats w = { 0 };

	*out = (struct prober_stats){ .max_links = p->c.max_links };
	if (p->watch)
		mmap_watch__stats(p->watch, &w);
	out->mmap_records = w.records;
	out->mmap_lost = w.lost;
	out->watched_cpus = w.cpus;
	pthread_mutex_lock(&p->stats_lock);
	out->probes = p->stats;
	pthread_mutex_unlock(&p->stats_lock);
	out->detached = atomic_load(&p->counts.detached);
	out->attached = atomic_load(&p->counts.attached);
	out->links = out->attached - out->detached;
	out->closing = detacher__waiting(&p->detacher);
	out->looks = atomic_load(&p->looks);
	out->problems = problems__total(&p->problems);
	prober_queue__stats(&p->queue, &out->waiting, &out->overflows, &out->refused);
}
