// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Files that selected processes execute from: each is read once, whatever comes of it.
 *
 * Each, also where a build id says that it is one that was read before (a library in two
 * containers). A build id is what a file says of itself, and comparing the code at the
 * places to be probed does not help: a copy of the library with another symbol table has
 * the same code, and would have breakpoints put into the midst of instructions of whoever
 * uses the real one. To read libssl takes 0.2 ms, Node 60 ms; that is not worth it. For the
 * same reason what is read does not depend on who maps it: the plan is everybody's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hash.h"
#include "probe_plan.h"
#include "probes_internal.h"

static bool key_of(int fd, struct file_key *key)
{
	struct stat st;

	if (fstat(fd, &st))
		return false;
	*key = (struct file_key){
		.dev = st.st_dev,
		.inode = st.st_ino,
		.size = st.st_size,
		.mtime_s = st.st_mtim.tv_sec,
		.mtime_ns = st.st_mtim.tv_nsec,
	};
	return true;
}

/* Of all that it is known by: a file of an image has its inode in each of its containers. */
static struct probe_file **bucket_of(struct probes *p, const struct file_key *key)
{
	return &p->files[hash_bytes(key, sizeof(*key)) & (PROBES_FILES - 1)];
}

struct probe_file **probe_file__by_inode(struct probes *p, const struct file_key *key)
{
	return &p->by_inode[hash_mix(0, key->inode) & (PROBES_BUCKETS - 1)];
}

/* ---- those that may go ---------------------------------------------------------------- */

static struct file_group *group_of(struct probes *p, const struct probe_file *f)
{
	return f->plan ? &p->planned : &p->others;
}

static bool in_use(const struct probe_file *f)
{
	return f->uses || f->links || f->twins;
}

static void lru_unlink(struct probe_file *f)
{
	if (!f->lru_next)
		return;
	f->lru_prev->lru_next = f->lru_next;
	f->lru_next->lru_prev = f->lru_prev;
	f->lru_next = f->lru_prev = NULL;
}

static void lru_push(struct file_group *g, struct probe_file *f)
{
	f->lru_next = g->unused.lru_next;
	f->lru_prev = &g->unused;
	f->lru_next->lru_prev = f;
	g->unused.lru_next = f;
}

void probe_file__touch(struct probes *p, struct probe_file *f)
{
	lru_unlink(f);
	if (!in_use(f))
		lru_push(group_of(p, f), f);
}

static void init_group(struct file_group *g, uint32_t max)
{
	g->max = max;
	g->unused.lru_next = g->unused.lru_prev = &g->unused;
}

void probe_file__init(struct probes *p)
{
	init_group(&p->planned, p->c.max_files);
	init_group(&p->others, p->c.max_files * PROBES_OTHERS);
}

/* What has no plan is never in use, so its group has room always. */
bool probe_file__room(const struct probes *p)
{
	const struct file_group *g = &p->planned;

	return g->n < g->max || g->unused.lru_next != &g->unused;
}

/* ---- table -------------------------------------------------------------------------- */

static void insert(struct probes *p, struct probe_file *f)
{
	struct probe_file **bucket = bucket_of(p, &f->key);

	f->next = *bucket;
	*bucket = f;
	if (f->plan) {
		bucket = probe_file__by_inode(p, &f->key);
		f->of_inode = *bucket;
		*bucket = f;
	}
	group_of(p, f)->n++;
	p->st.files++;
}

static void take_out(struct probes *p, struct probe_file *f)
{
	struct probe_file **at = bucket_of(p, &f->key);

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	if (f->plan) {
		at = probe_file__by_inode(p, &f->key);
		while (*at != f)
			at = &(*at)->of_inode;
		*at = f->of_inode;
	}
	group_of(p, f)->n--;
	p->st.files--;
}

static void free_file(struct probes *p, struct probe_file *f)
{
	take_out(p, f);
	lru_unlink(f);
	if (f->same) {
		f->same->twins--;
		probe_file__touch(p, f->same);
	}
	probe_plan__free(f->plan);
	free(f);
}

/* The one that nobody has used for the longest time, when there is no place left. */
static void make_way(struct probes *p, struct file_group *g)
{
	if (g->n < g->max || g->unused.lru_prev == &g->unused)
		return;
	free_file(p, g->unused.lru_prev);
	p->st.evicted++;
}

static struct probe_file *read_file(struct probes *p, int fd)
{
	struct probe_file *f = calloc(1, sizeof(*f));
	uint64_t start_ns = probes__now_ns();
	struct probe_plan *plan;

	plan = f ? p->c.ops->find(p->c.ops->arg, fd) : NULL;
	p->st.scan_ns += probes__now_ns() - start_ns;
	if (!plan) {
		free(f);
		return NULL;
	}
	p->st.scans++;
	if (plan->kinds || plan->why[0])
		f->plan = plan;
	else
		probe_plan__free(plan);
	return f;
}

static struct probe_file *no_file(struct probes *p, enum probe_failure reason, int err)
{
	probes__failed(p, reason);
	errno = err;
	return NULL;
}

/* Before it is read, any may be one with a plan: where that finds no place, none is read. */
static struct probe_file *new_file(struct probes *p, const struct file_key *key, int fd)
{
	struct probe_file *f;

	if (!probe_file__room(p))
		return no_file(p, PROBE_FILES_FULL, ENOSPC);
	f = read_file(p, fd);
	if (!f)
		return no_file(p, PROBE_NO_MEMORY, ENOMEM);
	f->key = *key;
	make_way(p, group_of(p, f));
	insert(p, f);
	return f;
}

struct probe_file *probe_file__get(struct probes *p, int fd)
{
	struct probe_file *f;
	struct file_key key;

	if (!key_of(fd, &key))
		return NULL;
	for (f = *bucket_of(p, &key); f; f = f->next)
		if (!memcmp(&f->key, &key, sizeof(key)))
			break;
	if (!f)
		f = new_file(p, &key, fd);
	if (f)
		probe_file__touch(p, f);
	return f;
}

void probe_file__free_all(struct probes *p)
{
	struct probe_file *f;

	for (size_t i = 0; i < PROBES_FILES; i++)
		for (f = p->files[i]; f; f = f->next)
			f->same = NULL;
	for (size_t i = 0; i < PROBES_FILES; i++)
		while ((f = p->files[i])) {
			probe_scope__release(p, f, &f->links);
			free_file(p, f);
		}
}
