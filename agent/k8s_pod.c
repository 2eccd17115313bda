// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A pod is built twice by the same code: the first time only to see how much memory it takes.
 */
#include "k8s_pod.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "procname.h"

#define DIGITS "0123456789"

/* ---- one piece of memory ---- */

struct packer {
	char *at; /* NULL: only counts */
	size_t used;
};

/* The room for an array, which is filled later. */
static void *pack_room(struct packer *p, size_t n, size_t size)
{
	void *to = p->at ? p->at + p->used : NULL;

	p->used += n * size;
	return to;
}

static const char *pack_text(struct packer *p, const char *s)
{
	char clean[PROCNAME_MAX], *to;

	procname__clean(clean, s, strlen(s));
	to = pack_room(p, strlen(clean) + 1, 1);
	return to ? strcpy(to, clean) : "";
}

/* ---- JSON ---- */

static const cJSON *member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *text(const cJSON *object, const char *name)
{
	const char *s = cJSON_GetStringValue(member(object, name));

	return s ? s : "";
}

/* ---- labels and annotations ---- */

static bool is_own(const char *key)
{
	return !strncmp(key, "app.kubernetes.io/", 18) || !strcmp(key, "pod-template-hash") ||
	       !strncmp(key, "resource.opentelemetry.io/", 26) || !strncmp(key, "redeye.dev/", 11);
}

static bool is_wanted(const struct str_list *globs, const char *key)
{
	for (size_t i = 0; i < globs->n; i++)
		if (!fnmatch(globs->v[i], key, 0))
			return true;
	return is_own(key);
}

static int by_key(const void *a, const void *b)
{
	const cJSON *const *x = a, *const *y = b;

	return strcmp((*x)->string, (*y)->string);
}

static uint32_t wanted(const cJSON *from, const struct str_list *globs,
		       const cJSON *out[K8S_LABELS_MAX], bool *truncated)
{
	const cJSON *item;
	uint32_t n = 0;

	cJSON_ArrayForEach(item, from)
	{
		if (!item->string || !cJSON_IsString(item) || !is_wanted(globs, item->string))
			continue;
		if (n == K8S_LABELS_MAX) {
			*truncated = true;
			break;
		}
		out[n++] = item;
	}
	qsort(out, n, sizeof(*out), by_key);
	return n;
}

static void pack_pairs(struct packer *p, struct k8s_pairs *out, struct k8s_pair *room,
		       const cJSON *const *from)
{
	out->v = room;
	for (uint32_t i = 0; i < out->n; i++) {
		struct k8s_pair pair = { pack_text(p, from[i]->string), NULL };

		pair.value = pack_text(p, from[i]->valuestring);
		if (room)
			room[i] = pair;
	}
}

const char *k8s_pairs__get(const struct k8s_pairs *p, const char *key)
{
	for (uint32_t i = 0; i < p->n; i++)
		if (!strcmp(p->v[i].key, key))
			return p->v[i].value;
	return NULL;
}

/* ---- containers ---- */

bool k8s_pod__container_id(const char *s, char id[CONTAINER_ID_LEN + 1], const char **runtime)
{
	static const char *const known[] = { "docker", "containerd", "cri-o", "podman" };
	const char *digits = strstr(s, "://");
	size_t i;

	if (!digits || strlen(digits + 3) != CONTAINER_ID_LEN ||
	    digits[3 + strspn(digits + 3, DIGITS "abcdef")])
		return false;
	memcpy(id, digits + 3, CONTAINER_ID_LEN + 1);
	*runtime = "";
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i]) == (size_t)(digits - s) && !strncmp(known[i], s, digits - s))
			*runtime = known[i];
	return true;
}

static const struct part {
	const char *spec, *status;
} parts[] = {
	{ "containers", "containerStatuses" },
	{ "initContainers", "initContainerStatuses" },
	{ "ephemeralContainers", "ephemeralContainerStatuses" },
};

static const cJSON *status_of(const cJSON *statuses, const char *name)
{
	const cJSON *one;

	cJSON_ArrayForEach(one, statuses) if (!strcmp(text(one, "name"), name)) return one;
	return NULL;
}

static uint32_t count_containers(const cJSON *spec, bool *truncated)
{
	uint32_t n = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		int more = cJSON_GetArraySize(member(spec, parts[i].spec));

		n += more > K8S_CONTAINERS_MAX ? K8S_CONTAINERS_MAX : more;
	}
	*truncated |= n > K8S_CONTAINERS_MAX;
	return n > K8S_CONTAINERS_MAX ? K8S_CONTAINERS_MAX : n;
}

