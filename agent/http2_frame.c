// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http2_frame.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum stream_rule {
	STREAM_ZERO = 1 << 0,
	STREAM_SOME = 1 << 1,
	STREAM_ANY = STREAM_ZERO | STREAM_SOME,
};

static const struct {
	uint8_t streams; /* enum stream_rule */
	uint8_t flags;   /* those that it has */
	uint8_t unit;    /* the payload is a multiple; 0: of any length */
	uint32_t min, max;
} rules[HTTP2_TYPE__CNT] = {
	[HTTP2_DATA] = { STREAM_SOME, HTTP2_END_STREAM | HTTP2_PADDED, .max = UINT32_MAX },
	[HTTP2_HEADERS] = { STREAM_SOME,
			    HTTP2_END_STREAM | HTTP2_END_HEADERS | HTTP2_PADDED |
				    HTTP2_PRIORITY_SET,
			    .max = UINT32_MAX },
	[HTTP2_PRIORITY] = { STREAM_SOME, .min = 5, .max = 5 },
	[HTTP2_RST_STREAM] = { STREAM_SOME, .min = 4, .max = 4 },
	[HTTP2_SETTINGS] = { STREAM_ZERO, HTTP2_ACK, .unit = 6, .max = UINT32_MAX },
	[HTTP2_PUSH_PROMISE] = { STREAM_SOME, HTTP2_END_HEADERS | HTTP2_PADDED, .min = 4,
				 .max = UINT32_MAX },
	[HTTP2_PING] = { STREAM_ZERO, HTTP2_ACK, .min = 8, .max = 8 },
	[HTTP2_GOAWAY] = { STREAM_ZERO, .min = 8, .max = UINT32_MAX },
	[HTTP2_WINDOW_UPDATE] = { STREAM_ANY, .min = 4, .max = 4 },
	[HTTP2_CONTINUATION] = { STREAM_SOME, HTTP2_END_HEADERS, .max = UINT32_MAX },
};

uint32_t http2_frame__u32(const char *p)
{
	const uint8_t *u = (const uint8_t *)p;

	return (uint32_t)u[0] << 24 | u[1] << 16 | u[2] << 8 | u[3];
}

uint32_t http2_frame__u31(const char *p)
{
	return http2_frame__u32(p) & INT32_MAX;
}

void http2_frame__parse(const char p[HTTP2_FRAME_HEADER], struct http2_frame *f)
{
	*f = (struct http2_frame){
		.length = http2_frame__u32(p) >> 8,
		.type = p[3],
		.flags = p[4],
		.stream = http2_frame__u31(p + 5),
	};
}

static bool is_ack(const struct http2_frame *f)
{
	return f->type == HTTP2_SETTINGS && f->flags & HTTP2_ACK;
}

bool http2_frame__valid(const struct http2_frame *f)
{
	if (f->type >= HTTP2_TYPE__CNT)
		return true;
	return rules[f->type].streams & (f->stream ? STREAM_SOME : STREAM_ZERO) &&
	       f->length >= rules[f->type].min && f->length <= rules[f->type].max &&
	       (!rules[f->type].unit || f->length % rules[f->type].unit == 0) &&
	       !(is_ack(f) && f->length) && http2_frame__prefix(f) <= f->length;
}

uint32_t http2_frame__prefix(const struct http2_frame *f)
{
	bool padded = f->flags & HTTP2_PADDED;

	switch (f->type) {
	case HTTP2_DATA:
		return padded;
	case HTTP2_HEADERS:
		return padded + (f->flags & HTTP2_PRIORITY_SET ? 5 : 0);
	case HTTP2_RST_STREAM:
		return 4;
	case HTTP2_PUSH_PROMISE:
		return padded + 4;
	case HTTP2_GOAWAY:
		return 8;
	default:
		return 0;
	}
}

int http2_frame__padding(const struct http2_frame *f, const char *prefix)
{
	bool may =
		f->type == HTTP2_DATA || f->type == HTTP2_HEADERS || f->type == HTTP2_PUSH_PROMISE;
	uint32_t n;

	if (!may || !(f->flags & HTTP2_PADDED))
		return 0;
	n = (uint8_t)prefix[0];
	return n > f->length - http2_frame__prefix(f) ? -1 : (int)n;
}

const char *http2_error__name(uint32_t code)
{
	static const char *const names[] = {
		"no_error",
		"protocol_error",
		"internal_error",
		"flow_control_error",
		"settings_timeout",
		"stream_closed",
		"frame_size_error",
		"refused_stream",
		"cancel",
		"compression_error",
		"connect_error",
		"enhance_your_calm",
		"inadequate_security",
		"http_1_1_required",
	};

	return code < ARRAY_SIZE(names) ? names[code] : "_OTHER";
}

/* ---- where a frame begins ------------------------------------------------------------------ */

static bool plausible(const struct http2_frame *f)
{
	return f->type < HTTP2_TYPE__CNT && http2_frame__valid(f) &&
	       !(f->flags & ~rules[f->type].flags) && f->length <= HTTP2_MAX_FRAME_SIZE;
}

static bool opens_block(const struct http2_frame *f)
{
	return (f->type == HTTP2_HEADERS || f->type == HTTP2_PUSH_PROMISE ||
		f->type == HTTP2_CONTINUATION) &&
	       !(f->flags & HTTP2_END_HEADERS);
}

/* §6.10: nothing may come between. The first may continue what was not seen. */
static bool follows(const struct http2_frame *f, const struct http2_frame *prev)
{
	bool open = opens_block(prev);

	return open == (f->type == HTTP2_CONTINUATION) && (!open || f->stream == prev->stream);
}

bool http2_frame__chain(const char *p, size_t len)
{
	struct http2_frame f, prev = { 0 };
	size_t at = 0;
	int n = 0;

	for (; len - at >= HTTP2_FRAME_HEADER; n++) {
		http2_frame__parse(p + at, &f);
		if (!plausible(&f) || (n && !follows(&f, &prev)))
			return false;
		if (len - at - HTTP2_FRAME_HEADER < f.length)
			return n >= 1;
		at += HTTP2_FRAME_HEADER + f.length;
		prev = f;
	}
	return n >= 2 || (n && at == len);
}
