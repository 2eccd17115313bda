/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a process in a container is called, and what is said of it as the resource, by the
 * OpenTelemetry conventions for Kubernetes. For each attribute, the first that is there:
 *
 *   service.name         annotation resource.opentelemetry.io/service.name; with the option
 *                        kubernetes-app-labels label app.kubernetes.io/instance, then
 *                        .../name; deployment, replica set, stateful set, daemon set, cron job,
 *                        job; pod
 *   service.namespace    annotation; namespace
 *   service.instance.id  annotation; NAMESPACE.POD.CONTAINER; the container's id
 *   service.version      annotation; with that option label app.kubernetes.io/version; the
 *                        image: TAG@DIGEST, DIGEST or TAG
 *
 * What the process says of itself, in OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES, goes
 * before all of it (procs_names.c). Allocates nothing.
 */
#ifndef RED_K8S_IDENTITY_H
#define RED_K8S_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "container.h"
#include "k8s_pod.h"
#include "procname.h"
#include "service.h"

/* How; from the options. */
struct k8s_naming {
	bool app_labels;
	struct str_list labels, annotations; /* globs: those that become attributes */
};

/* Points into the pod, the container and itself: do not copy it. */
struct k8s_identity {
	struct procname name;                          /* "" where nothing is known */
	struct resource_attr attrs[SERVICE_ATTRS_MAX]; /* sorted by key, each once */
	uint32_t n;
	char text[16384];
	size_t used;
};

/* pod NULL: not known. */
void k8s_identity__of(struct k8s_identity *id, const struct container *c, const struct k8s_pod *pod,
		      const struct k8s_naming *how);

/* service.name and service.namespace of a pod as somebody's peer. */
const char *k8s_identity__service(const struct k8s_pod *pod, const struct k8s_naming *how);
const char *k8s_identity__namespace(const struct k8s_pod *pod);

#endif /* RED_K8S_IDENTITY_H */
