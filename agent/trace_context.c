// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What is lenient and what is not follows the specifications, because a context that we
 * believe and the service does not (or the other way) tears a trace apart:
 *  - traceparent: lower case only, no zero ids, never version ff, once. A higher version
 *    is read as far as version 00 goes.
 *  - tracestate never invalidates traceparent: what cannot be parsed is left out. Several
 *    headers are one list by the specification, but joining them takes a copy: the first
 *    that is not empty is kept, which is the part that was written last.
 *  - B3: 64-bit trace ids are padded on the left; a decision without ids is one about the
 *    trace that begins here; ids of which one is missing are no parent; "true" and
 *    "false" are what old tracers send.
 *  - A field that may be there once and is there twice makes its format malformed.
 *    Malformed headers of one format do not hide another format's.
 */
#include "trace_context.h"
#include "hex.h"

#include <errno.h>

#define TRACEPARENT_LEN 55
#define BIT(field)      (1u << (field))

unsigned int trace_context__formats(const char *propagator)
{
	if (!strcmp(propagator, "tracecontext"))
		return TRACE_W3C;
	if (!strcmp(propagator, "b3") || !strcmp(propagator, "b3multi"))
		return TRACE_B3_SINGLE | TRACE_B3_MULTI;
	return 0;
}

/* ---- fields ---- */

static const struct {
	struct slice name;
	enum trace_format format;
} fields[TRACE_FIELD__CNT] = {
	[TRACE_FIELD_TRACEPARENT] = { SLICE("traceparent"), TRACE_W3C },
	[TRACE_FIELD_TRACESTATE] = { SLICE("tracestate"), TRACE_W3C },
	[TRACE_FIELD_B3] = { SLICE("b3"), TRACE_B3_SINGLE },
	[TRACE_FIELD_B3_TRACE_ID] = { SLICE("x-b3-traceid"), TRACE_B3_MULTI },
	[TRACE_FIELD_B3_SPAN_ID] = { SLICE("x-b3-spanid"), TRACE_B3_MULTI },
	[TRACE_FIELD_B3_SAMPLED] = { SLICE("x-b3-sampled"), TRACE_B3_MULTI },
	[TRACE_FIELD_B3_FLAGS] = { SLICE("x-b3-flags"), TRACE_B3_MULTI },
};

static void set_value(struct trace_context_reader *r, enum trace_field field, struct slice value)
{
	bool again = r->seen & BIT(field);

	if (again)
		r->twice |= BIT(field);
	if (!again || (field == TRACE_FIELD_TRACESTATE && !r->values[field].len))
		r->values[field] = value;
	r->seen |= BIT(field);
}

void trace_context__candidate(struct trace_context_reader *r, struct slice name, struct slice value)
{
	unsigned int i;

	for (i = 0; i < TRACE_FIELD__CNT; i++) {
		if (slice_ieq(name, fields[i].name)) {
			if (fields[i].format & r->formats)
				set_value(r, i, value);
			return;
		}
	}
}

