/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * An image with a table of Go functions, of any of its formats, made here. Each function is
 * of 32 bytes: prologue, body, RET, body, RET, morestack call.
 */
#ifndef RED_TEST_GOPCLNTAB_FIXTURE_H
#define RED_TEST_GOPCLNTAB_FIXTURE_H

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define GO_BASE     0x400000
#define GO_CODE_LEN 32
#define GO_RETURN_1 16
#define GO_RETURN_2 25 /* behind a no-operation */

struct go_image {
	/* what to make */
	uint32_t magic;
	uint32_t n; /* functions f0, f1, ..., the last is crypto/tls.(*Conn).Read */
	bool no_sections;
	bool no_text;         /* the header does not say where runtime.text is */
	uint32_t before;      /* bytes of other code before it, a multiple of 16 */
	uint32_t c_functions; /* of n, that have no table of stack depths */
	const char *version;  /* of Go; NULL: not in the image */
	/* what was made */
	uint8_t *bytes;
	size_t len;
	size_t text, table, row, name; /* offsets in it; of the last function */
};

static const uint8_t go_code[GO_CODE_LEN] = {
	0x49, 0x3b, 0x66, 0x10, 0x55, 0x48, 0x89, 0xe5, 0xc3, 0xc3, 0xc3, 0xc3, 0, 0, 0, 0x5d,
	0xc3, 0x48, 0xc7, 0xc3, 0xc3, 0xc3, 0xc3, 0x5d, 0x90, 0xc3, 0xe8, 0xc3, 0, 0, 0, 0xeb,
};

/* Of some functions the first return is earlier: code that repeats fits at many places. */
static inline bool go_early(const struct go_image *g, uint32_t i)
{
	uint32_t mixed = i * 0x9e3779b1u;

	mixed = (mixed ^ mixed >> 15) * 0x85ebca77u;
	return i + 1 < g->n && (mixed ^ mixed >> 13) & 1;
}

/* {difference as zigzag, length}, from -1 on: 0 to 5, 8 to 16, 0, 8 from 17, 0 from 24. */
static const uint8_t go_pcsp[] = { 2, 5, 16, 11, 15, 1, 16, 7, 15, 8, 0 };
static const uint8_t go_pcsp_early[] = { 2, 5, 16, 7, 15, 1, 16, 11, 15, 8, 0 };

static inline void go_put(struct go_image *g, const void *p, size_t len)
{
	memcpy(g->bytes + g->len, p, len);
	g->len += len;
}

static inline void go_number(struct go_image *g, uint64_t n, size_t bytes)
{
	go_put(g, &n, bytes);
}

static inline void go_align(struct go_image *g, size_t to)
{
	while (g->len % to)
		go_number(g, 0, 1);
}

static inline bool go_absolute(const struct go_image *g)
{
	return g->magic == 0xfffffffb || g->magic == 0xfffffffa;
}

static inline void go_headers(struct go_image *g)
{
	Elf64_Ehdr h = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 2,
		.e_shentsize = sizeof(Elf64_Shdr),
	};
	Elf64_Phdr p[2] = { 0 };

	go_put(g, &h, sizeof(h));
	go_put(g, p, sizeof(p));
	go_align(g, 16);
}

static inline void go_text(struct go_image *g)
{
	for (uint32_t i = 0; i < g->before; i++)
		go_number(g, i % 3 ? 0xc3 : 0x90, 1);
	g->text = g->len;
	for (uint32_t i = 0; i < g->n; i++) {
		go_put(g, go_code, sizeof(go_code));
		if (go_early(g, i)) {
			g->bytes[g->len - GO_CODE_LEN + 12] = 0xc3;
			g->bytes[g->len - GO_CODE_LEN + GO_RETURN_1] = 0x90;
		}
	}
	go_align(g, 32);
}

static inline void go_names(struct go_image *g)
{
	char name[32];

	for (uint32_t i = 0; i + 1 < g->n; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		go_put(g, name, strlen(name) + 1);
	}
	go_put(g, "inlined", 8);
	g->name = g->len;
	go_put(g, "crypto/tls.(*Conn).Read", 24);
}

static inline void go_row(struct go_image *g, uint32_t i, uint32_t name, uint32_t pcsp)
{
	bool absolute = go_absolute(g);

	g->row = g->len;
	go_number(g, (absolute ? GO_BASE + g->text : 0) + i * GO_CODE_LEN, absolute ? 8 : 4);
	go_number(g, name, 4);
	go_number(g, 0, 8); /* arguments, deferreturn */
	go_number(g, pcsp, 4);
	go_number(g, 0, 4);
}

