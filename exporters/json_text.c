// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "json_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"
#include "hex.h"

#define REPLACEMENT SLICE("\xef\xbf\xbd") /* U+FFFD */

static void append(struct buf *out, struct slice s)
{
	buf__append(out, s.p, s.len);
}

/* ---- strings -------------------------------------------------------------- */

/* How many of the bytes stand for themselves: ASCII, nothing to be escaped. */
static size_t plain(struct slice s)
{
	size_t n = 0;

	while (n < s.len && (uint8_t)s.p[n] >= 0x20 && (uint8_t)s.p[n] < 0x7f && s.p[n] != '"' &&
	       s.p[n] != '\\')
		n++;
	return n;
}

static void put_escaped(struct buf *out, uint8_t c)
{
	static const char letters[0x20] = {
		['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'
	};
	char pair[2] = { '\\', c < 0x20 ? letters[c] : (char)c };

	if (pair[1])
		buf__append(out, pair, 2);
	else
		buf__printf(out, "\\u%04x", c);
}

/* One character that is not plain; how many bytes of s it was. */
static size_t put_special(struct buf *out, struct slice s)
{
	uint32_t cp;
	size_t n = utf8_next(s.p, s.len, &cp);

	if (!n || !cp)
		append(out, REPLACEMENT);
	else if (n > 1 || cp == 0x7f)
		append(out, (struct slice){ s.p, n });
	else
		put_escaped(out, (uint8_t)cp);
	return n ? n : 1;
}

void json_text__string(struct buf *out, struct slice s)
{
	size_t n;

	buf__putc(out, '"');
	while (s.len) {
		n = plain(s);
		append(out, (struct slice){ s.p, n });
		s = slice_skip(s, n);
		if (s.len)
			s = slice_skip(s, put_special(out, s));
	}
	buf__putc(out, '"');
}

/* ---- bytes ---------------------------------------------------------------- */

void json_text__hex(struct buf *out, const uint8_t *p, size_t n)
{
	char *to = buf__room(out, 2 * n + 2);

	if (!to)
		return;
	*to++ = '"';
	*hex_put(to, p, n) = '"';
	out->len += 2 * n + 2;
}

void json_text__base64(struct buf *out, const uint8_t *p, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t i, k, left;

	buf__putc(out, '"');
	for (i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16;

		left = n - i;
		v |= left > 1 ? (uint32_t)p[i + 1] << 8 : 0;
		v |= left > 2 ? p[i + 2] : 0;
		for (k = 0; k < 4; k++)
			buf__putc(out, k > left ? '=' : digits[v >> (18 - 6 * k) & 63]);
	}
	buf__putc(out, '"');
}

/* ---- numbers -------------------------------------------------------------- */

void json_text__uint(struct buf *out, uint64_t v)
{
	char text[20], *p = text + sizeof(text);

	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	buf__append(out, p, (size_t)(text + sizeof(text) - p));
}

void json_text__int(struct buf *out, int64_t v)
{
	if (v < 0)
		buf__putc(out, '-');
	json_text__uint(out, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void json_text__double(struct buf *out, double v)
{
	char text[32];
	int digits = 15;

	if (!isfinite(v)) {
		buf__puts(out, isnan(v) ? "\"NaN\"" : v > 0 ? "\"Infinity\"" : "\"-Infinity\"");
		return;
	}
	do
		snprintf(text, sizeof(text), "%.*g", digits, v);
	while (digits++ < 17 && strtod(text, NULL) != v);
	buf__puts(out, text);
}
