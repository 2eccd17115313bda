// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Go: debug/buildinfo/buildinfo.go; internal/abi and "Go internal ABI specification". */
#include "gobuild.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image_internal.h"

#define HEADER      32
#define ALIGNMENT   16
#define VERSION_MAX 256

static const char magic[] = "\xff Go buildinf:"; /* 14 bytes, then pointer size and flags */

enum {
	FLAG_BIG_ENDIAN = 1,
	FLAG_INLINE = 2, /* since 1.18; pointers to strings before */
};

/* ---- where it is ---- */

static int search(const struct image *img, struct window *w, const Elf64_Phdr *p, uint64_t *address)
{
	uint64_t offset, len, at, i;

	if (image__locate(img, p->p_vaddr, &offset, &len))
		return -ENOENT;
	for (at = -p->p_vaddr % ALIGNMENT; at + HEADER <= len; at += i) {
		size_t n = len - at < IMAGE_WINDOW ? len - at : IMAGE_WINDOW;
		const char *bytes = window__at(w, img, offset + at, n);

		if (!bytes)
			return -ENOENT;
		for (i = 0; i + HEADER <= n; i += ALIGNMENT) {
			if (memcmp(bytes + i, magic, sizeof(magic) - 1))
				continue;
			*address = p->p_vaddr + at + i;
			return 0;
		}
	}
	return -ENOENT;
}

/* Go looks at the first segment that can be written to; an external linker may put it into
 * another. */
static int search_segments(const struct image *img, uint64_t *address)
{
	struct window *w = malloc(sizeof(*w));
	int err = w ? -ENOENT : -ENOMEM;

	if (w)
		window__init(w);
	for (size_t i = 0; i < img->n_segments && err == -ENOENT; i++) {
		const Elf64_Phdr *p = &img->segments[i];

		if (p->p_type == PT_LOAD && p->p_flags & PF_W)
			err = search(img, w, p, address);
	}
	free(w);
	return err;
}

static int locate(const struct image *img, uint64_t *address)
{
	const Elf64_Shdr *s = image__section(img, ".go.buildinfo");

	if (!s)
		return search_segments(img, address);
	*address = s->sh_addr;
	return 0;
}

/* ---- what it says ---- */

static int copy(const struct image *img, uint64_t address, uint64_t len, char *buf, size_t size)
{
	int err;

	if (!len || len > VERSION_MAX)
		return -ENOENT;
	if (len >= size)
		return -ENOSPC;
	err = image__read(img, address, buf, len);
	if (err)
		return err == -ERANGE ? -ENOENT : err;
	for (uint64_t i = 0; i < len; i++) {
		if (!isprint((unsigned char)buf[i]))
			return -ENOENT;
	}
	buf[len] = '\0';
	return 0;
}

/* A length of one or two 7-bit groups, and the string. */
static int read_inline(const struct image *img, uint64_t address, char *buf, size_t size)
{
	uint8_t head[2];

	if (image__read(img, address, head, sizeof(head)))
		return -ENOENT;
	if (!(head[0] & 0x80))
		return copy(img, address + 1, head[0], buf, size);
	return copy(img, address + 2, (head[0] & 0x7f) | (uint64_t)head[1] << 7, buf, size);
}

/* A pointer to {pointer, length}. */
static int read_pointer(const struct image *img, uint64_t address, char *buf, size_t size)
{
	uint64_t string, bytes, len;

	if (image__word(img, address, &string) || image__word(img, string, &bytes) ||
	    image__read(img, string + 8, &len, sizeof(len)))
		return -ENOENT;
	return copy(img, bytes, len, buf, size);
}

int gobuild__version(const struct image *img, char *buf, size_t size)
{
	uint8_t header[HEADER], flags;
	uint64_t address;
	int err = locate(img, &address);

	if (err)
		return err;
	if (image__read(img, address, header, sizeof(header)) ||
	    memcmp(header, magic, sizeof(magic) - 1))
		return -ENOENT;
	flags = header[15];
	if (flags & FLAG_INLINE)
		return read_inline(img, address + HEADER, buf, size);
	if (flags & FLAG_BIG_ENDIAN || header[14] != 8)
		return -ENOENT;
	return read_pointer(img, address + 16, buf, size);
}

/* ---- what follows from it ---- */

/* N of go1.N; -1: it is none. "devel +abcdef" of before 1.17 has no number. */
static int minor(const char *version)
{
	const char *p = strstr(version, "go1.");
	char *end;
	long n;

	if (!p || !isdigit((unsigned char)p[4]) || (p > version && p[-1] != ' '))
		return -1;
	n = strtol(p + 4, &end, 10);
	return n < 1000 ? (int)n : -1;
}

enum gobuild_abi gobuild__abi(const struct image *img, const char *version, char *why,
			      size_t why_size)
{
	int n = minor(version);

	if (n >= 0)
		return n >= img->machine->go_register ? GOBUILD_ABI_REGISTER : GOBUILD_ABI_STACK;
	snprintf(why, why_size, "built by an unknown version of Go, '%s'", version);
	return GOBUILD_ABI_UNKNOWN;
}