/* The index, and the functions behind it; `from` is what the index counts from. */
static inline void go_functions(struct go_image *g, size_t from, size_t names, size_t names_from,
				uint32_t pcsp)
{
	bool absolute = go_absolute(g);
	size_t e = absolute ? 8 : 4, row = e + 20, index = 2 * e * g->n + e;
	size_t first = g->len + index + 8;
	uint64_t base = absolute ? GO_BASE + g->text : 0;

	for (uint32_t i = 0; i < g->n; i++) {
		go_number(g, base + i * GO_CODE_LEN, e);
		go_number(g, first + i * row - from, e);
	}
	go_number(g, base + g->n * GO_CODE_LEN, e);
	while (g->len < first)
		go_number(g, 0, 1);
	for (uint32_t i = 0, name = 0; i < g->n; i++) {
		const char *s = (const char *)g->bytes + names + name;

		go_row(g, i, (i + 1 == g->n ? g->name - names : name) + names - names_from,
		       i < g->c_functions ? 0 : pcsp + (go_early(g, i) ? sizeof(go_pcsp) : 0));
		name += strlen(s) + 1;
	}
}

static inline void go_table(struct go_image *g)
{
	size_t words = g->magic == 0xfffffffb ? 0 : g->magic == 0xfffffffa ? 7 : 8, at[8] = { 0 };
	size_t names, pctab;
	uint8_t head[8] = { 0, 0, 0, 0, 0, 0, 1, 8 };

	go_align(g, 32);
	g->table = g->len;
	memcpy(head, &g->magic, 4);
	go_put(g, head, 8);
	go_number(g, g->n, 8);
	if (!words) { /* one piece: the index first, so the others go before the table's end */
		size_t index = g->len, rows = 24 * g->n + 16;
		struct go_image behind = *g;

		behind.len = index + 16 * g->n + 8 + 8 + 4 * g->n + rows;
		names = behind.len;
		go_names(&behind);
		pctab = behind.len;
		go_put(&behind, go_pcsp, sizeof(go_pcsp));
		go_put(&behind, go_pcsp_early, sizeof(go_pcsp_early));
		g->name = behind.name;
		go_functions(g, g->table, names, g->table, pctab - g->table);
		g->len = behind.len;
		return;
	}
	g->len = g->table + 8 + 8 * words;
	names = g->len;
	go_names(g);
	at[0] = g->len; /* end of names */
	go_number(g, 0, 1);
	pctab = g->len;
	go_number(g, 0, 1);
	go_put(g, go_pcsp, sizeof(go_pcsp));
	go_put(g, go_pcsp_early, sizeof(go_pcsp_early));
	go_align(g, 8);
	at[1] = g->len;
	go_functions(g, g->len, names, names, 1);
	for (size_t word = 1; word < words; word++) {
		size_t k = word + (words == 7); /* as from 1.18 on */
		uint64_t v = k == 2   ? (g->no_text ? 0 : GO_BASE + g->text)
			     : k == 3 ? names - g->table
			     : k == 4 ? at[0] - g->table
			     : k == 6 ? pctab - g->table
				      : at[1] - g->table;

		if (k != 2 || words == 8)
			memcpy(g->bytes + g->table + 8 + 8 * word, &v, 8);
	}
}

static inline void go_segments(struct go_image *g, size_t data)
{
	Elf64_Phdr p[2] = {
		{ .p_type = PT_LOAD,
		  .p_flags = PF_R | PF_X,
		  .p_vaddr = GO_BASE,
		  .p_filesz = data,
		  .p_memsz = data },
		{ .p_type = PT_LOAD,
		  .p_flags = PF_R | PF_W,
		  .p_offset = data,
		  .p_vaddr = 2 * GO_BASE + data,
		  .p_filesz = g->len - data,
		  .p_memsz = g->len - data },
	};

	memcpy(g->bytes + sizeof(Elf64_Ehdr), p, sizeof(p));
}

static inline void go_sections(struct go_image *g, size_t table_end)
{
	static const char names[] = "\0.gopclntab\0.shstrtab";
	Elf64_Ehdr *h = (Elf64_Ehdr *)g->bytes;
	Elf64_Shdr s[3] = {
		{ .sh_type = SHT_NULL },
		{ .sh_type = SHT_PROGBITS,
		  .sh_name = 1,
		  .sh_offset = g->table,
		  .sh_addr = GO_BASE + g->table,
		  .sh_size = table_end - g->table },
		{ .sh_type = SHT_STRTAB, .sh_name = 12, .sh_offset = g->len, .sh_size = 22 },
	};

	go_put(g, names, sizeof(names));
	go_align(g, 8);
	h->e_shoff = g->len;
	h->e_shnum = 3;
	h->e_shstrndx = 2;
	go_put(g, s, sizeof(s));
}

/* g->bytes has room for it: 200 bytes a function and 8 kB. */
static inline void go_image__make(struct go_image *g)
{
	size_t table_end, data;

	g->len = 0;
	go_headers(g);
	go_text(g);
	go_table(g);
	table_end = data = g->len;
	go_align(g, 16);
	data = g->len;
	if (g->version) {
		go_put(g, "\xff Go buildinf:\x08\x02", 16);
		go_number(g, 0, 8);
		go_number(g, 0, 8);
		go_number(g, strlen(g->version), 1);
		go_put(g, g->version, strlen(g->version));
	}
	go_number(g, 0, 8);
	go_segments(g, data);
	if (!g->no_sections)
		go_sections(g, table_end);
}

#endif /* RED_TEST_GOPCLNTAB_FIXTURE_H */
