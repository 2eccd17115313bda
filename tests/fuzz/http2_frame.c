// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as frames. */
#undef NDEBUG
#include <assert.h>

#include "../../agent/http2_frame.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *p = (const char *)data;
	bool chain = http2_frame__chain(p, len);
	struct http2_frame f;
	size_t at = 0, n = 0;

	for (; len - at >= HTTP2_FRAME_HEADER; at += HTTP2_FRAME_HEADER + f.length, n++) {
		http2_frame__parse(p + at, &f);
		assert(!chain || http2_frame__valid(&f));
		if (!http2_frame__valid(&f))
			return 0;
		assert(http2_frame__prefix(&f) <= HTTP2_PREFIX_MAX &&
		       http2_frame__prefix(&f) <= f.length);
		if (f.length > len - at - HTTP2_FRAME_HEADER)
			return 0;
		assert(http2_frame__padding(&f, p + at + HTTP2_FRAME_HEADER) <=
		       (int)(f.length - http2_frame__prefix(&f)));
	}
	assert(!chain || n);
	return 0;
}
