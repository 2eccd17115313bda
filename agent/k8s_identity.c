// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "k8s_identity.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define RESOURCE   "resource.opentelemetry.io/"
#define WELL_KNOWN "app.kubernetes.io/"

/* ---- the set -------------------------------------------------------------- */

/* The first that says something of a key is the one that counts. */
static void add(struct k8s_identity *id, const char *key, const char *value)
{
	uint32_t i = 0;

	if (!*value || !*key)
		return;
	while (i < id->n && strcmp(id->attrs[i].key, key) < 0)
		i++;
	if ((i < id->n && !strcmp(id->attrs[i].key, key)) || id->n == SERVICE_ATTRS_MAX)
		return;
	memmove(&id->attrs[i + 1], &id->attrs[i], (id->n - i) * sizeof(id->attrs[0]));
	id->attrs[i] = (struct resource_attr){ key, value };
	id->n++;
}

/* "" when there is no more room. */
__attribute__((format(printf, 2, 3))) static const char *say(struct k8s_identity *id,
							     const char *format, ...)
{
	size_t room = sizeof(id->text) - id->used;
	char *at = id->text + id->used;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(at, room, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= room)
		return "";
	id->used += n + 1;
	return at;
}

/* ---- images --------------------------------------------------------------- */

/* "registry:5000/a/b:tag@sha256:digest": where the tag is, and the digest. */
struct image {
	size_t name_len;
	const char *tag, *digest; /* NULL: none */
	size_t tag_len;
};

static struct image split_image(const char *s)
{
	const char *at = strchr(s, '@'), *end = at ? at : s + strlen(s), *colon, *p;
	struct image image = { .digest = at ? at + 1 : NULL };

	for (colon = NULL, p = s; p < end; p++)
		colon = *p == ':' ? p : *p == '/' ? NULL : colon;
	image.name_len = (colon ? colon : end) - s;
	image.tag = colon ? colon + 1 : NULL;
	image.tag_len = colon ? (size_t)(end - colon - 1) : 0;
	return image;
}

static void add_image(struct k8s_identity *id, const char *s)
{
	struct image i = split_image(s);
	const char *version = i.digest ? i.digest : "";

	add(id, "container.image.name", say(id, "%.*s", (int)i.name_len, s));
	if (i.tag)
		version = say(id, "%.*s%s%s", (int)i.tag_len, i.tag, i.digest ? "@" : "",
			      i.digest ? i.digest : "");
	add(id, "service.version", version);
}

/* ---- names ---------------------------------------------------------------- */

static const char *get(const struct k8s_pairs *p, const char *key)
{
	const char *value = k8s_pairs__get(p, key);

	return value ? value : "";
}

static const char *first(const char *a, const char *b)
{
	return *a ? a : b;
}

const char *k8s_identity__namespace(const struct k8s_pod *pod)
{
	return first(get(&pod->annotations, RESOURCE "service.namespace"), pod->namespace);
}

const char *k8s_identity__service(const struct k8s_pod *pod, const struct k8s_naming *how)
{
	const char *name = get(&pod->annotations, RESOURCE "service.name");

	if (how->app_labels) {
		name = first(name, get(&pod->labels, WELL_KNOWN "instance"));
		name = first(name, get(&pod->labels, WELL_KNOWN "name"));
	}
	for (int i = 0; i < K8S_WORKLOAD__CNT; i++)
		name = first(name, pod->workload[i]);
	return first(name, pod->name);
}

static const char *instance_of(struct k8s_identity *id, const struct container *c,
			       const struct k8s_pod *pod, const struct k8s_container *in)
{
	const char *own = get(&pod->annotations, RESOURCE "service.instance.id");

	if (*own || !in)
		return first(own, c->id);
	return say(id, "%s.%s.%s", pod->namespace, pod->name, in->name);
}

static void put(char out[PROCNAME_MAX], const char *s)
{
	procname__clean(out, s, strlen(s));
}

/* ---- attributes ----------------------------------------------------------- */

static const char *const workload_keys[K8S_WORKLOAD__CNT] = {
	[K8S_DEPLOYMENT] = "k8s.deployment.name",   [K8S_REPLICASET] = "k8s.replicaset.name",
	[K8S_STATEFULSET] = "k8s.statefulset.name", [K8S_DAEMONSET] = "k8s.daemonset.name",
	[K8S_CRONJOB] = "k8s.cronjob.name",         [K8S_JOB] = "k8s.job.name",
};

static void add_pairs(struct k8s_identity *id, const char *prefix, const struct k8s_pairs *p,
		      const struct str_list *globs)
{
	for (uint32_t i = 0; i < p->n; i++) {
		bool wanted = false;

		for (size_t g = 0; g < globs->n && !wanted; g++)
			wanted = !fnmatch(globs->v[g], p->v[i].key, 0);
		if (wanted)
			add(id, say(id, "%s%s", prefix, p->v[i].key), p->v[i].value);
	}
}

/* The names of a service have their own place. */
static void add_annotated(struct k8s_identity *id, const struct k8s_pairs *p)
{
	static const char *const names[] = { "service.name", "service.namespace",
					     "service.instance.id" };

	for (uint32_t i = 0; i < p->n; i++) {
		const char *key = p->v[i].key;
		bool is_name = false;

		if (strncmp(key, RESOURCE, strlen(RESOURCE)) != 0)
			continue;
		key += strlen(RESOURCE);
		for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
			is_name |= !strcmp(key, names[n]);
		if (!is_name)
			add(id, key, p->v[i].value);
	}
}

static void of_pod(struct k8s_identity *id, const struct container *c, const struct k8s_pod *pod,
		   const struct k8s_naming *how)
{
	const struct k8s_container *in = k8s_pod__container(pod, c->id);

	put(id->name.service, k8s_identity__service(pod, how));
	put(id->name.namespace, k8s_identity__namespace(pod));
	put(id->name.instance, instance_of(id, c, pod, in));
	add_annotated(id, &pod->annotations);
	add(id, "k8s.namespace.name", pod->namespace);
	add(id, "k8s.node.name", pod->node);
	add(id, "k8s.pod.name", pod->name);
	add(id, "k8s.pod.uid", pod->uid);
	for (int i = 0; i < K8S_WORKLOAD__CNT; i++)
		add(id, workload_keys[i], pod->workload[i]);
	if (how->app_labels)
		add(id, "service.version", get(&pod->labels, WELL_KNOWN "version"));
	if (in) {
		add(id, "k8s.container.name", in->name);
		add_image(id, in->image);
		add(id, "container.id", in->id);
		add(id, "container.runtime.name", in->runtime);
	}
	add_pairs(id, "k8s.pod.label.", &pod->labels, &how->labels);
	add_pairs(id, "k8s.pod.annotation.", &pod->annotations, &how->annotations);
}

void k8s_identity__of(struct k8s_identity *id, const struct container *c, const struct k8s_pod *pod,
		      const struct k8s_naming *how)
{
	id->name = (struct procname){ 0 };
	id->n = 0;
	id->used = 0;
	if (pod)
		of_pod(id, c, pod, how);
	else
		put(id->name.instance, c->id);
	add(id, "container.id", c->id);
	add(id, "container.runtime.name", c->runtime ? c->runtime : "");
	add(id, "k8s.pod.uid", c->pod_uid);
}
