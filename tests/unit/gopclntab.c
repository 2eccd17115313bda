// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tables of Go functions that are made here; gopclntab_go.c has those of Go itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "gobuild.h"
#include "gopclntab.h"
#include "gopclntab_fixture.h"
#include "image_fixture.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

#define FUNCTIONS 1100
#define READ      "crypto/tls.(*Conn).Read"

static uint8_t bytes[FUNCTIONS * 200 + 8192 + 100000];

struct opened {
	int fd;
	struct image *img;
	struct gopclntab *t;
	char why[128];
};

static void open_image(struct opened *o, const struct go_image *g)
{
	*o = (struct opened){ .fd = memory_file(g->bytes, g->len) };
	o->img = image__new_of(o->fd, EM_X86_64, o->why, sizeof(o->why));
	if (!o->img)
		fail_msg("%s", o->why);
	o->t = gopclntab__new(o->img, o->why, sizeof(o->why));
}

static void close_image(struct opened *o)
{
	gopclntab__free(o->t);
	image__free(o->img);
	close(o->fd);
}

/* What returns of the last function are found; *fn is where. */
static int returns_of(const struct go_image *g, uint64_t *offsets, size_t max,
		      struct gopclntab_function *fn)
{
	struct opened o;
	int n;

	open_image(&o, g);
	if (!o.t)
		fail_msg("%s", o.why);
	n = gopclntab__find(o.t, READ, fn);
	if (!n)
		n = gopclntab__returns(o.t, fn, offsets, max);
	close_image(&o);
	return n;
}

static void expect_two(const struct go_image *g)
{
	uint64_t offsets[4], at = g->text + (g->n - 1) * GO_CODE_LEN;
	struct gopclntab_function fn;
	int n = returns_of(g, offsets, 4, &fn);

	if (n != 2)
		fail_msg("%x, %d, %d, %u: %d", g->magic, g->no_sections, g->no_text, g->before, n);
	assert_int_equal(fn.f.offset, at);
	assert_int_equal(fn.f.address, GO_BASE + at);
	assert_int_equal(fn.f.size, GO_CODE_LEN);
	assert_int_equal(fn.f.source, IMAGE_GOPCLNTAB);
	assert_int_equal(offsets[0], at + GO_RETURN_1);
	assert_int_equal(offsets[1], at + GO_RETURN_2);
}

static void every_format(void **state)
{
	static const uint32_t magics[] = { 0xfffffffb, 0xfffffffa, 0xfffffff0, 0xfffffff1 };
	static const uint32_t before[] = { 0, 16, 4096, 65520, 99984 };

	for (size_t i = 0; i < N(magics) * N(before) * 4; i++) {
		struct go_image g = { .magic = magics[i % 4],
				      .before = before[i / 4 % N(before)],
				      .no_sections = i / 4 / N(before) % 2,
				      .no_text = i / 4 / N(before) / 2,
				      .n = FUNCTIONS,
				      .bytes = bytes };

		go_image__make(&g);
		expect_two(&g);
	}
}

static void behind_code_of_c(void **state)
{
	for (uint32_t n = 1; n < 1000; n += 333) {
		struct go_image g = { .magic = 0xfffffff1,
				      .no_text = true,
				      .before = 64,
				      .c_functions = n,
				      .n = FUNCTIONS,
				      .bytes = bytes };

		go_image__make(&g);
		expect_two(&g);
	}
}

/* ---- what is no answer ---- */

static struct go_image standard(void)
{
	struct go_image g = { .magic = 0xfffffff1, .n = FUNCTIONS, .bytes = bytes };

	go_image__make(&g);
	return g;
}

/* What is said when the last function's code is changed at one place. */
static int with_code(size_t at, uint8_t byte)
{
	struct go_image g = standard();
	struct gopclntab_function fn;
	uint64_t offsets[4];

	g.bytes[g.text + (g.n - 1) * GO_CODE_LEN + at] = byte;
	return returns_of(&g, offsets, 4, &fn);
}

static void not_as_it_should_be(void **state)
{
	assert_int_equal(with_code(GO_RETURN_1, 0xcc), -ENOTSUP);
	assert_int_equal(with_code(GO_RETURN_1, 0xe9), -ENOTSUP);
	assert_int_equal(with_code(GO_RETURN_1, 0x90), -ENOTSUP);
	assert_int_equal(with_code(GO_RETURN_2 - 1, 0xe9), -ENOTSUP); /* a jump instead */
	assert_int_equal(with_code(GO_RETURN_2 - 1, 0xeb), -ENOTSUP);
	assert_int_equal(with_code(GO_RETURN_2 - 1, 0xff), -ENOTSUP);
	assert_int_equal(with_code(GO_RETURN_2 - 1, 0xe8), 1); /* morestack at once */
	assert_int_equal(with_code(GO_RETURN_2 - 1, 0xc3), 2);
	assert_int_equal(with_code(GO_RETURN_1 - 1, 0xc3), 2); /* in the body: nothing */
}

