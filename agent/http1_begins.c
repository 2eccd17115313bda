// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Does a message begin here? Asked where one can but need not: nobody knows what the bytes
 * before were, or they were not to be the end of a message.
 *
 * A known method is believed even when its line is cut. Any other needs the whole line: its
 * version says that it is a request, and its target looks like one. What is left of a method
 * whose first letters were read by themselves is none: "ET /b" begins nothing.
 */
#include "http1_internal.h"

#include <string.h>

#define METHOD_MIN 3 /* letters, of one that is not known */

static const struct str_list *named(const struct http1 *h)
{
	return &h->env->options->known_methods;
}

static bool is_known(const struct http1 *h, struct slice method)
{
	return strcmp(http1_method__known(method, NULL), "_OTHER") ||
	       strcmp(http1_method__known(method, named(h)), "_OTHER");
}

/* As all that were ever registered. */
static bool looks_like_method(struct slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if ((s.p[i] < 'A' || s.p[i] > 'Z') && (s.p[i] != '-' || !i || i + 1 == s.len))
			return false;
	return s.len >= METHOD_MIN;
}

static bool is_whole_line(const char *p, size_t len)
{
	struct http1_target target;
	struct http1_head line;

	if (http1_head__truncated(p, len, false, &line) <= 0)
		return false;
	http1_target__split(line.target, false, &target);
	return target.form != HTTP1_TARGET_INVALID;
}

/* No space follows: more of it may. */
static bool method_begins(const struct http1 *h, struct slice s)
{
	return http1_method__is_part(s, NULL, false) || http1_method__is_part(s, named(h), false);
}

static bool method_ends(const struct http1 *h, struct slice s)
{
	return http1_method__is_part(s, NULL, true) || http1_method__is_part(s, named(h), true);
}

static bool request_begins(const struct http1 *h, struct slice s)
{
	struct slice method = { s.p, slice_until(s, ' ') };
	size_t line = slice_until(s, '\n');

	if (method.len == s.len)
		return method_begins(h, method);
	if (is_known(h, method))
		return line < s.len || method.len + 1 == s.len ||
		       strchr("/h*", s.p[method.len + 1]);
	return line < s.len && looks_like_method(method) && !method_ends(h, method) &&
	       is_whole_line(s.p, line + 1);
}

bool http1__begins(const struct http1 *h, const struct proto_bytes *b, bool response)
{
	size_t from = http1__empty_lines(b);
	struct slice s = { b->p + from, b->len - from };

	if (!s.len || !http1_head__looks_like(s.p, s.len, response))
		return false;
	return response || request_begins(h, s);
}
