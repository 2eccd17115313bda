// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* As the OpenTelemetry specification maps spans to Zipkin's. */
#include "zipkin.h"

#include <string.h>
#include <sys/socket.h>

#include "json_text.h"
#include "service.h"

enum { NAME_MAX_BYTES = 1024 };

static void put_key(struct buf *out, const char *key)
{
	buf__putc(out, ',');
	json_text__string(out, slice_of(key));
	buf__putc(out, ':');
}

static void put_id(struct buf *out, const char *key, const uint8_t *id, size_t n)
{
	put_key(out, key);
	json_text__hex(out, id, n);
}

static void put_text(struct buf *out, const char *key, struct slice s)
{
	put_key(out, key);
	json_text__string(out, s);
}

static void put_number(struct buf *out, const char *key, int64_t v)
{
	put_key(out, key);
	json_text__int(out, v);
}

/* ---- endpoints ------------------------------------------------------------ */

/* An empty serviceName is one that is not known. */
static void put_endpoint(struct buf *out, const char *key, struct slice name, const struct span *s,
			 const uint8_t address[16], uint16_t port)
{
	char room[SPAN_ADDRESS_MAX];
	struct slice ip;

	put_key(out, key);
	buf__puts(out, "{\"serviceName\":");
	json_text__string(out, name);
	if (s->family == AF_INET || s->family == AF_INET6) {
		ip = span_attrs__address(address, room);
		put_text(out, slice_until(ip, ':') < ip.len ? "ipv6" : "ipv4", ip);
		if (port)
			put_number(out, "port", port);
	}
	buf__putc(out, '}');
}

static struct slice value_of(const struct span_attrs *a, const char *key)
{
	uint32_t i;

	for (i = 0; i < a->n; i++)
		if (!strcmp(a->v[i].key, key))
			return a->v[i].str;
	return SLICE("");
}

/* Whom a client called is a service of that name; who called a server nobody says. */
static void put_endpoints(struct buf *out, const struct span *s, const struct span_attrs *a)
{
	struct slice peer = s->kind == SPAN_CLIENT ? value_of(a, "server.address") : SLICE("");

	put_endpoint(out, "localEndpoint", slice_of(s->service->name), s, s->local_addr,
		     s->local_port);
	if (peer.len || s->family == AF_INET || s->family == AF_INET6)
		put_endpoint(out, "remoteEndpoint", peer, s, s->peer_addr, s->peer_port);
}

/* ---- tags ----------------------------------------------------------------- */

static void put_tag(struct buf *out, const struct span_attr *a)
{
	put_key(out, a->key);
	switch (a->type) {
	case SPAN_ATTR_STRING:
	case SPAN_ATTR_STRINGS: /* of which there is one */
		json_text__string(out, a->str);
		break;
	case SPAN_ATTR_INT:
		buf__putc(out, '"');
		json_text__int(out, a->num);
		buf__putc(out, '"');
		break;
	case SPAN_ATTR_BOOL:
		buf__puts(out, a->num ? "\"true\"" : "\"false\"");
		break;
	case SPAN_ATTR_DOUBLE:
		buf__putc(out, '"');
		json_text__double(out, a->real);
		buf__putc(out, '"');
		break;
	}
}

static void put_tags(struct buf *out, const struct span *s, const struct span_attrs *a)
{
	uint32_t i;

	put_key(out, "tags");
	buf__puts(out, "{\"otel.scope.name\":\"redeye\"");
	if (s->error_type) {
		put_text(out, "otel.status_code", SLICE("ERROR"));
		put_text(out, "error", a->message.len ? a->message : slice_of(s->error_type));
	}
	for (i = 0; i < a->n; i++)
		put_tag(out, &a->v[i]);
	buf__putc(out, '}');
}

/* ---- spans ---------------------------------------------------------------- */

static void put_context(struct buf *out, const struct trace *t)
{
	static const uint8_t none[sizeof(t->parent_id)];

	buf__puts(out, "{\"traceId\":");
	json_text__hex(out, t->trace_id, sizeof(t->trace_id));
	put_id(out, "id", t->span_id, sizeof(t->span_id));
	if (memcmp(t->parent_id, none, sizeof(none)) != 0)
		put_id(out, "parentId", t->parent_id, sizeof(t->parent_id));
	if (t->forced)
		buf__puts(out, ",\"debug\":true");
}

/* In microseconds; a duration of 0 means that it is not known. */
static void put_times(struct buf *out, const struct span *s, int64_t unix_minus_mono_ns)
{
	uint64_t start_ns = s->start_ns + (uint64_t)unix_minus_mono_ns;
	uint64_t us = s->end_ns > s->start_ns ? (s->end_ns - s->start_ns) / 1000 : 0;

	put_number(out, "timestamp", (int64_t)(start_ns / 1000));
	put_number(out, "duration", us ? (int64_t)us : 1);
}

static void put_span(struct buf *out, const struct span *s, int64_t unix_minus_mono_ns,
		     const struct span_attrs *a)
{
	char name[NAME_MAX_BYTES];

	put_context(out, &s->trace);
	put_text(out, "kind", s->kind == SPAN_SERVER ? SLICE("SERVER") : SLICE("CLIENT"));
	put_text(out, "name", span_attrs__name(s, name, sizeof(name)));
	put_times(out, s, unix_minus_mono_ns);
	put_endpoints(out, s, a);
	put_tags(out, s, a);
	buf__putc(out, '}');
}

int zipkin__encode(const struct span_batch *b, const struct span_attrs_config *c, struct buf *out)
{
	size_t len = out->len;
	struct span_attrs a;
	uint32_t i;
	int err;

	if (!b->n || out->err)
		return out->err;
	for (i = 0; i < b->n && !out->err; i++) {
		buf__putc(out, i ? ',' : '[');
		span_attrs__of(&a, &b->spans[i], c);
		put_span(out, &b->spans[i], b->unix_minus_mono_ns, &a);
	}
	buf__putc(out, ']');
	err = out->err;
	if (err) {
		out->len = len;
		out->err = 0;
	}
	return err;
}
