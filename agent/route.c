// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Learning http.route from paths.
 *
 * An agent outside of the process cannot see the server's routing table. What
 * it sees is "/users/4711/orders" answered with 200, and what a dashboard needs
 * is "/users/{id}/orders". Too fine, and a metric has a million series; too
 * coarse, and it says nothing. Whoever knows better configures templates, which
 * are tried first (route_set.c). For the rest each service has a trie over the
 * segments of the paths it answered.
 *
 * A segment becomes
 *   {id}   at once, when it surely names a thing: digits, UUIDs, hexadecimal,
 *          tokens, dates, '@', percent-encoding, more than 64 bytes ...
 *   *.js   when it is a static file, or an id with an extension
 *   itself otherwise: a literal child.
 * After 8 segments the rest is "*". Empty segments and matrix parameters (";v=1")
 * do not count, and the query never gets here.
 *
 * Names that look like words ("/users/alice") show themselves by their number.
 * A node has room for a limited number of literal children; with one more it
 * closes: no literal is ever added to it again, everything unknown is {id}, and
 * its rare children (fewer than 64 requests each) are merged into {id} with all
 * that is below them. Frequent children keep their name: they are real routes,
 * or names that have been reported for so long that changing them helps nobody.
 * So a template changes at most when a node on its way closes, at most once for
 * each segment.
 *
 * How many literals a node may have follows from the budget: a third of the
 * templates that are left, 2 to 32. A flat API of 25 endpoints fits into 100
 * templates; yet no parameter can use up the budget: the first one that is
 * mistaken for literals costs 25 templates, the next 18, 14, 10 ..., and what
 * remains names the routes behind them. It also makes "/{owner}/{repo}/issues"
 * close where the owners show (25 at most), not only after owners times
 * repositories.
 *
 * Only requests that were served teach (no 4xx): scanners that look for
 * /wp-admin and /.env get 404, and neither use up the budget nor close the root.
 * A route that never answers but with 4xx has no name until it does.
 *
 * Bounds, for max_routes = M, whatever the peers send:
 *   templates  name() and catch_all() are the only places that make one. name()
 *              leaves one for catch_all(), which makes it once: slash star, for
 *              all that is new when the budget is used up. Together <= M, over
 *              the whole life of the table: closing a node gives nothing back.
 *   nodes      the trie only grows while there is budget, and a path that is
 *              added gets a template: fewer than M times at most 9 nodes, and
 *              at most as many {id} nodes from closing. max_nodes enforces it.
 *   bytes      a node holds 64 bytes of text at most, a template
 *              8 * 65 + 2: for M = 100 less than 320 kB, typically 10 kB.
 *   time       of one request: 9 segments, each compared with at most 32
 *              children (the hash first); a path is read once, twice when new.
 * The same requests in the same order give the same templates.
 *
 * Not supported: routes told apart by method, host, query or header; optional
 * segments; {id} inside of a segment ("4711.json" is "*.json", "model:verb" is
 * a literal). The frameworks' own styles (":id", "<int:id>") are not imitated.
 */
#include "route.h"

#include <errno.h>
#include <stdlib.h>

#include "route_segment.h"
#include "route_trie.h"

enum {
	DEPTH = 8, /* segments; the rest is one more node */
	LITERALS_MIN = 2,
	LITERALS_MAX = 32,
	TEMPLATE_MAX = (DEPTH + 1) * (1 + SEGMENT_MAX_LEN) + 1,
};

struct route_table {
	const struct route_set *configured;
	uint32_t max, n_templates;
	size_t bytes;     /* without the trie's */
	char **templates; /* max entries, or NULL: nothing is learned */
	const char *catch_all;
	struct trie trie;
};

/* ---- matching: the hot path -------------------------------------------------- */

/* The child for s. NULL: there is none yet, and s has become the text that it would have. */
static struct node *step(const struct node *parent, struct segment *s, char buf[8],
			 enum segment_kind *kind)
{
	struct node *kid = trie__find(parent, s); /* no literal looks like an id: saves the look */
	uint32_t ext;

	if (kid)
		return kid;
	*kind = segment__classify(s, &ext);
	if (*kind == SEGMENT_ID)
		return parent->param;
	if (*kind == SEGMENT_FILE) {
		memcpy(buf, "*.", 2);
		memcpy(buf + 2, s->p + s->len - ext, ext);
		*s = segment__of(buf, 2 + ext);
		kid = trie__find(parent, s);
	}
	return kid || !parent->closed ? kid : parent->param;
}

