/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The container and the pod that a process is in, from the text of /proc/PID/cgroup. No I/O.
 * What the runtimes call a container's cgroup (ID: 64 hexadecimal digits):
 *
 *   Docker       .../docker/ID                           .../docker-ID.scope
 *   containerd   .../cri-containerd-ID.scope             .../SLICE:cri-containerd:ID
 *   nerdctl      .../nerdctl-ID.scope
 *   CRI-O        .../crio-ID.scope                       .../crio-ID
 *   podman       .../libpod-ID.scope                     .../libpod-ID
 *   any          .../ID, as by the cgroupfs driver
 *
 * and Kubernetes a pod's, around it: podUID, or ...-podUID.slice with `_` for `-`. A static
 * pod's UID is 32 digits. A path may begin with `/..`, when it is looked at from another
 * cgroup namespace. In nested containers the innermost counts, and in its path the pod that
 * is nearest. CRI-O's and podman's monitors (crio-conmon-ID) are in no container.
 */
#ifndef RED_CONTAINER_H
#define RED_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>

#define CONTAINER_ID_LEN   64
#define CONTAINER_UID_MAX  37 /* with its NUL */
#define CONTAINER_UNIT_MAX 256

struct container {
	char id[CONTAINER_ID_LEN + 1];   /* "": in none */
	char pod_uid[CONTAINER_UID_MAX]; /* with `-`; "": in none */
	const char *runtime;             /* docker, containerd, cri-o, podman; NULL: not said */
};

/* Any bytes; of v1's lines the one that says most counts. */
void container__parse(struct container *c, const char *cgroups, size_t len);
/*
 * A line of /proc/self/mountinfo: the pod that we are in, whose folder the kubelet mounts files
 * of into each container. False: the line is of another mount.
 *
 *   ID PARENT MAJ:MIN /var/lib/kubelet/pods/UID/etc-hosts /etc/hosts ...
 */
bool container__pod_of_mount(char uid[CONTAINER_UID_MAX], const char *line);
/* The systemd service, the innermost; "": none. */
void container__unit(char unit[CONTAINER_UNIT_MAX], const char *cgroups, size_t len);

#endif /* RED_CONTAINER_H */
