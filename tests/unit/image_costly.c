// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Files that are made to take as long to read as can be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>

#include "image_fixture.h"
#include "probe_plan.h"
#include "tls_scan.h"

#define CODE 0x10000 /* bytes of code behind the headers */

/* What is in a file with one table of symbols, twice: as .symtab and as .dynsym. */
struct tables {
	const char *string; /* its strings: this, over and over */
	size_t strings_len;
	size_t symbols; /* all functions of the name at 1 */
};

static Elf64_Ehdr header(uint64_t sections, uint16_t n)
{
	return (Elf64_Ehdr){
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1,
		.e_shoff = sections,
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = n,
	};
}

static void fill(int fd, uint64_t offset, const void *what, size_t what_len, size_t len)
{
	size_t chunk = what_len, n;
	char *bytes;

	while (chunk < 1 << 20 && chunk < len)
		chunk += what_len;
	bytes = malloc(chunk);
	for (n = 0; n < chunk; n += what_len)
		memcpy(bytes + n, what, what_len);
	for (; len; offset += n, len -= n) {
		n = len < chunk ? len : chunk;
		assert_int_equal(pwrite(fd, bytes, n, offset), n);
	}
	free(bytes);
}

static int tables_file(const struct tables *t)
{
	Elf64_Sym symbol = { .st_name = 1,
			     .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
			     .st_shndx = 1,
			     .st_value = 0x100,
			     .st_size = 16 };
	uint64_t strings = CODE, symbols = strings + t->strings_len,
		 symbols_len = t->symbols * sizeof(symbol), sections = symbols + symbols_len;
	Elf64_Phdr p = { .p_type = PT_LOAD, .p_flags = PF_X, .p_filesz = CODE, .p_memsz = CODE };
	Elf64_Shdr s[4] = {
		{ .sh_type = SHT_NULL },
		{ .sh_type = SHT_STRTAB, .sh_offset = strings, .sh_size = t->strings_len },
		{ .sh_type = SHT_SYMTAB,
		  .sh_offset = symbols,
		  .sh_size = symbols_len,
		  .sh_link = 1,
		  .sh_entsize = sizeof(symbol) },
	};
	Elf64_Ehdr h = header(sections, 4);
	int fd = memfd_create("tables", MFD_CLOEXEC);

	s[3] = s[2];
	s[3].sh_type = SHT_DYNSYM;
	fill(fd, 0, &h, sizeof(h), sizeof(h));
	fill(fd, sizeof(h), &p, sizeof(p), sizeof(p));
	fill(fd, strings, t->string, strlen(t->string) + 1, t->strings_len);
	fill(fd, symbols, &symbol, sizeof(symbol), symbols_len);
	fill(fd, sections, s, sizeof(s), sizeof(s));
	return fd;
}

/* A table of n Go functions, each of the same row and the same stack depths, in `runs` runs. */
static int go_file(uint32_t n, uint32_t runs)
{
	uint64_t words[8] = { n, 0, 0, 72, 80, 0, 80, 0 }, table = CODE, pctab = table + 80, len;
	uint64_t functions = 80 + 2 + 2 * (uint64_t)runs + 8;
	uint8_t head[8] = { 0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8 }, run[2] = { 4, 1 };
	Elf64_Phdr p = { .p_type = PT_LOAD, .p_flags = PF_X, .p_filesz = CODE, .p_memsz = CODE };
	static const char names[] = "\0.gopclntab";
	Elf64_Shdr s[3] = { { .sh_type = SHT_NULL },
			    { .sh_type = SHT_STRTAB, .sh_size = sizeof(names) },
			    { .sh_type = SHT_PROGBITS, .sh_name = 1, .sh_offset = table } };
	uint32_t index[2], row[6] = { 0, 0, 0, 0, 1, 0 };
	int fd = memfd_create("go", MFD_CLOEXEC);
	Elf64_Ehdr h;

	functions = (functions + 7) & ~7ull;
	words[7] = functions;
	index[0] = 0;
	index[1] = 8 * n + 8;
	len = functions + index[1] + sizeof(row);
	s[2].sh_size = len;
	s[1].sh_offset = table + len;
	h = header((table + len + sizeof(names) + 7) & ~7ull, 3);
	h.e_shstrndx = 1;
	fill(fd, 0, &h, sizeof(h), sizeof(h));
	fill(fd, sizeof(h), &p, sizeof(p), sizeof(p));
	fill(fd, table, head, 8, 8);
	fill(fd, table + 8, words, sizeof(words), sizeof(words));
	fill(fd, table + 72, "main.f", 7, 7);
	fill(fd, pctab + 1, run, 2, 2 * runs);
	fill(fd, table + functions, index, 8, 8 * (size_t)n);
	fill(fd, table + functions + index[1], row, sizeof(row), sizeof(row));
	fill(fd, table + len, names, sizeof(names), sizeof(names));
	fill(fd, h.e_shoff, s, sizeof(s), sizeof(s));
	return fd;
}

