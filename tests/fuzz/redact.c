// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any query: no part that has a secret keeps its value, the others stay as they are, and to hide
 * again changes nothing. */
#undef NDEBUG
#include <assert.h>
#include <stdint.h>

#include "../../agent/redact.c"

static struct slice next(struct slice *rest)
{
	struct slice part = next_part(*rest);

	*rest = slice_skip(*rest, part.len + (part.len < rest->len));
	return part;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static char room[REDACT_QUERY_ROOM], again[REDACT_QUERY_ROOM];
	struct slice in = { (const char *)data, len }, out = redact__query(in, room), value, key;

	assert(out.p == in.p ? out.len == in.len : out.p == room && out.len <= sizeof(room));
	assert(slice_eq(redact__query(out, again), out));
	while (in.len && out.len) {
		struct slice was = next(&in), is = next(&out);

		if (!has_secret(was, &key)) {
			assert(slice_eq(was, is));
			continue;
		}
		value = slice_skip(is, key.len + 1);
		assert(slice_eq(value, SLICE(REDACTED)) && !memcmp(is.p, was.p, key.len + 1));
	}
	assert(!in.len == !out.len);
	return 0;
}
