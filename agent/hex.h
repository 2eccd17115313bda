/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Hexadecimal digits, and the percent-encoding (RFC 3986 §2.1) that is made of them. */
#ifndef RED_HEX_H
#define RED_HEX_H

#include <stddef.h>
#include <stdint.h>

#include "slice.h"

/* Of either case; -1: it is none. */
static inline int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 2 n digits in lower case, not terminated. Returns what is behind them. */
static inline char *hex_put(char *to, const void *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = bytes;

	for (; n--; p++) {
		*to++ = digits[*p >> 4];
		*to++ = digits[*p & 15];
	}
	return to;
}

/* Decodes up to `size` bytes, and says how many they are; a '%' without two digits stays
 * as it is. */
static inline size_t percent_decode(char *out, size_t size, struct slice in)
{
	size_t o = 0, i;

	for (i = 0; i < in.len && o < size; i++) {
		int high = in.p[i] == '%' && in.len - i > 2 ? hex_value(in.p[i + 1]) : -1;
		int low = high >= 0 ? hex_value(in.p[i + 2]) : -1;

		out[o++] = low >= 0 ? (char)(high << 4 | low) : in.p[i];
		i += low >= 0 ? 2 : 0;
	}
	return o;
}

#endif /* RED_HEX_H */
