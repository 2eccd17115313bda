// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where functions are looked for, in this order: the image's own tables, those that were
 * taken out of it, and what the user has noted. */
#include "image_internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "signatures.h"

/* A table that may be in another file. */
static const struct place {
	enum image_source source;
	uint32_t type;
	int (*open)(const struct image *img); /* NULL: in the image itself */
} places[] = {
	{ IMAGE_SYMTAB, SHT_SYMTAB, NULL },
	{ IMAGE_DYNSYM, SHT_DYNSYM, NULL },
	{ IMAGE_DEBUGDATA, SHT_SYMTAB, debugdata__open },
	{ IMAGE_DEBUG_FILE, SHT_SYMTAB, debugfile__open },
};

#define N_PLACES (sizeof(places) / sizeof(places[0]))

typedef int (*search_fn)(const struct image *table, const struct place *place,
			 const struct image *code, void *arg);

/* Another file than the one that has this build id says nothing of it (and one that has it, no
 * more than its owner is believed: image_debugfile.c). .gnu_debugdata came with the image and
 * need not have one. */
static bool belongs(const struct image *other, const struct place *place, const struct image *img)
{
	return place->source != IMAGE_DEBUG_FILE ||
	       !strcmp(image__build_id(other), image__build_id(img));
}

/* What cannot be opened is not there. */
static int search_other(const struct image *img, const struct place *place, search_fn search,
			void *arg)
{
	int fd = place->open(img), err = 0;
	struct image *other;
	char why[128];

	if (fd < 0)
		return fd == -ENOMEM ? fd : 0;
	other = image__new_of(fd, img->machine->id, why, sizeof(why));
	if (other && belongs(other, place, img)) {
		other->steps = img->steps;
		err = search(other, place, img, arg);
	}
	image__free(other);
	close(fd);
	return err;
}

static int search_in(const struct image *img, const struct place *place, search_fn search,
		     void *arg)
{
	return place->open ? search_other(img, place, search, arg) : search(img, place, img, arg);
}

/* ---- by name ---- */

static int find(const struct image *table, const struct place *place, const struct image *code,
		void *arg)
{
	return symbols__find(table, place->type, code, place->source, arg);
}

static size_t found_in(const struct symbols_wanted *w)
{
	size_t found = 0;

	for (size_t i = 0; i < w->n; i++)
		found += w->out[i].source != IMAGE_NOWHERE;
	return found;
}

static void find_signatures(const struct image *img, const struct symbols_wanted *w)
{
	for (size_t i = 0; i < w->n && img->signatures; i++) {
		if (!w->out[i].source)
			signatures__find(img->signatures, img, w->names[i], &w->out[i]);
	}
}

int image__find(const struct image *img, const char *const *names, size_t n,
		struct image_function *out)
{
	struct symbols_wanted w = { .names = names, .n = n, .out = out };
	int err = n > IMAGE_NAMES_MAX ? -E2BIG : 0;

	if (!err && n)
		memset(out, 0, n * sizeof(*out));
	for (size_t i = 0; i < N_PLACES && !err && found_in(&w) < n; i++) {
		err = search_in(img, &places[i], find, &w);
		err = err == -E2BIG ? 0 : err; /* a table made to be too much for us */
	}
	if (err)
		return err;
	find_signatures(img, &w);
	return found_in(&w);
}

/* ---- by a part of the name ---- */

static int each(const struct image *table, const struct place *place, const struct image *code,
		void *arg)
{
	return symbols__each(table, place->type, code, place->source, arg);
}

int image__each(const struct image *img, const char *literal,
		bool (*fn)(void *arg, const char *name, const struct image_function *f), void *arg)
{
	struct symbols_each e = { .literal = literal, .fn = fn, .arg = arg };
	int err = 0;

	for (size_t i = 0; i < N_PLACES && !err && !e.stopped; i++)
		err = search_in(img, &places[i], each, &e);
	return err;
}
