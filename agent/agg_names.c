// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "agg_names.h"

#include <stddef.h>
#include <string.h>

void names__init(struct names *names)
{
	memset(names, 0, sizeof(*names));
	names->v[1] = "_OTHER";
	names->n = 2;
}

uint16_t names__add(struct names *names, const char *s, uint32_t slot)
{
	uint32_t id;

	for (id = 1; id < names->n && strcmp(names->v[id], s);)
		id++;
	if (id == NAMES_MAX)
		return 1;
	if (id == names->n)
		names->v[names->n++] = s;
	names->cache[slot].p = s;
	names->cache[slot].id = (uint16_t)id;
	return (uint16_t)id;
}
