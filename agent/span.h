/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One finished transaction, as the protocol stage hands it to aggregation and
 * to the exporters. Everything it points to belongs to the caller and is
 * valid only during the call; whoever keeps something copies it.
 *
 * Names follow the OpenTelemetry semantic conventions v1.44 for HTTP and RPC.
 */
#ifndef RED_SPAN_H
#define RED_SPAN_H

#include <stdbool.h>
#include <stdint.h>

#include "slice.h"

struct service;

enum span_kind {
	SPAN_SERVER = 0,
	SPAN_CLIENT = 1,
};

enum span_flags {
	SPAN_HEAD_CUT = 1 << 0,        /* a message head was longer than what was captured */
	SPAN_LENGTH_INFERRED = 1 << 1, /* the end was seen from the outside, not by framing */
	SPAN_FIELDS_UNKNOWN = 1 << 2,  /* a header field referred to what was before redeye */
	/* Where the body begins was not seen, so how long it is is not known. */
	SPAN_REQUEST_SIZE_UNKNOWN = 1 << 3,
	SPAN_RESPONSE_SIZE_UNKNOWN = 1 << 4,
};

/* W3C Trace Context level 3, trace-flags. */
enum trace_flags {
	TRACE_SAMPLED = 1 << 0, /* the head decision */
	TRACE_RANDOM = 1 << 1,  /* the right-most 7 bytes of the trace id are random */
};

/* How the parent became known; see correlate.h. */
enum trace_link {
	TRACE_LINK_NONE = 0,     /* no parent is known: the root of a trace */
	TRACE_LINK_HEADER = 1,   /* the request carried its context */
	TRACE_LINK_PASSED = 2,   /* it carries what the parent had received */
	TRACE_LINK_THREAD = 3,   /* sent by the thread that was serving the parent */
	TRACE_LINK_SOLE = 4,     /* the parent was all that the process was serving */
	TRACE_LINK_INJECTED = 5, /* the kernel side wrote the context into the request */
	TRACE_LINK_CONNECTION =
		6, /* both ends of the connection are seen: it is the same request */
	TRACE_LINK__CNT = 7,
};

/* Where a span belongs. Ids are in the order of their hexadecimal text. */
struct trace {
	uint8_t trace_id[16];
	uint8_t span_id[8];
	uint8_t parent_id[8]; /* all zero: none */
	uint8_t flags;        /* enum trace_flags */
	uint8_t link;         /* enum trace_link */
	uint8_t remote;       /* 1: the parent is another process's span */
	uint8_t forced;       /* 1: the debug header asks to keep this trace */
};

/* A request header that the user asked for. */
struct span_header {
	const char *name; /* lower case; lives as long as the options */
	struct slice value;
};

#define SPAN_HEADERS_MAX 8

enum span_tls_resumed {
	SPAN_TLS_RESUMED_UNKNOWN = 0,
	SPAN_TLS_RESUMED_NO = 1,
	SPAN_TLS_RESUMED_YES = 2,
};

/* What a TLS handshake said, as far as it was seen. One piece of memory. */
struct span_tls {
	uint16_t version; /* negotiated, as on the wire; 0: not seen */
	uint16_t cipher;  /* IANA's number; 0: not seen */
	uint8_t resumed;  /* enum span_tls_resumed */
	uint8_t server_name_len;
	uint8_t next_protocol_len;
	char text[]; /* server name, next protocol */
};

static inline size_t span_tls__bytes(const struct span_tls *t)
{
	return sizeof(*t) + t->server_name_len + t->next_protocol_len;
}

static inline struct slice span_tls__server_name(const struct span_tls *t)
{
	return (struct slice){ t->text, t->server_name_len };
}

static inline struct slice span_tls__next_protocol(const struct span_tls *t)
{
	return (struct slice){ t->text + t->server_name_len, t->next_protocol_len };
}

/* A remote procedure call: what its protocol says beyond HTTP. */
struct span_rpc {
	const char *system;   /* "grpc", "connectrpc": rpc.system.name; static */
	struct slice method;  /* "pkg.Service/Method"; empty: not known */
	const char *status;   /* "OK", "NOT_FOUND"; NULL: none was seen; static */
	struct slice message; /* grpc-message, percent-decoded; what an application says */
	uint64_t timeout_ns;  /* grpc-timeout; 0: none */
	uint64_t request_messages, response_messages;
	uint64_t request_message_bytes, response_message_bytes; /* without their prefixes */
	uint64_t response_first_ns; /* first byte of the first response message; 0: none */
	bool counted; /* the messages: false when some of their prefixes were not seen */
};

