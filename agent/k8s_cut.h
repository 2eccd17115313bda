/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Cuts what a Kubernetes API server sends into the objects in it, as it comes: a watch is one
 * JSON object after the other, a list one object with `metadata` and `items`. So no more than
 * one object is in memory, however long the list; one that is longer than `max` is left out
 * and counted. Only strings and brackets are looked at: whether an object is JSON is for
 * whoever gets it to find out.
 */
#ifndef RED_K8S_CUT_H
#define RED_K8S_CUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define K8S_CUT_DEPTH_MAX 64
#define K8S_CUT_KEY_MAX   16

struct k8s_cut {
	bool list;
	size_t max;
	/* `key`: of a list's object, "metadata" or "items"; "" in a watch. */
	void (*object)(void *arg, const char *key, const char *json, size_t len);
	void *arg;
	uint64_t too_large; /* counted up */

	/* private */
	struct buf text; /* of the object that is taken */
	unsigned int depth, from;
	bool taking, skipping, in_string, escaped, in_array, ended;
	char key[K8S_CUT_KEY_MAX];
	unsigned int key_len;
};

/* Ready for the first byte of an answer; keeps the memory. */
void k8s_cut__reset(struct k8s_cut *c, bool list);
/* 0, -EBADMSG (not such an answer), -ENOMEM. */
int k8s_cut__feed(struct k8s_cut *c, const char *p, size_t len);
/* Between two objects of a watch, or behind the end of a list: nothing is missing. */
bool k8s_cut__whole(const struct k8s_cut *c);
void k8s_cut__free(struct k8s_cut *c);

#endif /* RED_K8S_CUT_H */
