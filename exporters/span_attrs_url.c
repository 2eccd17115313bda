// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where a request went. server.address of a server is what the client called it; of
 * a client also, or else the address of the socket, as in the metrics (agg.c).
 * url.full is built of the parts that the parser found, so that no user information
 * is in it, and the values of query parameters that are known to be secrets are
 * taken out.
 */
#include <arpa/inet.h>
#include <ctype.h>

#include "redact.h"
#include "span_attrs_internal.h"

#define HOST_MAX 255

/* ---- where to ------------------------------------------------------------- */

/* As inet_ntop, which is an sprintf: this is called for every span. */
static size_t ipv4_text(const uint8_t a[4], char *out)
{
	char *p = out;
	int i;

	for (i = 0; i < 4; i++) {
		if (a[i] >= 100)
			*p++ = (char)('0' + a[i] / 100);
		if (a[i] >= 10)
			*p++ = (char)('0' + a[i] / 10 % 10);
		*p++ = (char)('0' + a[i] % 10);
		*p++ = '.';
	}
	return (size_t)(p - out) - 1;
}

struct slice span_attrs__address(const uint8_t a[16], char room[SPAN_ADDRESS_MAX])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (!memcmp(a, mapped, sizeof(mapped)))
		return (struct slice){ room, ipv4_text(a + 12, room) };
	inet_ntop(AF_INET6, a, room, SPAN_ADDRESS_MAX);
	return slice_of(room);
}

bool span_url__is_ip(const struct span *s)
{
	return s->family == AF_INET || s->family == AF_INET6;
}

struct slice span_url__peer(struct attr_builder *b)
{
	char room[SPAN_ADDRESS_MAX];
	struct attr_text w = attr_text__begin(b->a);

	if (!b->peer.p && span_url__is_ip(b->s)) {
		attr_text__put(&w, span_attrs__address(b->s->peer_addr, room));
		b->peer = attr_text__end(&w);
	}
	return b->peer;
}

/* The name that the request gives, without what a Host header must not have. */
static struct slice named_host(const struct span *s)
{
	const char *at = s->host.len ? memrchr(s->host.p, '@', s->host.len) : NULL;
	struct slice host = at ? slice_skip(s->host, (size_t)(at + 1 - s->host.p)) : s->host;

	host.len = host.len < HOST_MAX ? host.len : HOST_MAX;
	return host;
}

static struct slice host_of(struct attr_builder *b)
{
	struct slice host = named_host(b->s);

	return host.len || b->s->kind == SPAN_SERVER ? host : span_url__peer(b);
}

static uint16_t default_port(const struct span *s)
{
	return s->scheme && !strcmp(s->scheme, "https") ? 443 : 80;
}

/* A URL without port means its scheme's; a UNIX socket has none. */
static uint16_t port_of(const struct span *s)
{
	if (s->host_port || s->family == AF_UNIX)
		return s->host_port;
	if (named_host(s).len)
		return default_port(s);
	return s->kind == SPAN_SERVER ? 0 : s->peer_port;
}

/* ---- queries -------------------------------------------------------------- */

static void put_query(struct attr_text *w, struct slice query)
{
	char room[REDACT_QUERY_ROOM];

	attr_text__put(w, redact__query_least(query, room));
}

/* ---- attributes ----------------------------------------------------------- */

/* Host names do not know case, and the metrics have them in lower case. */
bool span_url__server_address(struct attr_builder *b, struct span_attr *out)
{
	struct slice host = host_of(b);
	struct attr_text w = attr_text__begin(b->a);
	size_t i;

	attr_text__put(&w, host);
	for (i = w.from; i < w.a->used; i++)
		w.a->text[i] = (char)tolower((unsigned char)w.a->text[i]);
	return attr__string(out, attr_text__end(&w));
}

bool span_url__server_port(struct attr_builder *b, struct span_attr *out)
{
	return attr__int(out, port_of(b->s));
}

static void put_port(struct attr_text *w, uint16_t port)
{
	char text[6], *p = text + sizeof(text);

	do
		*--p = (char)('0' + port % 10);
	while (port /= 10);
	*--p = ':';
	attr_text__put(w, (struct slice){ p, (size_t)(text + sizeof(text) - p) });
}

/* As if there were none, which only CONNECT and OPTIONS have. */
static bool is_path_unknown(const struct span *s)
{
	return !s->path.len && s->flags & SPAN_FIELDS_UNKNOWN;
}

bool span_url__full(struct attr_builder *b, struct span_attr *out)
{
	const struct span *s = b->s;
	struct slice host = host_of(b);
	bool v6 = slice_until(host, ':') < host.len;
	struct attr_text w = attr_text__begin(b->a);

	if (!host.len || is_path_unknown(s))
		return false;
	attr_text__put(&w, slice_of(s->scheme));
	attr_text__put(&w, v6 ? SLICE("://[") : SLICE("://"));
	attr_text__put(&w, host);
	attr_text__put(&w, v6 ? SLICE("]") : SLICE(""));
	if (port_of(s) && port_of(s) != default_port(s))
		put_port(&w, port_of(s));
	attr_text__put(&w, s->path);
	if (b->c->query && s->query.len) {
		attr_text__put(&w, SLICE("?"));
		put_query(&w, s->query);
	}
	return attr__string(out, attr_text__end(&w));
}

bool span_url__query(struct attr_builder *b, struct span_attr *out)
{
	struct attr_text w = attr_text__begin(b->a);

	if (!b->c->query)
		return false;
	put_query(&w, b->s->query);
	return attr__string(out, attr_text__end(&w));
}
