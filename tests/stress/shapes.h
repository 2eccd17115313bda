/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The hostile shapes of URLs. A shape writes at most SHAPE_MAX bytes at `to`, begins
 * with '/', and returns how many. */
#ifndef RED_STRESS_SHAPES_H
#define RED_STRESS_SHAPES_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define SHAPE_MAX 7000

static uint64_t shape_seed = 88172645463325252u;

static inline uint32_t any(uint32_t n)
{
	shape_seed ^= shape_seed << 13;
	shape_seed ^= shape_seed >> 7;
	shape_seed ^= shape_seed << 17;
	return (uint32_t)(shape_seed >> 32) % n;
}

static inline size_t letters(char *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = 'a' + any(26);
	return n;
}

static inline size_t word(char *to)
{
	*to = '/';
	return 1 + letters(to + 1, 3 + any(9));
}

static size_t words(char *to)
{
	size_t n = word(to);

	n += word(to + n);
	return n + word(to + n);
}

static size_t ids(char *to)
{
	static const char *const forms[] = { "/users/%u/orders/%08x-%04x-4000-8000-%012x",
					     "/v%u/item/%x%x%x", "/f/%u/%u.%u.%u.json",
					     "/d/20%02u-%02u/%u/%x" };

	return snprintf(to, SHAPE_MAX, forms[any(4)], any(99), any(1u << 31), any(65536),
			any(1u << 31));
}

static size_t deep(char *to)
{
	size_t n = 0, depth = 8 + any(60);

	while (depth--)
		n += word(to + n);
	return n;
}

static size_t escapes(char *to)
{
	static const char *const parts[] = {
		"%2F", "%00", "%zz", "%", "%2e%2E", "%C3%28", "+", "/"
	};
	size_t n = 1, left = 2 + any(30);

	*to = '/';
	while (left--)
		n += sprintf(to + n, "%s%c", parts[any(8)], 'a' + any(26));
	return n;
}

static size_t very_long(char *to)
{
	*to = '/';
	return 1 + letters(to + 1, 60 + (any(50) ? any(300) : any(SHAPE_MAX - 200)));
}

/* UTF-8 and bytes that are none, without white space and control characters. */
static size_t unicode(char *to)
{
	static const char *const parts[] = {
		"é",        "日本",         "\xf0\x9f\x94\xa5", "\xff\xfe",
		"\xc0\xaf", "\xe2\x80\xae", "\xed\xa0\x80",     "/"
	};
	size_t n = 1, left = 2 + any(20);

	*to = '/';
	while (left--)
		n += sprintf(to + n, "%s%c", parts[any(8)], 'a' + any(26));
	return n;
}

static size_t dots(char *to)
{
	static const char *const parts[] = { "/..",  "/.",     "//",     "/a..",
					     "/...", "/.;v=1", "/..%2f", "/.x" };
	size_t n = word(to), left = any(20);

	while (left--)
		n += sprintf(to + n, "%s", parts[any(8)]);
	return n;
}

static size_t queries(char *to)
{
	size_t n = word(to);

	return n + sprintf(to + n, "?q=%u&r=%x#%x{}\"\\", any(1u << 31), any(1u << 31), any(99));
}

static size_t fixed(char *to)
{
	memcpy(to, "/fixed", 6);
	return 6;
}

static size_t fixed_after(char *to)
{
	memcpy(to, "/fixed/after", 12);
	return 12;
}

static size_t hold(char *to)
{
	memcpy(to, "/hold", 5);
	return 5;
}

static size_t hostile(char *to)
{
	static size_t (*const all[])(char *) = { words,     ids,     deep, escapes,
						 very_long, unicode, dots, queries };

	return all[any(8)](to);
}

static const struct shape {
	const char *name;
	size_t (*write)(char *to);
	int methods; /* other methods than GET, random hosts */
} shapes[] = {
	{ "fixed", fixed, 0 },     { "after", fixed_after, 0 }, { "hold", hold, 0 },
	{ "hostile", hostile, 1 }, { "words", words, 1 },       { "ids", ids, 1 },
	{ "deep", deep, 1 },       { "escapes", escapes, 1 },   { "long", very_long, 1 },
	{ "unicode", unicode, 1 }, { "dots", dots, 1 },         { "queries", queries, 1 },
	{ NULL, NULL, 0 },
};

#endif /* RED_STRESS_SHAPES_H */
