// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "route_trie.h"

#include <errno.h>
#include <stdlib.h>

static struct node *node_new(struct trie *t, const char *text, uint32_t len)
{
	size_t bytes = sizeof(struct node) + len;
	struct node *node;

	if (t->n_nodes >= t->max_nodes)
		return NULL;
	node = calloc(1, bytes);
	if (!node)
		return NULL;
	node->hash = segment__of(text, len).hash;
	node->len = (uint8_t)len;
	memcpy(node->text, text, len);
	t->n_nodes++;
	t->bytes += bytes;
	return node;
}

static void node_free(struct trie *t, struct node *node)
{
	t->n_nodes--;
	t->bytes -= sizeof(*node) + node->len;
	free(node);
}

static void free_all(struct node *node)
{
	struct node *kid, *next_kid;

	if (!node)
		return;
	for (kid = node->kids; kid; kid = next_kid) {
		next_kid = kid->next;
		free_all(kid);
	}
	free_all(node->param);
	free(node);
}

static void append(struct node *parent, struct node *kid)
{
	struct node **link = &parent->kids;

	while (*link)
		link = &(*link)->next;
	kid->next = NULL;
	*link = kid;
	parent->n_kids++;
}

static struct node *pop(struct node *parent)
{
	struct node *kid = parent->kids;

	if (kid) {
		parent->kids = kid->next;
		parent->n_kids--;
	}
	return kid;
}

/* Its place has changed, and so have the names of everything below. */
static void forget_names(struct node *node)
{
	struct node *kid;

	if (!node)
		return;
	node->template = NULL;
	forget_names(node->param);
	for (kid = node->kids; kid; kid = kid->next)
		forget_names(kid);
}

/* ---- closing a node ------------------------------------------------------------ */

static void close_node(struct trie *t, struct node *node, uint32_t room);
static void merge(struct trie *t, struct node *into, struct node *from, uint32_t room);

static void adopt(struct trie *t, struct node *parent, struct node *kid, uint32_t room)
{
	struct segment s = { kid->text, kid->len, kid->hash };
	struct node *same = trie__find(parent, &s);

	if (!same && parent->closed)
		same = parent->param;
	if (same) {
		merge(t, same, kid, room);
		return;
	}
	forget_names(kid);
	append(parent, kid);
}

/* Everything below `from` goes below `into`; `from` is freed. As deep as the trie. */
static void merge(struct trie *t, struct node *into, struct node *from, uint32_t room)
{
	struct node *kid;

	if (from->param && into->param) {
		merge(t, into->param, from->param, room);
	} else if (from->param) {
		forget_names(from->param);
		into->param = from->param;
	}
	into->closed |= from->closed;
	while ((kid = pop(from)))
		adopt(t, into, kid, room);
	into->hits = from->hits > into->hits ? from->hits : into->hits;
	node_free(t, from);
	if (into->n_kids > room)
		close_node(t, into, room);
}

/* Without memory the node stays open, and what is new has no route. */
static void close_node(struct trie *t, struct node *node, uint32_t room)
{
	struct node **link = &node->kids, *kid;

	if (!node->param)
		node->param = node_new(t, "{id}", 4);
	if (!node->param)
		return;
	node->closed = true;
	while ((kid = *link)) {
		if (kid->hits >= TRIE_ESTABLISHED) {
			link = &kid->next;
			continue;
		}
		*link = kid->next;
		node->n_kids--;
		merge(t, node->param, kid, room);
	}
}

/* ---- the trie -------------------------------------------------------------------- */

struct node *trie__add(struct trie *t, struct node *parent, const struct segment *s, bool is_id,
		       uint32_t room)
{
	struct node *kid;

	if (is_id)
		return parent->param = node_new(t, "{id}", 4);
	if (parent->n_kids >= room) {
		close_node(t, parent, room);
		return parent->closed ? parent->param : NULL;
	}
	kid = node_new(t, s->p, s->len);
	if (kid)
		append(parent, kid);
	return kid;
}

int trie__init(struct trie *t, uint32_t max_nodes)
{
	*t = (struct trie){ .max_nodes = max_nodes };
	t->root = node_new(t, "", 0);
	return t->root ? 0 : -ENOMEM;
}

void trie__free(struct trie *t)
{
	free_all(t->root);
	t->root = NULL;
}
