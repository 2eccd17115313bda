// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Beginnings of functions as compilers write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "cheap_site.h"

#define BYTES(s) (const uint8_t *)(s), sizeof(s) - 1

#ifdef __x86_64__

struct entry {
	const char *what;
	const char *code;
	size_t len, at;
	int cheap; /* the instruction there */
};

#define CODE(s) s, sizeof(s) - 1

/* clang-format off */
static const struct entry entries[] = {
	{ "push %rbp", CODE("\x55\x48\x89\xe5"), 0, 1 },
	{ "push %r13", CODE("\x41\x55\x41\x54"), 0, 1 },
	{ "sub $0x18,%rsp", CODE("\x48\x83\xec\x18"), 0, 0 },
	{ "endbr64; push %rbx", CODE("\xf3\x0f\x1e\xfa\x53\x48"), 4, 1 },
	{ "endbr64; push %r12", CODE("\xf3\x0f\x1e\xfa\x41\x54"), 4, 1 },
	{ "endbr64; sub $0x18,%rsp", CODE("\xf3\x0f\x1e\xfa\x48\x83\xec\x18"), 0, 0 },
	{ "endbr64; jmp", CODE("\xf3\x0f\x1e\xfa\xe9\x00\x00\x00\x00"), 4, 1 },
	{ "endbr32; push", CODE("\xf3\x0f\x1e\xfb\x53"), 0, 0 },
	{ "Go 1.21, Read", CODE("\x49\x3b\x66\x10\x0f\x86\x7a\x03\x00\x00\x55\x48\x89\xe5"), 10, 1 },
	{ "short jump", CODE("\x49\x3b\x66\x10\x76\x20\x55\x48\x89\xe5"), 6, 1 },
	{ "Go 1.21, Write", CODE("\x4c\x8d\x64\x24\xb8\x4d\x3b\x66\x10\x0f\x86\x93\x07\x00\x00\x55"), 15, 1 },
	{ "a large frame", CODE("\x4c\x8d\xa4\x24\xc8\xfe\xff\xff\x4d\x3b\x66\x10\x0f\x86\xa7\x07\x00\x00\x55"), 18, 1 },
	{ "Go 1.17: no push", CODE("\x49\x3b\x66\x10\x76\x20\x48\x83\xec\x18"), 4, 1 },
	{ "Go 1.16", CODE("\x64\x48\x8b\x0c\x25\xf8\xff\xff\xff\x48\x3b\x61\x10\x0f\x86\xf0\x02\x00\x00\x48\x83\xec\x78"), 13, 1 },
	{ "another jump", CODE("\x49\x3b\x66\x10\x77\x20\x55"), 0, 0 },
	{ "another register", CODE("\x49\x3b\x67\x10\x76\x20\x55"), 0, 0 },
	{ "call", CODE("\xe8\x00\x00\x00\x00"), 0, 1 },
	{ "jne, near", CODE("\x0f\x85\x00\x00\x00\x00"), 0, 1 },
	{ "test", CODE("\x48\x85\xff\x74\x16"), 0, 0 },
	{ "pop", CODE("\x5d\xc3"), 0, 0 },
	{ "ret", CODE("\xc3"), 0, 0 },
};
/* clang-format on */

static void known_beginnings(void **state)
{
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		const struct entry *e = &entries[i];
		const uint8_t *code = (const uint8_t *)e->code;

		if (cheap_site__entry(code, e->len) != e->at ||
		    cheap_site__is(code + e->at, e->len - e->at) != e->cheap)
			fail_msg("%s: %zu, %d", e->what, cheap_site__entry(code, e->len),
				 cheap_site__is(code + e->at, e->len - e->at));
	}
}

/* What is not wholly there is not there, and nothing behind the end is read. */
static void every_prefix(void **state)
{
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		for (size_t len = 0; len <= entries[i].len; len++) {
			uint8_t *code = test_malloc(len + 1), *copy;
			size_t at;

			/* at the end of its memory: the sanitizer looks on */
			copy = code + 1;
			memcpy(copy, entries[i].code, len);
			at = cheap_site__entry(copy, len);
			assert_true(at <= len && (!at || cheap_site__is(copy + at, len - at)));
			assert_true(len || !cheap_site__is(copy, len));
			test_free(code);
		}
}

/* SSL_read and SSL_read_ex of Debian 12, the first at 0x35470, the second at 0x35500. */
#define SSL_READ                                                                                   \
	"\x48\x83\xec\x18\x64\x48\x8b\x04\x25\x28\x00\x00\x00\x48\x89\x44\x24\x08\x31\xc0"         \
	"\x85\xd2\x78\x2f\x48\x89\xe1\x48\x63\xd2\xe8\x3d\xfe\xff\xff\x85\xc0"
#define SSL_READ_EX "\x48\x83\xec\x08\xe8\xc7\xfd\xff\xff\x31\xd2"

static void a_common_callee(void **state)
{
	assert_int_equal(cheap_site__callee(BYTES(SSL_READ), 0x35470, BYTES(SSL_READ_EX), 0x35500),
			 0x352d0);
	assert_int_equal(cheap_site__callee(BYTES(SSL_READ), 0x35470,
					    BYTES("\xf3\x0f\x1e\xfa" SSL_READ_EX), 0x35500 - 4),
			 0x352d0);
}

static void no_common_callee(void **state)
{
	/* another function; its call is not the first thing that it does; cut short */
	assert_int_equal(cheap_site__callee(BYTES(SSL_READ), 0x35470, BYTES(SSL_READ_EX), 0x35501),
			 0);
	assert_int_equal(cheap_site__callee(BYTES(SSL_READ), 0x35470,
					    BYTES("\x48\x83\xec\x08\x90\xe8\xc6\xfd\xff\xff"),
					    0x35500),
			 0);
	for (size_t n = 0; n < 9; n++)
		assert_int_equal(cheap_site__callee(BYTES(SSL_READ), 0x35470,
						    (const uint8_t *)SSL_READ_EX, n, 0x35500),
				 0);
	for (size_t n = 0; n < 35; n++)
		assert_int_equal(cheap_site__callee((const uint8_t *)SSL_READ, n, 0x35470,
						    BYTES(SSL_READ_EX), 0x35500),
				 0);
}

#else

static void known_beginnings(void **state)
{
	assert_int_equal(cheap_site__entry(BYTES("\x1f\x20\x03\xd5")), 0);
}

static void every_prefix(void **state)
{
}

static void a_common_callee(void **state)
{
}

static void no_common_callee(void **state)
{
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_beginnings),
		cmocka_unit_test(every_prefix),
		cmocka_unit_test(a_common_callee),
		cmocka_unit_test(no_common_callee),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
