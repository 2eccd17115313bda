/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * HTTP/1.0 and HTTP/1.1 message heads: RFC 9112 (syntax, framing) and
 * RFC 9110 (fields, methods).
 *
 * Pointer and length in, slices of the same bytes out. No I/O, no allocation,
 * no log, no state between calls: when more bytes have arrived the caller
 * parses again from the head's first byte.
 *
 * redeye watches a conversation between two others, so it is as lenient as
 * the most lenient server where leniency cannot move the end of the message:
 *  - lines may end in a bare LF, empty lines may precede the start line (§2.2);
 *  - the version is what follows the last space of the request line, so a
 *    target with spaces in it is kept as sent (§3);
 *  - field lines that make no sense are skipped (§5.1), obs-fold is unfolded
 *    for what is interpreted here and left in the slices (§5.2).
 * What decides where a body ends is taken by the letter of §6.3, because two
 * opinions about it are request smuggling for a server and nonsense spans here.
 */
#ifndef RED_HTTP1_HEAD_H
#define RED_HTTP1_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "slice.h"

/* Longest method that is believed; the registry's longest has 17 characters. */
#define HTTP1_METHOD_MAX 32

/* Greater than zero: bytes of the head, its blank line included. */
enum http1_result {
	HTTP1_BAD = -1, /* not HTTP/1, and no further byte will change that */
	HTTP1_MORE = 0, /* right so far */
};

enum http1_framing {
	HTTP1_BODY_NONE = 0,
	HTTP1_BODY_LENGTH = 1, /* content_length bytes, which may be 0 */
	HTTP1_BODY_CHUNKED = 2,
	HTTP1_BODY_UNTIL_CLOSE = 3, /* responses only */
	HTTP1_BODY_UNKNOWN = 4,     /* the field that says it was not captured */
};

/* Defined only after a result greater than zero. */
struct http1_head {
	bool is_response;
	bool complete;    /* the blank line was seen */
	bool target_cut;  /* the request line ends within the target */
	bool has_trailer; /* a Trailer field, RFC 9110 §6.6.2 */
	uint8_t minor;    /* of HTTP/1.minor; 1 when it was cut off */
	uint16_t status;  /* 100 to 999 */
	enum http1_framing framing;
	uint64_t content_length; /* HTTP1_BODY_LENGTH only; at most INT64_MAX */
	struct slice method, target;
	struct slice host;   /* value of the first Host field */
	struct slice fields; /* all whole field lines, for http1_head__field() */
};

/* A request, or a response as far as its head alone says; what is known from
 * the request comes with http1_head__body_rules(). */
int http1_head__request(const char *p, size_t len, struct http1_head *h);
int http1_head__response(const char *p, size_t len, struct http1_head *h);

/*
 * The same for a head whose rest was not captured and will not come. Only
 * whole field lines count: half a Content-Length is worse than none. Returns len
 * (or the head's length, should it be whole) when at least the method and the
 * first byte of the target, or the status, is there; HTTP1_MORE when not.
 */
int http1_head__truncated(const char *p, size_t len, bool response, struct http1_head *h);

/* RFC 9112 §6.3, 1 and 2: answers to HEAD, 1xx, 204, 304 and 2xx to CONNECT
 * have no body, whatever their fields say. */
void http1_head__body_rules(struct http1_head *response, bool request_was_head,
			    bool request_was_connect);

/* Whether a head can begin with these bytes; looks at the start line only, and
 * not far. False means that the functions above say HTTP1_BAD. */
bool http1_head__looks_like(const char *p, size_t len, bool response);

/* First field line of this name, whitespace trimmed from the value. */
bool http1_head__field(const struct http1_head *h, struct slice name, struct slice *value);

/* The field lines one after the other: *rest is h->fields at first. What has no
 * name, and the second line of an obs-fold, is left out. */
bool http1_head__next_field(struct slice *rest, struct slice *name, struct slice *value);

#endif /* RED_HTTP1_HEAD_H */
