// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the table's addresses are relative to: the symbol runtime.text. Its address is the
 * header's third word from 1.18 on, but 0 there in a file whose relocations are kept apart,
 * and always since 1.26 (Go: cmd/link/internal/ld/pcln.go; "it requires a relocation").
 * It is not the start of .text either when C code was linked in before it.
 *
 * So it is solved for. The table says at how many bytes from runtime.text return
 * instructions are (gopclntab_pcsp.c). Of the first that are near to each other (C code has
 * none, and can come first by the megabyte), up to 64, at least seven in eight must be there,
 * as assembler functions may have something else at such a place; an address that is off by
 * a little or a lot has one or two. The word in the header is tried first, then all code from
 * front to back.
 */
#include "gopclntab_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES     64
#define SAMPLES_MIN 16
#define SPAN        (IMAGE_WINDOW / 2) /* the samples are so near to each other */
#define ALIGNMENT   16                 /* of functions, hence of runtime.text */

struct solve {
	struct gopclntab *t;
	struct gopclntab_reader reader;
	struct window pctab, code;
	uint64_t base;             /* first function with samples, from runtime.text */
	uint32_t samples[SAMPLES]; /* return instructions, from there */
	size_t n;
};

/* All returns of a function but one that is joined to the morestack call. */
static void sample_function(struct solve *s, const struct gopclntab_row *row)
{
	uint8_t ret_len = s->t->img->machine->ret_len;
	struct pcsp p;

	if (!s->n)
		s->base = row->entry;
	pcsp__init(&p, s->t, &s->pctab, row->pcsp);
	while (s->n < SAMPLES && pcsp__next(&p) && row->entry - s->base + p.to <= SPAN) {
		if (p.depth == 0 && p.from && p.to - p.from == ret_len)
			s->samples[s->n++] = row->entry - s->base + p.from;
	}
}

/* From the first function on that has enough of them behind it. */
static void sample(struct solve *s)
{
	struct gopclntab_row row;

	for (uint64_t i = 0; i < s->t->n && s->n < SAMPLES; i++) {
		if (!gopclntab__row(s->t, &s->reader, i, &row))
			return;
		if (s->n && row.entry - s->base >= SPAN) {
			if (s->n >= SAMPLES_MIN)
				return;
			s->n = 0;
		}
		sample_function(s, &row);
	}
}

static bool fits(const struct solve *s, const uint8_t *code)
{
	const struct image_machine *m = s->t->img->machine;
	size_t misses = 0;

	for (size_t i = 0; i < s->n && misses <= s->n / 8; i++)
		misses += memcmp(code + s->samples[i], m->ret_bytes, m->ret_len) != 0;
	return misses <= s->n / 8;
}

static bool fits_at(struct solve *s, uint64_t address)
{
	uint64_t offset;
	const void *code;

	if (!address || image__offset(s->t->img, address + s->base, SPAN, &offset))
		return false;
	code = window__at(&s->code, s->t->img, offset, SPAN);
	return code && fits(s, code);
}

/* The first address in a segment that fits. */
static bool search(struct solve *s, const Elf64_Phdr *p)
{
	uint64_t offset, at, i;
	const uint8_t *code;

	if (p->p_type != PT_LOAD || !(p->p_flags & PF_X) || p->p_filesz < SPAN ||
	    image__offset(s->t->img, p->p_vaddr, p->p_filesz, &offset))
		return false;
	for (at = -p->p_vaddr % ALIGNMENT; at + SPAN <= p->p_filesz; at += i) {
		size_t n = p->p_filesz - at < IMAGE_WINDOW ? p->p_filesz - at : IMAGE_WINDOW;

		code = window__at(&s->code, s->t->img, offset + at, n);
		for (i = 0; code && i + SPAN <= n; i += ALIGNMENT) {
			if (!image__spend(s->t->img, s->n / 8) || !fits(s, code + i))
				continue;
			s->t->text = p->p_vaddr + at + i - s->base;
			return true;
		}
		if (!code)
			return false;
	}
	return false;
}

static int solve(struct solve *s)
{
	const struct image *img = s->t->img;
	uint64_t address = 0;

	sample(s);
	if (s->n < SAMPLES_MIN)
		return -ENOTSUP;
	if (!image__word(img, s->t->address + 8 + 8 * s->t->format->text, &address) &&
	    fits_at(s, address)) {
		s->t->text = address;
		return 0;
	}
	for (size_t i = 0; i < img->n_segments; i++) {
		if (search(s, &img->segments[i]))
			return 0;
	}
	return -ENOTSUP;
}

int gopclntab__solve_text(struct gopclntab *t)
{
	struct solve *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->t = t;
	gopclntab_reader__init(&s->reader);
	window__init(&s->pctab);
	window__init(&s->code);
	err = solve(s);
	free(s);
	return err;
}
