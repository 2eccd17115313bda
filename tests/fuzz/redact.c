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

typedef struct slice (*hide_fn)(struct slice query, char room[REDACT_QUERY_ROOM]);

static void holds(struct slice in, hide_fn hide_query, bool (*secret)(struct slice key))
{
	static char room[REDACT_QUERY_ROOM], again[REDACT_QUERY_ROOM];
	struct slice out = hide_query(in, room), value, key;

	assert(out.p == in.p ? out.len == in.len : out.p == room && out.len <= sizeof(room));
	assert(slice_eq(hide_query(out, again), out));
	while (in.len && out.len) {
		struct slice was = next(&in), is = next(&out);

		if (!has_secret(was, secret, &key)) {
			assert(slice_eq(was, is));
			continue;
		}
		value = slice_skip(is, key.len + 1);
		assert(slice_eq(value, SLICE(REDACTED)) && !memcmp(is.p, was.p, key.len + 1));
	}
	assert(!in.len == !out.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct slice in = { (const char *)data, len };

	holds(in, redact__query, is_secret);
	holds(in, redact__query_least, is_secret_at_least);
	return 0;
}
