// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "shares.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redeye.h"
#include "self_builder.h"
#include "service.h"

#define NAME_MAX_BYTES 520

struct shares {
	uint32_t n; /* places given out, that of the unknown included */
	char *names[RED_SHARES];
	uint32_t hashes[RED_SHARES];
};

struct shares *shares__new(void)
{
	struct shares *sh = calloc(1, sizeof(*sh));

	if (sh)
		sh->n = 1;
	return sh;
}

void shares__free(struct shares *sh)
{
	if (!sh)
		return;
	for (uint32_t i = 1; i < sh->n; i++)
		free(sh->names[i]);
	free(sh);
}

/* FNV-1a, 32 bits. */
static uint32_t hash(const char *s)
{
	uint32_t h = 2166136261u;

	while (*s)
		h = (h ^ (uint8_t)*s++) * 16777619u;
	return h;
}

uint32_t shares__place(struct shares *sh, const struct service *s)
{
	char name[NAME_MAX_BYTES];
	uint32_t i, h;

	snprintf(name, sizeof(name), "%s%s%s", s->namespace, *s->namespace ? "/" : "", s->name);
	h = hash(name);
	for (i = 1; i < sh->n; i++) {
		if (sh->hashes[i] == h && !strcmp(sh->names[i], name))
			return i;
	}
	if (sh->n < RED_SHARES && (sh->names[i] = strdup(name))) {
		sh->hashes[i] = h;
		return sh->n++;
	}
	return 1 + h % (RED_SHARES - 1);
}

const char *shares__name(const struct shares *sh, uint32_t place)
{
	return place && place < sh->n ? sh->names[place] : "unknown";
}

void shares__metrics(const struct shares *sh, uint64_t (*refused)(void *arg, uint32_t place),
		     void *arg, struct self_builder *b)
{
	struct self_label l[] = { { "service", NULL }, { NULL, NULL } };
	struct metric_family *f;
	uint32_t i, points = 0;
	const char *name;

	for (i = 0; i < sh->n; i++)
		points += !!refused(arg, i);
	f = self__family(b, "redeye.share.refused", "{event}", METRIC_COUNTER, points,
			 "Events not written, because their service had its share of a ring that "
			 "filled.");
	for (i = 0; i < sh->n && points; i++) {
		if (!refused(arg, i))
			continue;
		name = shares__name(sh, i);
		l[0].value = metrics__strdup(b->m, name, strlen(name));
		self__point(b, f, refused(arg, i), l);
		points--;
	}
}
