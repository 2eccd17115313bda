// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <errno.h>
#include <regex.h>

#include "guard.h"
#include "trace_context.h"

#define ALL      (TRACE_W3C | TRACE_B3_SINGLE | TRACE_B3_MULTI)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define ID       "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN     "00f067aa0ba902b7"
#define ZERO16   "0000000000000000"
#define TP       "traceparent: 00-" ID "-" SPAN "-01"
#define HIGHER   "cc-" ID "-" SPAN "-01-what"
#define B3_MULTI "X-B3-TraceId: " ID "\nX-B3-SpanId: " SPAN

/* ---- whole requests ---- */

/* Fields as lines, "name: value". */
static enum trace_context_result read_fields(const char *text, unsigned int formats,
					     struct trace_context *out)
{
	struct slice rest = slice_of(text);
	struct trace_context_reader r;

	trace_context__init(&r, formats);
	while (rest.len) {
		size_t n = slice_until(rest, '\n'), name = slice_until(rest, ':');

		trace_context__field(&r, (struct slice){ rest.p, name },
				     (struct slice){ rest.p + name + 2, n - name - 2 });
		rest = slice_skip(rest, n + (n < rest.len));
	}
	memset(out, 0xaa, sizeof(*out));
	return trace_context__finish(&r, out);
}

/* "trace-parent flags [state] [debug] [undecided]", "-" for ids that are not there. */
static const char *shown(enum trace_context_result result, const struct trace_context *c)
{
	static const char *const formats[] = {
		[TRACE_W3C] = "w3c", [TRACE_B3_SINGLE] = "b3", [TRACE_B3_MULTI] = "b3multi"
	};
	static char text[1024];
	char *p = text;
	int i;

	if (result != TRACE_CONTEXT_OK) {
		static const struct trace_context zero;

		assert_memory_equal(c, &zero, sizeof(zero));
		return result == TRACE_CONTEXT_NONE ? "none" : "malformed";
	}
	p += sprintf(p, "%s ", formats[c->format]);
	for (i = 0; c->valid && i < 16; i++)
		p += sprintf(p, "%02x", c->trace_id[i]);
	p += sprintf(p, "-");
	for (i = 0; c->valid && i < 8; i++)
		p += sprintf(p, "%02x", c->parent_id[i]);
	p += sprintf(p, " %u", c->flags);
	if (c->tracestate.len)
		p += sprintf(p, " [%.*s]", (int)c->tracestate.len, c->tracestate.p);
	sprintf(p, "%s%s", c->debug ? " debug" : "", c->sampled_known ? "" : " undecided");
	return text;
}

