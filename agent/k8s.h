/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Kubernetes as the event loop sees it: the pods of this node as far as they are known, kept
 * up to date from the client's thread. See docs/kubernetes-metadata.md. Owned by the loop.
 */
#ifndef RED_K8S_H
#define RED_K8S_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "container.h"
#include "k8s_client.h"
#include "k8s_identity.h"
#include "k8s_table.h"

#define K8S_PODS_MAX       1024
#define K8S_PODS_BYTES_MAX (8u << 20)

struct options;
struct self_builder;
struct span;

struct k8s;

/* Reads the options, starts the client. With *out NULL and 0 there is no Kubernetes here;
 * else -errno and a sentence. */
int k8s__new(struct k8s **out, const struct options *o, char *err, size_t err_size);
void k8s__free(struct k8s *k); /* accepts NULL, as all of these */

enum k8s_read {
	K8S_CHANGED = 1,   /* a pod came, changed or went */
	K8S_SELECTION = 2, /* in what selections ask for */
};

/* Readable: call k8s__read, which says what has changed, in bits. */
int k8s__fd(const struct k8s *k);
unsigned int k8s__read(struct k8s *k);
/* Waits until the first list is here, or so long. False: it is not. */
bool k8s__await(struct k8s *k, uint64_t timeout_ns);
/* New options. 0 or -ENOMEM. */
int k8s__reload(struct k8s *k, const struct options *o);

const struct k8s_table *k8s__table(const struct k8s *k);
const struct k8s_naming *k8s__naming(const struct k8s *k);
/* Is the container in the pod of redeye itself? */
bool k8s__is_own(const struct k8s *k, const struct container *c);
/* Sets who the peer is, when it is a pod of this node. */
void k8s__name_peer(const struct k8s *k, struct span *s);

void k8s__metrics(struct k8s *k, struct self_builder *b);

#endif /* RED_K8S_H */
