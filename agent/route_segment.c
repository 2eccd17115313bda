// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a segment of a path looks like. The rules only name what is surely not
 * part of a route; a wrong "literal" is repaired by the trie (route.c), a wrong
 * "id" never is. Hence the exceptions: "v1beta1", "1.1", "oauth2" and
 * "grpc.health.v1.Health" are literals.
 */
#include "route_segment.h"

#include <endian.h>
#include <stddef.h>
#include <string.h>

#define REPEAT(c) ((uint64_t)(c)*UINT64_C(0x0101010101010101))

/* The high bit of the first byte equal to c is set, and of none before it. */
static uint64_t find_byte(uint64_t x, char c)
{
	x ^= REPEAT(c);
	return (x - REPEAT(0x01)) & ~x & REPEAT(0x80);
}

/* Up to 8 bytes as a little-endian number. Behind `end` it reads as '/'. */
static uint64_t load8(const char *p, const char *end)
{
	uint64_t x = REPEAT('/');
	ptrdiff_t i;

	if (end - p >= 8) {
		memcpy(&x, p, 8);
		return le64toh(x);
	}
	for (i = end - p - 1; i >= 0; i--)
		x = x << 8 | (uint8_t)p[i];
	return x;
}

/* Hash and length of what comes before '/', ';' or end. */
static void scan(const char *p, const char *end, struct segment *s)
{
	uint64_t x, stop, hash = 0;
	uint32_t n;

	s->p = p;
	for (;; p += 8) {
		x = load8(p, end);
		stop = find_byte(x, '/') | find_byte(x, ';');
		n = stop ? (uint32_t)__builtin_ctzll(stop) / 8 : 8;
		if (n)
			hash = (hash ^ (x << (64 - 8 * n))) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
		if (stop)
			break;
	}
	s->len = (uint32_t)(p + n - s->p);
	s->hash = (uint32_t)(hash >> 32 ^ hash);
}

struct segment segment__of(const char *p, uint32_t len)
{
	struct segment s;

	scan(p, p + len, &s);
	return s;
}

bool segment__next(const char **p, const char *end, struct segment *s)
{
	const char *at = *p;

	for (;;) {
		while (at < end && *at == '/')
			at++;
		if (at == end)
			return false;
		scan(at, end, s);
		at += s->len;
		if (at < end && *at == ';') {
			at = memchr(at, '/', (size_t)(end - at));
			at = at ? at : end;
		}
		if (s->len) {
			*p = at;
			return true;
		}
	}
}

/* ---- what it looks like ---------------------------------------------------- */

enum {
	C_DIGIT = 1,
	C_UPPER = 2,
	C_LOWER = 4,
	C_BEYOND_F = 8, /* a letter that is no hexadecimal digit */
	C_DASH = 16,
	C_MARK = 32, /* other characters that routes are made of */
	C_JUNK = 64,
	C_LETTER = C_UPPER | C_LOWER,
};

static uint8_t class_of(char c)
{
	static const uint8_t class[256] = {
		['0' ... '9'] = C_DIGIT,
		['A' ... 'F'] = C_UPPER,
		['G' ... 'Z'] = C_UPPER | C_BEYOND_F,
		['a' ... 'f'] = C_LOWER,
		['g' ... 'z'] = C_LOWER | C_BEYOND_F,
		['-'] = C_DASH,
		['_'] = C_MARK,
		['.'] = C_MARK,
		['~'] = C_MARK,
		[':'] = C_MARK,
		['$'] = C_MARK,
		['+'] = C_MARK,
	};
	uint8_t is = class[(unsigned char)c];

	return is ? is : C_JUNK;
}

static uint8_t classes_in(const char *p, uint32_t len)
{
	uint8_t seen = 0;
	uint32_t i;

	for (i = 0; i < len; i++)
		seen |= class_of(p[i]);
	return seen;
}

/* Digits, and changes from digits to letters or back. */
static void count(const char *p, uint32_t len, uint32_t *digits, uint32_t *changes)
{
	uint8_t is, last = 0;
	uint32_t i;

	*digits = *changes = 0;
	for (i = 0; i < len; i++) {
		is = class_of(p[i]) & (C_DIGIT | C_LETTER);
		*digits += is == C_DIGIT;
		if (!is)
			continue;
		*changes += last && (is == C_DIGIT) != (last == C_DIGIT);
		last = is;
	}
}

static bool looks_like_id(const char *p, uint32_t len, uint8_t seen)
{
	uint32_t digits, changes;

	if (!(seen & C_DIGIT))
		return false;
	if (!(seen & C_LETTER))
		return len > 4 || !memchr(p, '.', len); /* 1.1 is a version */
	if (len >= 8 && !(seen & (C_BEYOND_F | C_MARK)))
		return true; /* hexadecimal, UUID */
	count(p, len, &digits, &changes);
	if (digits >= 4 && 2 * digits >= len)
		return true; /* user12345, INV-2026-0001 */
	if (len >= 8 && changes >= 4)
		return true; /* dQw4w9WgXcQ, ULIDs */
	return len >= 24 && (seen & C_LETTER) == C_LETTER && !memchr(p, '.', len); /* base64 */
}

static bool known_ext(const char *p, uint32_t len)
{
	static const char known[][8] = {
		"js",   "mjs",  "css",  "map",   "png", "jpg", "jpeg", "gif",  "svg", "ico",
		"webp", "avif", "woff", "woff2", "ttf", "otf", "eot",  "mp3",  "mp4", "webm",
		"ogg",  "wasm", "pdf",  "zip",   "gz",  "tgz", "ts",   "m3u8", "m4s",
	};
	char ext[8] = "";
	uint32_t i;

	for (i = 0; i < len; i++)
		ext[i] = (char)(p[i] | ((class_of(p[i]) & C_UPPER) ? 0x20 : 0));
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!memcmp(ext, known[i], sizeof(ext)))
			return true;
	return false;
}

/* Length of the extension, 0: none. It begins with a letter, what is before it is not empty. */
static uint32_t ext_len(const struct segment *s)
{
	const char *end = s->p + s->len;
	uint32_t n = 0;

	while (n < SEGMENT_MAX_EXT && n < s->len &&
	       (class_of(end[-1 - (int)n]) & (C_LETTER | C_DIGIT)))
		n++;
	if (!n || n + 2 > s->len || end[-1 - (int)n] != '.' || class_of(end[-(int)n]) == C_DIGIT)
		return 0;
	return n;
}

enum segment_kind segment__classify(const struct segment *s, uint32_t *ext)
{
	uint32_t stem;
	uint8_t seen;

	if (s->len > 2 * SEGMENT_MAX_LEN)
		return SEGMENT_ID;
	*ext = ext_len(s);
	if (*ext && known_ext(s->p + s->len - *ext, *ext))
		return SEGMENT_FILE;
	seen = classes_in(s->p, s->len);
	if ((seen & C_JUNK) || s->len > SEGMENT_MAX_LEN || (s->p[0] == '.' && seen == C_MARK))
		return SEGMENT_ID;
	stem = s->len - *ext - 1;
	if (*ext && looks_like_id(s->p, stem, classes_in(s->p, stem)))
		return SEGMENT_FILE;
	return looks_like_id(s->p, s->len, seen) ? SEGMENT_ID : SEGMENT_LITERAL;
}
