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

struct probe_file **probe_file__bucket(struct probes *p, const struct file_key *key)
{
	return &p->files[(key->inode * 0x9e3779b97f4a7c15ull) >> 16 & (PROBES_BUCKETS - 1)];
}

/* ---- table -------------------------------------------------------------------------- */

static void free_file(struct probes *p, struct probe_file *f)
{
	if (f->same)
		f->same->twins--;
	probe_plan__free(f->plan);
	free(f);
	p->st.files--;
}

static bool in_use(const struct probe_file *f)
{
	return f->uses || f->links || f->twins;
}

bool probe_file__room(const struct probes *p)
{
	bool room = p->st.files < p->c.max_files;

	for (size_t i = 0; i < PROBES_BUCKETS && !room; i++)
		for (const struct probe_file *f = p->files[i]; f && !room; f = f->next)
			room = !in_use(f);
	return room;
}

/* The one that nobody has mapped for the longest time. */
static bool evict(struct probes *p)
{
	struct probe_file **at, **oldest = NULL, *f;

	for (size_t i = 0; i < PROBES_BUCKETS; i++)
		for (at = &p->files[i]; *at; at = &(*at)->next)
			if (!in_use(*at) && (!oldest || (*at)->touched_ns < (*oldest)->touched_ns))
				oldest = at;
	if (!oldest)
		return false;
	f = *oldest;
	*oldest = f->next;
	free_file(p, f);
	p->st.evicted++;
	return true;
}

static struct probe_file *new_file(struct probes *p, const struct file_key *key, int fd)
{
	struct probe_file *f, **bucket;
	struct probe_plan *plan;
	uint64_t start_ns;

	if (p->st.files >= p->c.max_files && !evict(p)) {
		probes__failed(p, PROBE_FILES_FULL);
		errno = ENOSPC;
		return NULL;
	}
	f = calloc(1, sizeof(*f));
	start_ns = probes__now_ns();
	plan = f ? p->c.ops->find(p->c.ops->arg, fd) : NULL;
	p->st.scan_ns += probes__now_ns() - start_ns;
	if (!plan) {
		free(f);
		probes__failed(p, PROBE_NO_MEMORY);
		errno = ENOMEM;
		return NULL;
	}
	if (plan->kinds || plan->why[0])
		f->plan = plan;
	else
		probe_plan__free(plan);
	p->st.scans++;
	f->key = *key;
	bucket = probe_file__bucket(p, key);
	f->next = *bucket;
	*bucket = f;
	p->st.files++;
	return f;
}

struct probe_file *probe_file__get(struct probes *p, int fd, uint64_t now_ns)
{
	struct probe_file *f;
	struct file_key key;

	if (!key_of(fd, &key))
		return NULL;
	for (f = *probe_file__bucket(p, &key); f; f = f->next)
		if (!memcmp(&f->key, &key, sizeof(key)))
			break;
	if (!f)
		f = new_file(p, &key, fd);
	if (f)
		f->touched_ns = now_ns;
	return f;
}

void probe_file__free_all(struct probes *p)
{
	struct probe_file *f;

	for (size_t i = 0; i < PROBES_BUCKETS; i++)
		for (f = p->files[i]; f; f = f->next)
			f->same = NULL;
	for (size_t i = 0; i < PROBES_BUCKETS; i++)
		while ((f = p->files[i])) {
			p->files[i] = f->next;
			probe_scope__release(p, f, &f->links);
			free_file(p, f);
		}
}