static const struct {
	const char *fields, *want;
} requests[] = {
	{ "", "none" },
	{ "Host: a\nx-b3-sampler: 1\ntraceparenz: 1\nb4: 0\nt: 1\n: x", "none" },

	{ TP, "w3c " ID "-" SPAN " 1" },
	{ "TraceParent: 00-" ID "-" SPAN "-00", "w3c " ID "-" SPAN " 0" },
	{ "traceparent: 00-" ID "-" SPAN "-02", "w3c " ID "-" SPAN " 2" },
	{ "traceparent: 00-" ID "-" SPAN "-ff", "w3c " ID "-" SPAN " 3" },
	{ "traceparent: 00-" ID "-" SPAN "-fc", "w3c " ID "-" SPAN " 0" },
	{ "traceparent: 00-" ID "-" SPAN "-01-", "malformed" },
	{ "traceparent: 01-" ID "-" SPAN "-01", "w3c " ID "-" SPAN " 1" },
	{ "traceparent: 01-" ID "-" SPAN "-01-", "w3c " ID "-" SPAN " 1" },
	{ "traceparent: " HIGHER, "w3c " ID "-" SPAN " 1" },
	{ "traceparent: cc-" ID "-" SPAN "-01.what", "malformed" },
	{ "traceparent: ff-" ID "-" SPAN "-01", "malformed" },
	{ "traceparent: 00-" ZERO16 ZERO16 "-" SPAN "-01", "malformed" },
	{ "traceparent: 00-" ID "-" ZERO16 "-01", "malformed" },
	{ "traceparent: 00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01", "malformed" },
	{ "traceparent: ", "malformed" },
	{ TP "\n" TP, "malformed" },
	{ TP "," TP, "malformed" },

	{ TP "\ntracestate: a=1", "w3c " ID "-" SPAN " 1 [a=1]" },
	{ "tracestate: a=1\n" TP, "w3c " ID "-" SPAN " 1 [a=1]" },
	{ TP "\ntracestate: a=1\ntracestate: b=2", "w3c " ID "-" SPAN " 1 [a=1]" },
	{ TP "\ntracestate: \ntracestate: b=2", "w3c " ID "-" SPAN " 1 [b=2]" },
	{ TP "\ntracestate: A=1", "w3c " ID "-" SPAN " 1" },
	{ TP "\ntracestate: ", "w3c " ID "-" SPAN " 1" },
	{ "tracestate: a=1", "none" },
	{ "traceparent: x\ntracestate: a=1", "malformed" },

	{ "b3: " ID "-" SPAN, "b3 " ID "-" SPAN " 0 undecided" },
	{ "B3: " ID "-" SPAN "-1", "b3 " ID "-" SPAN " 1" },
	{ "b3: " ID "-" SPAN "-0", "b3 " ID "-" SPAN " 0" },
	{ "b3: " ID "-" SPAN "-d", "b3 " ID "-" SPAN " 1 debug" },
	{ "b3: " ID "-" SPAN "-1-05e3ac9a4f6e3b90", "b3 " ID "-" SPAN " 1" },
	{ "b3: a3ce929d0e0e4736-" SPAN "-1", "b3 " ZERO16 "a3ce929d0e0e4736-" SPAN " 1" },
	{ "b3: 0", "b3 - 0" },
	{ "b3: 1", "b3 - 1" },
	{ "b3: d", "b3 - 1 debug" },
	{ "b3: ", "malformed" },
	{ "b3: 2", "malformed" },
	{ "b3: " ID, "malformed" },
	{ "b3: " ID "-", "malformed" },
	{ "b3: " ID "-" ZERO16 "-1", "malformed" },
	{ "b3: " ZERO16 "-" SPAN "-1", "malformed" },
	{ "b3: " ID "-" SPAN "-", "malformed" },
	{ "b3: " ID "-" SPAN "-true", "malformed" },
	{ "b3: " ID "-" SPAN "-1-", "malformed" },
	{ "b3: " ID "-" SPAN "-1-" SPAN "-1", "malformed" },
	{ "b3: 0\nb3: 0", "malformed" },

	{ B3_MULTI, "b3multi " ID "-" SPAN " 0 undecided" },
	{ B3_MULTI "\nX-B3-Sampled: 1", "b3multi " ID "-" SPAN " 1" },
	{ B3_MULTI "\nx-b3-sampled: 0", "b3multi " ID "-" SPAN " 0" },
	{ B3_MULTI "\nx-b3-sampled: true", "b3multi " ID "-" SPAN " 1" },
	{ B3_MULTI "\nx-b3-sampled: false", "b3multi " ID "-" SPAN " 0" },
	{ B3_MULTI "\nx-b3-sampled: d", "malformed" },
	{ B3_MULTI "\nX-B3-Flags: 1", "b3multi " ID "-" SPAN " 1 debug" },
	{ B3_MULTI "\nX-B3-Sampled: 0\nX-B3-Flags: 1", "b3multi " ID "-" SPAN " 1 debug" },
	{ B3_MULTI "\nX-B3-Flags: 0", "b3multi " ID "-" SPAN " 0 undecided" },
	{ B3_MULTI "\nX-B3-ParentSpanId: nonsense", "b3multi " ID "-" SPAN " 0 undecided" },
	{ "X-B3-TraceId: a3ce929d0e0e4736\nX-B3-SpanId: " SPAN,
	  "b3multi " ZERO16 "a3ce929d0e0e4736-" SPAN " 0 undecided" },
	{ "X-B3-TraceId: " ID, "none" },
	{ "X-B3-SpanId: " SPAN, "none" },
	{ "X-B3-TraceId: " ID "\nX-B3-Sampled: 1", "b3multi - 1" },
	{ "X-B3-Sampled: 0", "b3multi - 0" },
	{ "X-B3-Flags: 1", "b3multi - 1 debug" },
	{ "X-B3-Flags: 0", "none" },
	{ "X-B3-TraceId: " ID "0\nX-B3-SpanId: " SPAN, "malformed" },
	{ "X-B3-TraceId: " ID "\nX-B3-SpanId: " ZERO16, "malformed" },
	{ B3_MULTI "\nX-B3-SpanId: " SPAN, "malformed" },

	{ TP "\nb3: 1234567890abcdef-" SPAN "-0", "w3c " ID "-" SPAN " 1" },
	{ "b3: 0\n" TP, "w3c " ID "-" SPAN " 1" },
	{ "traceparent: x\nb3: " ID "-" SPAN "-0", "b3 " ID "-" SPAN " 0" },
	{ "traceparent: x\ntracestate: a=1\n" B3_MULTI, "b3multi " ID "-" SPAN " 0 undecided" },
	{ "traceparent: x\nX-B3-TraceId: " ID, "malformed" },
	{ B3_MULTI "\nb3: " SPAN "-" SPAN, "b3 " ZERO16 SPAN "-" SPAN " 0 undecided" },
	{ B3_MULTI "\nb3: x", "b3multi " ID "-" SPAN " 0 undecided" },
	{ B3_MULTI "\nb3: 0", "b3 - 0" },
};

