// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Files that are cut off, or whose numbers are absurd: refused, or with less in them, but
 * never other functions than there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "image_fixture.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static uint8_t *good;
static size_t good_len;
static struct image_function truth[4];

static const char *const names[] = { "SSL_read", "once", "main", "nothing" };

static int set_up(void **state)
{
	struct image *img;

	fixture_set_up(state);
	good = read_whole(in_dir("full"), &good_len);
	img = image_of(in_dir("full"));
	assert_int_equal(image__find(img, names, N(names), truth), 3);
	image__free(img);
	return 0;
}

static int tear_down(void **state)
{
	free(good);
	return fixture_tear_down(state);
}

static bool count(void *arg, const char *name, const struct image_function *f)
{
	return ++*(size_t *)arg < 1000;
}

/* Everything that can be asked; how many of the functions were found. */
static int ask(int fd, bool may_lie)
{
	struct image_function f[N(names)];
	char why[128] = "";
	struct image *img = image__new(fd, why, sizeof(why));
	size_t seen = 0;
	int n;

	assert_true(img || (why[0] && errno));
	if (!img)
		return -1;
	n = image__find(img, names, N(names), f);
	assert_true(n >= 0);
	for (size_t i = 0; i < N(names) && !may_lie; i++) {
		if (f[i].source && f[i].offset != truth[i].offset)
			fail_msg("%s at %llx", names[i], (unsigned long long)f[i].offset);
	}
	assert_true(image__each(img, "S", count, &seen) <= 0);
	image__free(img);
	return n;
}

static int ask_bytes(const uint8_t *bytes, size_t len, bool may_lie)
{
	int fd = memory_file(bytes, len), n = ask(fd, may_lie);

	close(fd);
	return n;
}

static void the_whole_is_good(void **state)
{
	assert_int_equal(ask_bytes(good, good_len, false), 3);
}

static void cut_off_anywhere(void **state)
{
	int fd = memory_file(good, good_len);

	for (size_t len = good_len; len--;) {
		assert_int_equal(ftruncate(fd, len), 0);
		assert_true(ask(fd, false) <= (len < good_len ? 0 : 3));
	}
	close(fd);
}

/* The headers were read when it was whole. */
static void cut_off_while_open(void **state)
{
	static const size_t lengths[] = { 0, 64, 1000, 4096, 5000, 9000, 13000, 14000, 15000 };
	struct image_function f[N(names)];
	char why[128];
	struct image *img;
	int fd;

	for (size_t i = 0; i < N(lengths); i++) {
		fd = memory_file(good, good_len);
		img = image__new(fd, why, sizeof(why));
		assert_non_null(img);
		assert_int_equal(ftruncate(fd, lengths[i]), 0);
		assert_true(image__find(img, names, N(names), f) >= 0);
		image__free(img);
		close(fd);
	}
}

/* ---- absurd numbers ---- */

static const uint64_t absurd[] = {
	0,
	1,
	3,
	0xff,
	0xfff,
	0xffff,
	1 << 20,
	1u << 31,
	0xffffffff,
	1ull << 32,
	0x7fffffffffffffff,
	1ull << 63,
	UINT64_MAX - 4096,
	UINT64_MAX - 23,
	UINT64_MAX - 7,
	UINT64_MAX,
};

/* Each field of `len` bytes at `at`, taken as 2, 4 and 8 bytes, in turn. */
static void spoil(size_t at, size_t len)
{
	uint8_t *bad = malloc(good_len);

	for (size_t size = 2; size <= 8; size *= 2) {
		for (size_t field = at; field + size <= at + len; field += size) {
			for (size_t i = 0; i < N(absurd) + 3; i++) {
				uint64_t v =
					i < N(absurd) ? absurd[i] : good_len - 1 + i - N(absurd);

				memcpy(bad, good, good_len);
				memcpy(bad + field, &v, size);
				ask_bytes(bad, good_len, true);
			}
		}
	}
	free(bad);
}

static const Elf64_Ehdr *header(void)
{
	return (const Elf64_Ehdr *)good;
}

static void absurd_file_header(void **state)
{
	spoil(0, sizeof(Elf64_Ehdr));
}

static void absurd_segments(void **state)
{
	spoil(header()->e_phoff, header()->e_phnum * sizeof(Elf64_Phdr));
}

static void absurd_sections(void **state)
{
	spoil(header()->e_shoff, header()->e_shnum * sizeof(Elf64_Shdr));
}

static void absurd_contents(void **state)
{
	const Elf64_Shdr *s = (const Elf64_Shdr *)(good + header()->e_shoff);

	for (size_t i = 0; i < header()->e_shnum; i++) {
		if (s[i].sh_type == SHT_DYNAMIC || s[i].sh_type == SHT_NOTE)
			spoil(s[i].sh_offset, s[i].sh_size);
		if (s[i].sh_type == SHT_SYMTAB) /* its end: the functions */
			spoil(s[i].sh_offset + s[i].sh_size - 10 * sizeof(Elf64_Sym),
			      10 * sizeof(Elf64_Sym));
	}
}

