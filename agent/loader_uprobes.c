// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "loader_uprobes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "redeye.h"
#include "redeye.skel.h"
#include "uprobe_link.h"

#define MAX_PROGRAMS 48

struct loader_uprobes {
	const struct bpf_object *maps;
	struct redeye_bpf *skel; /* NULL: not loaded */
	bool tried, multi;
	bool refused[MAX_PROGRAMS]; /* by place in the object */
	pthread_mutex_t lock;       /* over all of this */
};

static bool is_uprobe(const struct bpf_program *p)
{
	const char *section = bpf_program__section_name(p);

	return !strcmp(section, "uprobe") || !strcmp(section, "uretprobe");
}

/* What the other object did without, nothing here needs either. */
static int share_maps(const struct loader_uprobes *u, struct bpf_object *obj)
{
	struct bpf_map *m, *theirs;
	int fd, err = 0;

	bpf_object__for_each_map(m, obj)
	{
		theirs = bpf_object__find_map_by_name(u->maps, bpf_map__name(m));
		fd = theirs ? bpf_map__fd(theirs) : -1;
		err = fd < 0 ? bpf_map__set_autocreate(m, false) : bpf_map__reuse_fd(m, fd);
		if (err)
			return err;
	}
	return 0;
}

/* With all programs that were not refused, or with the one at place `only`. */
static struct redeye_bpf *load(struct loader_uprobes *u, int only)
{
	struct redeye_bpf *s = redeye_bpf__open();
	struct bpf_program *p;
	int err, i = 0;

	if (!s)
		return NULL;
	err = share_maps(u, s->obj);
	bpf_object__for_each_program(p, s->obj)
	{
		if (!is_uprobe(p))
			continue;
		if (u->multi)
			uprobe_link__prepare(p);
		bpf_program__set_autoload(p, i < MAX_PROGRAMS && !u->refused[i] &&
						     (only < 0 || only == i));
		i++;
	}
	err = err ? err : redeye_bpf__load(s);
	if (!err)
		return s;
	redeye_bpf__destroy(s);
	errno = -err;
	return NULL;
}

/* One that is refused fails all: finds out which. */
static void find_refused(struct loader_uprobes *u)
{
	struct redeye_bpf *s;

	for (int i = 0; i < MAX_PROGRAMS; i++) {
		s = load(u, i);
		u->refused[i] = !s;
		redeye_bpf__destroy(s);
	}
}

static void load_all(struct loader_uprobes *u)
{
	u->tried = true;
	u->multi = uprobe_link__has_multi();
	u->skel = load(u, -1);
	malloc_trim(0);
	if (u->skel)
		return;
	log__debug("uprobes: %s; trying each alone", strerror(errno));
	find_refused(u);
	u->skel = load(u, -1);
}

struct loader_uprobes *loader_uprobes__new(const struct bpf_object *maps)
{
	struct loader_uprobes *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->maps = maps;
	pthread_mutex_init(&u->lock, NULL);
	return u;
}

void loader_uprobes__free(struct loader_uprobes *u)
{
	if (!u)
		return;
	redeye_bpf__destroy(u->skel);
	pthread_mutex_destroy(&u->lock);
	free(u);
}

struct bpf_program *loader_uprobes__get(struct loader_uprobes *u, const char *name)
{
	struct bpf_program *p = NULL;

	pthread_mutex_lock(&u->lock);
	if (!u->tried)
		load_all(u);
	if (u->skel)
		p = bpf_object__find_program_by_name(u->skel->obj, name);
	pthread_mutex_unlock(&u->lock);
	return p && is_uprobe(p) && bpf_program__fd(p) >= 0 ? p : NULL;
}

const struct bpf_program *loader_uprobes__nth(struct loader_uprobes *u, size_t i)
{
	struct bpf_program *p, *nth = NULL;

	if (pthread_mutex_trylock(&u->lock))
		return NULL;
	if (u->skel)
		bpf_object__for_each_program(p,
					     u->skel->obj) if (bpf_program__fd(p) >= 0 && i-- == 0)
		{
			nth = p;
			break;
		}
	pthread_mutex_unlock(&u->lock);
	return nth;
}

/* ---- a try ------------------------------------------------------------------------------ */

int loader_uprobes__try(struct loader_uprobes *u, char *why, size_t why_size)
{
	struct bpf_program *p = loader_uprobes__get(u, "uretprobe_tls");
	struct uprobe_link *link = p ? uprobe_link__attach_self(p) : NULL;
	int err = errno;

	if (!link) {
		snprintf(why, why_size, "%s", p ? strerror(err) : "the programs were refused");
		return -err;
	}
	uprobe_link__destroy(link);
	return u->multi;
}
