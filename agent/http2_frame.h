/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * HTTP/2 frames: RFC 9113 §4 and §6. What one's first bytes say; no state, no
 * allocation.
 *
 * Every frame is nine bytes, then its payload. What of the payload has to be read before
 * the rest means anything (the length of padding, a priority, the stream that is promised,
 * an error's code) is here called its prefix.
 */
#ifndef RED_HTTP2_FRAME_H
#define RED_HTTP2_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP2_FRAME_HEADER   9
#define HTTP2_PREFIX_MAX     8
#define HTTP2_MAX_FRAME_SIZE 16384 /* before SETTINGS say otherwise */

#define HTTP2_PREFACE     "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define HTTP2_PREFACE_LEN (sizeof(HTTP2_PREFACE) - 1)

enum http2_type {
	HTTP2_DATA = 0,
	HTTP2_HEADERS = 1,
	HTTP2_PRIORITY = 2,
	HTTP2_RST_STREAM = 3,
	HTTP2_SETTINGS = 4,
	HTTP2_PUSH_PROMISE = 5,
	HTTP2_PING = 6,
	HTTP2_GOAWAY = 7,
	HTTP2_WINDOW_UPDATE = 8,
	HTTP2_CONTINUATION = 9,
	HTTP2_TYPE__CNT = 10,
};

enum http2_flags {
	HTTP2_END_STREAM = 0x1, /* DATA, HEADERS */
	HTTP2_ACK = 0x1,        /* SETTINGS, PING */
	HTTP2_END_HEADERS = 0x4,
	HTTP2_PADDED = 0x8,
	HTTP2_PRIORITY_SET = 0x20,
};

struct http2_frame {
	uint32_t length; /* of the payload */
	uint32_t stream;
	uint8_t type; /* enum http2_type, or one of an extension */
	uint8_t flags;
};

void http2_frame__parse(const char p[HTTP2_FRAME_HEADER], struct http2_frame *f);

/* May there be such a frame? What §6 calls a connection error is none. */
bool http2_frame__valid(const struct http2_frame *f);

/* How long its prefix is; of a valid one. */
uint32_t http2_frame__prefix(const struct http2_frame *f);

/* Bytes of padding at its end, by its prefix; -1: more than it is long. */
int http2_frame__padding(const struct http2_frame *f, const char *prefix);

/* The 32 bits at p, without the reserved one where that is what they are. */
uint32_t http2_frame__u32(const char *p);
uint32_t http2_frame__u31(const char *p);

/* What an error code is called in error.type: the RFC's name (§7), in lower case. */
const char *http2_error__name(uint32_t code);

/*
 * Do these bytes, the first of a call, begin with a frame? For connections whose
 * beginning was not seen, so it is strict: nothing but frames of the ten types, none larger than
 * the default, no flag that the type does not have, a CONTINUATION only behind what it
 * continues; and either they fill the bytes exactly, or there are two at the least.
 */
bool http2_frame__chain(const char *p, size_t len);

#endif /* RED_HTTP2_FRAME_H */