static void without_section_headers(void **state)
{
	uint8_t *bad = malloc(good_len);
	int fd;
	struct image *img, *whole = image_of(in_dir("full"));
	char why[128];

	memcpy(bad, good, good_len);
	memset(bad + offsetof(Elf64_Ehdr, e_shoff), 0, 8);
	memset(bad + offsetof(Elf64_Ehdr, e_shnum), 0, 4);
	fd = memory_file(bad, good_len);
	img = image__new(fd, why, sizeof(why));
	assert_non_null(img);
	assert_string_equal(image__build_id(img), image__build_id(whole));
	assert_int_equal(find_one(img, "once").source, IMAGE_NOWHERE);
	image__free(whole);
	image__free(img);
	close(fd);
	free(bad);
}

/* ---- what is no image at all ---- */

static void refused(void **state)
{
	static const struct {
		size_t at;
		uint16_t value;
		int err;
		const char *why;
	} cases[] = {
		{ 0, 0x7f00, ENOTSUP, "not an ELF file" },
		{ EI_CLASS, 0x0101, ENOTSUP, "not a 64-bit little-endian ELF file" },
		{ EI_CLASS, 0x0202, ENOTSUP, "not a 64-bit little-endian ELF file" },
		{ offsetof(Elf64_Ehdr, e_machine), EM_S390, ENOTSUP, "machine 22, not this one's" },
		{ offsetof(Elf64_Ehdr, e_type), ET_REL, ENOTSUP,
		  "neither an executable nor a shared library" },
		{ offsetof(Elf64_Ehdr, e_type), ET_CORE, ENOTSUP,
		  "neither an executable nor a shared library" },
		{ offsetof(Elf64_Ehdr, e_phnum), 0, EBADMSG, "no segments" },
		{ offsetof(Elf64_Ehdr, e_phnum), 2000, EBADMSG, "2000 segments" },
		{ offsetof(Elf64_Ehdr, e_phoff), 0xffff, EBADMSG,
		  "the headers of its segments are not in the file" },
	};
	char why[128];

	for (size_t i = 0; i < N(cases); i++) {
		uint8_t *bad = malloc(good_len);
		int fd;

		memcpy(bad, good, good_len);
		memcpy(bad + cases[i].at, &cases[i].value, 2);
		fd = memory_file(bad, good_len);
		assert_null(image__new(fd, why, sizeof(why)));
		assert_int_equal(errno, cases[i].err);
		assert_memory_equal(why, cases[i].why, strlen(cases[i].why));
		close(fd);
		free(bad);
	}
}

static void not_files(void **state)
{
	char why[128];
	int fds[2], zero = open_file("/dev/zero");

	assert_int_equal(pipe(fds), 0);
	assert_null(image__new(fds[0], why, sizeof(why)));
	assert_int_equal(errno, EINVAL);
	assert_null(image__new(zero, why, sizeof(why)));
	assert_string_equal(why, "not a regular file");
	assert_null(image__new(-1, why, sizeof(why)));
	assert_int_equal(errno, EBADF);
	close(fds[0]);
	close(fds[1]);
	close(zero);
	image__free(NULL);
}

/* An address outside of code is no place for a probe. */
static void addresses(void **state)
{
	struct image *img = image_of(in_dir("full"));
	const Elf64_Phdr *p = img->segments;
	uint64_t offset;

	for (size_t i = 0; i < img->n_segments; i++, p++) {
		bool code = p->p_type == PT_LOAD && p->p_flags & PF_X;

		if (p->p_type != PT_LOAD)
			continue;
		assert_int_equal(image__offset(img, p->p_vaddr, 1, &offset), code ? 0 : -ERANGE);
		if (!code)
			continue;
		assert_int_equal(offset, p->p_offset);
		assert_int_equal(image__offset(img, p->p_vaddr - 1, 1, &offset), -ERANGE);
		assert_int_equal(image__offset(img, p->p_vaddr, p->p_filesz, &offset), 0);
		assert_int_equal(image__offset(img, p->p_vaddr, p->p_filesz + 1, &offset), -ERANGE);
		assert_int_equal(image__offset(img, p->p_vaddr + p->p_filesz - 1, 1, &offset), 0);
		assert_int_equal(image__offset(img, p->p_vaddr + p->p_filesz, 1, &offset), -ERANGE);
		assert_int_equal(image__offset(img, p->p_vaddr, UINT64_MAX, &offset), -ERANGE);
	}
	assert_int_equal(image__offset(img, UINT64_MAX, 1, &offset), -ERANGE);
	image__free(img);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_is_good),
		cmocka_unit_test(cut_off_anywhere),
		cmocka_unit_test(cut_off_while_open),
		cmocka_unit_test(absurd_file_header),
		cmocka_unit_test(absurd_segments),
		cmocka_unit_test(absurd_sections),
		cmocka_unit_test(absurd_contents),
		cmocka_unit_test(without_section_headers),
		cmocka_unit_test(refused),
		cmocka_unit_test(not_files),
		cmocka_unit_test(addresses),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
