// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The first byte says which formats are read, each line is a field: name, NUL, value. */
#undef NDEBUG
#include <assert.h>

#include "../../agent/trace_context.c"

static enum trace_context_result read_lines(struct slice in, unsigned int formats,
					    struct trace_context *out)
{
	struct trace_context_reader r;

	trace_context__init(&r, formats);
	while (in.len) {
		size_t n = slice_until(in, '\n'), name = slice_until((struct slice){ in.p, n }, 0);

		trace_context__field(&r, (struct slice){ in.p, name },
				     slice_skip((struct slice){ in.p, n }, name + (name < n)));
		in = slice_skip(in, n + (n < in.len));
	}
	return trace_context__finish(&r, out);
}

static void check_state(struct slice state, struct slice in)
{
	struct slice key, value;
	int n = 0;

	if (!state.len)
		return;
	assert(state.p >= in.p && state.p + state.len <= in.p + in.len);
	for (; tracestate__next(&state, &key, &value) > 0; n++)
		assert(key.len && value.len && key.p + key.len < value.p);
	assert(!state.len && n > 0 && n <= TRACESTATE_MEMBERS_MAX);
}

/* What is read can be written, and read again. */
static void check_again(const struct trace_context *c)
{
	struct trace_context again = { 0 };
	char text[TRACEPARENT_LEN + 1] = "00-", *to = text + 3;

	to = hex_put(to, c->trace_id, sizeof(c->trace_id));
	*to++ = '-';
	to = hex_put(to, c->parent_id, sizeof(c->parent_id));
	*to++ = '-';
	*hex_put(to, &c->flags, 1) = 0;
	assert(read_traceparent(slice_of(text), &again) && again.flags == c->flags);
	assert(!memcmp(again.trace_id, c->trace_id, 16));
	assert(!memcmp(again.parent_id, c->parent_id, 8));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	unsigned int formats = len ? data[0] & 7 : 0;
	struct slice in = { (const char *)data + 1, len ? len - 1 : 0 };
	struct trace_context c;

	if (read_lines(in, formats, &c) != TRACE_CONTEXT_OK) {
		assert(!c.valid && !c.sampled_known && !c.tracestate.len && !c.format);
		return 0;
	}
	assert((c.format & formats) && !(c.flags & ~3u) && (c.valid || c.sampled_known));
	assert(!c.debug || (c.sampled_known && (c.flags & TRACE_SAMPLED)));
	check_state(c.tracestate, in);
	if (c.valid)
		check_again(&c);
	return 0;
}
