// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What an image says about itself: notes (gABI, "Note Section") and PT_DYNAMIC. */
#include "image_internal.h"

#include <errno.h>
#include <string.h>

#include "hex.h"

#define NOTES_MAX   65536
#define DYNAMIC_MAX 65536

#define NT_GO_BUILD_ID 4 /* Go: cmd/link/internal/ld/elf.go, ELF_NOTE_GOBUILDID_TAG */

static void note(struct image *img, const Elf64_Nhdr *n, const char *name, const void *desc)
{
	if (n->n_namesz != 4)
		return;
	if (!memcmp(name, "Go\0", 4) && n->n_type == NT_GO_BUILD_ID)
		img->is_go = true;
	if (memcmp(name, ELF_NOTE_GNU, 4) || n->n_type != NT_GNU_BUILD_ID || img->build_id[0])
		return;
	if (n->n_descsz && n->n_descsz <= sizeof(img->build_id) / 2)
		*hex_put(img->build_id, desc, n->n_descsz) = '\0';
}

static size_t align_up(size_t n, size_t align)
{
	return (n + align - 1) & ~(align - 1);
}

static void notes_at(struct image *img, struct window *w, uint64_t offset, uint64_t len,
		     uint64_t align)
{
	static const size_t head = sizeof(Elf64_Nhdr);
	const char *p;
	Elf64_Nhdr n;

	len = len > NOTES_MAX ? 0 : len;
	align = align == 8 ? 8 : 4;
	p = len ? window__at(w, img, offset, len) : NULL;
	for (size_t at = 0, desc, end; p && len - at >= head; at = align_up(end, align)) {
		if (!image__spend(img, 1))
			return;
		memcpy(&n, p + at, head);
		if (n.n_namesz > len - at - head)
			return;
		desc = align_up(at + head + n.n_namesz, align);
		if (desc > len || n.n_descsz > len - desc)
			return;
		end = desc + n.n_descsz;
		note(img, &n, p + at + head, p + desc);
		if (align_up(end, align) > len)
			return;
	}
}

/* Sections first: in a separate debug file the segments' offsets are those of the other. */
void image__read_notes(struct image *img)
{
	struct window w;

	window__init(&w);
	for (size_t i = 0; i < img->n_sections; i++) {
		const Elf64_Shdr *s = &img->sections[i];

		if (s->sh_type == SHT_NOTE)
			notes_at(img, &w, s->sh_offset, s->sh_size, s->sh_addralign);
	}
	for (size_t i = 0; i < img->n_segments; i++) {
		const Elf64_Phdr *p = &img->segments[i];

		if (p->p_type == PT_NOTE)
			notes_at(img, &w, p->p_offset, p->p_filesz, p->p_align);
	}
	if (image__section(img, ".go.buildinfo") || image__section(img, ".gopclntab"))
		img->is_go = true;
}

/* ---- PT_DYNAMIC ---- */

static void read_soname(struct image *img, uint64_t strings, uint64_t name)
{
	uint64_t offset, len;
	size_t max = sizeof(img->soname) - 1;

	if (!name || strings + name < strings || image__locate(img, strings + name, &offset, &len))
		return;
	if (image__pread(img, offset, img->soname, len < max ? len : max) ||
	    !memchr(img->soname, '\0', len < max ? len : max))
		img->soname[0] = '\0';
}

static const Elf64_Phdr *dynamic(const struct image *img)
{
	for (size_t i = 0; i < img->n_segments; i++) {
		const Elf64_Phdr *p = &img->segments[i];

		if (p->p_type == PT_DYNAMIC && p->p_filesz && p->p_filesz <= DYNAMIC_MAX)
			return p;
	}
	return NULL;
}

void image__read_dynamic(struct image *img)
{
	const Elf64_Phdr *p = dynamic(img);
	uint64_t strings = 0, name = 0;
	const char *bytes;
	struct window w;
	Elf64_Dyn d;

	window__init(&w);
	bytes = p ? window__at(&w, img, p->p_offset, p->p_filesz) : NULL;
	for (size_t at = 0; bytes && p->p_filesz - at >= sizeof(d); at += sizeof(d)) {
		memcpy(&d, bytes + at, sizeof(d));
		if (d.d_tag == DT_NULL)
			break;
		if (d.d_tag == DT_STRTAB)
			strings = d.d_un.d_ptr;
		if (d.d_tag == DT_SONAME)
			name = d.d_un.d_val;
		if (d.d_tag == DT_RELA)
			img->rela_address = d.d_un.d_ptr;
		if (d.d_tag == DT_RELASZ)
			img->rela_len = d.d_un.d_val;
	}
	read_soname(img, strings, name);
}

/* ---- relocations ---- */

static bool relocated(const struct image *img, struct window *w, uint64_t offset, uint64_t address,
		      uint64_t *word)
{
	const char *p = window__at(w, img, offset, sizeof(Elf64_Rela));
	Elf64_Rela r;

	if (!p)
		return false;
	memcpy(&r, p, sizeof(r));
	if (r.r_offset != address || ELF64_R_TYPE(r.r_info) != img->machine->relative)
		return false;
	*word = r.r_addend;
	return true;
}

/* GNU ld leaves 0 at the place of a relocation with addend, Go's own linker the value. */
int image__word(const struct image *img, uint64_t address, uint64_t *word)
{
	uint64_t offset, len;
	struct window w;
	int err = image__read(img, address, word, sizeof(*word));

	window__init(&w);
	if (err || *word || image__locate(img, img->rela_address, &offset, &len))
		return err;
	if (len > img->rela_len)
		len = img->rela_len;
	if (len > IMAGE_SECTION_MAX)
		return 0;
	for (; len >= sizeof(Elf64_Rela); len -= sizeof(Elf64_Rela)) {
		if (relocated(img, &w, offset, address, word))
			return 0;
		offset += sizeof(Elf64_Rela);
	}
	return 0;
}
