// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Headers, and reading. libelf is not used: it reads a section as a whole and keeps it until
 * the end, 40 MB of symbol table and strings of Node or Envoy, and it would be one more
 * parser of hostile input in a process with privileges. What is needed of the format is
 * little: the headers, which are checked once, here; and tables of fixed-size entries.
 *
 * Headers of sections are a convenience of the linker; nothing that runs depends on them.
 * When they are missing or damaged the image is one without sections, not an error.
 */
#include "image_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEGMENTS_MAX      64
#define SECTIONS_MAX      16384
#define SECTION_NAMES_MAX (1 << 20)

static const struct image_machine machines[] = {
	{ .id = EM_X86_64,
	  .name = "x86-64",
	  .relative = R_X86_64_RELATIVE,
	  .quantum = 1,
	  .ret_len = 1,
	  .ret_bytes = { 0xc3 },
	  .nop_bytes = { 0x90 },
	  .go_register = 17 },
	{ .id = EM_AARCH64,
	  .name = "arm64",
	  .relative = R_AARCH64_RELATIVE,
	  .quantum = 4,
	  .ret_len = 4,
	  .ret_bytes = { 0xc0, 0x03, 0x5f, 0xd6 },
	  .nop_bytes = { 0x1f, 0x20, 0x03, 0xd5 },
	  .go_register = 18 },
};

#if defined(__x86_64__)
#define THIS_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define THIS_MACHINE EM_AARCH64
#else
#define THIS_MACHINE EM_NONE
#endif

static const char *const source_names[] = {
	[IMAGE_NOWHERE] = "nowhere",       [IMAGE_SYMTAB] = ".symtab",
	[IMAGE_DYNSYM] = ".dynsym",        [IMAGE_DEBUGDATA] = ".gnu_debugdata",
	[IMAGE_DEBUG_FILE] = "debug file", [IMAGE_SIGNATURE] = "signature",
	[IMAGE_GOPCLNTAB] = ".gopclntab",
};

const char *image_source__name(enum image_source source)
{
	return source_names[source];
}

__attribute__((format(printf, 4, 5))) static int fail(char *why, size_t size, int err,
						      const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, size, fmt, args);
	va_end(args);
	return err;
}

/* ---- reading ---- */

int image__pread(const struct image *img, uint64_t offset, void *to, size_t len)
{
	char *p = to;
	ssize_t n;

	if (offset > img->size || len > img->size - offset)
		return -ERANGE;
	for (; len; p += n, offset += n, len -= n) {
		do {
			n = pread(img->fd, p, len, offset);
		} while (n < 0 && errno == EINTR);
		if (n <= 0)
			return n ? -errno : -EIO;
	}
	return 0;
}

static bool holds(const struct window *w, uint64_t offset, size_t len)
{
	uint64_t at = offset - w->offset;

	return offset >= w->offset && at <= w->len && len <= w->len - at;
}

const void *window__at(struct window *w, const struct image *img, uint64_t offset, size_t len)
{
	uint64_t left = offset < img->size ? img->size - offset : 0;

	if (len > left || len > IMAGE_WINDOW || !image__spend(img, 1))
		return NULL;
	if (holds(w, offset, len))
		return w->bytes + (offset - w->offset);
	w->offset = offset;
	w->len = left < IMAGE_WINDOW ? left : IMAGE_WINDOW;
	if (!image__spend(img, w->len / 8) || image__pread(img, offset, w->bytes, w->len)) {
		w->len = 0;
		return NULL;
	}
	return w->bytes;
}

/* Of the segment, the bytes from `address` on that are in the file; 0: none. A segment at an
 * offset within a page other than its address's cannot be mapped, and is none. */
static uint64_t in_segment(const struct image *img, const Elf64_Phdr *p, uint64_t address)
{
	uint64_t at = address - p->p_vaddr, end = p->p_filesz;

	if (p->p_type != PT_LOAD || (p->p_vaddr - p->p_offset) & 0xfff || address < p->p_vaddr)
		return 0;
	if (p->p_offset >= img->size)
		return 0;
	if (end > img->size - p->p_offset)
		end = img->size - p->p_offset;
	return at < end ? end - at : 0;
}

