// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The table that Go's runtime walks stacks with (Go: runtime/symtab.go, type pcHeader and
 * type _func; debug/gosym/pclntab.go reads all its formats; cmd/link/internal/ld/pcln.go
 * writes it):
 *
 *	header       magic, size of instructions and pointers, offsets of what follows
 *	names        NUL-terminated
 *	pctab        for each function runs of {value, length}: lines, files, stack depths
 *	index        for each function, by address, {entry, offset}; one more at the end
 *	functions    at those offsets {entry, name, ..., offset of its stack depths in pctab}
 *
 * In the first format all of that is in one piece, and entries are addresses. Since 1.18
 * they count from the symbol runtime.text, which gopclntab_text.c looks for.
 *
 * A name is looked for among the names first, which gives one or a few numbers; then all
 * functions are read for one that has such a number. Nothing is kept in memory, and a table
 * of 40 MB takes 30 ms.
 */
#include "gopclntab_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUNCTIONS_MAX (1 << 24)
#define PLACES_MAX    64 /* where a name may stand as a part of others */

static const struct gopclntab_format formats[] = {
	{ .magic = 0xfffffffb, /* Go 1.2 */ .entry_bytes = 8, .header_words = 1 },
	{ .magic = 0xfffffffa, /* Go 1.16 */
	  .entry_bytes = 8,
	  .names = 2,
	  .names_end = 3,
	  .pctab = 5,
	  .functions = 6,
	  .header_words = 7 },
	{ .magic = 0xfffffff0, /* Go 1.18 */
	  .entry_bytes = 4,
	  .text = 2,
	  .names = 3,
	  .names_end = 4,
	  .pctab = 6,
	  .functions = 7,
	  .header_words = 8 },
	{ .magic = 0xfffffff1, /* Go 1.20 */
	  .entry_bytes = 4,
	  .text = 2,
	  .names = 3,
	  .names_end = 4,
	  .pctab = 6,
	  .functions = 7,
	  .header_words = 8 },
};

/* ---- header ---- */

static const struct gopclntab_format *format_of(const struct image *img, const uint8_t *head)
{
	uint32_t magic;

	memcpy(&magic, head, sizeof(magic));
	if (head[4] || head[5] || head[6] != img->machine->quantum || head[7] != 8)
		return NULL;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (formats[i].magic == magic)
			return &formats[i];
	}
	return NULL;
}

static bool lay_out(struct gopclntab *t, const uint64_t *words)
{
	const struct gopclntab_format *f = t->format;
	uint64_t index_len;

	t->n = words[0];
	t->names = f->names ? words[f->names] : 0;
	t->names_end = f->names_end ? words[f->names_end] : t->len;
	t->pctab = f->pctab ? words[f->pctab] : 0;
	t->functions = f->functions ? words[f->functions] : 0;
	t->index = f->functions ? t->functions : 8u + 8u * f->header_words;
	if (!t->n || t->n > FUNCTIONS_MAX)
		return false;
	index_len = (2 * t->n + 1) * f->entry_bytes;
	return t->names < t->names_end && t->names_end <= t->len && t->pctab < t->len &&
	       t->functions < t->len && t->index < t->len && index_len <= t->len - t->index;
}

/* The index says of the first function and the last what they say themselves, and that they
 * are in this order. In a file yet to be relocated both are at 0. */
static bool begins_well(const struct gopclntab *t)
{
	struct gopclntab_reader *r = malloc(sizeof(*r));
	struct gopclntab_row first, last;
	bool ok;

	if (!r)
		return false;
	gopclntab_reader__init(r);
	ok = gopclntab__row(t, r, 0, &first) && gopclntab__row(t, r, t->n - 1, &last) &&
	     first.entry <= last.entry;
	free(r);
	return ok;
}

bool gopclntab__header(struct gopclntab *t, uint64_t offset, uint64_t address, uint64_t len)
{
	uint8_t head[8 + 8 * 8];
	uint64_t words[8];

	if (len < sizeof(head) || image__pread(t->img, offset, head, sizeof(head)))
		return false;
	t->format = format_of(t->img, head);
	if (!t->format)
		return false;
	t->offset = offset;
	t->address = address;
	t->len = len;
	memcpy(words, head + 8, sizeof(words));
	return lay_out(t, words) && begins_well(t);
}

/* ---- functions ---- */

static const uint8_t *at(const struct gopclntab *t, struct window *w, uint64_t from, size_t len)
{
	if (from > t->len || len > t->len - from)
		return NULL;
	return window__at(w, t->img, t->offset + from, len);
}

static uint64_t number(const uint8_t *p, size_t bytes)
{
	uint64_t n = 0;

	memcpy(&n, p, bytes); /* both little-endian */
	return n;
}

bool gopclntab__row(const struct gopclntab *t, struct gopclntab_reader *r, uint64_t i,
		    struct gopclntab_row *row)
{
	size_t e = t->format->entry_bytes;
	const uint8_t *p = at(t, &r->index, t->index + i * 2 * e, 2 * e);
	uint64_t function;

