/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Changes on their way from the client's thread to the event loop: at most K8S_QUEUE_MAX.
 * Who puts one waits for room, who takes one never waits. */
#ifndef RED_K8S_QUEUE_H
#define RED_K8S_QUEUE_H

#include <stdbool.h>

#include "k8s_client.h"

#define K8S_QUEUE_MAX 256

struct k8s_queue;

struct k8s_queue *k8s_queue__new(void); /* NULL and errno */
void k8s_queue__free(struct k8s_queue *q);
int k8s_queue__fd(const struct k8s_queue *q);

/* False: closed. The pod is the queue's, in any case. */
bool k8s_queue__put(struct k8s_queue *q, const struct k8s_change *change);
bool k8s_queue__take(struct k8s_queue *q, struct k8s_change *out);
void k8s_queue__close(struct k8s_queue *q); /* nobody waits any more */

#endif /* RED_K8S_QUEUE_H */