static void requests_are_read(void **state)
{
	struct trace_context c;
	size_t i;

	for (i = 0; i < COUNT(requests); i++) {
		enum trace_context_result result = read_fields(requests[i].fields, ALL, &c);
		const char *got = shown(result, &c);

		if (strcmp(got, requests[i].want))
			fail_msg("%s\ngives '%s',\n not '%s'", requests[i].fields, got,
				 requests[i].want);
	}
}

static void only_what_is_asked_for_is_read(void **state)
{
	static const char fields[] = TP "\nb3: 1\n" B3_MULTI "\ntracestate: a=1";
	struct trace_context c;

	assert_string_equal(shown(read_fields(fields, 0, &c), &c), "none");
	assert_string_equal(shown(read_fields(fields, TRACE_W3C, &c), &c),
			    "w3c " ID "-" SPAN " 1 [a=1]");
	assert_string_equal(shown(read_fields(fields, TRACE_B3_SINGLE, &c), &c), "b3 - 1");
	assert_string_equal(shown(read_fields(fields, TRACE_B3_MULTI, &c), &c),
			    "b3multi " ID "-" SPAN " 0 undecided");
	assert_int_equal(trace_context__formats("tracecontext"), TRACE_W3C);
	assert_int_equal(trace_context__formats("b3"), TRACE_B3_SINGLE | TRACE_B3_MULTI);
	assert_int_equal(trace_context__formats("b3multi"), TRACE_B3_SINGLE | TRACE_B3_MULTI);
	assert_int_equal(trace_context__formats("baggage"), 0);
	assert_int_equal(trace_context__formats("none"), 0);
}

static unsigned int seen_for(const char *name, size_t len)
{
	struct trace_context_reader r;

	trace_context__init(&r, ALL);
	trace_context__field(&r, (struct slice){ at_end(name, len), len }, SLICE("x"));
	return r.seen;
}

/* One wrong byte makes it another field; upper case does not. */
static void names_are_compared_whole(void **state)
{
	static const char *const names[] = { "traceparent",  "tracestate",  "b3",
					     "x-b3-traceid", "x-b3-spanid", "x-b3-sampled",
					     "x-b3-flags" };
	char name[32];
	size_t i, at;
	int c;

	for (i = 0; i < COUNT(names); i++) {
		size_t len = strlen(names[i]);

		for (at = 0; at < len; at++) {
			assert_int_equal(seen_for(names[i], at), 0);
			for (c = 0; c < 256; c++) {
				memcpy(name, names[i], len);
				name[at] = (char)c;
				assert_int_equal(seen_for(name, len),
						 !strncasecmp(name, names[i], len) << i);
			}
		}
	}
}

/* ---- one value against an oracle ---- */

static regex_t w3c_regex, b3_regex;

static int compile_oracles(void **state)
{
	assert_int_equal(regcomp(&w3c_regex,
				 "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$",
				 REG_EXTENDED | REG_NOSUB),
			 0);
	assert_int_equal(regcomp(&b3_regex,
				 "^([01d]|([0-9a-f]{16}){1,2}-[0-9a-f]{16}"
				 "(-[01d](-[0-9a-f]{16})?)?)$",
				 REG_EXTENDED | REG_NOSUB),
			 0);
	return guard_set_up(state);
}