	if (!p)
		return false;
	row->entry = number(p, e);
	function = number(p + e, e);
	if (function > t->len)
		return false;
	p = at(t, &r->functions, t->functions + function, e + 16);
	if (!p || number(p, e) != row->entry)
		return false;
	row->name = (int32_t)number(p + e, 4); /* then come arguments' size and deferreturn */
	row->pcsp = number(p + e + 12, 4);
	return true;
}

/* ---- by name ---- */

struct places {
	uint32_t v[PLACES_MAX]; /* from t->names */
	size_t n;
};

static bool find_name(const struct gopclntab *t, struct window *w, const char *name,
		      struct places *places)
{
	size_t len = strlen(name) + 1, n;
	uint64_t from = t->names;

	places->n = 0;
	for (; t->names_end - from >= len; from += n - len + 1) {
		const uint8_t *p, *hit;

		n = t->names_end - from < IMAGE_WINDOW ? t->names_end - from : IMAGE_WINDOW;
		p = at(t, w, from, n);
		for (hit = p; hit && (hit = memmem(hit, p + n - hit, name, len)); hit++) {
			if (places->n == PLACES_MAX)
				return false;
			places->v[places->n++] = from + (hit - p) - t->names;
		}
		if (!p)
			return false;
	}
	return true;
}

static bool has_name(const struct places *places, int32_t name)
{
	for (size_t i = 0; i < places->n; i++) {
		if ((int32_t)places->v[i] == name)
			return true;
	}
	return false;
}

/* Number of the one function of that name. */
static int find_row(const struct gopclntab *t, struct gopclntab_reader *r,
		    const struct places *places, uint64_t *found, struct gopclntab_row *row)
{
	struct gopclntab_row each;
	int err = -ENOENT;

	for (uint64_t i = 0; i < t->n; i++) {
		if (!image__spend(t->img, places->n / 8) || !gopclntab__row(t, r, i, &each) ||
		    !has_name(places, each.name))
			continue;
		if (!err)
			return -ENOTUNIQ;
		*row = each;
		*found = i;
		err = 0;
	}
	return err;
}

/* An address in the index. */
static int entry_at(const struct gopclntab *t, uint64_t i, uint64_t *address)
{
	size_t e = t->format->entry_bytes;
	uint64_t from = t->index + i * 2 * e;
	uint32_t relative;
	int err;

	if (e == 8)
		return image__word(t->img, t->address + from, address);
	err = image__pread(t->img, t->offset + from, &relative, sizeof(relative));
	*address = t->text + relative;
	return err;
}

static int locate(const struct gopclntab *t, uint64_t i, struct image_function *f)
{
	uint64_t end;
	int err = entry_at(t, i, &f->address);

	if (!err)
		err = entry_at(t, i + 1, &end);
	if (err)
		return err;
	if (end <= f->address)
		return -EBADMSG;
	f->size = end - f->address;
	f->source = IMAGE_GOPCLNTAB;
	return image__offset(t->img, f->address, f->size, &f->offset);
}

static int find(const struct gopclntab *t, struct gopclntab_reader *r, const char *name,
		struct gopclntab_function *fn)
{
	struct gopclntab_row row = { 0 };
	struct places places;
	uint64_t i = 0;
	int err;

	if (!*name || strlen(name) >= IMAGE_NAME_MAX || !find_name(t, &r->index, name, &places))
		return -ENOENT;
	err = find_row(t, r, &places, &i, &row);
	if (!err)
		err = locate(t, i, &fn->f);
	fn->pcsp = row.pcsp;
	return err;
}

int gopclntab__find(const struct gopclntab *t, const char *name, struct gopclntab_function *fn)
{
	struct gopclntab_reader *r = malloc(sizeof(*r));
	int err;

	*fn = (struct gopclntab_function){ 0 };
	if (!r)
		return -ENOMEM;
	gopclntab_reader__init(r);
	err = find(t, r, name, fn);
	free(r);
	return err;
}

/* ---- the whole ---- */

struct gopclntab *gopclntab__new(const struct image *img, char *why, size_t why_size)
{
	struct gopclntab *t = calloc(1, sizeof(*t));
	const char *sentence = "out of memory";
	int err = t ? 0 : -ENOMEM;

	if (!err) {
		t->img = img;
		err = gopclntab__locate(t);
		sentence = "it has no table of Go functions";
	}
	if (!err && t->format->entry_bytes == 4) {
		err = gopclntab__solve_text(t);
		sentence = "its table of Go functions does not fit its code";
	}
	if (!err)
		return t;
	snprintf(why, why_size, "%s", sentence);
	gopclntab__free(t);
	errno = -err;
	return NULL;
}

void gopclntab__free(struct gopclntab *t)
{
	free(t);
}
