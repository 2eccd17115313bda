// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Files that selected processes execute from: each is read once, whatever comes of it. */
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

static struct probe_file **bucket_of(struct probes *p, const struct file_key *key)
{
	return &p->files[(key->inode * 0x9e3779b97f4a7c15ull ^ key->dev) >> 16 &
			 (PROBES_BUCKETS - 1)];
}

/* ---- plans -------------------------------------------------------------------------- */

static struct probe_plan *known_plan(struct probes *p, int fd, const char *build_id)
{
	struct probe_plan *plan;

	for (plan = p->plans; plan; plan = plan->next)
		if (!strcmp(plan->build_id, build_id) && probe_plan__fits(plan, fd))
			return plan;
	return NULL;
}

/* Only what was found is taken over: that there is nothing is for each file to say. */
static struct probe_plan *plan_of(struct probes *p, int fd, uint32_t tgid)
{
	char build_id[PROBE_BUILD_ID] = "";
	bool has_id = p->c.ops->build_id(p->c.ops->arg, fd, build_id, sizeof(build_id));
	struct probe_plan *plan = has_id && p->plans ? known_plan(p, fd, build_id) : NULL;

	if (plan) {
		p->st.reused++;
		return probe_plan__get(plan);
	}
	p->st.scans++;
	plan = p->c.ops->find(p->c.ops->arg, fd, tgid);
	if (!plan || !plan->n || !has_id || probe_plan__read_heads(plan, fd))
		return plan;
	memcpy(plan->build_id, build_id, sizeof(build_id));
	plan->next = p->plans;
	p->plans = plan;
	return plan;
}

static void drop_plan(struct probes *p, struct probe_plan *plan)
{
	struct probe_plan **at = &p->plans;

	if (plan->refs == 1) {
		while (*at && *at != plan)
			at = &(*at)->next;
		if (*at)
			*at = plan->next;
	}
	probe_plan__put(plan);
}

/* ---- table -------------------------------------------------------------------------- */

static void free_file(struct probes *p, struct probe_file *f)
{
	if (f->plan)
		drop_plan(p, f->plan);
	free(f);
	p->st.files--;
}

static bool in_use(const struct probe_file *f)
{
	return f->uses || f->links;
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

static struct probe_file *new_file(struct probes *p, const struct file_key *key, int fd,
				   uint32_t tgid)
{
	struct probe_file *f, **bucket;
	struct probe_plan *plan;

	if (p->st.files >= p->c.max_files && !evict(p)) {
		probes__failed(p, PROBE_FILES_FULL);
		errno = ENOSPC;
		return NULL;
	}
	f = calloc(1, sizeof(*f));
	plan = f ? plan_of(p, fd, tgid) : NULL;
	if (!plan) {
		free(f);
		probes__failed(p, PROBE_NO_MEMORY);
		errno = ENOMEM;
		return NULL;
	}
	if (plan->kinds || plan->why[0])
		f->plan = plan;
	else
		drop_plan(p, plan);
	f->key = *key;
	bucket = bucket_of(p, key);
	f->next = *bucket;
	*bucket = f;
	p->st.files++;
	return f;
}

struct probe_file *probe_file__get(struct probes *p, int fd, uint32_t tgid, uint64_t now_ns)
{
	struct probe_file *f;
	struct file_key key;

	if (!key_of(fd, &key))
		return NULL;
	for (f = *bucket_of(p, &key); f; f = f->next)
		if (!memcmp(&f->key, &key, sizeof(key)))
			break;
	if (!f)
		f = new_file(p, &key, fd, tgid);
	if (f)
		f->touched_ns = now_ns;
	return f;
}

void probe_file__free_all(struct probes *p)
{
	struct probe_file *f;

	for (size_t i = 0; i < PROBES_BUCKETS; i++)
		while ((f = p->files[i])) {
			p->files[i] = f->next;
			probe_scope__release(p, f, &f->links);
			free_file(p, f);
		}
}
