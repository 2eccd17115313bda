// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "k8s.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "k8s_config.h"
#include "log.h"
#include "loop.h"
#include "options.h"
#include "select.h"
#include "self_builder.h"
#include "span.h"

#define BATCH 64 /* changes, then the loop looks at everything else */

struct k8s {
	struct k8s_table *table;
	struct k8s_client *client;
	struct k8s_naming naming; /* copies: the options may change meanwhile */
	struct container own;     /* redeye's */
	char own_name[PROCNAME_MAX], own_namespace[PROCNAME_MAX];
	uint64_t start_ns;
	unsigned int read; /* enum k8s_read, of the changes that are being read */
	uint64_t truncated;
	bool synced; /* all pods were here once */
	bool said_full;
};

/* ---- who we are ----------------------------------------------------------- */

static void own_pod_of_mounts(struct container *own)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096];

	while (f && !*own->pod_uid && fgets(line, sizeof(line), f))
		container__pod_of_mount(own->pod_uid, line);
	if (f)
		fclose(f);
}

static void set_env(char *to, size_t size, const char *name)
{
	const char *s = getenv(name);

	snprintf(to, size, "%s", s ? s : "");
}

static void find_own(struct k8s *k)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char text[16384];
	size_t n = f ? fread(text, 1, sizeof(text), f) : 0;

	if (f)
		fclose(f);
	container__parse(&k->own, text, n);
	if (!*k->own.pod_uid)
		own_pod_of_mounts(&k->own);
	if (!*k->own.pod_uid)
		set_env(k->own.pod_uid, sizeof(k->own.pod_uid), "POD_UID");
	set_env(k->own_name, sizeof(k->own_name), "POD_NAME");
	set_env(k->own_namespace, sizeof(k->own_namespace), "POD_NAMESPACE");
}

static bool is_own_pod(const struct k8s *k, const struct k8s_pod *pod)
{
	if (*k->own.pod_uid && !strcmp(pod->uid, k->own.pod_uid))
		return true;
	return *k->own_name && !strcmp(pod->name, k->own_name) &&
	       !strcmp(pod->namespace, k->own_namespace);
}

bool k8s__is_own(const struct k8s *k, const struct container *c)
{
	const struct k8s_pod *pod = k ? k8s_table__of(k->table, c) : NULL;

	if (!k)
		return false;
	if (*c->id && !strcmp(c->id, k->own.id))
		return true;
	if (pod)
		return is_own_pod(k, pod);
	return *c->pod_uid && !strcmp(c->pod_uid, k->own.pod_uid);
}

/* ---- life ----------------------------------------------------------------- */

/* Adds copies, of each what is before one of `ends`. */
static int add_copies(struct str_list *to, const struct str_list *from, const char *ends)
{
	for (size_t i = 0; i < from->n; i++) {
		to->v[to->n] = strndup(from->v[i], strcspn(from->v[i], ends));
		if (!to->v[to->n])
			return -ENOMEM;
		to->n++;
	}
	return 0;
}

/* Globs of keys, and the keys of KEY=VALUE. */
static int make_list(struct str_list *to, const struct str_list *globs, const struct str_list *a,
		     const struct str_list *b)
{
	to->v = calloc(globs->n + a->n + b->n + 1, sizeof(*to->v));
	if (!to->v)
		return -ENOMEM;
	if (add_copies(to, globs, "") || add_copies(to, a, "=") || add_copies(to, b, "="))
		return -ENOMEM;
	return 0;
}

static void free_list(struct str_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
}

static void free_wants(struct k8s_wants *w)
{
	free_list(&w->labels);
	free_list(&w->annotations);
}

static int make_wants(struct k8s_wants *w, const struct options *o)
{
	*w = (struct k8s_wants){ 0 };
	if (!make_list(&w->labels, &o->kubernetes_labels, &o->include.k8s_labels,
		       &o->exclude.k8s_labels) &&
	    !make_list(&w->annotations, &o->kubernetes_annotations, &o->include.k8s_annotations,
		       &o->exclude.k8s_annotations))
		return 0;
	free_wants(w);
	return -ENOMEM;
}

static void free_naming(struct k8s_naming *n)
{
	free_list(&n->labels);
	free_list(&n->annotations);
}