static int free_oracles(void **state)
{
	regfree(&w3c_regex);
	regfree(&b3_regex);
	return 0;
}

static bool all_zero(const char *s, size_t n)
{
	return strspn(s, "0") >= n;
}

static bool w3c_oracle(const char *s)
{
	return !regexec(&w3c_regex, s, 0, NULL, 0) && strncmp(s, "ff", 2) &&
	       (strncmp(s, "00", 2) || strlen(s) == 55) && !all_zero(s + 3, 32) &&
	       !all_zero(s + 36, 16);
}

static bool b3_oracle(const char *s)
{
	size_t n = strcspn(s, "-");

	return !regexec(&b3_regex, s, 0, NULL, 0) &&
	       (n == strlen(s) || (!all_zero(s, n) && !all_zero(s + n + 1, 16)));
}

static void check_value(const char *field, const char *value, size_t len,
			bool (*oracle)(const char *s))
{
	bool ok = strlen(value) == len && oracle(value); /* a NUL is never right before the end */
	struct trace_context_reader r;
	struct trace_context c;

	trace_context__init(&r, ALL);
	trace_context__field(&r, slice_of(field), (struct slice){ at_end(value, len), len });
	if (trace_context__finish(&r, &c) != (ok ? TRACE_CONTEXT_OK : TRACE_CONTEXT_MALFORMED))
		fail_msg("%s: %.*s is%s malformed", field, (int)len, value, ok ? " not" : "");
}

static void mutate(const char *field, const char *valid, size_t until,
		   bool (*oracle)(const char *s))
{
	size_t len = strlen(valid), at;
	char value[256];
	int c;

	for (at = 0; at <= len; at++) {
		snprintf(value, sizeof(value), "%.*s", (int)at, valid);
		check_value(field, value, at, oracle);
		snprintf(value, sizeof(value), "%.*s%s", (int)at, valid, valid + at + (at < len));
		check_value(field, value, len - (at < len), oracle); /* one byte less */
		snprintf(value, sizeof(value), "%.*s0%s", (int)at, valid, valid + at);
		check_value(field, value, len + 1, oracle); /* one byte more */
	}
	for (at = 0; at < until; at++) {
		for (c = 0; c < 256; c++) {
			strcpy(value, valid);
			value[at] = (char)c;
			check_value(field, value, len, oracle);
		}
	}
}

static void traceparent_agrees_with_the_oracle(void **state)
{
	mutate("traceparent", "00-" ID "-" SPAN "-01", 55, w3c_oracle);
	mutate("traceparent", HIGHER, 56, w3c_oracle);
	mutate("traceparent",
	       "00-" ZERO16 "0000000000000001-8"
	       "000000000000000-00",
	       55, w3c_oracle);
}

static void b3_agrees_with_the_oracle(void **state)
{
	static const char *const valid[] = { ID "-" SPAN "-1-" SPAN, SPAN "-" SPAN "-d",
					     ID "-" SPAN, "0",
					     "1"
					     "000000000000000-0000000000000001-0" };

	for (size_t i = 0; i < COUNT(valid); i++)
		mutate("b3", valid[i], strlen(valid[i]), b3_oracle);
}

/* Each of the two ids, with the other one right. */
static void b3_ids_of_their_own_fields(void **state)
{
	static const char *const ids[2] = { ID, SPAN };
	char id[2][33];
	size_t at, i;
	int c;

	for (i = 0; i < 2; i++) {
		for (at = 0; at < strlen(ids[i]); at++) {
			for (c = 1; c < 256; c++) {
				struct trace_context_reader r;
				struct trace_context out;
				bool ok = c != '\n' && c < 128 && strchr("0123456789abcdef", c);

				strcpy(id[0], ids[0]);
				strcpy(id[1], ids[1]);
				id[i][at] = (char)c;
				trace_context__init(&r, ALL);
				trace_context__field(&r, SLICE("x-b3-spanid"), slice_of(id[1]));
				trace_context__field(&r, SLICE("x-b3-traceid"), slice_of(id[0]));
				assert_int_equal(trace_context__finish(&r, &out),
						 ok ? TRACE_CONTEXT_OK : TRACE_CONTEXT_MALFORMED);
			}
		}
	}
}

/* ---- tracestate ---- */

#define A64  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A256 A64 A64 A64 A64
#define M8   "a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1"

