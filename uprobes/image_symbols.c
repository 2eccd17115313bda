// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One symbol table, twice read from front to back, whatever its size.
 *
 * First its strings. A symbol's name is where it begins in them, and strings share their
 * ends: "SSL_read" may be the last eight bytes of "my_SSL_read". So at the end of each
 * string every wanted name is compared with the bytes before it, and where one stands is
 * noted: a short, sorted list of `places`. Then the symbols, each of which is one look into
 * that list; names are not read any more.
 *
 * Versions: .dynsym has them in a table of its own (.gnu.version, LSB "Symbol Versioning"),
 * whose upper bit says "not the default"; in .symtab they are a part of some names, "@@V"
 * of the default and "@V" of others.
 */
#include "image_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PLACES_MAX  65536
#define MATCHES_MAX (1 << 20) /* symbols that have a wanted name */

#define VERSYM_HIDDEN 0x8000

/* A symbol whose name begins in [from, to] is one that is wanted. */
struct place {
	uint32_t from, to;
	uint16_t name; /* index of the wanted name */
	bool old;      /* a version that is not the default */
};

struct places {
	struct place *v;
	size_t n, cap;
};

static int places__add(struct places *s, struct place place)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;
		struct place *v = cap <= PLACES_MAX ? reallocarray(s->v, cap, sizeof(*v)) : NULL;

		if (!v)
			return cap <= PLACES_MAX ? -ENOMEM : -E2BIG;
		s->v = v;
		s->cap = cap;
	}
	s->v[s->n++] = place;
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return x->from != y->from ? (x->from > y->from) - (x->from < y->from) : x->name - y->name;
}

/* The first of those that begin at or before `name` and reach it. Ranges do not overlap; of
 * a name that is wanted twice the first is found. */
static const struct place *places__at(const struct places *s, uint32_t name)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->v[mid].to < name)
			low = mid + 1;
		else
			high = mid;
	}
	return low < s->n && s->v[low].from <= name ? &s->v[low] : NULL;
}

/* ---- a table and what belongs to it ---- */

struct table {
	const struct image *img;  /* whose file it is in */
	const struct image *code; /* whose functions it names */
	enum image_source source;
	const Elf64_Shdr *symbols, *strings, *versions; /* versions: NULL, none */
};

static const Elf64_Shdr *linked(const struct image *img, uint32_t index, uint32_t type)
{
	const Elf64_Shdr *s = index < img->n_sections ? &img->sections[index] : NULL;

	return s && s->sh_type == type ? s : NULL;
}

static const Elf64_Shdr *versions_of(const struct image *img, const Elf64_Shdr *symbols)
{
	for (size_t i = 0; i < img->n_sections; i++) {
		const Elf64_Shdr *s = &img->sections[i];

		if (s->sh_type == SHT_GNU_versym && s->sh_link == symbols - img->sections)
			return s;
	}
	return NULL;
}

/* false: the image has no such table, or it makes no sense. */
static bool table__open(struct table *t, uint32_t type)
{
	for (size_t i = 0; i < t->img->n_sections; i++) {
		const Elf64_Shdr *s = &t->img->sections[i];

		if (s->sh_type != type || s->sh_entsize != sizeof(Elf64_Sym))
			continue;
		t->symbols = s;
		t->strings = linked(t->img, s->sh_link, SHT_STRTAB);
		t->versions = versions_of(t->img, s);
		return t->strings;
	}
	return false;
}

/* Every string of the table; one that is longer than the window, only its end. Stops at,
 * and returns, what fn says. */
static int each_string(const struct table *t, struct window *w,
		       int (*fn)(void *arg, uint32_t at, const char *s, size_t len), void *arg)
{
	uint64_t size = t->strings->sh_size, at = 0;
	int err = 0;

	while (at < size && !err) {
		size_t n = size - at < IMAGE_WINDOW ? size - at : IMAGE_WINDOW;
		const char *p = window__at(w, t->img, t->strings->sh_offset + at, n), *s, *end;

		if (!p)
			return 0; /* the file was cut short: what was seen, counts */
		for (s = p; !err && (end = memchr(s, '\0', p + n - s)); s = end + 1) {
			for (; end == s && end + 1 < p + n && !end[1]; end++, s++)
				; /* nothing but zeros, perhaps in all of a large file */
			if (!image__spend(t->img, 1))
				return 0;
			err = end > s ? fn(arg, at + (s - p), s, end - s) : 0;
		}
		at += s > p ? (size_t)(s - p) : n;
	}
	return err;
}

