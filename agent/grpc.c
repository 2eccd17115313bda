// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How a call tells how it ended, in the order in which it is believed:
 *
 *	grpc-status		in trailers, or in the only HEADERS of an answer
 *	the last message	of gRPC-Web (trailers as text) and of Connect's streams (JSON),
 *				as far as its bytes are seen: with HTTP/1 they are not
 *	a JSON body		of a unary Connect call that failed, likewise
 *	RST_STREAM		its error code, mapped as gRPC says
 *	the HTTP status		of an answer of gRPC without any of these, mapped as gRPC says
 *
 * When the connection ends instead, no status was seen and none is said. Nor when fields
 * of the answer are unknown: then the status may be among them.
 *
 * A client that cancels at its deadline has seen DEADLINE_EXCEEDED, whatever the wire says
 * (CANCEL); so has a server. The deadline began to run a little before the request's
 * first byte moved, hence the tolerance.
 */
#include "grpc.h"

#include <stdlib.h>
#include <string.h>

#include "grpc_status.h"
#include "hex.h"
#include "http1_text.h"

#define ARRAY_SIZE(a)         (sizeof(a) / sizeof((a)[0]))
#define DEADLINE_TOLERANCE_NS 5000000ull
#define HTTP2_CANCEL          8

static const struct {
	struct slice name;
	size_t at;
} names[] = {
#define NAMED(name, member)                                                                        \
	{                                                                                          \
		SLICE(name), offsetof(struct grpc_fields, member)                                  \
	}
	NAMED("content-type", content_type),
	NAMED("grpc-timeout", timeout),
	NAMED("grpc-status", status),
	NAMED("grpc-message", message),
	NAMED("connect-protocol-version", connect_version),
	NAMED("connect-timeout-ms", connect_timeout),
};

/* Which of `names` it is; ARRAY_SIZE(names): none. Most fields show that by their first letter. */
static size_t find(struct slice name)
{
	size_t i;

	if (!name.len || ((name.p[0] | 0x20) != 'c' && (name.p[0] | 0x20) != 'g'))
		return ARRAY_SIZE(names);
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (slice_eq(name, names[i].name) || slice_ieq(name, names[i].name))
			break; /* HTTP/2 has lower case only, which is cheaper to compare */
	return i;
}

bool grpc_fields__has(struct slice name)
{
	return find(name) < ARRAY_SIZE(names);
}

void grpc_fields__take(struct grpc_fields *f, struct slice name, struct slice value)
{
	size_t i = find(name);
	struct slice *to;

	if (i == ARRAY_SIZE(names))
		return;
	to = (struct slice *)((char *)f + names[i].at);
	if (!to->p)
		*to = value;
}

/* ---- what it is ------------------------------------------------------------------------------ */

/* Is the media type this one, or this one with a suffix of a format? */
static bool is_type(struct slice type, struct slice want)
{
	type.len = slice_until(type, ';');
	type = slice_trim(type);
	if (type.len > want.len && type.p[want.len] == '+')
		type.len = want.len;
	return slice_ieq(type, want);
}

static bool starts(struct slice s, struct slice with)
{
	return s.len >= with.len && !strncasecmp(s.p, with.p, with.len);
}

/* `key` ends with '='. False: there is none. */
static bool parameter(struct slice query, struct slice key, struct slice *value)
{
	struct slice one;

	for (; query.len; query = slice_skip(query, one.len + (one.len < query.len))) {
		one = (struct slice){ query.p, slice_until(query, '&') };
		*value = slice_skip(one, one.len < key.len ? 0 : key.len);
		if (one.len >= key.len && !memcmp(one.p, key.p, key.len))
			return true;
	}
	return false;
}

#define CONNECT_GET "connect=v1"

/* The message and its encoding must be there too: scanners do not write them. */
static bool is_connect_get(struct slice query)
{
	struct slice v;

	return parameter(query, SLICE("connect="), &v) && slice_eq(v, SLICE("v1")) &&
	       parameter(query, SLICE("encoding="), &v) && parameter(query, SLICE("message="), &v);
}

bool grpc__may_be(struct slice method, struct slice target)
{
	size_t n;

	if (!slice_eq(method, SLICE("GET")))
		return true;
	n = slice_until(target, '?'); /* a cheaper search, and most have none */
	return n < target.len &&
	       memmem(target.p + n, target.len - n, CONNECT_GET, sizeof(CONNECT_GET) - 1);
}

enum grpc_wire grpc__recognise(const struct grpc_fields *f, struct slice method, struct slice query)
{
	if (slice_eq(method, SLICE("GET")))
		return is_connect_get(query) ? GRPC_WIRE_CONNECT_UNARY : GRPC_WIRE_NONE;
	if (is_type(f->content_type, SLICE("application/grpc")))
		return GRPC_WIRE_GRPC;
	if (is_type(f->content_type, SLICE("application/grpc-web-text")))
		return GRPC_WIRE_WEB_TEXT;
	if (is_type(f->content_type, SLICE("application/grpc-web")))
		return GRPC_WIRE_WEB;
	if (starts(f->content_type, SLICE("application/connect+")))
		return GRPC_WIRE_CONNECT;
	if (f->connect_version.len && starts(f->content_type, SLICE("application/")))
		return GRPC_WIRE_CONNECT_UNARY;
	return GRPC_WIRE_NONE;
}

