/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One HTTP/1 request from its head to the end of its response, and how it
 * becomes a span. The head's bytes are gone when it is needed, so the parts
 * that matter are copied; short ones into the structure itself. Finished ones
 * are kept for reuse. Event loop only.
 */
#ifndef RED_HTTP1_TXN_H
#define RED_HTTP1_TXN_H

#include <stdint.h>

#include "http1_head.h"
#include "http1_target.h"
#include "options.h"
#include "request.h"
#include "request_headers.h"
#include "service.h"
#include "span.h"

struct conn;

#define HTTP1_TXN_INLINE 240

enum http1_txn_flags {
	HTTP1_TXN_HEAD = 1 << 0, /* a HEAD request */
	HTTP1_TXN_CONNECT = 1 << 1,
	HTTP1_TXN_CUT = 1 << 2,      /* a head was not captured whole */
	HTTP1_TXN_INFERRED = 1 << 3, /* its end was not seen by framing */
};

struct http1_txn {
	struct http1_txn *next;
	struct request req;
	uint64_t request_end_ns, response_start_ns;
	uint64_t request_body_bytes, response_body_bytes;
	uint32_t flags; /* enum http1_txn_flags */
	uint16_t status;
	uint8_t minor;
	uint8_t pad;
	uint16_t method_len, target_len, host_len;
	uint32_t n_headers;
	struct span_header headers[SPAN_HEADERS_MAX];
	struct http1_target target; /* its parts, in text */
	char *text;                 /* method, target, host, then what headers gave */
	char text_inline[HTTP1_TXN_INLINE];
};

/* Without service, scheme and times. `headers` may be NULL. NULL with errno ENOMEM. */
struct http1_txn *http1_txn__new(const struct http1_head *request,
				 const struct request_headers *headers,
				 const struct str_list *known_methods);
void http1_txn__free(struct http1_txn *t);
void http1_txn__free_pool(void);

/* Completes *s, in which kind, end_ns and a failure, if any, are set. */
void http1_txn__span(const struct http1_txn *t, const struct conn *c, struct span *s);

#endif /* RED_HTTP1_TXN_H */
