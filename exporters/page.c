// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "page.h"

#include <string.h>

/* As tools/embed writes it; ends with a NULL name. */
extern const struct embedded {
	const char *name, *data, *end;
} page_embedded[];

static const struct {
	const char *suffix, *type;
} types[] = {
	{ ".html", "text/html; charset=utf-8" },
	{ ".js", "text/javascript; charset=utf-8" },
	{ ".css", "text/css; charset=utf-8" },
	{ ".svg", "image/svg+xml" },
};

static const char *type_of(const char *name)
{
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(dot, types[i].suffix))
			return types[i].type;
	return "application/octet-stream";
}

bool page__find(const char *name, struct page_file *out)
{
	for (const struct embedded *e = page_embedded; e->name; e++) {
		if (strcmp(e->name, name) != 0)
			continue;
		*out = (struct page_file){ type_of(name), e->data, (size_t)(e->end - e->data) };
		return true;
	}
	return false;
}
