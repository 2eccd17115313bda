/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Characters and numbers, as HTTP/1 has them. */
#ifndef RED_HTTP1_TEXT_H
#define RED_HTTP1_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "slice.h"

static inline bool http1_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool http1_is_alpha(char c)
{
	c |= 0x20;
	return c >= 'a' && c <= 'z';
}

/* Line ends are white space too: they occur within a value only in an obs-fold. */
static inline bool http1_is_space(char c)
{
	return (unsigned char)c <= ' ' && (c == ' ' || c == '\t' || c == '\r' || c == '\n');
}

/* Decimal digits and nothing else, at most max, which is at most INT64_MAX. */
static inline bool http1_number(struct slice s, uint64_t max, uint64_t *value)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < s.len; i++) {
		unsigned int digit = s.p[i] - '0';

		if (digit > 9 || v > max / 10)
			return false;
		v = v * 10 + digit;
	}
	*value = v;
	return s.len > 0 && v <= max;
}

#endif /* RED_HTTP1_TEXT_H */
