// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "commands.h"
#include "image_fixture.h"
#include "signatures.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

#define ROW "00ff12 SSL_read 0x10 0011223344556677"

static struct signatures *parse(const char *text, char *why, size_t size)
{
	why[0] = '\0';
	return signatures__parse("s.txt", text, strlen(text), why, size);
}

static void rows(void **state)
{
	static const struct {
		const char *text;
		size_t n;
	} cases[] = {
		{ "", 0 },
		{ "\n\n", 0 },
		{ "# only a comment", 0 },
		{ ROW, 1 },
		{ ROW "\n", 1 },
		{ ROW " # comment\n" ROW "\r\n", 2 },
		{ "  \t" ROW "\t\n\n#\n \n", 1 },
		{ "00FF12\tSSL_read 0xAbC 00112233445566FF", 1 },
	};
	char why[256];

	for (size_t i = 0; i < N(cases); i++) {
		struct signatures *s = parse(cases[i].text, why, sizeof(why));

		if (!s)
			fail_msg("%s: %s", cases[i].text, why);
		assert_int_equal(signatures__count(s), cases[i].n);
		signatures__free(s);
	}
}

static void each_mistake_has_its_sentence(void **state)
{
	static const char *const cases[][2] = {
		{ "\n\nx", "s.txt:3: less than the four fields BUILDID FUNCTION OFFSET BYTES" },
		{ ROW " x", "s.txt:1: more than the four fields BUILDID FUNCTION OFFSET BYTES" },
		{ "00f a 0x1 0011223344556677",
		  "s.txt:1: bad build id '00f': want 2 to 128 hex digits" },
		{ "0g a 0x1 0011223344556677",
		  "s.txt:1: bad build id '0g': want 2 to 128 hex digits" },
		{ "00 a\x01 0x1 0011223344556677", "s.txt:1: bad function name" },
		{ ROW "\n00 a 1 0011223344556677",
		  "s.txt:2: bad offset '1': want 0x and hex digits" },
		{ "00 a 0x 0011223344556677", "s.txt:1: bad offset '0x': want 0x and hex digits" },
		{ "00 a 0x1g 0011223344556677",
		  "s.txt:1: bad offset '0x1g': want 0x and hex digits" },
		{ "00 a 0x11112222333344445 0011223344556677",
		  "s.txt:1: bad offset '0x11112222333344445': want 0x and hex digits" },
		{ "00 a 0x1 00112233445566", "s.txt:1: bad bytes: want 8 to 64 as hex digits" },
		{ "00 a 0x1 001122334455667", "s.txt:1: bad bytes: want 8 to 64 as hex digits" },
		{ "00 a 0x1 00112233445566xx", "s.txt:1: bad bytes: want 8 to 64 as hex digits" },
	};
	char why[256];

	for (size_t i = 0; i < N(cases); i++) {
		assert_null(parse(cases[i][0], why, sizeof(why)));
		assert_int_equal(errno, EINVAL);
		assert_string_equal(why, cases[i][1]);
	}
}

static void files(void **state)
{
	struct signatures *s;
	char why[256];

	write_text("s.txt", ROW "\nx\n", sizeof(ROW) + 2);
	assert_null(signatures__new(in_dir("s.txt"), why, sizeof(why)));
	assert_non_null(strstr(why, "s.txt:2: less than"));
	assert_null(signatures__new(in_dir("absent"), why, sizeof(why)));
	assert_int_equal(errno, ENOENT);
	assert_non_null(strstr(why, "absent: No such file or directory"));
	assert_null(signatures__new(dir, why, sizeof(why)));
	write_text("s.txt", ROW "\n", sizeof(ROW));
	s = signatures__new(in_dir("s.txt"), why, sizeof(why));
	assert_int_equal(signatures__count(s), 1);
	signatures__free(s);
	signatures__free(NULL);
}

/* What one image says of itself, for another. */
static struct signatures *printed(const char *from, const char *name)
{
	struct image *img = image_of(in_dir(from));
	struct image_function f = find_one(img, name);
	FILE *out = fopen(in_dir("printed"), "we");
	struct signatures *s;
	char why[256];

	assert_int_equal(signatures__print(out, img, name, &f), 0);
	fclose(out);
	image__free(img);
	s = signatures__new(in_dir("printed"), why, sizeof(why));
	assert_int_equal(signatures__count(s), 1);
	return s;
}

