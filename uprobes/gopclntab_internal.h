/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the gopclntab*.c files share.
 *
 *   gopclntab.c          the formats; functions by name
 *   gopclntab_locate.c   where the table is in the image
 *   gopclntab_pcsp.c     a function's stack depths; its returns
 *   gopclntab_text.c     what its addresses are relative to
 */
#ifndef RED_GOPCLNTAB_INTERNAL_H
#define RED_GOPCLNTAB_INTERNAL_H

#include "gopclntab.h"
#include "image_internal.h"

/* Offsets of what a header says are in words of 8 bytes behind its first 8. */
struct gopclntab_format {
	uint32_t magic;
	uint8_t entry_bytes; /* of a program counter in the tables: 8 absolute, 4 relative */
	uint8_t text;        /* header words; 0: there is none */
	uint8_t names, names_end, pctab, functions;
	uint8_t header_words;
};

struct gopclntab {
	const struct image *img;
	const struct gopclntab_format *format;
	uint64_t offset, address, len;               /* of the whole */
	uint64_t names, names_end, pctab, functions; /* from the table's start */
	uint64_t index;                              /* of {entry, function}, likewise */
	uint64_t n;                                  /* functions */
	uint64_t text; /* the address that 4-byte entries are relative to, else 0 */
};

/* One function of the table. */
struct gopclntab_row {
	uint64_t entry; /* as in the table: an address, or relative to `text` */
	int32_t name;
	uint32_t pcsp;
};

/* Two windows: the index, and what it points to, are both read from front to back. */
struct gopclntab_reader {
	struct window index, functions;
};

static inline void gopclntab_reader__init(struct gopclntab_reader *r)
{
	window__init(&r->index);
	window__init(&r->functions);
}

bool gopclntab__row(const struct gopclntab *t, struct gopclntab_reader *r, uint64_t i,
		    struct gopclntab_row *row);

/* Fills in t from a header at `offset` of the file, whose table is not longer than len.
 * false: there is no header, or it makes no sense. */
bool gopclntab__header(struct gopclntab *t, uint64_t offset, uint64_t address, uint64_t len);

/* -ENOENT, or fills in t. */
int gopclntab__locate(struct gopclntab *t);

/* Finds t->text. -ENOTSUP. */
int gopclntab__solve_text(struct gopclntab *t);

/* A run of instructions [from, to) before each of which the stack is `depth` deep, counted
 * from the function's start. */
struct pcsp {
	const struct gopclntab *t;
	struct window *w;
	uint64_t at;
	uint64_t from, to;
	int64_t depth;
	bool started;
};

/* 0 is the table of a function that has none: C code. */
void pcsp__init(struct pcsp *p, const struct gopclntab *t, struct window *w, uint32_t pcsp);
bool pcsp__next(struct pcsp *p); /* false: it was the last, or the table is damaged */

#endif /* RED_GOPCLNTAB_INTERNAL_H */