static int with_pcsp(const uint8_t *pcsp)
{
	struct go_image g = standard();
	struct gopclntab_function fn;
	uint64_t offsets[4];
	const uint8_t *p = memmem(g.bytes + g.table, g.len - g.table, go_pcsp, sizeof(go_pcsp));
	struct opened o;
	int n;

	open_image(&o, &g); /* which is right as yet */
	assert_int_equal(pwrite(o.fd, pcsp, sizeof(go_pcsp), p - g.bytes), sizeof(go_pcsp));
	assert_int_equal(gopclntab__find(o.t, READ, &fn), 0);
	n = gopclntab__returns(o.t, &fn, offsets, 4);
	close_image(&o);
	return n;
}

static void other_stack_depths(void **state)
{
	static const uint8_t no_frame[sizeof(go_pcsp)] = { 2, 32 };
	static const uint8_t never_back[sizeof(go_pcsp)] = { 2, 5, 16, 27 };
	static const uint8_t too_long[sizeof(go_pcsp)] = { 2, 5, 16, 11, 15, 1, 16, 7, 15, 9 };
	static const uint8_t two_bytes[sizeof(go_pcsp)] = { 2, 5, 16, 11, 15, 2, 16, 6, 15, 8 };
	static const uint8_t no_end[sizeof(go_pcsp)] = { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80 };
	static const uint8_t no_length[sizeof(go_pcsp)] = { 2, 0, 16, 0 };
	static const uint8_t far[sizeof(go_pcsp)] = { 2,    5,    16, 0xff, 0xff, 0xff,
						      0xff, 0x0f, 15, 1,    0 };

	assert_int_equal(with_pcsp(go_pcsp), 2);
	assert_int_equal(with_pcsp(no_frame), -ENOTSUP);
	assert_int_equal(with_pcsp(never_back), -ENOTSUP);
	assert_int_equal(with_pcsp(too_long), -ENOTSUP);
	assert_int_equal(with_pcsp(two_bytes), -ENOTSUP);
	assert_int_equal(with_pcsp(no_end), -ENOTSUP);
	assert_int_equal(with_pcsp(no_length), -ENOTSUP);
	assert_int_equal(with_pcsp(far), -ENOTSUP);
}

static void room_for_returns(void **state)
{
	struct go_image g = standard();
	struct gopclntab_function fn;
	uint64_t offsets[2];

	assert_int_equal(returns_of(&g, offsets, 2, &fn), 2);
	assert_int_equal(returns_of(&g, offsets, 1, &fn), -E2BIG);
	assert_int_equal(returns_of(&g, offsets, 0, &fn), -E2BIG);
}

static int find_in(const struct go_image *g, const char *name)
{
	struct gopclntab_function fn;
	struct opened o;
	int err;

	open_image(&o, g);
	assert_non_null(o.t);
	err = gopclntab__find(o.t, name, &fn);
	close_image(&o);
	return err;
}

static void names(void **state)
{
	struct go_image g = standard();
	uint32_t name;

	assert_int_equal(find_in(&g, "f0"), 0);
	assert_int_equal(find_in(&g, "f1098"), 0);
	assert_int_equal(find_in(&g, "f1099"), -ENOENT);
	assert_int_equal(find_in(&g, "f"), -ENOENT);
	assert_int_equal(find_in(&g, ""), -ENOENT);
	assert_int_equal(find_in(&g, "inlined"), -ENOENT);
	assert_int_equal(find_in(&g, "tls.(*Conn).Read"), -ENOENT); /* the end of another */
	assert_int_equal(find_in(&g, "f1"), 0);
	memcpy(&name, g.bytes + g.row + 4, 4);
	memcpy(g.bytes + g.row - 24 + 4, &name, 4); /* so has the last but one */
	assert_int_equal(find_in(&g, READ), -ENOTUNIQ);
}

/* Code that no address of the table fits. */
static void not_its_code(void **state)
{
	struct go_image g = standard();
	struct opened o;

	memset(g.bytes + g.text, 0xcc, g.n * GO_CODE_LEN);
	open_image(&o, &g);
	assert_null(o.t);
	assert_string_equal(o.why, "its table of Go functions does not fit its code");
	close_image(&o);
}

