/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The files of exporters/page/, which are in the binary as they are in the tree. */
#ifndef RED_PAGE_H
#define RED_PAGE_H

#include <stdbool.h>
#include <stddef.h>

struct page_file {
	const char *type; /* of its content, for HTTP */
	const void *data;
	size_t len;
};

/* "index.html": what it is, in static memory. */
bool page__find(const char *name, struct page_file *out);

#endif /* RED_PAGE_H */
