/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the target, the host and the method of an HTTP/1 request say. */
#ifndef RED_HTTP1_TARGET_H
#define RED_HTTP1_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "slice.h"

struct str_list;

enum http1_target_form {
	HTTP1_TARGET_INVALID = 0,
	HTTP1_TARGET_ORIGIN = 1,
	HTTP1_TARGET_ABSOLUTE = 2,
	HTTP1_TARGET_AUTHORITY = 3,
	HTTP1_TARGET_ASTERISK = 4,
};

/* RFC 9112 §3.2. Parts that a form does not have are empty. */
struct http1_target {
	enum http1_target_form form;
	uint16_t port;       /* 0: none given, or not a port */
	struct slice scheme; /* as sent */
	struct slice host;   /* without user information, brackets and port */
	struct slice path;   /* "/" (static) for an absolute form without one */
	struct slice query;  /* behind '?', without it and without a fragment */
};

void http1_target__split(struct slice target, bool is_connect, struct http1_target *t);

/* "example.org:80", "[::1]:80"; RFC 9110 §7.2. */
void http1_host__split(struct slice host_field, struct slice *host, uint16_t *port);

/*
 * The method if it is known, else "_OTHER" (OpenTelemetry HTTP conventions,
 * http.request.method). The string is static, or that of `override`, which
 * replaces the known set when it is not NULL and not empty.
 */
const char *http1_method__known(struct slice method, const struct str_list *override);

/* Is it what is left of a known method, the same set, that was cut? Its beginning, or its end. */
bool http1_method__is_part(struct slice s, const struct str_list *override, bool end);

#endif /* RED_HTTP1_TARGET_H */
