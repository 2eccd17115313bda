// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The first byte says how to cut the rest: the cut must not change anything. */
#undef NDEBUG
#include <assert.h>

#include "../../agent/http1_chunk.c"

static int feed_by(struct http1_chunk *c, const char *p, size_t len, size_t piece, size_t *total)
{
	int r = 0;

	http1_chunk__init(c);
	for (*total = 0; r == 0 && *total < len;) {
		size_t n = len - *total < piece ? len - *total : piece, used;

		r = http1_chunk__feed(c, p + *total, n, &used);
		assert(used <= n && (r || used == n));
		*total += used;
	}
	return r;
}

/* Bytes that are hidden lose the position or change nothing but the rest. */
static void check_skip(const char *p, size_t len, size_t from, size_t n)
{
	struct http1_chunk c;
	size_t total, used;

	if (feed_by(&c, p, from, from, &total) == 0 && !http1_chunk__skip(&c, n))
		assert(http1_chunk__feed(&c, p + from, len - from, &used) == -1 && used == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *p = (const char *)data + 1;
	struct http1_chunk a, b;
	size_t used_a, used_b;

	if (!len--)
		return 0;
	assert(feed_by(&a, p, len, len, &used_a) == feed_by(&b, p, len, data[0] % 16 + 1, &used_b));
	assert(used_a == used_b && a.state == b.state && a.body_bytes == b.body_bytes);
	assert(a.body_bytes <= len && a.left <= INT64_MAX);
	if (len)
		check_skip(p, len, data[0] % len, data[0] / 16);
	return 0;
}
