// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "k8s_table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"

#define BUCKETS 4096

enum key_kind { KEY_UID = 1, KEY_CONTAINER = 2, KEY_ADDRESS = 3 };

/* One way to a pod. */
struct key {
	struct key *next;
	struct node *node;
	const void *bytes; /* the pod's */
	uint32_t len;
	uint32_t kind;
};

struct node {
	struct node *next;
	struct k8s_pod *pod;
	bool seen; /* since k8s_table__begin() */
	uint32_t n_keys;
	struct key keys[];
};

struct k8s_table {
	struct key *buckets[BUCKETS];
	struct node *nodes;
	uint32_t max, n;
	size_t max_bytes, bytes;
	uint64_t refused;
};

struct k8s_table *k8s_table__new(uint32_t max, size_t max_bytes)
{
	struct k8s_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->max = max;
	t->max_bytes = max_bytes;
	return t;
}

static struct key **bucket_of(const struct k8s_table *t, uint32_t kind, const void *bytes,
			      size_t len)
{
	uint64_t h = hash_mix(hash_bytes(bytes, len), kind);

	return (struct key **)&t->buckets[h % BUCKETS];
}

static void add_key(struct k8s_table *t, struct node *n, uint32_t kind, const void *bytes,
		    size_t len)
{
	struct key *k = &n->keys[n->n_keys++], **bucket = bucket_of(t, kind, bytes, len);

	*k = (struct key){ *bucket, n, bytes, len, kind };
	*bucket = k;
}

static void add_text_key(struct k8s_table *t, struct node *n, uint32_t kind, const char *text)
{
	if (*text)
		add_key(t, n, kind, text, strlen(text));
}

static void drop_keys(struct k8s_table *t, struct node *n)
{
	for (uint32_t i = 0; i < n->n_keys; i++) {
		struct key *k = &n->keys[i], **link = bucket_of(t, k->kind, k->bytes, k->len);

		while (*link != k)
			link = &(*link)->next;
		*link = k->next;
	}
}

static void drop(struct k8s_table *t, struct node **link)
{
	struct node *n = *link;

	*link = n->next;
	drop_keys(t, n);
	t->bytes -= n->pod->bytes;
	k8s_pod__free(n->pod);
	free(n);
	t->n--;
}

void k8s_table__free(struct k8s_table *t)
{
	if (!t)
		return;
	while (t->nodes)
		drop(t, &t->nodes);
	free(t);
}

static const struct node *find(const struct k8s_table *t, uint32_t kind, const void *bytes,
			       size_t len)
{
	const struct key *k = t ? *bucket_of(t, kind, bytes, len) : NULL;

	while (k && (k->kind != kind || k->len != len || memcmp(k->bytes, bytes, len) != 0))
		k = k->next;
	return k ? k->node : NULL;
}

void k8s_table__remove(struct k8s_table *t, const char *uid)
{
	struct node **link = &t->nodes;

	while (*link && strcmp((*link)->pod->uid, uid) != 0)
		link = &(*link)->next;
	if (*link)
		drop(t, link);
}

static struct node *new_node(const struct k8s_pod *pod)
{
	size_t keys = 2 + pod->n_containers + pod->n_addresses;
	struct node *n = calloc(1, sizeof(*n) + keys * sizeof(struct key));

	if (n)
		n->seen = true;
	return n;
}

static void link_node(struct k8s_table *t, struct node *n, struct k8s_pod *pod)
{
	uint32_t i;

	n->pod = pod;
	add_text_key(t, n, KEY_UID, pod->uid);
	add_text_key(t, n, KEY_UID, pod->static_uid);
	for (i = 0; i < pod->n_containers; i++)
		add_text_key(t, n, KEY_CONTAINER, pod->containers[i].id);
	for (i = 0; i < pod->n_addresses; i++)
		add_key(t, n, KEY_ADDRESS, pod->addresses[i], sizeof(pod->addresses[i]));
	n->next = t->nodes;
	t->nodes = n;
	t->n++;
	t->bytes += pod->bytes;
}

int k8s_table__put(struct k8s_table *t, struct k8s_pod *pod)
{
	struct node *n;
	bool room;

	k8s_table__remove(t, pod->uid);
	room = t->n < t->max && pod->bytes <= t->max_bytes - t->bytes;
	n = room ? new_node(pod) : NULL;
	if (n) {
		link_node(t, n, pod);
		return 0;
	}
	k8s_pod__free(pod);
	t->refused++;
	return room ? -ENOMEM : -ENOSPC;
}

void k8s_table__begin(struct k8s_table *t)
{
	for (struct node *n = t->nodes; n; n = n->next)
		n->seen = false;
}

void k8s_table__end(struct k8s_table *t)
{
	struct node **link = &t->nodes;

	while (*link) {
		if ((*link)->seen)
			link = &(*link)->next;
		else
			drop(t, link);
	}
}

const struct k8s_pod *k8s_table__of(const struct k8s_table *t, const struct container *c)
{
	const struct node *n = *c->id ? find(t, KEY_CONTAINER, c->id, strlen(c->id)) : NULL;

	if (!n && *c->pod_uid)
		n = find(t, KEY_UID, c->pod_uid, strlen(c->pod_uid));
	return n ? n->pod : NULL;
}

const struct k8s_pod *k8s_table__at(const struct k8s_table *t, const uint8_t address[16])
{
	const struct node *n = find(t, KEY_ADDRESS, address, 16);

	return n ? n->pod : NULL;
}

uint32_t k8s_table__pods(const struct k8s_table *t)
{
	return t ? t->n : 0;
}

uint64_t k8s_table__refused(const struct k8s_table *t)
{
	return t ? t->refused : 0;
}