enum span_attr_type {
	SPAN_ATTR_STRING = 0,
	SPAN_ATTR_INT = 1,
	SPAN_ATTR_BOOL = 2,
	SPAN_ATTR_STRINGS = 3, /* a list of strings, of which there is one */
	SPAN_ATTR_DOUBLE = 4,
};

struct span_attr {
	const char *key; /* static, or lives as long as what it is of */
	enum span_attr_type type;
	union {
		struct slice str;
		int64_t num;
		double real;
	};
};

static inline bool span_attr__is_text(const struct span_attr *a)
{
	return a->type == SPAN_ATTR_STRING || a->type == SPAN_ATTR_STRINGS;
}

#define SPAN_OP_ATTRS_MAX 8

/* An operation of a protocol that is not HTTP: what it says beyond when, by whom, what is
 * done (method) and how it failed. Which names that gets is said in semconv.h. */
struct span_op {
	uint8_t semconv;     /* enum semconv_id */
	const char *system;  /* which protocol: "memcached"; static */
	const char *status;  /* what the answer says, if it says something; static */
	struct slice target; /* what it is done to: of names that a service has few of */
	uint32_t n_attrs;
	struct span_attr attrs[SPAN_OP_ATTRS_MAX]; /* of spans only */
};

struct span {
	enum span_kind kind;
	uint32_t flags; /* enum span_flags */
	uint32_t tgid;  /* the process that was observed */
	uint64_t conn_id;
	const struct service *service; /* of that process, never NULL */

	struct trace trace;
	struct slice tracestate; /* as received; empty without a parent from a header */
	struct slice request_id; /* of X-Request-ID, see option request-id-header */

	/* CLOCK_MONOTONIC nanoseconds, from the kernel; 0: did not happen. */
	uint64_t start_ns;          /* first byte of the request */
	uint64_t request_end_ns;    /* last byte of the request */
	uint64_t response_start_ns; /* first byte of the final response */
	uint64_t end_ns;            /* last byte of the response, or the failure */

	const char *method;           /* a known one or "_OTHER", never NULL; static */
	struct slice method_original; /* as sent */
	struct slice path;            /* "/a/b", no query; empty for CONNECT and "*" */
	struct slice query;           /* behind '?', without it */
	struct slice route; /* agg.c's: http.route of servers, rpc.method, a target; empty: none */
	uint64_t series;    /* agg.c's own: which one it was counted in */
	struct slice host;  /* host of the target or of Host:, without port */
	uint16_t host_port; /* 0: none given */
	const char *scheme; /* "http" or "https", NULL: it is no HTTP; static */
	const char *protocol_version; /* "1.0", "1.1", "2"; static */

	uint16_t status;        /* 0: no response */
	const char *error_type; /* NULL: no error; else a status or a word; static */

	uint64_t request_body_bytes;  /* message body as framed on the wire, if it is known: */
	uint64_t response_body_bytes; /* span__has_request_size(), span__has_response_size() */

	/* Socket addresses: IPv4 as IPv4-mapped IPv6; family 0: UNIX or unknown. */
	uint16_t family; /* AF_INET, AF_INET6, AF_UNIX, 0 */
	uint16_t local_port, peer_port;
	uint8_t local_addr[16], peer_addr[16];
	struct slice peer_service, peer_namespace; /* of the pod with that address; empty: none */

	struct span_header headers[SPAN_HEADERS_MAX]; /* those that were there */
	uint32_t n_headers;

	/* At most one of these. None: a request that is nothing but HTTP. */
	const struct span_rpc *rpc;
	const struct span_op *op;

	const struct span_tls *tls; /* option span-tls; NULL: no TLS, or nothing is known of it */
};

static inline bool span__has_request_size(const struct span *s)
{
	return !(s->flags & SPAN_REQUEST_SIZE_UNKNOWN);
}

static inline bool span__has_response_size(const struct span *s)
{
	return !(s->flags & SPAN_RESPONSE_SIZE_UNKNOWN);
}

#endif /* RED_SPAN_H */