static struct probe_plan *plan_of(int fd)
{
	char why[160];
	struct tls_scan *s = tls_scan__new(NULL, why, sizeof(why));
	struct probe_plan *plan;

	assert_non_null(s);
	plan = tls_scan__plan(s, fd);
	assert_non_null(plan);
	tls_scan__free(s);
	close(fd);
	return plan;
}

static void expect_too_much(int fd)
{
	struct probe_plan *plan = plan_of(fd);

	assert_int_equal(plan->n + plan->kinds, 0);
	assert_string_equal(plan->why, "it takes too long to read: its tables are not a program's");
	probe_plan__free(plan);
}

/* Twenty thousand functions that lead to the same 30,000 runs; there could be 16 million. */
static void go_functions_that_share_their_runs(void **state)
{
	expect_too_much(go_file(20000, 30000));
}

/* A million functions of one long name, which is read and looked into each time. */
static void long_names(void **state)
{
	static char name[4096];

	memset(name, 'r', sizeof(name) - 6);
	memcpy(name, "x_ZNrustls", 10);
	expect_too_much(tables_file(&(struct tables){ name, sizeof(name) - 5, 1 << 20 }));
}

/* How many steps it takes to look for a name in strings that all end like it; 0: too many. */
static uint64_t steps_of(const char *string, uint64_t steps)
{
	int fd = tables_file(&(struct tables){ string, 8 << 20, 1 });
	const char *name = "SSL_read";
	struct image_function f;
	char why[128];
	struct image *img = image__new(fd, why, sizeof(why));

	assert_non_null(img);
	assert_false(image__too_much(img));
	*img->steps = steps;
	image__find(img, &name, 1, &f);
	steps -= *img->steps;
	steps = image__too_much(img) ? 0 : steps;
	image__free(img);
	close(fd);
	return steps;
}

static void each_string_counts(void **state)
{
	uint64_t bytes = 2 * (8 << 20) / 8, strings = 2 * (8 << 20) / 9;

	assert_in_range(steps_of("xxxxxxxd", IMAGE_STEPS), bytes + strings, 2 * bytes + strings);
	assert_int_equal(steps_of("xxxxxxxd", bytes + strings / 2), 0);
}

/* This program, which has libraries and their symbols in it. */
static void a_program_is_not_too_much(void **state)
{
	struct image *img = image_of("/proc/self/exe");
	struct image_function f = find_one(img, "tls_scan__plan");

	assert_int_equal(f.source, IMAGE_SYMTAB);
	assert_in_range(*img->steps, IMAGE_STEPS - IMAGE_STEPS / 64, IMAGE_STEPS);
	image__free(img);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(go_functions_that_share_their_runs),
		cmocka_unit_test(long_names),
		cmocka_unit_test(each_string_counts),
		cmocka_unit_test(a_program_is_not_too_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
