// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loop.h"
#include "prober_internal.h"
#include "tls_functions.h"

struct look {
	struct prober *p;
	uint32_t tgid;
	int again;
	int err; /* of a file that could not be opened */
};

/* ---- what a process is -------------------------------------------------------------------- */

static ssize_t read_proc(const struct prober *p, uint32_t tgid, const char *name, char *buf,
			 size_t size)
{
	char path[512];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%u/%s", p->c.proc_root, tgid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, size - 1);
	if (fd >= 0)
		close(fd);
	buf[n < 0 ? 0 : n] = 0;
	return n;
}

/* Under a seccomp filter. Who cannot be asked is taken for one. */
bool prober_worker__confined(const struct prober *p, uint32_t tgid)
{
	char buf[8192], *line;

	if (read_proc(p, tgid, "status", buf, sizeof(buf)) <= 0)
		return true;
	line = strstr(buf, "\nSeccomp:");
	return !line || strtol(line + strlen("\nSeccomp:"), NULL, 10) != 0;
}

/* An exec gives a process another memory and leaves its number and start as they are. Where
 * code and stack begin is another place then, by chance (ASLR). 0: it cannot be told. */
static uint64_t identity_of(const struct prober *p, uint32_t tgid, bool *young)
{
	uint64_t start, code, stack;
	char buf[1024], *end;

	if (read_proc(p, tgid, "stat", buf, sizeof(buf)) <= 0)
		return 0;
	end = strrchr(buf, ')');
	if (!end || sscanf(end + 1,
			   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d"
			   " %*d %*d %" SCNu64 " %*u %*d %*u %" SCNu64 " %*u %" SCNu64,
			   &start, &code, &stack) != 3)
		return 0;
	if (young)
		*young = start > p->start_ticks;
	if (!code || !stack)
		return 0;
	return start * 0x9e3779b97f4a7c15ull ^ code ^ stack << 1;
}

static void name_of(const struct prober *p, uint32_t tgid, char *buf, size_t size)
{
	read_proc(p, tgid, "comm", buf, size);
	buf[strcspn(buf, "\n")] = 0;
}

/* ---- problems -------------------------------------------------------------------------------- */

static void path_of(int fd, char *buf, size_t size)
{
	char self[64];
	ssize_t n;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	n = readlink(self, buf, size - 1);
	buf[n < 0 ? 0 : n] = 0;
}

void prober_worker__problem(void *prober, uint32_t tgid, enum probe_failure reason, int fd,
			    const char *text)
{
	struct prober_problem problem = { .reason = reason };
	struct prober *p = prober;

	name_of(p, tgid, problem.process, sizeof(problem.process));
	if (fd >= 0 && reason != PROBE_JSSE)
		path_of(fd, problem.path, sizeof(problem.path));
	snprintf(problem.text, sizeof(problem.text), "%s", text);
	problems__add(&p->problems, &problem);
}

static void process_problem(struct prober *p, uint32_t tgid, enum probe_failure reason, int err)
{
	static const char *const what[] = {
		[PROBE_OPEN] = "files that it maps cannot be opened",
		[PROBE_MAPS] = "what it maps cannot be read",
	};
	char text[160];

	probes__failed(p->probes, reason);
	snprintf(text, sizeof(text), "%s: %s", what[reason], strerror(-err));
	prober_worker__problem(p, tgid, reason, -1, text);
}

/* ---- looking -----------------------------------------------------------------------------------
 */

/* Returns -ENOENT when the mapping is not there any more. */
static int map_file(struct look *l, const struct map_entry *m)
{
	int fd = proc_maps__open(l->p->c.proc_root, l->tgid, m), rc;

	if (fd < 0)
		return fd;
	rc = probes__map(l->p->probes, l->tgid, fd, mono_ns());
	l->again |= rc > 0;
	close(fd);
	return 0;
}

static bool is_gone(int err)
{
	return err == -ENOENT || err == -ESRCH;
}

static int look_at_mapping(void *arg, const struct map_entry *m)
{
	struct look *l = arg;
	int err = map_file(l, m);

	if (err && !is_gone(err) && err != -EINVAL && !l->err)
		l->err = err;
	return 0;
}

static int look_once(struct look *l)
{
	atomic_fetch_add(&l->p->looks, 1);
	l->again = 0;
	l->err = 0;
	return proc_maps__each(l->p->c.proc_root, l->tgid, look_at_mapping, l);
}

static void look(struct prober *p, uint32_t tgid)
{
	struct look l = { .p = p, .tgid = tgid };
	int err = look_once(&l);

	if (!err && l.again)
		err = look_once(&l);
	if (!err)
		probes__ready(p->probes, tgid);
	if (is_gone(err))
		probes__failed(p->probes, PROBE_GONE);
	else if (err)
		process_problem(p, tgid, PROBE_MAPS, err);
	else if (l.err)
		process_problem(p, tgid, PROBE_OPEN, l.err);
}

void prober_worker__again(void *prober, uint32_t tgid)
{
	look(prober, tgid);
}

/* ---- work
 * ------------------------------------------------------------------------------------------ */

static void do_process(struct prober *p, const struct prober_task *t)
{
	uint64_t now = mono_ns(), identity;
	bool young = false;

	if (t->left)
		probes__leave(p->probes, t->tgid, now);
	identity = t->enter ? identity_of(p, t->tgid, &young) : 0;
	if (t->enter && probes__enter(p->probes, t->tgid, identity, now))
		return;
	if (young)
		probes__young(p->probes, t->tgid);
	if (t->look)
		look(p, t->tgid);
}

/* The word of a mapping may come before that of the exec which it belongs to. And where it
 * says nothing that can be opened (changed since; no right to map_files) all maps do. */
static void do_mapping(struct prober *p, const struct mmap_record *r)
{
	struct look l = { .p = p, .tgid = r->tgid };
	struct map_entry m = {
		.start = r->start,
		.end = r->start + r->len,
		.dev_major = r->dev_major,
		.dev_minor = r->dev_minor,
		.inode = r->inode,
		.executable = true,
	};

	if (probes__changed(p->probes, r->tgid, identity_of(p, r->tgid, NULL), mono_ns()) ||
	    map_file(&l, &m) || l.again)
		look(p, r->tgid);
	else
		probes__ready(p->probes, r->tgid);
}

static void publish(struct prober *p)
{
	pthread_mutex_lock(&p->stats_lock);
	p->stats = *probes__stats(p->probes);
	pthread_mutex_unlock(&p->stats_lock);
}

void *prober_worker(void *prober)
{
	struct prober *p = prober;
	uint64_t until = UINT64_MAX;
	struct prober_work work;

	/* The first call loads them all: a new process must not have to wait for that. */
	p->ops.program(p->ops.arg, tls_libraries[TLS_OPENSSL].ret);
	while (prober_queue__next(&p->queue, until, &work)) {
		detacher__hold(&p->detacher, true);
		if (work.kind == PROBER_PROCESS)
			do_process(p, &work.task);
		else if (work.kind == PROBER_MAPPING)
			do_mapping(p, &work.mapping);
		until = probes__tick(p->probes, mono_ns());
		publish(p);
		if (prober_queue__empty(&p->queue))
			detacher__hold(&p->detacher, false);
	}
	return NULL;
}
