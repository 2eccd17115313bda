// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Names of what is counted and of spans, and whether a filter wants them. */
#include "history_internal.h"

#include <stdio.h>
#include <string.h>

#include "callee.h"
#include "hex.h"
#include "semconv.h"

static bool is(const struct history_match *m, const char *text)
{
	const char *want = m->text ? m->text : "";

	return !m->set || !strcmp(want, text ? text : "");
}

bool match__service(const struct history_filter *f, const struct hservice *s)
{
	return is(&f->service, s->name) && is(&f->namespace, s->namespace);
}

static bool match_name(const struct history_filter *f, const struct history_name *n)
{
	return (f->kind < 0 || f->kind == (int)n->kind) && is(&f->protocol, n->protocol) &&
	       is(&f->method, n->method) && is(&f->route, n->route) && is(&f->peer, n->peer);
}

bool match__route(const struct history_filter *f, const struct hroute *r)
{
	return match_name(f, &r->name);
}

/* ---- statuses ---------------------------------------------------------------------------- */

enum history_class class__of_http(int64_t status)
{
	return status >= 100 && status < 600 ? (enum history_class)(status / 100 - 1)
					     : HISTORY_CLASS_NONE;
}

enum history_class class__of_rpc(const char *status)
{
	if (!status)
		return HISTORY_CLASS_NONE;
	return strcmp(status, "OK") ? HISTORY_CLASS_ERROR : HISTORY_CLASS_OK;
}

enum history_class class__of_op(bool error)
{
	return error ? HISTORY_CLASS_ERROR : HISTORY_CLASS_OK;
}

bool match__status(const char *filter, const char *status, enum history_class class, bool error)
{
	if (!filter)
		return true;
	if (!strcmp(filter, "error"))
		return error;
	if (!strcmp(filter, "none"))
		return !status;
	if (filter[0] >= '1' && filter[0] <= '5' && !strcmp(filter + 1, "xx"))
		return (int)class == filter[0] - '1';
	return status && !strcmp(filter, status);
}

/* ---- peers -------------------------------------------------------------------------------- */

const char *peer__name(char *room, size_t size, struct slice host, uint16_t port)
{
	bool v6 = host.len && memchr(host.p, ':', host.len) && host.p[0] != '[';
	int len = host.len < 255 ? (int)host.len : 255;

	if (!host.len)
		return NULL;
	if (port)
		snprintf(room, size, v6 ? "[%.*s]:%u" : "%.*s:%u", len, host.p, port);
	else
		snprintf(room, size, v6 ? "[%.*s]" : "%.*s", len, host.p);
	return room;
}

static const char *peer_of(const struct span *s, char peer[320])
{
	char host[CALLEE_HOST_MAX + 1];
	uint32_t len = callee__host(host, s);

	return peer__name(peer, 320, (struct slice){ host, len }, callee__port(s));
}

/* ---- spans --------------------------------------------------------------------------------- */

void span__name(const struct span *s, const char *service, const char *namespace, char peer[320],
		char route[512], struct history_name *out)
{
	size_t len = s->route.len < 511 ? s->route.len : 511;

	if (len)
		memcpy(route, s->route.p, len);
	route[len] = '\0';
	*out = (struct history_name){
		.service = service,
		.namespace = namespace,
		.kind = s->kind,
		.protocol = span__protocol(s),
		.method = s->rpc ? NULL : s->method,
		.route = len ? route : NULL,
		.peer = s->kind == SPAN_CLIENT ? peer_of(s, peer) : NULL,
	};
}

static bool match_span_status(const char *filter, const struct span *s)
{
	char room[8];
	enum history_class class = s->rpc  ? class__of_rpc(s->rpc->status)
				   : s->op ? class__of_op(s->error_type)
					   : class__of_http(s->status);

	return match__status(filter, span__status(s, room), class, s->error_type);
}

static bool begins_trace_id(const struct span *s, const char *text, size_t len)
{
	char id[32];

	if (len > 32)
		return false;
	hex_put(id, s->trace.trace_id, 16);
	return !strncasecmp(id, text, len);
}

static bool match_text(const char *text, const struct span *s)
{
	size_t len = text ? strlen(text) : 0;

	return !len || begins_trace_id(s, text, len) || slice_eq(s->request_id, slice_of(text)) ||
	       (s->path.len && memmem(s->path.p, s->path.len, text, len));
}

bool match__span(const struct history_span_filter *f, const struct span *s, const char *service,
		 const char *namespace)
{
	const struct history_filter *n = &f->names;
	uint64_t duration = s->end_ns > s->start_ns ? s->end_ns - s->start_ns : 0;
	struct history_name name;
	char peer[320], route[512];

	if (duration < f->min_duration_ns || !is(&n->service, service) ||
	    !is(&n->namespace, namespace) || !match_text(f->text, s))
		return false;
	if (n->status && !match_span_status(n->status, s))
		return false;
	if (!n->protocol.set && !n->method.set && !n->route.set && !n->peer.set)
		return n->kind < 0 || n->kind == (int)s->kind;
	span__name(s, service, namespace, peer, route, &name);
	return match_name(n, &name);
}