static bool next(const char **at, const char *end, int depth, struct segment *s)
{
	if (!segment__next(at, end, s))
		return false;
	if (depth == DEPTH) { /* no literal is "*": this is the rest */
		*s = segment__of("*", 1);
		*at = end;
	}
	return true;
}

static const char *match(struct route_table *t, struct slice path, bool served)
{
	const char *at = path.p, *end = path.p + path.len;
	struct node *node = t->trie.root;
	enum segment_kind kind;
	struct segment s;
	char buf[8];
	int depth;

	for (depth = 0; next(&at, end, depth, &s); depth++) {
		node = depth < DEPTH ? step(node, &s, buf, &kind) : trie__find(node, &s);
		if (!node)
			return NULL;
		if (served && node->hits < TRIE_ESTABLISHED)
			node->hits++;
	}
	return node->template;
}

/* ---- learning ------------------------------------------------------------------ */

/* How many literals a node may have. */
static uint32_t room(const struct route_table *t)
{
	uint32_t n = (t->max - t->n_templates) / 3;

	return n < LITERALS_MIN ? LITERALS_MIN : n > LITERALS_MAX ? LITERALS_MAX : n;
}

static const char *intern(struct route_table *t, const char *text, size_t len)
{
	const char *same = t->configured ? route_set__find(t->configured, text) : NULL;
	uint32_t i;

	if (same)
		return same; /* one name, one address: two would be two series */
	for (i = 0; i < t->n_templates; i++)
		if (!strcmp(t->templates[i], text))
			return t->templates[i];
	t->templates[i] = malloc(len + 1);
	if (!t->templates[i])
		return NULL;
	memcpy(t->templates[i], text, len + 1);
	t->bytes += len + 1;
	t->n_templates++;
	return t->templates[i];
}

/* way: the nodes from below the root to the one that gets its name. */
static const char *name(struct route_table *t, struct node *const *way, int n)
{
	char text[TEMPLATE_MAX] = "/";
	size_t len = n ? 0 : 1;
	int i;

	for (i = 0; i < n; i++) {
		text[len++] = '/';
		memcpy(text + len, way[i]->text, way[i]->len);
		len += way[i]->len;
	}
	text[len] = '\0';
	return intern(t, text, len);
}

static const char *catch_all(struct route_table *t)
{
	if (!t->catch_all)
		t->catch_all = intern(t, "/*", 2);
	return t->catch_all;
}

static const char *learn(struct route_table *t, struct slice path)
{
	const char *at = path.p, *end = path.p + path.len;
	struct node *node = t->trie.root, *way[DEPTH + 1], *kid;
	enum segment_kind kind;
	struct segment s;
	char buf[8];
	int depth;

	if (t->n_templates + 1 >= t->max)
		return catch_all(t);
	for (depth = 0; next(&at, end, depth, &s); depth++) {
		kind = SEGMENT_LITERAL;
		kid = depth < DEPTH ? step(node, &s, buf, &kind) : trie__find(node, &s);
		if (!kid)
			kid = trie__add(&t->trie, node, &s, kind == SEGMENT_ID, room(t));
		if (!kid)
			return NULL;
		way[depth] = node = kid;
	}
	if (!node->template)
		node->template = name(t, way, depth);
	return node->template;
}

struct route_result route_table__get(struct route_table *t, struct slice path, bool served)
{
	struct route_result r = { NULL, false };

	if (!path.len || path.p[0] != '/')
		return r;
	if (t->configured)
		r.template = route_set__match(t->configured, path);
	if (r.template || !t->trie.root)
		return r;
	r.template = match(t, path, served);
	if (!r.template && served)
		r.template = learn(t, path);
	r.learned = r.template != NULL;
	return r;
}

struct route_table *route_table__new(const struct route_set *configured, bool learns,
				     uint32_t max_routes)
{
	struct route_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->configured = configured;
	t->bytes = sizeof(*t);
	if (!learns || !max_routes)
		return t;
	t->max = max_routes;
	t->bytes += max_routes * sizeof(t->templates[0]);
	t->templates = calloc(max_routes, sizeof(t->templates[0]));
	if (t->templates && !trie__init(&t->trie, 2 * (DEPTH + 1) * max_routes))
		return t;
	route_table__free(t);
	errno = ENOMEM;
	return NULL;
}

void route_table__free(struct route_table *t)
{
	uint32_t i;

	if (!t)
		return;
	for (i = 0; i < t->n_templates; i++)
		free(t->templates[i]);
	free(t->templates);
	trie__free(&t->trie);
	free(t);
}

uint32_t route_table__learned(const struct route_table *t)
{
	return t->n_templates;
}

size_t route_table__bytes(const struct route_table *t)
{
	return t->bytes + t->trie.bytes;
}
