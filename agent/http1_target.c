// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http1_target.h"

#include "http1_text.h"
#include "options.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* User information is none of the host, and may be a password. */
static struct slice without_user(struct slice s)
{
	const char *at = s.len ? memrchr(s.p, '@', s.len) : NULL;

	return at ? slice_skip(s, at + 1 - s.p) : s;
}

/* More than one colon without brackets is an IPv6 address by someone who did
 * not know about the brackets, and has no port. */
void http1_host__split(struct slice host_field, struct slice *host, uint16_t *port)
{
	struct slice s = without_user(slice_trim(host_field)), digits;
	bool bracket = s.len && s.p[0] == '[';
	uint64_t n = 0;
	size_t end;

	s = slice_skip(s, bracket);
	end = slice_until(s, bracket ? ']' : ':');
	*port = 0;
	*host = (struct slice){ s.p, end };
	if (bracket && end == s.len)
		host->len = 0;
	digits = slice_skip(s, end + (bracket && end < s.len));
	if (!digits.len || digits.p[0] != ':')
		return;
	digits = slice_skip(digits, 1);
	if (http1_number(digits, UINT16_MAX, &n))
		*port = n;
	else if (!bracket && slice_until(digits, ':') < digits.len)
		*host = s;
}

static void split_path(struct slice s, struct http1_target *t)
{
	size_t end;

	s.len = slice_until(s, '#');
	end = slice_until(s, '?');
	t->path = end ? (struct slice){ s.p, end } : SLICE("/");
	if (end < s.len)
		t->query = slice_skip(s, end + 1);
}

/* RFC 3986 §3.1, 3.2: the scheme's length, 0 when "scheme://" is not there. */
static size_t scheme_len(struct slice s)
{
	size_t n = 0;

	if (!s.len || !http1_is_alpha(s.p[0]))
		return 0;
	while (n < s.len && (http1_is_alpha(s.p[n]) || http1_is_digit(s.p[n]) || s.p[n] == '+' ||
			     s.p[n] == '-' || s.p[n] == '.'))
		n++;
	return s.len - n >= 3 && !memcmp(s.p + n, "://", 3) ? n : 0;
}

static void split_absolute(struct slice s, size_t scheme, struct http1_target *t)
{
	size_t n = 0;

	t->scheme = (struct slice){ s.p, scheme };
	s = slice_skip(s, scheme + 3);
	while (n < s.len && s.p[n] != '/' && s.p[n] != '?' && s.p[n] != '#')
		n++;
	http1_host__split((struct slice){ s.p, n }, &t->host, &t->port);
	split_path(slice_skip(s, n), t);
}

void http1_target__split(struct slice target, bool is_connect, struct http1_target *t)
{
	size_t scheme;

	*t = (struct http1_target){ 0 };
	if (is_connect) {
		http1_host__split(target, &t->host, &t->port);
		t->form = t->host.len ? HTTP1_TARGET_AUTHORITY : HTTP1_TARGET_INVALID;
	} else if (target.len && target.p[0] == '/') {
		t->form = HTTP1_TARGET_ORIGIN;
		split_path(target, t);
	} else if (slice_eq(target, SLICE("*"))) {
		t->form = HTTP1_TARGET_ASTERISK;
	} else if ((scheme = scheme_len(target))) {
		t->form = HTTP1_TARGET_ABSOLUTE;
		split_absolute(target, scheme, t);
	}
}

static const char *const known_methods[] = { "GET",   "POST",    "PUT",   "HEAD",  "DELETE",
					     "PATCH", "OPTIONS", "TRACE", "QUERY", "CONNECT" };

/* The i-th of the known set; NULL: there are no more. */
static const char *known_method(const struct str_list *override, size_t i)
{
	if (override && override->n)
		return i < override->n ? override->v[i] : NULL;
	return i < ARRAY_SIZE(known_methods) ? known_methods[i] : NULL;
}

const char *http1_method__known(struct slice method, const struct str_list *override)
{
	const char *name;
	size_t i;

	for (i = 0; (name = known_method(override, i)); i++)
		if (slice_eq(method, slice_of(name)))
			return name;
	return "_OTHER";
}

bool http1_method__is_part(struct slice s, const struct str_list *override, bool end)
{
	const char *name;
	size_t i, n;

	for (i = 0; (name = known_method(override, i)); i++) {
		n = strlen(name);
		if (s.len <= n && !memcmp(end ? name + n - s.len : name, s.p, s.len))
			return true;
	}
	return false;
}