int image__locate(const struct image *img, uint64_t address, uint64_t *offset, uint64_t *len)
{
	for (size_t i = 0; i < img->n_segments; i++) {
		const Elf64_Phdr *p = &img->segments[i];

		*len = in_segment(img, p, address);
		*offset = p->p_offset + (address - p->p_vaddr);
		if (*len)
			return 0;
	}
	return -ERANGE;
}

int image__read(const struct image *img, uint64_t address, void *to, size_t len)
{
	uint64_t offset, there;

	if (image__locate(img, address, &offset, &there) || there < len)
		return -ERANGE;
	return image__pread(img, offset, to, len);
}

int image__offset(const struct image *img, uint64_t address, uint64_t len, uint64_t *offset)
{
	for (size_t i = 0; i < img->n_segments; i++) {
		const Elf64_Phdr *p = &img->segments[i];
		uint64_t there = p->p_flags & PF_X ? in_segment(img, p, address) : 0;

		if (there && there >= len) {
			*offset = p->p_offset + (address - p->p_vaddr);
			return 0;
		}
	}
	return -ERANGE;
}

/* ---- headers ---- */

static int check_header(struct image *img, uint16_t machine, char *why, size_t size)
{
	const Elf64_Ehdr *h = &img->header;

	if (image__pread(img, 0, &img->header, sizeof(img->header)) ||
	    memcmp(h->e_ident, ELFMAG, SELFMAG))
		return fail(why, size, -ENOTSUP, "not an ELF file");
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB)
		return fail(why, size, -ENOTSUP, "not a 64-bit little-endian ELF file");
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		if (machines[i].id == machine)
			img->machine = &machines[i];
	}
	if (!img->machine)
		return fail(why, size, -ENOTSUP, "this machine's code is not known");
	if (h->e_machine != machine)
		return fail(why, size, -ENOTSUP, "machine %u, not this one's (%s)", h->e_machine,
			    img->machine->name);
	if (h->e_type != ET_EXEC && h->e_type != ET_DYN)
		return fail(why, size, -ENOTSUP, "neither an executable nor a shared library");
	return 0;
}

/* n entries of `each` bytes at `offset` of the file. NULL and errno. */
static void *read_table(const struct image *img, uint64_t offset, size_t n, size_t each)
{
	void *v = calloc(n, each);
	int err = v ? image__pread(img, offset, v, n * each) : -ENOMEM;

	if (!err)
		return v;
	free(v);
	errno = -err;
	return NULL;
}

/* The first section's header holds what does not fit the file's (gABI, "e_shnum"). */
static Elf64_Shdr first_section(const struct image *img)
{
	Elf64_Shdr first = { 0 };

	if (img->header.e_shoff && img->header.e_shentsize == sizeof(first))
		image__pread(img, img->header.e_shoff, &first, sizeof(first));
	return first;
}

static int read_segments(struct image *img, char *why, size_t size)
{
	const Elf64_Ehdr *h = &img->header;
	uint64_t n = h->e_phnum == PN_XNUM ? first_section(img).sh_info : h->e_phnum;

	if (!n || h->e_phentsize != sizeof(Elf64_Phdr))
		return fail(why, size, -EBADMSG, "no segments");
	if (n > SEGMENTS_MAX)
		return fail(why, size, -EBADMSG, "%llu segments", (unsigned long long)n);
	img->segments = read_table(img, h->e_phoff, n, sizeof(Elf64_Phdr));
	if (!img->segments)
		return fail(why, size, errno == ENOMEM ? -ENOMEM : -EBADMSG,
			    "the headers of its segments are not in the file");
	img->n_segments = n;
	return 0;
}

