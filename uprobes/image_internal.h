/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the image*.c files and the parsers of Go's tables share; others want image.h.
 *
 *   image.c            the file's headers; reading
 *   image_notes.c      build id, SONAME, relocations: what is said about the whole
 *   image_symbols.c    one symbol table
 *   image_find.c       which tables there are, and in which order they are asked
 *   image_debugdata.c  the compressed one
 *   image_debugfile.c  the one in another file
 */
#ifndef RED_IMAGE_INTERNAL_H
#define RED_IMAGE_INTERNAL_H

#include <elf.h>

#include "image.h"

#define IMAGE_SECTION_MAX (256ull << 20) /* larger ones are not looked at */
#define IMAGE_NAME_MAX    4096           /* of a function */
#define IMAGE_WINDOW      65536
_Static_assert(IMAGE_WINDOW > IMAGE_NAME_MAX, "a name fits into a window");

/* What differs between machines. */
struct image_machine {
	uint16_t id; /* EM_... */
	const char *name;
	uint32_t relative; /* type of the relocation "load address + addend" */
	uint8_t quantum;   /* an instruction's bytes are a multiple of it */
	uint8_t ret_len;   /* the return instruction that Go's compiler writes */
	uint8_t ret_bytes[4];
	uint8_t nop_bytes[4]; /* as long as that */
	uint16_t go_register; /* since go1.N arguments are passed in registers */
};

struct image {
	int fd;
	uint64_t size;
	const struct image_machine *machine;
	Elf64_Ehdr header;
	Elf64_Phdr *segments;
	size_t n_segments;
	Elf64_Shdr *sections; /* those that do not fit the file are SHT_NULL */
	size_t n_sections;
	char *section_names; /* ends with a NUL */
	size_t section_names_len;
	char build_id[2 * 64 + 1];
	char soname[256];
	bool is_go;
	uint64_t rela_address, rela_len; /* DT_RELA, DT_RELASZ */
	int root_fd;
	const struct signatures *signatures;
	uint64_t *steps; /* that are left, of the image and those that were taken out of it */
	uint64_t own_steps;
};

/* For tests: an image of another machine. */
struct image *image__new_of(int fd, uint16_t machine, char *why, size_t why_size);

/* ---- reading ---- */

/* Exactly len bytes. -ERANGE: the file has not so many there; -EIO: it was cut short. */
int image__pread(const struct image *img, uint64_t offset, void *to, size_t len);
/* The same by address, of any segment's part of the file. */
int image__read(const struct image *img, uint64_t address, void *to, size_t len);
/* Where bytes at an address are in the file, and how many of them, at least 1. -ERANGE. */
int image__locate(const struct image *img, uint64_t address, uint64_t *offset, uint64_t *len);
/* A pointer's worth of data as it is after the image was loaded at 0. */
int image__word(const struct image *img, uint64_t address, uint64_t *word);

/* A file can be as large as it likes, have a hole for its contents, and tables that make us
 * read it over and over. So what is done for one file is counted, in steps of about 4 ns: 8
 * bytes read, an entry of a table. A program of 127 MB that Go made takes 15 million, LLVM with
 * its symbols 11, the whole of them a second. */
#define IMAGE_STEPS (1ull << 28)

/* False: there are not so many left, and none is from now on. */
static inline bool image__spend(const struct image *img, uint64_t steps)
{
	bool enough = *img->steps > steps;

	*img->steps = enough ? *img->steps - steps : 0;
	return enough;
}

/* The part of the file that was read last. */
struct window {
	uint64_t offset;
	size_t len;
	uint8_t bytes[IMAGE_WINDOW];
};

static inline void window__init(struct window *w)
{
	w->offset = w->len = 0; /* and not its bytes */
}

/* `len` bytes, at most IMAGE_WINDOW, valid until the next call. A step, at least. NULL: not in
 * the file, or no step is left. */
const void *window__at(struct window *w, const struct image *img, uint64_t offset, size_t len);

/* ---- sections ---- */

const Elf64_Shdr *image__section(const struct image *img, const char *name); /* NULL: none */
const char *image__section_name(const struct image *img, const Elf64_Shdr *s);

/* ---- notes ---- */

void image__read_notes(struct image *img);
void image__read_dynamic(struct image *img);

/* ---- symbols ---- */

/* What to look for. The results stand in `out`. */
struct symbols_wanted {
	const char *const *names;
	size_t n;
	struct image_function *out;
};

struct symbols_each {
	const char *literal;
	bool (*fn)(void *arg, const char *name, const struct image_function *f);
	void *arg;
	bool stopped; /* fn has enough */
};

/* `type` SHT_SYMTAB or SHT_DYNSYM of `table`, for code that is in `code`; the two differ
 * when the symbols are kept apart. Only what was not found yet is looked for. */
int symbols__find(const struct image *table, uint32_t type, const struct image *code,
		  enum image_source source, const struct symbols_wanted *wanted);
int symbols__each(const struct image *table, uint32_t type, const struct image *code,
		  enum image_source source, struct symbols_each *each);

/* ---- other places ---- */

/* A descriptor of the image that is in .gnu_debugdata, or a negative errno. */
int debugdata__open(const struct image *img);
/* A descriptor of the separate debug file by build id, or a negative errno. */
int debugfile__open(const struct image *img);

#endif /* RED_IMAGE_INTERNAL_H */