static bool is_old(const struct table *t, struct window *w, size_t index)
{
	uint16_t version;
	const void *p;

	if (!t->versions || t->versions->sh_size / sizeof(version) <= index)
		return false;
	p = window__at(w, t->img, t->versions->sh_offset + index * sizeof(version),
		       sizeof(version));
	if (!p)
		return false;
	memcpy(&version, p, sizeof(version));
	return version & VERSYM_HIDDEN;
}

static bool is_function(const struct table *t, const Elf64_Sym *s, struct image_function *f)
{
	unsigned int type = ELF64_ST_TYPE(s->st_info);

	if ((type != STT_FUNC && type != STT_GNU_IFUNC) || s->st_shndx == SHN_UNDEF ||
	    image__offset(t->code, s->st_value, 1, &f->offset))
		return false;
	f->address = s->st_value;
	f->source = t->source;
	f->size = image__offset(t->code, s->st_value, s->st_size, &f->offset) ? 0 : s->st_size;
	return true;
}

/* What a symbol is worth that has a wanted name. */
enum rank {
	RANK_NONE = 0,
	RANK_LOCAL = 1,
	RANK_OLD = 2,
	RANK_DEFAULT = 3,
};

struct symbol {
	const struct place *place;
	struct image_function f;
	enum rank rank;
	uint32_t name;
	bool chooses; /* is no function, but returns the one to call (STT_GNU_IFUNC) */
};

static enum rank rank_of(const Elf64_Sym *s, bool old)
{
	if (ELF64_ST_BIND(s->st_info) == STB_LOCAL)
		return RANK_LOCAL;
	return old ? RANK_OLD : RANK_DEFAULT;
}

/* The functions of the table whose names are in `places`. Stops when fn returns false. */
static void each_symbol(const struct table *t, const struct places *places, struct window *w,
			bool (*fn)(void *arg, const struct symbol *s), void *arg)
{
	size_t n = t->symbols->sh_size / sizeof(Elf64_Sym), matches = 0, i;
	struct window versions;
	struct symbol found;
	const void *p;
	Elf64_Sym s;

	window__init(&versions);
	for (i = 0; i < n; i++) {
		p = window__at(w, t->img, t->symbols->sh_offset + i * sizeof(s), sizeof(s));
		if (!p || !image__spend(t->img, 4))
			return;
		memcpy(&s, p, sizeof(s));
		found.place = places__at(places, s.st_name);
		if (!found.place)
			continue;
		if (!image__spend(t->img, 32) || ++matches == MATCHES_MAX)
			return;
		if (!is_function(t, &s, &found.f))
			continue;
		found.name = s.st_name;
		found.chooses = ELF64_ST_TYPE(s.st_info) == STT_GNU_IFUNC;
		found.rank = rank_of(&s, found.place->old || is_old(t, &versions, i));
		if (!fn(arg, &found))
			return;
	}
}

/* ---- by name ---- */

struct best {
	struct image_function f;
	enum rank rank;
	bool ambiguous;
};

struct find {
	const struct image *img;
	const struct symbols_wanted *wanted;
	struct places places;
	struct best best[IMAGE_NAMES_MAX];
	uint16_t len[IMAGE_NAMES_MAX]; /* of a name; 0: is not looked for any more */
	uint64_t last[4];              /* a bit for each byte that a name ends in */
	size_t shortest;
};

static void prepare(struct find *f)
{
	for (size_t i = 0; i < f->wanted->n; i++) {
		size_t len = strlen(f->wanted->names[i]);
		uint8_t last = len ? f->wanted->names[i][len - 1] : 0;

		if (f->wanted->out[i].source || !len || len >= IMAGE_NAME_MAX)
			continue;
		f->len[i] = len;
		f->shortest = f->shortest && f->shortest < len ? f->shortest : len;
		f->last[last / 64] |= 1ull << last % 64;
	}
}

