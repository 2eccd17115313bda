// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where a probe costs least.
 *
 * A breakpoint takes the place of an instruction, which has to be carried out all the same.
 * A few kinds the kernel does itself (x86: push, near call and jumps, nop). All others it
 * lets the task execute elsewhere, with a second trap behind it to come back. In a virtual
 * machine that one leaves the machine: measured 11 us instead of 0.6 (tests/bench/trap.c).
 * Which of them the first instruction of a function is, is the compiler's whim. So of the
 * few beginnings that matter, those that change neither arguments nor stack before
 * something cheap comes are known here:
 *
 *   endbr64                                       C with indirect branch tracking
 *   cmp 0x10(%r14),%rsp; jbe                      Go, which looks if the stack has to grow
 *   lea -n(%rsp),%r12; cmp 0x10(%r14),%r12; jbe   the same for larger frames
 *   mov %fs:-8,%rcx; cmp 0x10(%rcx),%rsp; jbe     the same before 1.17
 *
 * A Go function begins anew when its stack has grown: behind the jump (since 1.21 a push
 * is there) a probe runs once, on the jump or before it twice.
 *
 * The bytes are a file's, hostile, and looked at, nothing more. Whatever they are, a probe
 * is then at the beginning of an instruction of that function if its first byte is one.
 * Other machines have no table: their probes stay where they are.
 */
#include "cheap_site.h"

#include <string.h>

#ifdef __x86_64__

#define ANY 0x100

struct beginning {
	uint8_t len;
	bool grows; /* looks if the stack is to grow: a jump follows */
	uint16_t code[13];
};

/* clang-format off */
static const struct beginning beginnings[] = {
	{ 4, false, { 0xf3, 0x0f, 0x1e, 0xfa } },
	{ 4, true, { 0x49, 0x3b, 0x66, 0x10 } },
	{ 9, true, { 0x4c, 0x8d, 0x64, 0x24, ANY, 0x4d, 0x3b, 0x66, 0x10 } },
	{ 12, true, { 0x4c, 0x8d, 0xa4, 0x24, ANY, ANY, ANY, ANY, 0x4d, 0x3b, 0x66, 0x10 } },
	{ 13, true, { 0x64, 0x48, 0x8b, 0x0c, 0x25, 0xf8, 0xff, 0xff, 0xff, 0x48, 0x3b, 0x61, 0x10 } },
};
/* clang-format on */

static bool begins(const uint8_t *code, size_t len, const struct beginning *b)
{
	if (len < b->len)
		return false;
	for (size_t i = 0; i < b->len; i++)
		if (b->code[i] != ANY && code[i] != b->code[i])
			return false;
	return true;
}

/* push, perhaps of the upper eight; call, jmp; jcc, short or near; nop. */
bool cheap_site__is(const uint8_t *code, size_t len)
{
	if (!len)
		return false;
	if ((code[0] & 0xf8) == 0x50 || (code[0] & 0xf0) == 0x70)
		return true;
	if (code[0] == 0xe8 || code[0] == 0xe9 || code[0] == 0xeb || code[0] == 0x90)
		return true;
	if (len < 2)
		return false;
	return (code[0] == 0x41 && (code[1] & 0xf8) == 0x50) ||
	       (code[0] == 0x0f && (code[1] & 0xf0) == 0x80);
}

/* The bytes of a jbe, short or near; 0: it is none. */
static size_t jbe_len(const uint8_t *code, size_t len)
{
	if (len >= 2 && code[0] == 0x76)
		return 2;
	return len >= 6 && code[0] == 0x0f && code[1] == 0x86 ? 6 : 0;
}

size_t cheap_site__entry(const uint8_t *code, size_t len)
{
	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
		const struct beginning *b = &beginnings[i];
		size_t at = b->len, jump;

		if (!begins(code, len, b))
			continue;
		if (!b->grows)
			return cheap_site__is(code + at, len - at) ? at : 0;
		jump = jbe_len(code + at, len - at);
		if (jump && cheap_site__is(code + at + jump, len - at - jump))
			return at + jump;
		return jump ? at : 0;
	}
	return 0;
}

static uint64_t call_target(const uint8_t *code, size_t len, uint64_t address)
{
	int32_t by;

	if (len < 5 || code[0] != 0xe8)
		return 0;
	memcpy(&by, code + 1, sizeof(by));
	return address + 5 + by;
}

/* sub $n,%rsp */
#define IS_SUB_RSP(c) ((c)[0] == 0x48 && (c)[1] == 0x83 && (c)[2] == 0xec)

uint64_t cheap_site__callee(const uint8_t *one, size_t one_len, uint64_t one_address,
			    const uint8_t *two, size_t two_len, uint64_t two_address)
{
	size_t at = two_len >= 4 && begins(two, two_len, &beginnings[0]) ? 4 : 0;
	uint64_t target;

	if (two_len - at < 4 || !IS_SUB_RSP(two + at))
		return 0;
	at += 4;
	target = call_target(two + at, two_len - at, two_address + at);
	if (!target)
		return 0;
	for (size_t i = 0; i < one_len; i++)
		if (call_target(one + i, one_len - i, one_address + i) == target)
			return target;
	return 0;
}

#else

bool cheap_site__is(const uint8_t *code, size_t len)
{
	return true;
}

size_t cheap_site__entry(const uint8_t *code, size_t len)
{
	return 0;
}

uint64_t cheap_site__callee(const uint8_t *one, size_t one_len, uint64_t one_address,
			    const uint8_t *two, size_t two_len, uint64_t two_address)
{
	return 0;
}

#endif
