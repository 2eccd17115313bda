// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "loader_uprobes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "redeye.h"
#include "skeleton.h"
#include "uprobe_link.h"

#define MAX_PROGRAMS 48

/* What is loaded together, when the first of it is asked for: most machines need one of these,
 * and the verifier takes some 50 ms for each. */
enum group {
	GROUP_C,
	GROUP_GO,
	GROUP_RUSTLS,
	GROUP__CNT,
};

static const char *const group_prefixes[GROUP__CNT] = {
	[GROUP_C] = "",
	[GROUP_GO] = "uprobe_go_",
	[GROUP_RUSTLS] = "uprobe_rustls_",
};

struct loader_uprobes {
	const struct bpf_object *maps;
	bool tried[GROUP__CNT], multi;
	bool refused[MAX_PROGRAMS];      /* by place in the object */
	enum group groups[MAX_PROGRAMS]; /* likewise */
	char refused_text[200];          /* "name (why), ..." */
	struct uprobe_program progs[MAX_PROGRAMS];
	char names[MAX_PROGRAMS][32];
	size_t n;
	pthread_mutex_t lock; /* over all of this */
};

static bool is_uprobe(const struct bpf_program *p)
{
	const char *section = bpf_program__section_name(p);

	return !strcmp(section, "uprobe") || !strcmp(section, "uretprobe");
}

static enum group group_of(const char *program)
{
	int g;

	for (g = GROUP__CNT - 1; g > GROUP_C; g--)
		if (!strncmp(program, group_prefixes[g], strlen(group_prefixes[g])))
			break;
	return g;
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

/* With all programs of a group that were not refused, or with the one at place `only`. */
static struct redeye_bpf *load(struct loader_uprobes *u, enum group g, int only)
{
	struct redeye_bpf *s = skeleton__open();
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
		if (i == MAX_PROGRAMS)
			break;
		u->groups[i] = group_of(bpf_program__name(p));
		bpf_program__set_autoload(p, !u->refused[i] && u->groups[i] == g &&
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

static void refuse(struct loader_uprobes *u, int i, const char *name, int err)
{
	size_t len = strlen(u->refused_text);

	u->refused[i] = true;
	snprintf(u->refused_text + len, sizeof(u->refused_text) - len, "%s%s (%s)", len ? ", " : "",
		 name, strerror(err));
}

/* One that is refused fails all: finds out which. */
static void find_refused(struct loader_uprobes *u, enum group g)
{
	struct redeye_bpf *all = skeleton__open(), *s;
	size_t told = strlen(u->refused_text); /* of other groups */
	struct bpf_program *p;
	int i = 0;

	if (!all)
		return;
	bpf_object__for_each_program(p, all->obj)
	{
		if (!is_uprobe(p) || i == MAX_PROGRAMS)
			continue;
		s = u->groups[i] == g ? load(u, g, i) : NULL;
		if (!s && u->groups[i] == g)
			refuse(u, i, bpf_program__name(p), errno);
		redeye_bpf__destroy(s);
		i++;
	}
	redeye_bpf__destroy(all);
	if (u->refused_text[told])
		log__warn("the kernel refused %s: TLS is seen without them, or not at all",
			  u->refused_text + told + (told ? 2 : 0));
}

/* Of the object, which is large, only the descriptors are kept. */
static void keep(struct loader_uprobes *u, struct redeye_bpf *s)
{
	struct bpf_program *p;
	int fd;

	bpf_object__for_each_program(p, s->obj)
	{
		if (bpf_program__fd(p) < 0 || u->n == MAX_PROGRAMS)
			continue;
		fd = fcntl(bpf_program__fd(p), F_DUPFD_CLOEXEC, 0);
		if (fd < 0)
			continue;
		snprintf(u->names[u->n], sizeof(u->names[0]), "%s", bpf_program__name(p));
		u->progs[u->n] = (struct uprobe_program){ u->names[u->n], fd, u->multi };
		u->n++;
	}
	redeye_bpf__destroy(s);
	malloc_trim(0);
	skeleton__unneeded();
}

static void load_group(struct loader_uprobes *u, enum group g)
{
	struct redeye_bpf *s;

	if (u->tried[g])
		return;
	u->tried[g] = true;
	u->multi = uprobe_link__has_multi();
	s = load(u, g, -1);
	if (!s) {
		log__debug("uprobes: %s; trying each alone", strerror(errno));
		find_refused(u, g);
		s = load(u, g, -1);
	}
	if (s)
		keep(u, s);
}

void loader_uprobes__load_all(struct loader_uprobes *u)
{
	pthread_mutex_lock(&u->lock);
	for (int g = 0; g < GROUP__CNT; g++)
		load_group(u, g);
	pthread_mutex_unlock(&u->lock);
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
	while (u->n)
		close(u->progs[--u->n].fd);
	pthread_mutex_destroy(&u->lock);
	free(u);
}

const struct uprobe_program *loader_uprobes__get(struct loader_uprobes *u, const char *name)
{
	const struct uprobe_program *found = NULL;

	pthread_mutex_lock(&u->lock);
	load_group(u, group_of(name));
	for (size_t i = 0; i < u->n && !found; i++)
		if (!strcmp(u->progs[i].name, name))
			found = &u->progs[i];
	pthread_mutex_unlock(&u->lock);
	return found;
}

const struct uprobe_program *loader_uprobes__nth(struct loader_uprobes *u, size_t i)
{
	const struct uprobe_program *nth;

	if (pthread_mutex_trylock(&u->lock))
		return NULL;
	nth = i < u->n ? &u->progs[i] : NULL;
	pthread_mutex_unlock(&u->lock);
	return nth;
}

/* ---- a try ------------------------------------------------------------------------------ */

int loader_uprobes__try(struct loader_uprobes *u, char *why, size_t why_size)
{
	const struct uprobe_program *p;
	struct uprobe_link *link;
	int err;

	loader_uprobes__load_all(u);
	p = loader_uprobes__get(u, "uretprobe_tls");
	link = p ? uprobe_link__attach_own(p, getpid(), NULL) : NULL;
	err = errno;
	if (!link) {
		snprintf(why, why_size, "%s", p ? strerror(err) : "the programs were refused");
		return -err;
	}
	uprobe_link__destroy(link);
	if (u->refused_text[0])
		snprintf(why, why_size, "without %s", u->refused_text);
	return u->multi;
}