static int find_in_string(void *arg, uint32_t at, const char *s, size_t len)
{
	const char *version = len ? memchr(s, '@', len) : NULL;
	size_t base = version ? (size_t)(version - s) : len;
	uint8_t last = base ? s[base - 1] : 0;
	struct find *f = arg;
	int err = 0;

	if (base < f->shortest || !(f->last[last / 64] & 1ull << last % 64))
		return 0;
	if (!image__spend(f->img, f->wanted->n / 4))
		return 0;
	for (size_t i = 0; i < f->wanted->n && !err; i++) {
		uint32_t from = at + base - f->len[i];

		if (!f->len[i] || f->len[i] > base ||
		    memcmp(s + base - f->len[i], f->wanted->names[i], f->len[i]))
			continue;
		err = places__add(&f->places,
				  (struct place){ .from = from,
						  .to = from,
						  .name = i,
						  .old = version && version + 1 < s + len &&
							 version[1] != '@' });
	}
	return err;
}

static bool take_better(void *arg, const struct symbol *s)
{
	struct find *f = arg;
	struct best *b = &f->best[s->place->name];

	if (s->rank > b->rank)
		*b = (struct best){ .f = s->f, .rank = s->rank, .ambiguous = s->chooses };
	else if (s->rank == b->rank && s->f.address != b->f.address)
		b->ambiguous = true;
	return true;
}

static void publish(const struct find *f)
{
	for (size_t i = 0; i < f->wanted->n; i++) {
		if (f->len[i] && f->best[i].rank && !f->best[i].ambiguous)
			f->wanted->out[i] = f->best[i].f;
	}
}

int symbols__find(const struct image *table, uint32_t type, const struct image *code,
		  enum image_source source, const struct symbols_wanted *wanted)
{
	struct table t = { .img = table, .code = code, .source = source };
	struct find f = { .img = table, .wanted = wanted };
	struct window w;
	int err;

	if (!table__open(&t, type))
		return 0;
	window__init(&w);
	prepare(&f);
	err = each_string(&t, &w, find_in_string, &f);
	if (!err && f.places.n) {
		qsort(f.places.v, f.places.n, sizeof(*f.places.v), by_place);
		each_symbol(&t, &f.places, &w, take_better, &f);
		publish(&f);
	}
	free(f.places.v);
	return err;
}

/* ---- by a part of the name ---- */

struct search {
	const struct table *table;
	struct symbols_each *each;
	struct places places;
	size_t literal_len;
};

/* Where the literal stands last in s, or NULL. */
static const char *last_literal(const struct search *f, const char *s, size_t len)
{
	const char *hit = f->literal_len ? NULL : s + len, *at = s;

	while (f->literal_len && (at = memmem(at, s + len - at, f->each->literal, f->literal_len)))
		hit = at++;
	return hit;
}

/* A name has the literal when it begins not behind the last place where that stands. */
static int find_literal(void *arg, uint32_t at, const char *s, size_t len)
{
	struct search *f = arg;
	const char *hit = image__spend(f->table->img, len / 8) ? last_literal(f, s, len) : NULL;
	struct place *last = f->places.n ? &f->places.v[f->places.n - 1] : NULL;

	if (!hit)
		return 0;
	if (last && last->to + 1 == at) {
		last->to = at + (hit - s);
		return 0;
	}
	return places__add(&f->places, (struct place){ .from = at, .to = at + (hit - s) });
}

static bool pass_on(void *arg, const struct symbol *s)
{
	struct search *f = arg;
	const Elf64_Shdr *strings = f->table->strings;
	uint64_t left = strings->sh_size - s->name;
	char name[IMAGE_NAME_MAX];

	left = left < sizeof(name) ? left : sizeof(name);
	if (s->chooses || !image__spend(f->table->img, left / 8) ||
	    image__pread(f->table->img, strings->sh_offset + s->name, name, left) ||
	    !memchr(name, '\0', left))
		return true;
	f->each->stopped = !f->each->fn(f->each->arg, name, &s->f);
	return !f->each->stopped;
}

int symbols__each(const struct image *table, uint32_t type, const struct image *code,
		  enum image_source source, struct symbols_each *each)
{
	struct table t = { .img = table, .code = code, .source = source };
	struct search f = { .table = &t, .each = each, .literal_len = strlen(each->literal) };
	struct window w;
	int err;

	if (!table__open(&t, type))
		return 0;
	window__init(&w);
	err = each_string(&t, &w, find_literal, &f);
	if (!err)
		each_symbol(&t, &f.places, &w, pass_on, &f);
	free(f.places.v);
	return err;
}
