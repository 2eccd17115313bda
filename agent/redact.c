// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * By name: what a value is cannot be known. The lists err on the side of hiding, and
 * `--no-redact` is the way out.
 */
#include "redact.h"

#include <stddef.h>

/* Names with one of these in them, in any case. */
static const char *const header_parts[] = {
	"authorization", "cookie",  "token",      "secret",    "password",    "api-key",
	"apikey",        "api_key", "credential", "signature", "private-key", NULL,
};

/* The conventions' own among them: X-Amz-Signature, X-Amz-Credential, X-Amz-Security-Token,
 * X-Goog-Signature, AWSAccessKeyId, Signature. */
static const char *const query_parts[] = {
	"token",     "secret",     "password",  "passwd",     "api_key",       "apikey", "api-key",
	"accesskey", "access_key", "signature", "credential", "authorization", NULL,
};

/* And these as a whole. */
static const char *const query_keys[] = { "sig", "auth", "key", "pass", "pwd", "jwt", NULL };

/* By the conventions. */
static const char *const least_keys[] = {
	"AWSAccessKeyId",
	"Signature",
	"sig",
	"X-Goog-Signature",
	"X-Amz-Signature",
	"X-Amz-Credential",
	"X-Amz-Security-Token",
	NULL,
};

static bool contains(struct slice s, struct slice part)
{
	for (; s.len >= part.len; s = slice_skip(s, 1))
		if (slice_ieq((struct slice){ s.p, part.len }, part))
			return true;
	return false;
}

static bool contains_any(struct slice s, const char *const *parts)
{
	while (*parts && !contains(s, slice_of(*parts)))
		parts++;
	return *parts;
}

static bool is_any(struct slice s, const char *const *keys)
{
	while (*keys && !slice_ieq(s, slice_of(*keys)))
		keys++;
	return *keys;
}

bool redact__is_secret_header(struct slice name)
{
	return contains_any(name, header_parts);
}

/* ---- queries ---------------------------------------------------------------------------- */

struct writer {
	char *p;
	size_t len;
};

static void put(struct writer *w, struct slice s)
{
	size_t room = REDACT_QUERY_ROOM - w->len, n = s.len < room ? s.len : room;

	if (n)
		memcpy(w->p + w->len, s.p, n);
	w->len += n;
}

/* "key=value" up to the next '&'. */
static struct slice next_part(struct slice query)
{
	return (struct slice){ query.p, slice_until(query, '&') };
}

static bool is_secret(struct slice key)
{
	return is_any(key, query_keys) || contains_any(key, query_parts);
}

static bool is_secret_at_least(struct slice key)
{
	const char *const *k = least_keys;

	while (*k && !slice_eq(key, slice_of(*k)))
		k++;
	return *k;
}

static bool has_secret(struct slice part, bool (*secret)(struct slice key), struct slice *key)
{
	*key = (struct slice){ part.p, slice_until(part, '=') };
	return key->len < part.len && secret(*key);
}

static bool any_secret(struct slice query, bool (*secret)(struct slice key))
{
	struct slice part, key;

	while (query.len) {
		part = next_part(query);
		if (has_secret(part, secret, &key))
			return true;
		query = slice_skip(query, part.len + (part.len < query.len));
	}
	return false;
}

static struct slice hide(struct slice query, bool (*secret)(struct slice key),
			 char room[REDACT_QUERY_ROOM])
{
	struct writer w = { .p = room };
	struct slice part, key;

	if (!any_secret(query, secret))
		return query;
	while (query.len) {
		part = next_part(query);
		if (has_secret(part, secret, &key)) {
			put(&w, key);
			put(&w, SLICE("=" REDACTED));
		} else {
			put(&w, part);
		}
		if (part.len < query.len)
			put(&w, SLICE("&"));
		query = slice_skip(query, part.len + (part.len < query.len));
	}
	return (struct slice){ room, w.len };
}

struct slice redact__query(struct slice query, char room[REDACT_QUERY_ROOM])
{
	return hide(query, is_secret, room);
}

struct slice redact__query_least(struct slice query, char room[REDACT_QUERY_ROOM])
{
	return hide(query, is_secret_at_least, room);
}