static const struct {
	const char *in;
	int members; /* or -1 */
} states[] = {
	{ "", 0 },
	{ " ,\t, ", 0 },
	{ "a=1", 1 },
	{ "foo=1 \t , \t bar=2, \t baz=3", 3 },
	{ "a=1,,b=2,", 2 },
	{ "a= 1", 1 },
	{ "a=!\"#$%&'()*+-./0123456789:;<>?@AZ[\\]^_`az{|}~", 1 },
	{ "0123456789_-*/@abcdefghijklmnopqrstuvwxyz=1", 1 },
	{ "fw529a3039@dt=FfeOne", 1 },
	{ A256 "=" A256, 1 },
	{ "a" A256 "=1", -1 },
	{ "a=1" A256, -1 },
	{ "a", -1 },
	{ "a=", -1 },
	{ "a= ", -1 },
	{ "=1", -1 },
	{ "a=1=2", -1 },
	{ "a =1", -1 },
	{ "A=1", -1 },
	{ "_a=1", -1 },
	{ "@a=1", -1 },
	{ "a.b=1", -1 },
	{ "a=1\t2", -1 },
	{ "a=\xc3\xa4", -1 },
	{ "a=\x7f", -1 },
	{ "b=1,a", -1 },
	{ M8 "," M8 "," M8 "," M8, 32 },
	{ M8 "," M8 "," M8 "," M8 ",b=1", 33 }, /* more than a list may have */
};

static void tracestates_are_parsed(void **state)
{
	for (size_t i = 0; i < COUNT(states); i++) {
		size_t len = strlen(states[i].in);
		struct slice rest = { at_end(states[i].in, len), len }, key, value;
		struct trace_context_reader reader;
		struct trace_context c;
		int r, n = 0;

		while ((r = tracestate__next(&rest, &key, &value)) > 0)
			n++;
		if ((r ? -1 : n) != states[i].members)
			fail_msg("'%s': %d, %d members", states[i].in, r, n);
		trace_context__init(&reader, ALL);
		trace_context__field(&reader, SLICE("traceparent"), SLICE("00-" ID "-" SPAN "-01"));
		trace_context__field(&reader, SLICE("tracestate"), slice_of(states[i].in));
		assert_int_equal(trace_context__finish(&reader, &c), TRACE_CONTEXT_OK);
		assert_slice(c.tracestate, !r && n && n <= 32 ? states[i].in : "");
	}
}

/* Members are found where a split at commas finds them. */
static void tracestate_agrees_with_an_oracle(void **state)
{
	static const char valid[] = "ot=th:8;rv:1, a@b=c d,x/y=1";
	const size_t len = sizeof(valid) - 1;
	regex_t member;

	assert_int_equal(
		regcomp(&member,
			"^[ \t]*([a-z0-9][a-z0-9_*/@-]*=[ -+.-<>-~-]*[!-+.-<>-~-])?[ \t]*$",
			REG_EXTENDED | REG_NOSUB),
		0);
	for (size_t i = 0; i < 256 * len; i++) {
		char s[sizeof(valid)], copy[sizeof(valid)], *p = copy, *one;
		struct slice rest = { at_end(s, 0), len }, key, value;
		bool ok = i % 256;
		int r;

		memcpy(s, valid, sizeof(s));
		s[i / 256] = (char)(i % 256);
		memcpy(copy, s, sizeof(s));
		while ((one = strsep(&p, ",")))
			ok &= !regexec(&member, one, 0, NULL, 0);
		rest.p = at_end(s, len);
		while ((r = tracestate__next(&rest, &key, &value)) > 0)
			;
		if (r != (ok ? 0 : -EINVAL))
			fail_msg("'%s': %d", s, r);
	}
	regfree(&member);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_read),
		cmocka_unit_test(only_what_is_asked_for_is_read),
		cmocka_unit_test(names_are_compared_whole),
		cmocka_unit_test(traceparent_agrees_with_the_oracle),
		cmocka_unit_test(b3_agrees_with_the_oracle),
		cmocka_unit_test(b3_ids_of_their_own_fields),
		cmocka_unit_test(tracestates_are_parsed),
		cmocka_unit_test(tracestate_agrees_with_an_oracle),
	};

	return cmocka_run_group_tests(tests, compile_oracles, free_oracles);
}
