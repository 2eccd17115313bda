// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "proxy_header.h"

#include <stdbool.h>

#define SIGNATURE_2 "\r\n\r\n\0\r\nQUIT\n"
#define LENGTH_AT   14 /* in a header of version 2, */
#define REST_AT     16 /* and what it is the length of */

/* Of version 2 with version and command. Those that begin alike are neighbours. */
static const struct {
	struct slice begin;
	enum proxy_at then;
} signatures[] = {
	{ SLICE("PROXY TCP4 "), PROXY_LINE },        { SLICE("PROXY TCP6 "), PROXY_LINE },
	{ SLICE("PROXY UNKNOWN"), PROXY_LINE },      { SLICE(SIGNATURE_2 "\x20"), PROXY_LENGTH },
	{ SLICE(SIGNATURE_2 "\x21"), PROXY_LENGTH },
};

#define SIGNATURES (sizeof(signatures) / sizeof(signatures[0]))

/* One more byte of a signature. False: there is none that goes on like this. */
static bool signature_byte(struct proxy_header *h, char c)
{
	struct slice had = { signatures[h->which].begin.p, h->n }, one;
	size_t i;

	for (i = h->which; i < SIGNATURES; i++) {
		one = signatures[i].begin;
		if (h->n >= one.len || one.p[h->n] != c || memcmp(one.p, had.p, had.len) != 0)
			continue;
		h->which = i;
		h->n++;
		if (h->n == one.len)
			h->at = signatures[i].then;
		return true;
	}
	return false;
}

static void end(struct proxy_header *h)
{
	*h = (struct proxy_header){ .at = PROXY_BEHIND };
}

static void line_byte(struct proxy_header *h, char c)
{
	h->n++;
	if (c == '\n' || h->n == PROXY_LINE_MAX)
		end(h);
}

static void length_byte(struct proxy_header *h, uint8_t c)
{
	if (h->n >= LENGTH_AT)
		h->left = h->left << 8 | c;
	if (++h->n < REST_AT)
		return;
	h->at = PROXY_REST;
	if (!h->left)
		end(h);
}

static uint64_t rest_bytes(struct proxy_header *h, uint64_t len)
{
	uint64_t n = len < h->left ? len : h->left;

	h->left -= n;
	if (!h->left)
		end(h);
	return n;
}

/* False: it is none, which only a signature can turn out to be. */
static bool one_byte(struct proxy_header *h, char c)
{
	if (h->at == PROXY_SIGNATURE)
		return signature_byte(h, c);
	if (h->at == PROXY_LINE)
		line_byte(h, c);
	else
		length_byte(h, c);
	return true;
}

size_t proxy_header__feed(struct proxy_header *h, const char *p, size_t len)
{
	const struct proxy_header before = *h;
	size_t i = 0;

	while (i < len && h->at < PROXY_BEHIND) {
		if (h->at == PROXY_REST) {
			i += rest_bytes(h, len - i);
		} else if (one_byte(h, p[i])) {
			i++;
		} else {
			*h = before;
			h->at = PROXY_NONE;
			return 0;
		}
	}
	return i;
}

uint64_t proxy_header__skip(struct proxy_header *h, uint64_t len)
{
	if (h->at == PROXY_REST)
		return rest_bytes(h, len);
	if (h->at != PROXY_SIGNATURE)
		h->n = 0;
	h->at = PROXY_NONE;
	return 0;
}

struct slice proxy_header__held(const struct proxy_header *h)
{
	return (struct slice){ signatures[h->which].begin.p, h->n };
}
