// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The first byte says how to cut the rest: the cut must not change where the header ends, which
 * another reader, that has all of it at once, finds too. */
#undef NDEBUG
#include <assert.h>

#include "../../agent/proxy_header.c"

/* 0: none; more than `len`: it goes on. */
static size_t header_len(const char *p, size_t len)
{
	const char *lf;

	for (size_t i = 0; i < SIGNATURES; i++) {
		struct slice s = signatures[i].begin;

		if (memcmp(p, s.p, len < s.len ? len : s.len) != 0)
			continue;
		if (len < s.len)
			return SIZE_MAX;
		if (signatures[i].then == PROXY_LENGTH)
			return len < 16 ? SIZE_MAX : 16 + ((uint8_t)p[14] << 8 | (uint8_t)p[15]);
		lf = memchr(p + s.len, '\n', len - s.len);
		if (lf && lf < p + PROXY_LINE_MAX)
			return lf + 1 - p;
		return lf || len >= PROXY_LINE_MAX ? PROXY_LINE_MAX : SIZE_MAX;
	}
	return 0;
}

static void check(const char *p, size_t len, size_t piece, size_t want)
{
	struct proxy_header h = { 0 };
	struct slice held;
	size_t at = 0, n;

	for (; at < len && h.at < PROXY_BEHIND; at += n) {
		size_t some = len - at < piece ? len - at : piece;

		n = proxy_header__feed(&h, p + at, some);
		assert(n <= some && (n == some || h.at >= PROXY_BEHIND));
	}
	held = proxy_header__held(&h);
	assert((h.at == PROXY_NONE) == !want);
	assert(want || (held.len == at && !memcmp(held.p, p, at)));
	assert(!want ||
	       (at == (want < len ? want : len) && (h.at == PROXY_BEHIND) == (want <= len)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *p = (const char *)data + 1;

	if (len < 2)
		return 0;
	check(p, len - 1, len, header_len(p, len - 1));
	check(p, len - 1, data[0] % 16 + 1, header_len(p, len - 1));
	return 0;
}
