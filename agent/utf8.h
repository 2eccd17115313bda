/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef RED_UTF8_H
#define RED_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length of the character that begins at p (n bytes are there) with its code point in
 * *cp, or 0 when those bytes are not one. */
static inline size_t utf8_next(const char *p, size_t n, uint32_t *cp)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint8_t b = n ? (uint8_t)p[0] : 0xff;
	size_t len = b < 0x80 ? 1 : b < 0xc2 ? 0 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : b < 0xf5 ? 4 : 0;

	if (len == 0 || len > n)
		return 0;
	*cp = len == 1 ? b : b & (0xff >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if (((uint8_t)p[i] & 0xc0) != 0x80)
			return 0;
		*cp = *cp << 6 | ((uint8_t)p[i] & 0x3f);
	}
	if (*cp < least[len] || *cp > 0x10ffff || (*cp >= 0xd800 && *cp <= 0xdfff))
		return 0;
	return len;
}

/* Writes the character, at most four bytes, and returns their number; 0: there is no such. */
static inline size_t utf8_put(char *to, uint32_t cp)
{
	static const uint8_t lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t len = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : cp <= 0x10ffff ? 4 : 0;

	if (cp >= 0xd800 && cp <= 0xdfff)
		return 0;
	for (size_t i = len; i > 1; i--, cp >>= 6)
		to[i - 1] = (char)(0x80 | (cp & 0x3f));
	if (len)
		to[0] = (char)(lead[len] | cp);
	return len;
}

static inline bool utf8_valid(const char *p, size_t n)
{
	uint32_t cp;
	size_t len;

	for (; n; p += len, n -= len) {
		len = utf8_next(p, n, &cp);
		if (!len)
			return false;
	}
	return true;
}

/* False for what moves the cursor, breaks the line or reorders it: C0 and C1 controls,
 * line separators, direction overrides, byte order marks and non-characters. */
static inline bool utf8_printable(uint32_t cp)
{
	if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0xfeff || (cp & 0xfffe) == 0xfffe)
		return false;
	return !(cp >= 0x2028 && cp <= 0x202e) && !(cp >= 0x2066 && cp <= 0x2069);
}

#endif /* RED_UTF8_H */
