// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Headers of OTEL_EXPORTER_OTLP_HEADERS: W3C baggage without its `;` metadata. Values are
 * percent-encoded, and what they decode to must not end a line of HTTP. No message shows
 * a value: they are mostly secrets.
 */
#include "otlp_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slice.h"
#include "hex.h"

#define HEADERS_MAX 64

/* Those that the protocols set themselves. */
static const char *const reserved[] = {
	"content-type", "content-length", "content-encoding", "transfer-encoding", "connection",
	"te",           "expect",         "upgrade",
};

/* token, RFC 9110 section 5.6.2 */
static bool is_token(struct slice s)
{
	static const char allowed[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	for (size_t i = 0; i < s.len; i++) {
		if (!s.p[i] || !strchr(allowed, s.p[i]))
			return false;
	}
	return s.len;
}

static bool is_reserved(struct slice name)
{
	if (name.len >= 5 && !strncasecmp(name.p, "grpc-", 5))
		return true;
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		if (slice_ieq(name, slice_of(reserved[i])))
			return true;
	}
	return false;
}

/* Decodes to `to`, which has room for value.len bytes. The length, or -EINVAL. */
static int decode(struct slice value, char *to)
{
	char *start = to;

	for (size_t i = 0; i < value.len; i++) {
		char c = value.p[i];

		if (c == '%') {
			int high = value.len - i > 2 ? hex_value(value.p[i + 1]) : -1;
			int low = high >= 0 ? hex_value(value.p[i + 2]) : -1;

			if (low < 0)
				return -EINVAL;
			c = high * 16 + low;
			i += 2;
		}
		if ((unsigned char)c < ' ' || c == 0x7f)
			return -EINVAL;
		*to++ = c;
	}
	return to - start;
}

static int add(struct otlp_endpoint *e, struct slice name, struct slice value)
{
	char **headers = realloc(e->headers, (e->n_headers + 1) * sizeof(*headers));
	char *line = malloc(name.len + value.len + 3);
	int len;

	if (headers)
		e->headers = headers;
	if (!headers || !line) {
		free(line);
		return -ENOMEM;
	}
	memcpy(line, name.p, name.len);
	len = decode(value, line + name.len + 2);
	if (len < 0) {
		free(line);
		return len;
	}
	/* curl's way to say that a header is empty, and not that it is to be left out */
	memcpy(line + name.len, len ? ": " : ";\0", 2);
	line[name.len + 2 + len] = '\0';
	headers[e->n_headers++] = line;
	return 0;
}

static int parse_one(struct slice piece, struct otlp_endpoint *e, char *err, size_t err_size)
{
	size_t equals = slice_until(piece, '=');
	struct slice name = slice_trim((struct slice){ piece.p, equals });
	int rc;

	if (equals == piece.len || !is_token(name)) {
		snprintf(err, err_size, "header %zu of the OTLP headers is not KEY=VALUE",
			 e->n_headers + 1);
		return -EINVAL;
	}
	if (is_reserved(name)) {
		snprintf(err, err_size, "the OTLP header %.*s is redeye's own to set",
			 (int)name.len, name.p);
		return -EINVAL;
	}
	rc = e->n_headers < HEADERS_MAX ? add(e, name, slice_trim(slice_skip(piece, equals + 1)))
					: -EINVAL;
	if (rc == -EINVAL)
		snprintf(err, err_size,
			 "the OTLP header %.*s has a value that is not percent-encoded text, or is "
			 "one of more than %d",
			 (int)name.len, name.p, HEADERS_MAX);
	return rc;
}

int otlp_headers__parse(const char *text, struct otlp_endpoint *e, char *err, size_t err_size)
{
	struct slice left = slice_of(text);
	int rc = 0;

	while (!rc && left.len) {
		size_t len = slice_until(left, ',');
		struct slice piece = slice_trim((struct slice){ left.p, len });

		if (piece.len)
			rc = parse_one(piece, e, err, err_size);
		left = slice_skip(left, len < left.len ? len + 1 : len);
	}
	return rc;
}
