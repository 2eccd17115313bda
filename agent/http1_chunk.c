// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http1_chunk.h"
#include "hex.h"

#include <string.h>

void http1_chunk__init(struct http1_chunk *c)
{
	*c = (struct http1_chunk){ .state = HTTP1_CHUNK_SIZE };
}

static enum http1_chunk_state after_size(const struct http1_chunk *c)
{
	return c->left ? HTTP1_CHUNK_DATA : HTTP1_CHUNK_TRAILER;
}

/* A size beyond INT64_MAX is refused: sums with it could wrap. */
static enum http1_chunk_state size_digit(struct http1_chunk *c, int digit)
{
	if (c->left > INT64_MAX >> 4)
		return HTTP1_CHUNK_BAD;
	c->left = c->left << 4 | digit;
	return HTTP1_CHUNK_DIGITS;
}

/* Behind the last digit: [white space] [; extension] line end. */
static enum http1_chunk_state size_end(const struct http1_chunk *c, char ch)
{
	switch (ch) {
	case ' ':
	case '\t':
		return HTTP1_CHUNK_PAD;
	case ';':
		return HTTP1_CHUNK_EXT;
	case '\r':
		return HTTP1_CHUNK_SIZE_LF;
	case '\n':
		return after_size(c);
	default:
		return HTTP1_CHUNK_BAD;
	}
}

/* A line end in two steps: `lf` when its CR was seen, `next` behind its LF. */
static enum http1_chunk_state line_end(char ch, enum http1_chunk_state lf,
				       enum http1_chunk_state next)
{
	if (ch == '\n')
		return next;
	return ch == '\r' ? lf : HTTP1_CHUNK_BAD;
}

/* The state behind one byte of framing. */
static enum http1_chunk_state step(struct http1_chunk *c, char ch)
{
	int digit = hex_value(ch);

	switch (c->state) {
	case HTTP1_CHUNK_SIZE:
		return digit >= 0 ? size_digit(c, digit) : HTTP1_CHUNK_BAD;
	case HTTP1_CHUNK_DIGITS:
		return digit >= 0 ? size_digit(c, digit) : size_end(c, ch);
	case HTTP1_CHUNK_PAD:
		return size_end(c, ch);
	case HTTP1_CHUNK_SIZE_LF:
		return ch == '\n' ? after_size(c) : HTTP1_CHUNK_BAD;
	case HTTP1_CHUNK_DATA_CR:
		return line_end(ch, HTTP1_CHUNK_DATA_LF, HTTP1_CHUNK_SIZE);
	case HTTP1_CHUNK_DATA_LF:
		return ch == '\n' ? HTTP1_CHUNK_SIZE : HTTP1_CHUNK_BAD;
	case HTTP1_CHUNK_TRAILER:
		if (ch != '\r' && ch != '\n')
			return HTTP1_CHUNK_IN_LINE;
		return line_end(ch, HTTP1_CHUNK_END_LF, HTTP1_CHUNK_DONE);
	case HTTP1_CHUNK_END_LF:
		return ch == '\n' ? HTTP1_CHUNK_DONE : HTTP1_CHUNK_BAD;
	default:
		return c->state;
	}
}

/* Data: jump over it. Returns bytes used. */
static size_t data(struct http1_chunk *c, size_t len)
{
	size_t n = len < c->left ? len : c->left;

	c->left -= n;
	c->body_bytes += n;
	if (!c->left)
		c->state = HTTP1_CHUNK_DATA_CR;
	return n;
}

/* The rest of a line that does not matter. Returns bytes used. */
static size_t rest_of_line(struct http1_chunk *c, const char *p, size_t len)
{
	const char *lf = memchr(p, '\n', len);

	if (!lf)
		return len;
	c->state = c->state == HTTP1_CHUNK_EXT ? after_size(c) : HTTP1_CHUNK_TRAILER;
	return lf + 1 - p;
}

int http1_chunk__feed(struct http1_chunk *c, const char *p, size_t len, size_t *used)
{
	size_t i = 0;

	while (i < len && c->state < HTTP1_CHUNK_DONE) {
		if (c->state == HTTP1_CHUNK_DATA)
			i += data(c, len - i);
		else if (c->state == HTTP1_CHUNK_EXT || c->state == HTTP1_CHUNK_IN_LINE)
			i += rest_of_line(c, p + i, len - i);
		else
			c->state = step(c, p[i++]);
	}
	*used = i;
	return c->state > HTTP1_CHUNK_DONE ? -1 : c->state == HTTP1_CHUNK_DONE;
}

bool http1_chunk__skip(struct http1_chunk *c, uint64_t n)
{
	uint64_t in_data = 0;

	if (c->state == HTTP1_CHUNK_DATA) {
		in_data = n < c->left ? n : c->left;
		c->left -= in_data;
		c->body_bytes += in_data;
		if (!c->left)
			c->state = HTTP1_CHUNK_DATA_CR;
	}
	for (n -= in_data; n && c->state < HTTP1_CHUNK_LOST; n--) {
		if (c->state == HTTP1_CHUNK_DATA_CR)
			c->state = HTTP1_CHUNK_DATA_LF;
		else if (c->state == HTTP1_CHUNK_DATA_LF)
			c->state = HTTP1_CHUNK_SIZE;
		else
			c->state = HTTP1_CHUNK_LOST;
	}
	return c->state < HTTP1_CHUNK_LOST;
}

bool http1_chunk__tail_is_end(const uint8_t tail[8])
{
	return !memcmp(tail + 1, "\r\n0\r\n\r\n", 7);
}
