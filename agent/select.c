// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "select.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "k8s_pod.h"
#include "options.h"
#include "procfs.h"
#include "slice.h"

bool select__has_pid(const struct selection *s, uint32_t tgid)
{
	for (size_t i = 0; i < s->n_pids; i++) {
		if (s->pids[i] == tgid)
			return true;
	}
	return false;
}

bool select__has_port(const struct selection *s, uint16_t port)
{
	for (size_t i = 0; i < s->n_ports; i++) {
		if (s->ports[i] == port)
			return true;
	}
	return false;
}

bool select__exe_matches(const char *glob, const char *exe)
{
	const char *slash = strrchr(exe, '/');

	if (!*exe)
		return false;
	if (!fnmatch(glob, exe, 0))
		return true;
	return slash && !strchr(glob, '/') && !fnmatch(glob, slash + 1, 0);
}

/* ---- cgroups ---- */

#define CGROUP_MOUNT "/sys/fs/cgroup"

/* `arg` names `path` or a group above it. */
static bool path_matches(const char *arg, const char *path)
{
	size_t n;

	if (strpbrk(arg, "*?["))
		return !fnmatch(arg, path, FNM_LEADING_DIR);
	arg += strspn(arg, "/");
	path += strspn(path, "/");
	for (n = strlen(arg); n && arg[n - 1] == '/';)
		n--;
	return !n || (!strncmp(arg, path, n) && (!path[n] || path[n] == '/'));
}

/* What follows the directory `name` in `rest` ("/name/x" -> "/x"), or NULL. */
static const char *below(const char *rest, struct slice name)
{
	if (*rest != '/' || strncmp(rest + 1, name.p, name.len))
		return NULL;
	rest += 1 + name.len;
	return !*rest ? "/" : *rest == '/' ? rest : NULL;
}

/* A v1 hierarchy is mounted under all its controllers, "cpu,cpuacct", and each
 * of them has a link to it; a named one, "name=systemd", under its name. */
static bool v1_mount_matches(const char *rest, struct slice controllers, const char *path)
{
	const char *p = controllers.p, *end = p + controllers.len, *inner;

	if (controllers.len > 5 && !memcmp(p, "name=", 5))
		p += 5;
	inner = below(rest, (struct slice){ p, end - p });
	if (inner && path_matches(inner, path))
		return true;
	while (p < end) {
		const char *comma = memchr(p, ',', end - p);
		const char *stop = comma ? comma : end;

		inner = below(rest, (struct slice){ p, stop - p });
		if (inner && path_matches(inner, path))
			return true;
		p = stop + 1;
	}
	return false;
}

static bool mount_matches(const char *rest, struct slice controllers, const char *path)
{
	const char *unified;

	if (controllers.len)
		return v1_mount_matches(rest, controllers, path);
	unified = below(rest, SLICE("unified"));
	return path_matches(rest, path) || (unified && path_matches(unified, path));
}

/* One line, "hierarchy:controllers:path". */
static bool line_matches(const char *arg, const char *line)
{
	const char *c1 = strchr(line, ':'), *c2 = c1 ? strchr(c1 + 1, ':') : NULL;
	size_t n = sizeof(CGROUP_MOUNT) - 1;

	if (!c2)
		return false;
	if (!strncmp(arg, CGROUP_MOUNT, n) && (!arg[n] || arg[n] == '/'))
		return mount_matches(arg + n, (struct slice){ c1 + 1, c2 - c1 - 1 }, c2 + 1);
	return path_matches(arg, c2 + 1);
}

bool select__cgroup_matches(const char *arg, const char *cgroups)
{
	char line[PROCFS_CGROUP_MAX];

	while (*cgroups) {
		size_t n = strcspn(cgroups, "\n");

		if (n < sizeof(line)) {
			memcpy(line, cgroups, n);
			line[n] = 0;
			if (line_matches(arg, line))
				return true;
		}
		cgroups += n + (cgroups[n] == '\n');
	}
	return false;
}

/* ---- pods ---- */