/* What lies outside of the file, or is too large, or is compressed, is not there. */
static void drop_bad_sections(struct image *img)
{
	for (size_t i = 0; i < img->n_sections; i++) {
		Elf64_Shdr *s = &img->sections[i];

		if (s->sh_type == SHT_NOBITS || s->sh_flags & SHF_COMPRESSED ||
		    s->sh_size > IMAGE_SECTION_MAX || s->sh_offset > img->size ||
		    s->sh_size > img->size - s->sh_offset)
			*s = (Elf64_Shdr){ .sh_type = SHT_NULL };
	}
}

static void read_section_names(struct image *img, uint32_t index)
{
	const Elf64_Shdr *s = index < img->n_sections ? &img->sections[index] : NULL;

	if (!s || s->sh_type != SHT_STRTAB || !s->sh_size || s->sh_size > SECTION_NAMES_MAX)
		return;
	img->section_names = read_table(img, s->sh_offset, s->sh_size, 1);
	if (!img->section_names)
		return;
	img->section_names_len = s->sh_size;
	img->section_names[s->sh_size - 1] = '\0';
}

static void read_sections(struct image *img)
{
	Elf64_Shdr first = first_section(img);
	uint64_t n = img->header.e_shnum ? img->header.e_shnum : first.sh_size;
	uint32_t names = img->header.e_shstrndx;

	if (!img->header.e_shoff || img->header.e_shentsize != sizeof(first) || !n ||
	    n > SECTIONS_MAX)
		return;
	img->sections = read_table(img, img->header.e_shoff, n, sizeof(first));
	if (!img->sections)
		return;
	img->n_sections = n;
	drop_bad_sections(img);
	read_section_names(img, names == SHN_XINDEX ? first.sh_link : names);
}

const char *image__section_name(const struct image *img, const Elf64_Shdr *s)
{
	return s->sh_name < img->section_names_len ? img->section_names + s->sh_name : "";
}

const Elf64_Shdr *image__section(const struct image *img, const char *name)
{
	for (size_t i = 0; i < img->n_sections; i++) {
		const Elf64_Shdr *s = &img->sections[i];

		if (s->sh_type != SHT_NULL && !strcmp(image__section_name(img, s), name))
			return s;
	}
	return NULL;
}

/* ---- the whole ---- */

static int stat_file(struct image *img, char *why, size_t size)
{
	struct stat st;

	if (fstat(img->fd, &st)) {
		int err = -errno;

		return fail(why, size, err, "%s", strerror(-err));
	}
	if (!S_ISREG(st.st_mode))
		return fail(why, size, -EINVAL, "not a regular file");
	img->size = st.st_size;
	return 0;
}

struct image *image__new_of(int fd, uint16_t machine, char *why, size_t size)
{
	struct image *img = calloc(1, sizeof(*img));
	int err;

	if (!img) {
		fail(why, size, 0, "out of memory");
		return NULL;
	}
	img->fd = fd;
	img->root_fd = -1;
	img->own_steps = IMAGE_STEPS;
	img->steps = &img->own_steps;
	err = stat_file(img, why, size);
	if (!err)
		err = check_header(img, machine, why, size);
	if (!err)
		err = read_segments(img, why, size);
	if (err) {
		image__free(img);
		errno = -err;
		return NULL;
	}
	read_sections(img);
	image__read_notes(img);
	image__read_dynamic(img);
	return img;
}

struct image *image__new(int fd, char *why, size_t why_size)
{
	return image__new_of(fd, THIS_MACHINE, why, why_size);
}

void image__free(struct image *img)
{
	if (!img)
		return;
	free(img->segments);
	free(img->sections);
	free(img->section_names);
	free(img);
}

void image__look_in(struct image *img, int root_fd, const struct signatures *s)
{
	img->root_fd = root_fd;
	img->signatures = s;
}

const char *image__build_id(const struct image *img)
{
	return img->build_id;
}

const char *image__soname(const struct image *img)
{
	return img->soname;
}

bool image__is_go(const struct image *img)
{
	return img->is_go;
}

bool image__too_much(const struct image *img)
{
	return !*img->steps;
}