static int set_naming(struct k8s *k, const struct options *o)
{
	static const struct str_list none;
	struct k8s_naming n = { .app_labels = o->kubernetes_app_labels };

	if (make_list(&n.labels, &o->kubernetes_labels, &none, &none) ||
	    make_list(&n.annotations, &o->kubernetes_annotations, &none, &none)) {
		free_naming(&n);
		return -ENOMEM;
	}
	free_naming(&k->naming);
	k->naming = n;
	return 0;
}

static int start_client(struct k8s *k, const struct k8s_config *where, const struct options *o,
			char *err, size_t err_size)
{
	struct k8s_client_config c = { .where = *where };
	struct k8s_wants w;

	if (make_wants(&w, o))
		return -ENOMEM;
	k->client = k8s_client__new(&c, &w, err, err_size);
	free_wants(&w);
	return k->client ? 0 : -errno;
}

static int start(struct k8s **out, const struct options *o, char *err, size_t err_size)
{
	struct k8s_config where;
	int rc = k8s_config__init(&where, o, err, err_size);
	struct k8s *k;

	if (rc <= 0)
		return rc;
	k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	k->start_ns = mono_ns();
	find_own(k);
	k->table = k8s_table__new(K8S_PODS_MAX, K8S_PODS_BYTES_MAX);
	rc = k->table ? set_naming(k, o) : -ENOMEM;
	rc = rc ? rc : start_client(k, &where, o, err, err_size);
	if (rc) {
		k8s__free(k);
		return rc;
	}
	log__info("Kubernetes: asking %s for the pods of node %s", where.shown, where.node);
	*out = k;
	return 0;
}

int k8s__new(struct k8s **out, const struct options *o, char *err, size_t err_size)
{
	int rc;

	*out = NULL;
	rc = start(out, o, err, err_size);
	/* What nobody has asked for is no reason not to start. */
	if (rc && o->kubernetes == K8S_AUTO && !o->kubernetes_api) {
		log__warn("Kubernetes: %s: pods have no names", *err ? err : strerror(-rc));
		*err = 0;
		rc = 0;
	}
	if (rc || *out || !select__has_pods(&o->include))
		return rc;
	snprintf(err, err_size,
		 "pods are selected, but there is no Kubernetes API server to ask "
		 "for them: use --kubernetes-api");
	return -EINVAL;
}

void k8s__free(struct k8s *k)
{
	if (!k)
		return;
	k8s_client__free(k->client);
	k8s_table__free(k->table);
	free_naming(&k->naming);
	free(k);
}

int k8s__reload(struct k8s *k, const struct options *o)
{
	struct k8s_wants w;
	int rc;

	if (!k)
		return 0;
	rc = set_naming(k, o);
	rc = rc ? rc : make_wants(&w, o);
	if (rc)
		return rc;
	rc = k8s_client__set_wants(k->client, &w);
	free_wants(&w);
	return rc;
}

/* ---- changes -------------------------------------------------------------- */

static bool same_pairs(const struct k8s_pairs *a, const struct k8s_pairs *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i].key, b->v[i].key) != 0 ||
		    strcmp(a->v[i].value, b->v[i].value) != 0)
			return false;
	return true;
}

static bool same_containers(const struct k8s_pod *a, const struct k8s_pod *b)
{
	if (a->n_containers != b->n_containers)
		return false;
	for (uint32_t i = 0; i < a->n_containers; i++)
		if (strcmp(a->containers[i].id, b->containers[i].id) != 0 ||
		    strcmp(a->containers[i].image, b->containers[i].image) != 0)
			return false;
	return true;
}

/* Most events are of a pod's conditions, which nobody here asks for. */
static bool selected_alike(const struct k8s *k, const struct k8s_pod *pod)
{
	struct container c = { 0 };
	const struct k8s_pod *was;

	snprintf(c.pod_uid, sizeof(c.pod_uid), "%s", pod->uid);
	was = k8s_table__of(k->table, &c);
	return was && same_pairs(&was->labels, &pod->labels) &&
	       same_pairs(&was->annotations, &pod->annotations) && same_containers(was, pod);
}

static void put_pod(struct k8s *k, struct k8s_pod *pod)
{
	if (!selected_alike(k, pod))
		k->read |= K8S_SELECTION;
	if (k8s_table__put(k->table, pod) != -ENOSPC || k->said_full)
		return;
	k->said_full = true;
	log__warn(
		"Kubernetes: this node has more than %d pods, or of more than %d MiB: those beyond "
		"have no names",
		K8S_PODS_MAX, K8S_PODS_BYTES_MAX >> 20);
}