bool select__has_pods(const struct selection *s)
{
	return s->k8s_namespaces.n || s->k8s_labels.n || s->k8s_annotations.n || s->images.n;
}

int select__instrument(const struct k8s_pod *pod)
{
	const char *value = pod ? k8s_pairs__get(&pod->annotations, "redeye.dev/instrument") : NULL;

	return !value ? -1 : !strcmp(value, "true") ? 1 : !strcmp(value, "false") ? 0 : -1;
}

/* "registry:5000/team/web:1.2@sha256:..." */
bool select__image_matches(const char *glob, const char *image)
{
	const char *slash = strrchr(image, '/'), *base;
	char name[256];
	size_t n;

	if (!*image)
		return false;
	if (!fnmatch(glob, image, 0))
		return true;
	base = slash ? slash + 1 : image;
	n = (size_t)(base - image) + strcspn(base, ":@");
	if (n >= sizeof(name))
		return false;
	memcpy(name, image, n);
	name[n] = 0;
	return !fnmatch(glob, name, 0) ||
	       (!strchr(glob, '/') && !fnmatch(glob, name + (base - image), 0));
}

static bool has_pair(const struct k8s_pairs *pairs, const struct str_list *wanted)
{
	for (size_t i = 0; i < wanted->n; i++) {
		const char *equals = strchr(wanted->v[i], '=');

		for (uint32_t j = 0; equals && j < pairs->n; j++) {
			const struct k8s_pair *pair = &pairs->v[j];
			size_t n = equals - wanted->v[i];

			if (strlen(pair->key) == n && !memcmp(pair->key, wanted->v[i], n) &&
			    !strcmp(pair->value, equals + 1))
				return true;
		}
	}
	return false;
}

static bool pod_matches(const struct selection *s, const struct select_facts *f)
{
	size_t i;

	for (i = 0; i < s->k8s_namespaces.n; i++)
		if (!fnmatch(s->k8s_namespaces.v[i], f->pod->namespace, 0))
			return true;
	for (i = 0; f->container && i < s->images.n; i++)
		if (select__image_matches(s->images.v[i], f->container->image))
			return true;
	return has_pair(&f->pod->labels, &s->k8s_labels) ||
	       has_pair(&f->pod->annotations, &s->k8s_annotations);
}

static uint32_t match_pod(const struct selection *s, const struct select_facts *f)
{
	return f->pod && pod_matches(s, f) ? SELECT_POD : 0;
}

/* ---- the rules ---- */

static uint32_t match_pid(const struct selection *s, const struct select_facts *f)
{
	if (select__has_pid(s, f->tgid))
		return SELECT_PID;
	return f->root && select__has_pid(s, f->root) ? SELECT_PID | SELECT_INHERITED : 0;
}

static uint32_t match_port(const struct selection *s, const struct select_facts *f)
{
	if (!f->port || !select__has_port(s, f->port))
		return 0;
	return f->port_inherited ? SELECT_PORT | SELECT_INHERITED : SELECT_PORT;
}

static uint32_t match_exe(const struct selection *s, const struct select_facts *f)
{
	for (size_t i = 0; i < s->exes.n; i++) {
		if (select__exe_matches(s->exes.v[i], f->exe))
			return SELECT_EXE;
	}
	return 0;
}

static uint32_t match_cgroup(const struct selection *s, const struct select_facts *f)
{
	for (size_t i = 0; i < s->cgroups.n; i++) {
		if (select__cgroup_matches(s->cgroups.v[i], f->cgroups))
			return SELECT_CGROUP;
	}
	return 0;
}

uint32_t select__match(const struct selection *s, const struct select_facts *f)
{
	return match_pid(s, f) | match_port(s, f) | match_exe(s, f) | match_cgroup(s, f) |
	       match_pod(s, f) | (s->all ? SELECT_ALL : 0);
}

/* ---- listening sockets ---- */

/* Hosts have few namespaces with a wanted listener, and a linear look-up among
 * even a thousand is nothing against reading one process's descriptors. */
#define NETNS_MAX 4096

