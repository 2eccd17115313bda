/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What redeye knows of a pod: one piece of memory, never changed. Made from the API server's
 * JSON on the client's thread, then the event loop's. Texts are valid UTF-8 of at most 255
 * bytes without control characters; "" is unknown.
 *
 * Workloads by what the pod itself says, without asking the API server for them: the
 * controller that owns it, and
 *   Deployment   owns the ReplicaSet NAME-HASH whose pods have the label pod-template-hash=HASH
 *   CronJob      owns the Job NAME-MINUTES (before Kubernetes 1.21: -SECONDS) that was due
 *                at that time since 1970: shortly before the pod came into being.
 */
#ifndef RED_K8S_POD_H
#define RED_K8S_POD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "container.h"
#include "options.h"

struct cJSON;

enum {
	K8S_LABELS_MAX = 32, /* of a pod, that are kept; annotations too */
	K8S_CONTAINERS_MAX = 64,
	K8S_ADDRESSES_MAX = 8,
};

enum k8s_workload {
	K8S_DEPLOYMENT = 0, /* in the order in which they give their name to a service */
	K8S_REPLICASET = 1,
	K8S_STATEFULSET = 2,
	K8S_DAEMONSET = 3,
	K8S_CRONJOB = 4,
	K8S_JOB = 5,
	K8S_WORKLOAD__CNT = 6,
};

struct k8s_pair {
	const char *key, *value;
};

struct k8s_pairs {
	const struct k8s_pair *v; /* in the order of their keys */
	uint32_t n;
};

struct k8s_container {
	const char *name;
	const char *image;   /* as the pod's author wrote it */
	const char *id;      /* 64 digits; "" as long as it has not been started */
	const char *runtime; /* as in container.h, "" unknown */
};

struct k8s_pod {
	const char *namespace, *name, *uid;
	const char *static_uid; /* what a static pod's cgroup is called by; "" is none */
	const char *node;
	const char *workload[K8S_WORKLOAD__CNT];
	struct k8s_pairs labels, annotations; /* those that are wanted */
	const struct k8s_container *containers;
	uint32_t n_containers;
	uint8_t addresses[K8S_ADDRESSES_MAX][16]; /* IPv4 as IPv4-mapped IPv6 */
	uint32_t n_addresses;                     /* 0 when they are the node's */
	bool truncated;                           /* it has more of something */
	size_t bytes;
};

/* Which labels and annotations to keep, besides those that names are made of. Globs. */
struct k8s_wants {
	struct str_list labels, annotations;
};

/* NULL: it is no pod (EBADMSG), or ENOMEM. */
struct k8s_pod *k8s_pod__new(const struct cJSON *object, const struct k8s_wants *w);
void k8s_pod__free(struct k8s_pod *p); /* accepts NULL */

const char *k8s_pairs__get(const struct k8s_pairs *p, const char *key); /* NULL: not there */
/* By its id; of a pod that has only one container, that one. NULL: not known. */
const struct k8s_container *k8s_pod__container(const struct k8s_pod *p, const char *id);
/* Of the text of a status, "containerd://ID"; false: it is none. */
bool k8s_pod__container_id(const char *text, char id[CONTAINER_ID_LEN + 1], const char **runtime);

#endif /* RED_K8S_POD_H */
