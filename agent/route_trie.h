/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The trie of one service's paths; what it is for: route.c. Inside of route*.c. */
#ifndef RED_ROUTE_TRIE_H
#define RED_ROUTE_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "route_segment.h"

enum { TRIE_ESTABLISHED = 64 }; /* requests after which a literal keeps its name */

struct node {
	struct node *next;    /* sibling */
	struct node *kids;    /* literal children, oldest first */
	struct node *param;   /* {id} */
	const char *template; /* NULL until a request ended here */
	uint32_t hash;        /* of text */
	uint16_t n_kids;
	uint8_t len;
	uint8_t hits; /* up to TRIE_ESTABLISHED */
	bool closed;  /* param exists and takes everything that is new */
	char text[];
};

struct trie {
	struct node *root;
	uint32_t n_nodes, max_nodes;
	size_t bytes;
};

int trie__init(struct trie *t, uint32_t max_nodes); /* 0 or -ENOMEM */
void trie__free(struct trie *t);                    /* accepts a zeroed one */

/* A child of parent for s, which has none yet. `room`: how many literal children a
 * node may have; with one more it closes. NULL: no memory, or max_nodes. */
struct node *trie__add(struct trie *t, struct node *parent, const struct segment *s, bool is_id,
		       uint32_t room);

/* The literal child, if any. */
static inline struct node *trie__find(const struct node *parent, const struct segment *s)
{
	struct node *kid;

	for (kid = parent->kids; kid; kid = kid->next)
		if (kid->hash == s->hash && kid->len == s->len && !memcmp(kid->text, s->p, s->len))
			return kid;
	return NULL;
}

#endif /* RED_ROUTE_TRIE_H */