/* grpc-timeout: at most eight digits and a unit. So many hours can be more than fit; what is
 * added to them must fit too. */
static uint64_t timeout_ns(struct slice s)
{
	static const struct {
		char unit;
		uint64_t ns;
	} units[] = { { 'H', 3600000000000 }, { 'M', 60000000000 }, { 'S', 1000000000 },
		      { 'm', 1000000 },       { 'u', 1000 },        { 'n', 1 } };
	uint64_t n;
	size_t i;

	if (s.len < 2 || !http1_number((struct slice){ s.p, s.len - 1 }, 99999999, &n))
		return 0;
	for (i = 0; i < ARRAY_SIZE(units); i++)
		if (s.p[s.len - 1] == units[i].unit)
			return n < INT64_MAX / units[i].ns ? n * units[i].ns : INT64_MAX;
	return 0;
}

static uint64_t timeout_of(const struct grpc_fields *f)
{
	uint64_t ms;

	if (f->connect_timeout.len && http1_number(f->connect_timeout, 9999999999, &ms))
		return ms * 1000000;
	return timeout_ns(f->timeout);
}

struct grpc_call *grpc_call__new(enum grpc_wire wire, const struct grpc_fields *f)
{
	static const enum grpc_last lasts[] = {
		[GRPC_WIRE_WEB] = GRPC_LAST_WEB,
		[GRPC_WIRE_CONNECT] = GRPC_LAST_CONNECT,
		[GRPC_WIRE_CONNECT_UNARY] = GRPC_LAST_NONE,
	};
	bool keeps = wire == GRPC_WIRE_WEB || wire >= GRPC_WIRE_CONNECT;
	struct grpc_call *c = malloc(sizeof(*c) + (keeps ? GRPC_LAST_MAX : 0));

	if (!c)
		return NULL;
	memset(c, 0, offsetof(struct grpc_call, message));
	c->wire = wire;
	c->code = c->reset_code = GRPC_NONE;
	c->timeout_ns = f ? timeout_of(f) : 0;
	grpc_messages__init(&c->request, GRPC_LAST_NONE, NULL);
	grpc_messages__init(&c->answer, lasts[wire], keeps ? c->last : NULL);
	if (wire == GRPC_WIRE_WEB_TEXT || !f)
		grpc_call__blind(c);
	return c;
}

void grpc_call__free(struct grpc_call *c)
{
	free(c);
}

void grpc_call__blind(struct grpc_call *c)
{
	c->request.lost = c->answer.lost = true;
}

/* ---- what happens ---------------------------------------------------------------------------- */

static void take_message(struct grpc_call *c, struct slice encoded)
{
	c->message_len = percent_decode(c->message, sizeof(c->message), encoded);
}

void grpc_call__answer(struct grpc_call *c, const struct grpc_fields *f, bool unknown)
{
	c->fields_missed |= unknown;
	if (f->status.p)
		c->code = grpc_code__parse(f->status);
	if (f->message.len)
		take_message(c, f->message);
}

void grpc_call__bytes(struct grpc_call *c, bool answer, const char *p, size_t len, uint64_t ts_ns)
{
	struct grpc_messages *m = answer ? &c->answer : &c->request;

	if (c->wire == GRPC_WIRE_CONNECT_UNARY)
		grpc_messages__unary(m, p, len, 0, ts_ns);
	else
		grpc_messages__bytes(m, p, len, ts_ns);
}

void grpc_call__skip(struct grpc_call *c, bool answer, uint64_t len, uint64_t ts_ns)
{
	struct grpc_messages *m = answer ? &c->answer : &c->request;

	if (c->wire == GRPC_WIRE_CONNECT_UNARY)
		grpc_messages__unary(m, NULL, 0, len, ts_ns);
	else
		grpc_messages__skip(m, len);
}

/* Of one that failed the body is no message, so without one there is none. */
void grpc_call__ended(struct grpc_call *c, bool answer, uint16_t status)
{
	if (c->wire == GRPC_WIRE_CONNECT_UNARY && (!answer || status == 200))
		grpc_messages__unary_ends(answer ? &c->answer : &c->request);
}

static bool at_deadline(const struct grpc_call *c, uint64_t elapsed_ns)
{
	uint64_t tolerance = c->timeout_ns / 16;

	if (tolerance > DEADLINE_TOLERANCE_NS)
		tolerance = DEADLINE_TOLERANCE_NS;
	return c->timeout_ns && elapsed_ns + tolerance >= c->timeout_ns;
}