static void apply(struct k8s *k, struct k8s_change *change)
{
	switch (change->kind) {
	case K8S_CHANGE_POD:
		k->truncated += change->pod->truncated;
		put_pod(k, change->pod);
		break;
	case K8S_CHANGE_GONE:
		k8s_table__remove(k->table, change->uid);
		break;
	case K8S_CHANGE_BEGIN:
		k8s_table__begin(k->table);
		break;
	case K8S_CHANGE_END:
		k8s_table__end(k->table);
		k->synced = true;
		break;
	}
}

int k8s__fd(const struct k8s *k)
{
	return k8s_client__fd(k->client);
}

unsigned int k8s__read(struct k8s *k)
{
	struct k8s_change change;
	int n;

	k->read = 0;
	for (n = 0; n < BATCH && k8s_client__take(k->client, &change); n++)
		apply(k, &change);
	return k->read | (n ? K8S_CHANGED : 0);
}

bool k8s__await(struct k8s *k, uint64_t timeout_ns)
{
	uint64_t until = mono_ns() + timeout_ns, now;
	struct pollfd p = { .events = POLLIN };

	if (!k)
		return true;
	p.fd = k8s__fd(k);
	while (!k->synced && (now = mono_ns()) < until) {
		poll(&p, 1, (int)((until - now) / 1000000) + 1);
		k8s__read(k);
	}
	return k->synced;
}

/* ---- who asks ------------------------------------------------------------- */

const struct k8s_table *k8s__table(const struct k8s *k)
{
	return k ? k->table : NULL;
}

const struct k8s_naming *k8s__naming(const struct k8s *k)
{
	static const struct k8s_naming none;

	return k ? &k->naming : &none;
}

void k8s__name_peer(const struct k8s *k, struct span *s)
{
	const struct k8s_pod *pod;

	if (!k || (s->family != AF_INET && s->family != AF_INET6))
		return;
	pod = k8s_table__at(k->table, s->peer_addr);
	if (!pod)
		return;
	s->peer_service = slice_of(k8s_identity__service(pod, &k->naming));
	s->peer_namespace = slice_of(k8s_identity__namespace(pod));
}

/* ---- metrics -------------------------------------------------------------- */

void k8s__metrics(struct k8s *k, struct self_builder *b)
{
	struct k8s_client_stats st;
	struct metric_family *errors;
	uint64_t since;

	if (!k)
		return;
	k8s_client__stats(k->client, &st);
	since = st.last_event_ns ? st.last_event_ns : k->start_ns;
	self__single(b, "redeye.kubernetes.pods", "{pod}", METRIC_UPDOWN, k8s_table__pods(k->table),
		     "Pods of this node that are known.");
	self__single(b, "redeye.kubernetes.pods.refused", "{pod}", METRIC_COUNTER,
		     k8s_table__refused(k->table), "Pods for which there was no room.");
	self__single(b, "redeye.kubernetes.pods.truncated", "{pod}", METRIC_COUNTER, k->truncated,
		     "Pods that came with more containers, or wanted labels or annotations, than "
		     "are kept.");
	self__single(b, "redeye.kubernetes.lists", "{list}", METRIC_COUNTER, st.lists,
		     "Times that all pods of this node were asked for.");
	self__single(b, "redeye.kubernetes.watches", "{watch}", METRIC_COUNTER, st.watches,
		     "Times that a watch was begun.");
	self__single(b, "redeye.kubernetes.events", "{event}", METRIC_COUNTER, st.events,
		     "Events of watches, bookmarks included.");
	self__single(b, "redeye.kubernetes.last_event.age", "s", METRIC_GAUGE,
		     (mono_ns() - since) / 1e9,
		     "How long ago the API server was last heard of; it sends a bookmark about "
		     "once a minute.");
	errors = self__family(b, "redeye.kubernetes.errors", "{error}", METRIC_COUNTER,
			      K8S_ERROR__CNT, "Failures of requests and watches, by kind.");
	for (int i = 0; i < K8S_ERROR__CNT; i++) {
		struct self_label l[] = { { "kind", k8s_error_names[i] }, { NULL, NULL } };

		if (st.errors[i])
			self__point(b, errors, st.errors[i], l);
	}
}
