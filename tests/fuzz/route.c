// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lines are requests of one service: a byte that says whether it was served, then the path. There
 * are never more templates than are allowed, and a template is one of the path. */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>

#include "options.h"
#include "route.h"
#include "utf8.h"

#define MAX 7

static const char *seen[MAX + 2]; /* what is learned may be one of the configured two */
static uint32_t n_seen;

/* A pointer is a template's name: it stays the same, and there are few. */
static void note(const char *template)
{
	uint32_t i = 0;

	while (i < n_seen && seen[i] != template)
		i++;
	assert(i < MAX + 2);
	seen[i] = template;
	n_seen += i == n_seen;
}

static void check(struct route_table *t, struct route_set *set, struct slice path, bool served)
{
	uint32_t before = route_table__learned(t);
	struct route_result r = route_table__get(t, path, served), again;

	assert(route_table__learned(t) <= MAX && route_table__bytes(t) < 1 << 16);
	assert(served || route_table__learned(t) == before);
	if (!r.template)
		return;
	assert(r.template[0] == '/' && strlen(r.template) < 8 * 66 + 3);
	if (!r.learned) {
		assert(r.template == route_set__match(set, path));
		return;
	}
	note(r.template);
	again = route_table__get(t, path, false); /* the catch-all is for what was served */
	assert(again.learned || !strcmp(r.template, "/*"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str_list own = { (char *[]){ "/users/{id}", "/static/*" }, 2 };
	struct route_set *set = route_set__new(&own);
	struct route_table *t = route_table__new(set, true, MAX);
	struct slice in = { (const char *)data, len }, line;

	assert(set && t);
	for (n_seen = 0; in.len; in = slice_skip(in, line.len + (line.len < in.len))) {
		line = (struct slice){ in.p, slice_until(in, '\n') };
		if (line.len)
			check(t, set, slice_skip(line, 1), line.p[0] & 1);
	}
	route_table__free(t);
	route_set__free(set);
	return 0;
}
