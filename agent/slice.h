/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A piece of somebody else's bytes: not terminated, not owned, hostile. */
#ifndef RED_SLICE_H
#define RED_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

struct slice {
	const char *p;
	size_t len;
};

#define SLICE(lit) ((struct slice){ (lit), sizeof(lit) - 1 })

static inline struct slice slice_of(const char *s)
{
	return (struct slice){ s, s ? strlen(s) : 0 };
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* ASCII case-insensitive, as HTTP field names are compared. */
static inline bool slice_ieq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || strncasecmp(a.p, b.p, a.len) == 0);
}

/* An empty slice may be NULL, to which C does not let us add even 0. */
static inline struct slice slice_skip(struct slice s, size_t n)
{
	return n ? (struct slice){ s.p + n, s.len - n } : s;
}

/* Without the white space, line ends included, around it. */
static inline struct slice slice_trim(struct slice s)
{
#define BIT(c) (UINT64_C(1) << (c))
#define BLANK(c)                                                                                   \
	((unsigned char)(c) <= ' ' && ((BIT(' ') | BIT('\t') | BIT('\r') | BIT('\n')) >> (c)&1))
	for (; s.len && BLANK(s.p[0]); s.p++)
		s.len--;
	while (s.len && BLANK(s.p[s.len - 1]))
		s.len--;
#undef BLANK
#undef BIT
	return s;
}

/* Line ends stay: they are a part of what they are in. */
static inline struct slice slice_trim_blanks(struct slice s)
{
	for (; s.len && (s.p[0] == ' ' || s.p[0] == '\t'); s.p++)
		s.len--;
	while (s.len && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* Bytes before the first c; all of them when there is none. */
static inline size_t slice_until(struct slice s, char c)
{
	const char *hit = s.len ? memchr(s.p, c, s.len) : NULL;

	return hit ? (size_t)(hit - s.p) : s.len;
}

#endif /* RED_SLICE_H */