void grpc_call__reset(struct grpc_call *c, uint32_t error, bool by_client, uint64_t elapsed_ns)
{
	if (by_client && !error) /* NO_ERROR: it does not want the rest */
		error = HTTP2_CANCEL;
	c->reset_code = grpc_code__of_reset(error);
	if (by_client && error == HTTP2_CANCEL && at_deadline(c, elapsed_ns))
		c->reset_code = GRPC_DEADLINE_EXCEEDED;
}

/* ---- how it ended --------------------------------------------------------------------------- */

/* Trailers as text, of which the end may be missing. What another field's value says is not
 * meant: the name begins a line. */
static int web_code(const struct grpc_messages *m)
{
	const struct slice name = SLICE("grpc-status:");
	struct slice rest = { m->last, m->last_len }, line;

	for (; rest.len; rest = slice_skip(rest, line.len + (line.len < rest.len))) {
		line = (struct slice){ rest.p, slice_until(rest, '\n') };
		if (line.len < rest.len && starts(line, name))
			return grpc_code__parse(slice_skip(line, name.len));
	}
	return GRPC_NONE;
}

/* Behind `key` in what was kept of the last message; white space aside. */
static struct slice behind(const struct grpc_messages *m, struct slice key)
{
	const char *end, *p;

	p = m->last_len ? memmem(m->last, m->last_len, key.p, key.len) : NULL;
	if (!p)
		return (struct slice){ 0 };
	end = m->last + m->last_len;
	for (p += key.len; p < end && (http1_is_space(*p) || *p == ':'); p++)
		;
	return (struct slice){ p, end - p };
}

/* {"code":"not_found",...}, within {"error":...} at the end of a stream. */
static int json_code(const struct grpc_messages *m)
{
	struct slice s = behind(m, SLICE("\"code\""));
	size_t n;

	if (!s.len || s.p[0] != '"')
		return GRPC_NONE;
	s = slice_skip(s, 1);
	n = slice_until(s, '"');
	return n < s.len ? grpc_code__of_connect((struct slice){ s.p, n }) : GRPC_NONE;
}

static bool last_is_whole(const struct grpc_messages *m)
{
	return m->in_last && !m->left && !m->last_cut && m->last_len < GRPC_LAST_MAX;
}

static int connect_code(const struct grpc_call *c, uint16_t status, const char *failure)
{
	int code = json_code(&c->answer);

	if (c->wire == GRPC_WIRE_CONNECT)
		return c->answer.in_last && (code >= 0 || last_is_whole(&c->answer))
			       ? (code < 0 ? GRPC_OK : code)
			       : GRPC_NONE;
	if (status == 200) /* the body is the message, and may be cut off */
		return failure ? GRPC_NONE : GRPC_OK;
	return code;
}

/* What the answer itself says. */
static int said(const struct grpc_call *c, uint16_t status, const char *failure)
{
	if (c->code != GRPC_NONE)
		return c->code;
	switch (c->wire) {
	case GRPC_WIRE_WEB:
		return web_code(&c->answer);
	case GRPC_WIRE_CONNECT:
	case GRPC_WIRE_CONNECT_UNARY:
		return connect_code(c, status, failure);
	default:
		return GRPC_NONE;
	}
}

/* In a body that was not read there may be a status; and of Connect's codes several have
 * the same HTTP status. */
static bool may_be_unseen(const struct grpc_call *c, uint16_t status)
{
	return c->fields_missed || !status || c->wire >= GRPC_WIRE_CONNECT ||
	       (status == 200 && c->wire != GRPC_WIRE_GRPC);
}

static int code_of(const struct grpc_call *c, const struct span *s, const char *failure)
{
	int code = said(c, s->status, failure);

	if (code == GRPC_NONE)
		code = c->reset_code;
	if (code != GRPC_NONE || failure || may_be_unseen(c, s->status))
		return code;
	return grpc_code__of_http(s->status);
}

static bool is_connect(const struct grpc_call *c)
{
	return c->wire == GRPC_WIRE_CONNECT || c->wire == GRPC_WIRE_CONNECT_UNARY;
}

static void count(const struct grpc_call *c, struct span_rpc *rpc)
{
	rpc->request_messages = c->request.n;
	rpc->request_message_bytes = c->request.bytes;
	rpc->response_messages = c->answer.n;
	rpc->response_message_bytes = c->answer.bytes;
	rpc->response_first_ns = c->answer.first_ns;
	rpc->counted = !c->request.lost && !c->answer.lost;
}

void grpc_call__span(const struct grpc_call *c, struct span *s, const char *failure,
		     struct span_rpc *rpc)
{
	int code = code_of(c, s, failure);

	*rpc = (struct span_rpc){
		.system = is_connect(c) ? "connectrpc" : "grpc",
		.method = s->path.len ? slice_skip(s->path, 1) : s->path,
		.status = is_connect(c) ? grpc_code__connect_name(code) : grpc_code__name(code),
		.message = { c->message, c->message_len },
		.timeout_ns = c->timeout_ns,
	};
	count(c, rpc);
	s->rpc = rpc;
	if (code != GRPC_NONE)
		s->error_type =
			grpc_code__is_error(code, s->kind == SPAN_SERVER) ? rpc->status : NULL;
}
