// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Configured route templates. A handful, at most hundreds: tried in order. */
#include <errno.h>
#include <stdlib.h>

#include "options.h"
#include "route.h"
#include "route_segment.h"

enum part_kind {
	PART_LITERAL = 0,
	PART_ONE = 1,  /* any one segment */
	PART_REST = 2, /* any number of segments, none included */
};

struct part {
	enum part_kind kind;
	struct segment s;
};

struct pattern {
	char *text;
	struct part *parts;
	size_t n_parts;
};

struct route_set {
	size_t n;
	struct pattern v[];
};

static enum part_kind kind_of(const struct segment *s, bool is_last)
{
	if (s->len == 1 && s->p[0] == '*')
		return is_last ? PART_REST : PART_ONE;
	if (s->len >= 2 && s->p[0] == '{' && s->p[s->len - 1] == '}')
		return PART_ONE;
	return PART_LITERAL;
}

static int compile(struct pattern *p, const char *text)
{
	size_t len = strlen(text), i;
	const char *at, *end;

	if (text[0] != '/')
		return -EINVAL;
	p->text = strdup(text);
	p->parts = calloc(len / 2 + 1, sizeof(*p->parts)); /* a slash and a byte for each */
	if (!p->text || !p->parts)
		return -ENOMEM;
	at = p->text;
	end = at + len;
	while (segment__next(&at, end, &p->parts[p->n_parts].s))
		p->n_parts++;
	for (i = 0; i < p->n_parts; i++)
		p->parts[i].kind = kind_of(&p->parts[i].s, i + 1 == p->n_parts);
	return 0;
}

static bool same(const struct segment *a, const struct segment *b)
{
	return a->hash == b->hash && a->len == b->len && !memcmp(a->p, b->p, a->len);
}

static bool matches(const struct pattern *p, struct slice path)
{
	const char *at = path.p, *end = path.p + path.len;
	const struct part *part = p->parts;
	size_t left = p->n_parts;
	struct segment s;

	for (; segment__next(&at, end, &s); part++, left--) {
		if (!left)
			return false;
		if (part->kind == PART_REST)
			return true;
		if (part->kind == PART_LITERAL && !same(&part->s, &s))
			return false;
	}
	return !left || (left == 1 && part->kind == PART_REST);
}

const char *route_set__match(const struct route_set *set, struct slice path)
{
	size_t i;

	for (i = 0; i < set->n; i++)
		if (matches(&set->v[i], path))
			return set->v[i].text;
	return NULL;
}

const char *route_set__find(const struct route_set *set, const char *template)
{
	size_t i;

	for (i = 0; i < set->n; i++)
		if (!strcmp(set->v[i].text, template))
			return set->v[i].text;
	return NULL;
}

struct route_set *route_set__new(const struct str_list *templates)
{
	struct route_set *set = calloc(1, sizeof(*set) + templates->n * sizeof(set->v[0]));
	int err = 0;

	if (!set)
		return NULL;
	for (; set->n < templates->n && !err; set->n++)
		err = compile(&set->v[set->n], templates->v[set->n]);
	if (!err)
		return set;
	route_set__free(set);
	errno = -err;
	return NULL;
}

void route_set__free(struct route_set *set)
{
	size_t i;

	for (i = 0; set && i < set->n; i++) {
		free(set->v[i].text);
		free(set->v[i].parts);
	}
	free(set);
}