static struct k8s_container container_of_spec(struct packer *p, const cJSON *spec,
					      const cJSON *statuses)
{
	const char *name = text(spec, "name"), *runtime = "";
	char id[CONTAINER_ID_LEN + 1] = "";

	k8s_pod__container_id(text(status_of(statuses, name), "containerID"), id, &runtime);
	return (struct k8s_container){
		.name = pack_text(p, name),
		.image = pack_text(p, text(spec, "image")),
		.id = pack_text(p, id),
		.runtime = runtime,
	};
}

static void pack_containers(struct packer *p, struct k8s_pod *pod, const cJSON *object)
{
	const cJSON *spec = member(object, "spec"), *status = member(object, "status"), *one;
	struct k8s_container *room = (struct k8s_container *)pod->containers; /* or NULL */
	uint32_t n = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const cJSON *statuses = member(status, parts[i].status);

		cJSON_ArrayForEach(one, member(spec, parts[i].spec))
		{
			struct k8s_container c;

			if (n == pod->n_containers)
				return;
			c = container_of_spec(p, one, statuses);
			if (room)
				room[n] = c;
			n++;
		}
	}
}

const struct k8s_container *k8s_pod__container(const struct k8s_pod *p, const char *id)
{
	for (uint32_t i = 0; *id && i < p->n_containers; i++)
		if (!strcmp(p->containers[i].id, id))
			return &p->containers[i];
	return p->n_containers == 1 ? &p->containers[0] : NULL;
}

/* ---- addresses ---- */

static void add_address(struct k8s_pod *pod, const char *s)
{
	uint8_t a[16] = { [10] = 0xff, [11] = 0xff };

	if (inet_pton(AF_INET, s, a + 12) != 1 && inet_pton(AF_INET6, s, a) != 1)
		return;
	for (uint32_t i = 0; i < pod->n_addresses; i++)
		if (!memcmp(pod->addresses[i], a, sizeof(a)))
			return;
	if (pod->n_addresses < K8S_ADDRESSES_MAX)
		memcpy(pod->addresses[pod->n_addresses++], a, sizeof(a));
}

/* A pod that has ended may have an address that another has by now. */
static bool has_addresses(const cJSON *spec, const cJSON *status)
{
	const char *phase = text(status, "phase");

	return !cJSON_IsTrue(member(spec, "hostNetwork")) && strcmp(phase, "Succeeded") != 0 &&
	       strcmp(phase, "Failed") != 0;
}

static void set_addresses(struct k8s_pod *pod, const cJSON *object)
{
	const cJSON *status = member(object, "status"), *one;

	pod->n_addresses = 0;
	if (!has_addresses(member(object, "spec"), status))
		return;
	add_address(pod, text(status, "podIP"));
	cJSON_ArrayForEach(one, member(status, "podIPs")) add_address(pod, text(one, "ip"));
}

/* ---- workloads ---- */

static const char *const kinds[K8S_WORKLOAD__CNT] = {
	[K8S_REPLICASET] = "ReplicaSet",
	[K8S_STATEFULSET] = "StatefulSet",
	[K8S_DAEMONSET] = "DaemonSet",
	[K8S_JOB] = "Job",
};

/* The part of `name` before "-" and `end`; "" when it does not end so. */
static const char *before(char out[PROCNAME_MAX], const char *name, const char *end)
{
	size_t n = strlen(name), e = strlen(end);

	out[0] = 0;
	if (!e || n <= e + 1 || n - e - 1 >= PROCNAME_MAX || name[n - e - 1] != '-' ||
	    strcmp(name + n - e, end))
		return out;
	memcpy(out, name, n - e - 1);
	out[n - e - 1] = 0;
	return out;
}

/* RFC 3339 in UTC, as the API server writes it; 0: it is none. */
static int64_t unix_time(const char *s)
{
	struct tm tm = { 0 };
	const char *end = strptime(s, "%Y-%m-%dT%H:%M:%SZ", &tm);

	return end && !*end ? (int64_t)timegm(&tm) : 0;
}

