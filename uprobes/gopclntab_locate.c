// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where the table is: in a section of its own; or, when an external linker has merged that
 * into another or there are no sections at all, wherever a header makes sense. */
#include "gopclntab_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT      8   /* of the table; the linker gives it 32 */
#define CANDIDATES_MAX 256 /* what begins like one, in the whole image */

static bool in_section(struct gopclntab *t, const char *name)
{
	const Elf64_Shdr *s = image__section(t->img, name);

	return s && gopclntab__header(t, s->sh_offset, s->sh_addr, s->sh_size);
}

/* The constant bytes of a header, all formats: ff ff ff, 0, 0, quantum, 8. */
static bool may_be_header(const struct image *img, const uint8_t *p)
{
	static const uint8_t head[5] = { 0xff, 0xff, 0xff, 0, 0 };

	return !memcmp(p + 1, head, sizeof(head)) && p[6] == img->machine->quantum && p[7] == 8;
}

static bool in_segment(struct gopclntab *t, struct window *w, const Elf64_Phdr *p,
		       size_t *candidates)
{
	uint64_t len = p->p_filesz, at, i;
	const uint8_t *bytes;
	size_t n;

	if (p->p_type != PT_LOAD || p->p_offset > t->img->size || p->p_offset % ALIGNMENT)
		return false;
	len = len < t->img->size - p->p_offset ? len : t->img->size - p->p_offset;
	for (at = 0; at < len; at += n) {
		n = len - at < IMAGE_WINDOW ? len - at : IMAGE_WINDOW;
		bytes = window__at(w, t->img, p->p_offset + at, n);
		if (!bytes)
			return false;
		for (i = 0; i + ALIGNMENT <= n; i += ALIGNMENT) {
			if (!may_be_header(t->img, bytes + i))
				continue;
			if (++*candidates > CANDIDATES_MAX)
				return false;
			if (gopclntab__header(t, p->p_offset + at + i, p->p_vaddr + at + i,
					      len - at - i))
				return true;
		}
	}
	return false;
}

static bool in_any_segment(struct gopclntab *t)
{
	struct window *w = malloc(sizeof(*w));
	size_t candidates = 0;
	bool found = false;

	if (!w)
		return false;
	window__init(w);
	for (size_t i = 0; i < t->img->n_segments && !found; i++)
		found = in_segment(t, w, &t->img->segments[i], &candidates);
	free(w);
	return found;
}

int gopclntab__locate(struct gopclntab *t)
{
	if (in_section(t, ".gopclntab") || in_section(t, ".data.rel.ro.gopclntab") ||
	    in_any_segment(t))
		return 0;
	return -ENOENT;
}