/* ---- hexadecimal ---- */

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* n bytes from 2n digits in lower case. */
static bool read_hex(const char *p, uint8_t *out, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		int high = nibble(p[2 * i]), low = nibble(p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* As before, and not all zero. */
static bool read_id(const char *p, uint8_t *out, size_t n)
{
	uint8_t any = 0;
	size_t i;

	if (!read_hex(p, out, n))
		return false;
	for (i = 0; i < n; i++)
		any |= out[i];
	return any;
}

/* ---- W3C ---- */

/* version-traceid-parentid-flags; a higher version may go on behind another '-'. */
static bool read_traceparent(struct slice s, struct trace_context *out)
{
	uint8_t version, flags;

	if (s.len < TRACEPARENT_LEN || !read_hex(s.p, &version, 1) || version == 0xff)
		return false;
	if (s.len > TRACEPARENT_LEN && (!version || s.p[TRACEPARENT_LEN] != '-'))
		return false;
	if (s.p[2] != '-' || s.p[35] != '-' || s.p[52] != '-')
		return false;
	if (!read_id(s.p + 3, out->trace_id, 16) || !read_id(s.p + 36, out->parent_id, 8) ||
	    !read_hex(s.p + 53, &flags, 1))
		return false;
	out->flags = flags & (TRACE_SAMPLED | TRACE_RANDOM);
	return true;
}

static bool is_key_char(char c, bool is_first)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       (!is_first && c && strchr("_-*/@", c));
}

static bool is_key(struct slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (!is_key_char(s.p[i], !i))
			return false;
	return s.len && s.len <= 256;
}

/* Cut at ',' and trimmed already. */
static bool is_value(struct slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (s.p[i] < ' ' || s.p[i] > '~' || s.p[i] == '=')
			return false;
	return s.len && s.len <= 256;
}

int tracestate__next(struct slice *rest, struct slice *key, struct slice *value)
{
	struct slice member = { 0 };
	size_t n;

	while (!member.len) { /* empty members are allowed */
		if (!rest->len)
			return 0;
		n = slice_until(*rest, ',');
		member = slice_trim_blanks((struct slice){ rest->p, n });
		*rest = slice_skip(*rest, n + (n < rest->len));
	}
	n = slice_until(member, '=');
	if (n == member.len)
		return -EINVAL;
	*key = (struct slice){ member.p, n };
	*value = slice_skip(member, n + 1);
	return is_key(*key) && is_value(*value) ? 1 : -EINVAL;
}

#define TRACESTATE_MEMBERS_MAX 32

static bool is_tracestate(struct slice s)
{
	struct slice key, value;
	int n = 0, r;

	while ((r = tracestate__next(&s, &key, &value)) > 0)
		n++;
	return r == 0 && n > 0 && n <= TRACESTATE_MEMBERS_MAX;
}

static enum trace_context_result w3c(const struct trace_context_reader *r,
				     struct trace_context *out)
{
	const struct slice *state = &r->values[TRACE_FIELD_TRACESTATE];

	if (!(r->seen & BIT(TRACE_FIELD_TRACEPARENT)))
		return TRACE_CONTEXT_NONE;
	if ((r->twice & BIT(TRACE_FIELD_TRACEPARENT)) ||
	    !read_traceparent(r->values[TRACE_FIELD_TRACEPARENT], out))
		return TRACE_CONTEXT_MALFORMED;
	out->valid = out->sampled_known = true;
	if ((r->seen & BIT(TRACE_FIELD_TRACESTATE)) && is_tracestate(*state))
		out->tracestate = *state;
	return TRACE_CONTEXT_OK;
}

/* ---- B3 ---- */

static bool read_b3_ids(struct slice trace_id, struct slice span_id, struct trace_context *out)
{
	size_t n = trace_id.len / 2;

	if ((trace_id.len != 32 && trace_id.len != 16) || span_id.len != 16)
		return false;
	if (!read_id(trace_id.p, out->trace_id + 16 - n, n) ||
	    !read_id(span_id.p, out->parent_id, 8))
		return false;
	out->valid = true;
	return true;
}

static void set_sampled(struct trace_context *out, bool sampled)
{
	out->sampled_known = true;
	out->flags = sampled ? TRACE_SAMPLED : 0;
}

static bool read_b3_state(struct slice s, struct trace_context *out)
{
	if (s.len != 1 || (*s.p != '0' && *s.p != '1' && *s.p != 'd'))
		return false;
	set_sampled(out, *s.p != '0');
	out->debug = *s.p == 'd';
	return true;
}

enum { B3_PARTS_MAX = 4 }; /* traceid-spanid-state-parentspanid */

/* How many parts there are, B3_PARTS_MAX + 1 for more than there may be. */
static unsigned int split_b3(struct slice s, struct slice parts[B3_PARTS_MAX])
{
	unsigned int n;

	for (n = 0; n < B3_PARTS_MAX; n++) {
		size_t len = slice_until(s, '-');

		parts[n] = (struct slice){ s.p, len };
		if (len == s.len)
			return n + 1;
		s = slice_skip(s, len + 1);
	}
	return n + 1;
}

static bool read_b3(struct slice s, struct trace_context *out)
{
	struct slice parts[B3_PARTS_MAX];
	unsigned int n = split_b3(s, parts);
	uint8_t grandparent[8];

	if (n == 1)
		return read_b3_state(parts[0], out);
	return n <= B3_PARTS_MAX && read_b3_ids(parts[0], parts[1], out) &&
	       (n < 3 || read_b3_state(parts[2], out)) &&
	       (n < 4 || (parts[3].len == 16 && read_hex(parts[3].p, grandparent, 8)));
}

static enum trace_context_result b3_single(const struct trace_context_reader *r,
					   struct trace_context *out)
{
	if (!(r->seen & BIT(TRACE_FIELD_B3)))
		return TRACE_CONTEXT_NONE;
	if ((r->twice & BIT(TRACE_FIELD_B3)) || !read_b3(r->values[TRACE_FIELD_B3], out))
		return TRACE_CONTEXT_MALFORMED;
	return TRACE_CONTEXT_OK;
}

static bool read_b3_sampled(struct slice s, struct trace_context *out)
{
	bool yes = slice_eq(s, SLICE("1")) || slice_eq(s, SLICE("true"));

	if (!yes && !slice_eq(s, SLICE("0")) && !slice_eq(s, SLICE("false")))
		return false;
	set_sampled(out, yes);
	return true;
}

static enum trace_context_result b3_multi(const struct trace_context_reader *r,
					  struct trace_context *out)
{
	const unsigned int ids = BIT(TRACE_FIELD_B3_TRACE_ID) | BIT(TRACE_FIELD_B3_SPAN_ID);
	const unsigned int once = ids | BIT(TRACE_FIELD_B3_SAMPLED) | BIT(TRACE_FIELD_B3_FLAGS);
	const struct slice *v = r->values;

	if (r->twice & once)
		return TRACE_CONTEXT_MALFORMED;
	if ((r->seen & ids) == ids &&
	    !read_b3_ids(v[TRACE_FIELD_B3_TRACE_ID], v[TRACE_FIELD_B3_SPAN_ID], out))
		return TRACE_CONTEXT_MALFORMED;
	if ((r->seen & BIT(TRACE_FIELD_B3_SAMPLED)) &&
	    !read_b3_sampled(v[TRACE_FIELD_B3_SAMPLED], out))
		return TRACE_CONTEXT_MALFORMED;
	if ((r->seen & BIT(TRACE_FIELD_B3_FLAGS)) &&
	    slice_eq(v[TRACE_FIELD_B3_FLAGS], SLICE("1"))) { /* other values mean nothing */
		out->debug = true;
		set_sampled(out, true);
	}
	return out->valid || out->sampled_known ? TRACE_CONTEXT_OK : TRACE_CONTEXT_NONE;
}

/* ---- all of them ---- */

static const struct {
	enum trace_format format;
	enum trace_context_result (*read)(const struct trace_context_reader *r,
					  struct trace_context *out);
} readers[] = {
	{ TRACE_W3C, w3c },
	{ TRACE_B3_SINGLE, b3_single },
	{ TRACE_B3_MULTI, b3_multi },
};

enum trace_context_result trace_context__finish(const struct trace_context_reader *r,
						struct trace_context *out)
{
	enum trace_context_result result, worst = TRACE_CONTEXT_NONE;
	size_t i;

	for (i = 0; r->seen && i < sizeof(readers) / sizeof(readers[0]); i++) {
		*out = (struct trace_context){ .format = readers[i].format };
		result = readers[i].read(r, out);
		if (result == TRACE_CONTEXT_OK)
			return result;
		if (result == TRACE_CONTEXT_MALFORMED)
			worst = result;
	}
	*out = (struct trace_context){ 0 };
	return worst;
}