static void no_table(void **state)
{
	struct go_image g = standard();
	struct opened o;

	memset(g.bytes + g.table, 0, 4);
	open_image(&o, &g);
	assert_null(o.t);
	assert_string_equal(o.why, "it has no table of Go functions");
	close_image(&o);
	gopclntab__free(NULL);
}

static void ask(int fd)
{
	char why[128], version[64];
	struct image *img = image__new_of(fd, EM_X86_64, why, sizeof(why));
	struct gopclntab *t = img ? gopclntab__new(img, why, sizeof(why)) : NULL;
	struct gopclntab_function fn;
	uint64_t offsets[4];

	if (t && !gopclntab__find(t, READ, &fn))
		gopclntab__returns(t, &fn, offsets, 4);
	if (img)
		gobuild__version(img, version, sizeof(version));
	gopclntab__free(t);
	image__free(img);
}

static void damaged(void **state)
{
	static const uint64_t absurd[] = { 0, 1, 0xffffffff, 1ull << 40, 1ull << 63, UINT64_MAX };
	struct go_image g = standard();
	uint8_t *pcsp = memmem(g.bytes + g.table, g.len - g.table, go_pcsp, sizeof(go_pcsp));
	size_t places[] = { g.table, g.row - 16, pcsp - g.bytes - 8, g.name - 16 };
	int fd = memory_file(g.bytes, g.len);

	for (size_t i = 0; i < N(places) * 80 * N(absurd); i++) {
		size_t at = places[i / N(absurd) / 80] + i / N(absurd) % 80;

		assert_int_equal(pwrite(fd, &absurd[i % N(absurd)], 8, at), 8);
		ask(fd);
		assert_int_equal(pwrite(fd, g.bytes + at, 8, at), 8);
	}
	for (size_t len = g.len; len > 500; len -= 499) {
		assert_int_equal(ftruncate(fd, len), 0);
		ask(fd);
	}
	close(fd);
}

/* ---- gobuild ---- */

static void versions(void **state)
{
	static const struct {
		const char *version;
		enum gobuild_abi abi;
	} cases[] = {
		{ "go1.26.8", GOBUILD_ABI_REGISTER },
		{ "go1.17", GOBUILD_ABI_REGISTER },
		{ "go1.17rc1", GOBUILD_ABI_REGISTER },
		{ "go1.16.15", GOBUILD_ABI_STACK },
		{ "go1.9", GOBUILD_ABI_STACK },
		{ "go1.21.4 X:boringcrypto", GOBUILD_ABI_REGISTER },
		{ "devel go1.23-7c2b69080a Tue May 7", GOBUILD_ABI_REGISTER },
		{ "devel +b7a85e0003 Mon Jan 4", GOBUILD_ABI_UNKNOWN },
		{ "go2.1", GOBUILD_ABI_UNKNOWN },
		{ "go1.x", GOBUILD_ABI_UNKNOWN },
		{ "gogo1.20", GOBUILD_ABI_UNKNOWN },
		{ "go1.99999999999999999999", GOBUILD_ABI_UNKNOWN },
	};
	char version[100], why[128];

	for (size_t i = 0; i < N(cases); i++) {
		struct go_image g = { .magic = 0xfffffff1,
				      .n = FUNCTIONS,
				      .version = cases[i].version,
				      .bytes = bytes };
		struct opened o;

		go_image__make(&g);
		open_image(&o, &g);
		assert_int_equal(gobuild__version(o.img, version, sizeof(version)), 0);
		assert_string_equal(version, cases[i].version);
		assert_int_equal(gobuild__version(o.img, version, 4), -ENOSPC);
		if (gobuild__abi(o.img, cases[i].version, why, sizeof(why)) != cases[i].abi)
			fail_msg("%s", cases[i].version);
		close_image(&o);
	}
}

static void no_version(void **state)
{
	struct go_image g = standard();
	char version[100];
	struct opened o;

	open_image(&o, &g);
	assert_int_equal(gobuild__version(o.img, version, sizeof(version)), -ENOENT);
	close_image(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_format),
		cmocka_unit_test(behind_code_of_c),
		cmocka_unit_test(not_as_it_should_be),
		cmocka_unit_test(other_stack_depths),
		cmocka_unit_test(room_for_returns),
		cmocka_unit_test(names),
		cmocka_unit_test(not_its_code),
		cmocka_unit_test(no_table),
		cmocka_unit_test(damaged),
		cmocka_unit_test(versions),
		cmocka_unit_test(no_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