static const char *cron_job(char out[PROCNAME_MAX], const char *job, const char *created)
{
	const char *dash = strrchr(job, '-'), *digits = dash ? dash + 1 : "";
	size_t n = strspn(digits, DIGITS);
	int64_t now = unix_time(created), due;

	out[0] = 0;
	if (!now || n < 8 || n > 10 || digits[n])
		return out;
	due = strtoll(digits, NULL, 10) * (n == 10 ? 1 : 60);
	/* It may have waited for long; clocks differ a little. */
	if (due > now + 600 || due < now - 7 * 86400)
		return out;
	return before(out, job, digits);
}

static const cJSON *controller(const cJSON *metadata)
{
	const cJSON *one;

	cJSON_ArrayForEach(
		one,
		member(metadata,
		       "ownerReferences")) if (cJSON_IsTrue(member(one, "controller"))) return one;
	return NULL;
}

static void pack_workloads(struct packer *p, struct k8s_pod *pod, const cJSON *metadata)
{
	const cJSON *owner = controller(metadata);
	const char *kind = text(owner, "kind"), *name = text(owner, "name");
	char above[PROCNAME_MAX];
	int i;

	for (i = 0; i < K8S_WORKLOAD__CNT; i++) {
		bool it = kinds[i] && !strcmp(kind, kinds[i]);

		pod->workload[i] = it ? pack_text(p, name) : "";
		if (it && i == K8S_REPLICASET)
			pod->workload[K8S_DEPLOYMENT] = pack_text(
				p, before(above, name,
					  text(member(metadata, "labels"), "pod-template-hash")));
		if (it && i == K8S_JOB)
			pod->workload[K8S_CRONJOB] = pack_text(
				p, cron_job(above, name, text(metadata, "creationTimestamp")));
	}
}

/* ---- all of it ---- */

struct plan {
	const cJSON *labels[K8S_LABELS_MAX], *annotations[K8S_LABELS_MAX];
	struct k8s_pod head; /* its counts */
};

static void make_plan(struct plan *plan, const cJSON *object, const struct k8s_wants *w)
{
	const cJSON *metadata = member(object, "metadata");
	struct k8s_pod *head = &plan->head;

	*head = (struct k8s_pod){ 0 };
	head->labels.n =
		wanted(member(metadata, "labels"), &w->labels, plan->labels, &head->truncated);
	head->annotations.n = wanted(member(metadata, "annotations"), &w->annotations,
				     plan->annotations, &head->truncated);
	head->n_containers = count_containers(member(object, "spec"), &head->truncated);
	set_addresses(head, object);
}

/* The arrays first, which are aligned; then the texts. */
static void fill(struct packer *p, struct k8s_pod *pod, const struct plan *plan,
		 const cJSON *object)
{
	const cJSON *metadata = member(object, "metadata");
	struct k8s_pair *labels, *annotations;

	labels = pack_room(p, pod->labels.n, sizeof(*labels));
	annotations = pack_room(p, pod->annotations.n, sizeof(*annotations));
	pod->containers = pack_room(p, pod->n_containers, sizeof(*pod->containers));
	pod->namespace = pack_text(p, text(metadata, "namespace"));
	pod->name = pack_text(p, text(metadata, "name"));
	pod->uid = pack_text(p, text(metadata, "uid"));
	pod->static_uid =
		pack_text(p, text(member(metadata, "annotations"), "kubernetes.io/config.hash"));
	pod->node = pack_text(p, text(member(object, "spec"), "nodeName"));
	pack_workloads(p, pod, metadata);
	pack_pairs(p, &pod->labels, labels, plan->labels);
	pack_pairs(p, &pod->annotations, annotations, plan->annotations);
	pack_containers(p, pod, object);
}

struct k8s_pod *k8s_pod__new(const cJSON *object, const struct k8s_wants *w)
{
	struct packer p = { NULL, sizeof(struct k8s_pod) };
	struct k8s_pod *pod, draft;
	struct plan plan;

	if (!*text(member(object, "metadata"), "uid") ||
	    !*text(member(object, "metadata"), "name")) {
		errno = EBADMSG;
		return NULL;
	}
	make_plan(&plan, object, w);
	draft = plan.head;
	fill(&p, &draft, &plan, object);
	pod = malloc(p.used);
	if (!pod)
		return NULL;
	*pod = plan.head;
	pod->bytes = p.used;
	p = (struct packer){ (char *)pod, sizeof(*pod) };
	fill(&p, pod, &plan, object);
	return pod;
}

void k8s_pod__free(struct k8s_pod *p)
{
	free(p);
}
