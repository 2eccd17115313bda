/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The pods of this node: by UID, by the ids of their containers, by address. Owned by the
 * event loop. At most `max` pods of `max_bytes` together; what comes when it is full is refused
 * and counted.
 */
#ifndef RED_K8S_TABLE_H
#define RED_K8S_TABLE_H

#include <stdint.h>

#include "container.h"
#include "k8s_pod.h"

struct k8s_table;

struct k8s_table *k8s_table__new(uint32_t max, size_t max_bytes); /* NULL and errno */
void k8s_table__free(struct k8s_table *t);                        /* accepts NULL */

/* Replaces the pod of this UID. The table owns it, also after -ENOSPC or -ENOMEM. */
int k8s_table__put(struct k8s_table *t, struct k8s_pod *pod);
void k8s_table__remove(struct k8s_table *t, const char *uid);
/* Between these two come all pods there are: what was not put again goes. */
void k8s_table__begin(struct k8s_table *t);
void k8s_table__end(struct k8s_table *t);

/* Valid until the table changes; NULL: not known. A NULL table knows nothing. */
const struct k8s_pod *k8s_table__of(const struct k8s_table *t, const struct container *c);
const struct k8s_pod *k8s_table__at(const struct k8s_table *t, const uint8_t address[16]);

uint32_t k8s_table__pods(const struct k8s_table *t);
uint64_t k8s_table__refused(const struct k8s_table *t);

#endif /* RED_K8S_TABLE_H */
