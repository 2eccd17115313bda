/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The chunked transfer coding, RFC 9112 §7.1, bytes as they come:
 *
 *	1a;name=value CRLF  <26 bytes>  CRLF  ...  0 CRLF  [Trailer: x CRLF]  CRLF
 *
 * Only positions are kept: where the body is in a chunk, how much of it there
 * was, where it ended. Extensions and trailers are skipped. Line ends may be a
 * bare LF, and white space may follow the size (some servers pad it).
 *
 * Not every byte is captured, so the decoder can be told of bytes that it will
 * not see. As long as they belong to one chunk nothing is lost; beyond that
 * the framing is gone and the body's end must be found from the outside, for
 * which http1_chunk__tail_is_end() helps.
 */
#ifndef RED_HTTP1_CHUNK_H
#define RED_HTTP1_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http1_chunk_state {
	HTTP1_CHUNK_SIZE = 0,    /* before the first digit of a size */
	HTTP1_CHUNK_DIGITS = 1,  /* within the size */
	HTTP1_CHUNK_PAD = 2,     /* white space behind the size */
	HTTP1_CHUNK_EXT = 3,     /* in an extension */
	HTTP1_CHUNK_SIZE_LF = 4, /* behind the size line's CR */
	HTTP1_CHUNK_DATA = 5,    /* `left` bytes of data to come */
	HTTP1_CHUNK_DATA_CR = 6, /* the data's line end to come */
	HTTP1_CHUNK_DATA_LF = 7, /* behind the CR of that */
	HTTP1_CHUNK_TRAILER = 8, /* at the start of a trailer line */
	HTTP1_CHUNK_IN_LINE = 9, /* within one */
	HTTP1_CHUNK_END_LF = 10, /* behind the last line's CR */
	HTTP1_CHUNK_DONE = 11,
	HTTP1_CHUNK_LOST = 12, /* bytes were missed that held framing */
	HTTP1_CHUNK_BAD = 13,
};

struct http1_chunk {
	enum http1_chunk_state state;
	uint64_t left;       /* DIGITS to DATA: of the chunk, at most INT64_MAX */
	uint64_t body_bytes; /* chunk data so far, skipped bytes included */
};

void http1_chunk__init(struct http1_chunk *c);

/*
 * Returns 1 when the body is finished: *used bytes belonged to it, its last
 * line end included, the rest is the next message. 0 when more is needed: all
 * is used. -1 when it is not chunked coding or the position was lost.
 */
int http1_chunk__feed(struct http1_chunk *c, const char *p, size_t len, size_t *used);

/*
 * n bytes moved that were not captured. True when the position is still known:
 * they were data of the current chunk, perhaps with the CRLF that ends it, as
 * is usual when one call writes a chunk. False: it is lost for good.
 */
bool http1_chunk__skip(struct http1_chunk *c, uint64_t n);

/* Whether a direction's last eight bytes, youngest last, can be the end of a
 * chunked body without trailers; true for an empty body too, as the blank line
 * of the head precedes it. Data can look like this as well. */
bool http1_chunk__tail_is_end(const uint8_t tail[8]);

#endif /* RED_HTTP1_CHUNK_H */