struct listener {
	uint64_t inode;
	uint16_t port;
};

struct netns {
	uint64_t inode;
	struct listener *v;
	size_t n, cap;
};

struct listeners {
	const struct procfs *fs;
	const struct selection *include, *exclude;
	struct netns *ns;
	size_t n, cap;
};

struct listeners *listeners__new(const struct procfs *fs, const struct selection *include,
				 const struct selection *exclude)
{
	struct listeners *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->fs = fs;
	l->include = include;
	l->exclude = exclude;
	return l;
}

void listeners__free(struct listeners *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++)
		free(l->ns[i].v);
	free(l->ns);
	free(l);
}

/* Room for element n of a growing array. */
static bool grow(void **v, size_t *cap, size_t n, size_t size)
{
	size_t more = *cap ? *cap * 2 : 8;
	void *bigger;

	if (n < *cap)
		return true;
	bigger = reallocarray(*v, more, size);
	if (!bigger)
		return false;
	*v = bigger;
	*cap = more;
	return true;
}

struct load {
	struct listeners *l;
	struct netns *ns;
};

static int load_one(void *arg, uint16_t port, uint64_t inode)
{
	struct load *load = arg;
	struct netns *ns = load->ns;

	if (!select__has_port(load->l->include, port) && !select__has_port(load->l->exclude, port))
		return 0;
	if (!grow((void **)&ns->v, &ns->cap, ns->n, sizeof(*ns->v)))
		return -1;
	ns->v[ns->n++] = (struct listener){ inode, port };
	return 0;
}

static int by_inode(const void *a, const void *b)
{
	const struct listener *x = a, *y = b;

	return (x->inode > y->inode) - (x->inode < y->inode);
}

static struct netns *netns_find(struct listeners *l, uint64_t inode)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->ns[i].inode == inode)
			return &l->ns[i];
	}
	return NULL;
}

static struct netns *netns_load(struct listeners *l, uint64_t inode, uint32_t tgid)
{
	struct load load = { .l = l };

	if (l->n == NETNS_MAX || !grow((void **)&l->ns, &l->cap, l->n, sizeof(*l->ns)))
		return NULL;
	load.ns = &l->ns[l->n];
	*load.ns = (struct netns){ .inode = inode };
	/* A process that vanishes here must not make its namespace look empty. */
	if (procfs__each_listener(l->fs, tgid, load_one, &load) < 0) {
		free(load.ns->v);
		return NULL;
	}
	if (load.ns->n)
		qsort(load.ns->v, load.ns->n, sizeof(*load.ns->v), by_inode);
	l->n++;
	return load.ns;
}

struct hold {
	const struct listeners *l;
	const struct netns *ns;
	struct listeners_held held;
};

static int hold_one(void *arg, uint64_t inode)
{
	struct hold *h = arg;
	struct listener key = { .inode = inode }, *hit;

	hit = bsearch(&key, h->ns->v, h->ns->n, sizeof(key), by_inode);
	if (hit && select__has_port(h->l->include, hit->port))
		h->held.include = hit->port;
	if (hit && select__has_port(h->l->exclude, hit->port))
		h->held.exclude = hit->port;
	return 0;
}

static int any_socket(void *arg, uint64_t inode)
{
	return 1;
}

struct listeners_held listeners__held(struct listeners *l, uint32_t tgid)
{
	struct hold h = { .l = l };
	uint64_t inode;

	if (!l->include->n_ports && !l->exclude->n_ports)
		return h.held;
	inode = procfs__netns(l->fs, tgid);
	if (!inode)
		return h.held;
	h.ns = netns_find(l, inode);
	/* Most processes that execute something hold no socket at all: then the
	 * namespace's table, long on a busy host, need not be read. */
	if (!h.ns && procfs__each_socket(l->fs, tgid, any_socket, NULL) == 1)
		h.ns = netns_load(l, inode, tgid);
	if (h.ns && h.ns->n)
		procfs__each_socket(l->fs, tgid, hold_one, &h);
	return h.held;
}