static void found_in_a_stripped_copy(void **state)
{
	struct image *full = image_of(in_dir("full")), *img = image_of(in_dir("stripped"));
	struct image_function is = find_one(full, "once"), f;
	struct signatures *s = printed("full", "once");

	assert_int_equal(find_one(img, "once").source, IMAGE_NOWHERE);
	image__look_in(img, -1, s);
	f = find_one(img, "once");
	assert_int_equal(f.source, IMAGE_SIGNATURE);
	assert_int_equal(f.offset, is.offset);
	assert_int_equal(f.address, is.address);
	assert_int_equal(find_one(img, "main").source, IMAGE_NOWHERE);
	image__look_in(full, -1, s);
	assert_int_equal(find_one(full, "once").source, IMAGE_SYMTAB);
	image__free(full);
	image__free(img);
	signatures__free(s);
}

static void not_in_another_build(void **state)
{
	struct signatures *s = printed("full", "once");
	struct image_function f;
	struct image *img;

	sh("cc -O0 -Wl,--build-id=0x1234 -s -o other main.c other.c");
	img = image_of(in_dir("other"));
	assert_int_equal(signatures__find(s, img, "once", &f), -ENOENT);
	image__free(img);
	sh("cc -O0 -Wl,--build-id=none -s -o other main.c other.c");
	img = image_of(in_dir("other"));
	assert_int_equal(signatures__find(s, img, "once", &f), -ENOENT);
	image__free(img);
	signatures__free(s);
}

static int find_row(const struct image *img, const char *fmt, uint64_t offset, const uint8_t *b)
{
	struct image_function f;
	char row[512], why[256];
	struct signatures *s;
	int n, err;

	n = snprintf(row, sizeof(row), fmt, image__build_id(img), (unsigned long long)offset);
	for (size_t i = 0; i < 8; i++)
		n += snprintf(row + n, sizeof(row) - n, "%02x", b[i]);
	s = parse(row, why, sizeof(why));
	assert_non_null(s);
	err = signatures__find(s, img, "once", &f);
	signatures__free(s);
	return err;
}

static void the_bytes_decide(void **state)
{
	struct image *img = image_of(in_dir("full"));
	uint64_t offset = find_one(img, "once").offset;
	uint8_t bytes[8], begin[8];

	assert_int_equal(image__pread(img, offset, bytes, 8), 0);
	assert_int_equal(image__pread(img, 0, begin, 8), 0);
	assert_int_equal(find_row(img, "%s once 0x%llx ", offset, bytes), 0);
	assert_int_equal(find_row(img, "%s one 0x%llx ", offset, bytes), -ENOENT);
	assert_int_equal(find_row(img, "%s once 0x%llx ", 0, begin), -ERANGE);
	assert_int_equal(find_row(img, "%s once 0x%llx ", UINT64_MAX, bytes), -ERANGE);
	bytes[7]++;
	assert_int_equal(find_row(img, "%s once 0x%llx ", offset, bytes), -ESTALE);
	image__free(img);
}

/* What a command writes to standard output, in a file. */
static int run_command(char **argv, const char *to)
{
	int argc = 0, status, out = dup(STDOUT_FILENO), fd;

	while (argv[argc])
		argc++;
	fflush(stdout);
	fd = open(in_dir(to), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0);
	status = cmd_signatures(argc, argv);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	close(out);
	close(fd);
	return status;
}

static int signatures_of(const char *file, char *option)
{
	char path[256];

	snprintf(path, sizeof(path), "%s", in_dir(file));
	return run_command((char *[]){ "signatures", path, option, NULL }, "out");
}

static void the_command(void **state)
{
	struct image *full = image_of(in_dir("full")), *img = image_of(in_dir("stripped"));
	struct signatures *s;
	char why[256];

	assert_int_equal(signatures_of("full", NULL), 0);
	s = signatures__new(in_dir("out"), why, sizeof(why));
	if (!s)
		fail_msg("%s", why);
	assert_int_equal(signatures__count(s), 1);
	image__look_in(img, -1, s);
	assert_int_equal(find_one(img, "SSL_read").offset, find_one(full, "SSL_read").offset);
	assert_int_equal(signatures_of("full", "--libraries=open*"), 0);
	assert_int_equal(signatures_of("full", "--libraries=other"), 1);
	assert_int_equal(signatures_of("stripped", NULL), 1);
	assert_int_equal(signatures_of("main.c", NULL), 1);
	assert_int_equal(signatures_of("absent", NULL), 1);
	assert_int_equal(signatures_of("full", "--nonsense"), 2);
	image__free(full);
	image__free(img);
	signatures__free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows),
		cmocka_unit_test(each_mistake_has_its_sentence),
		cmocka_unit_test(files),
		cmocka_unit_test(found_in_a_stripped_copy),
		cmocka_unit_test(not_in_another_build),
		cmocka_unit_test(the_bytes_decide),
		cmocka_unit_test(the_command),
	};

	return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
