/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * An executable or shared library (ELF64, System V gABI chapters 4 and 5), to find where
 * probes are put in it.
 *
 * The file belongs to somebody else, who may have made it to harm us or may change it while
 * it is read. So it is read by pread(2) and never mapped (one that is cut short must not be
 * a SIGBUS), every number in it is checked against the file's size before it is used, and
 * what does not fit is as if it were not there. Tables are read through a window of 64 KiB,
 * whatever their size: a search in an executable of 100 MB takes no more memory than in a
 * small one.
 *
 * Used by one thread at a time. Nothing here logs.
 */
#ifndef RED_IMAGE_H
#define RED_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image;
struct signatures;

/* Who says where a function is; in the order in which they are asked. */
enum image_source {
	IMAGE_NOWHERE = 0,    /* it was not found */
	IMAGE_SYMTAB = 1,     /* .symtab */
	IMAGE_DYNSYM = 2,     /* .dynsym */
	IMAGE_DEBUGDATA = 3,  /* .gnu_debugdata: a small .symtab, compressed */
	IMAGE_DEBUG_FILE = 4, /* /usr/lib/debug/.build-id/ */
	IMAGE_SIGNATURE = 5,  /* signatures.h */
	IMAGE_GOPCLNTAB = 6,  /* gopclntab.h */
};

const char *image_source__name(enum image_source source);

struct image_function {
	uint64_t offset;  /* of its first byte in the file: what a uprobe is told */
	uint64_t address; /* and in memory, before the image is moved */
	uint64_t size;    /* in bytes; 0: not known */
	enum image_source source;
};

/* fd is borrowed until image__free and needs to be readable; its position is not used.
 * NULL and errno, and a sentence in `why`: ENOTSUP (no ELF64 of this machine), EBADMSG (its
 * headers make no sense), EINVAL (not a regular file), ENOMEM, or what reading said. */
struct image *image__new(int fd, char *why, size_t why_size);
void image__free(struct image *img);

/* Where else to look. root_fd is the root directory that debug files are below (negative: none
 * are used), not one of other people's making; both are borrowed, `s` may be NULL. */
void image__look_in(struct image *img, int root_fd, const struct signatures *s);

const char *image__build_id(const struct image *img); /* lower-case hex; "": it has none */
const char *image__soname(const struct image *img);   /* DT_SONAME; "": it has none */
bool image__is_go(const struct image *img);           /* built by Go's own tools */

/* More was to be done than for any real file: what was found is not all. */
bool image__too_much(const struct image *img);

/* Where `len` bytes of code at an address are in the file. -ERANGE: not wholly in a part of
 * it that is mapped to be executed. */
int image__offset(const struct image *img, uint64_t address, uint64_t len, uint64_t *offset);

/* Looks for n functions by name, in out[] in the order of names[]; `source` says which were
 * found. A name that a source has at two places (two static functions, two versions without
 * a default) is not found there. Returns how many were found, or -ENOMEM, -E2BIG (n). */
int image__find(const struct image *img, const char *const *names, size_t n,
		struct image_function *out);

#define IMAGE_NAMES_MAX 256 /* names in one search */

/* Calls fn for every function with `literal` in its name (names longer than 4,095 bytes are
 * left out) until it returns false. One that two sources know comes twice; signatures are
 * not asked. 0, -ENOMEM, or -E2BIG: too many names have it. */
int image__each(const struct image *img, const char *literal,
		bool (*fn)(void *arg, const char *name, const struct image_function *f), void *arg);

#endif /* RED_IMAGE_H */
