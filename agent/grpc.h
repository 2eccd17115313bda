/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Remote procedure calls over HTTP: gRPC, gRPC-Web, Connect. What a request and its
 * answer say, and their messages, become a struct span_rpc. See grpc.c. Event loop only.
 */
#ifndef RED_GRPC_H
#define RED_GRPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grpc_messages.h"
#include "span.h"

#define GRPC_MESSAGE_MAX 256  /* of grpc-message, decoded */
#define GRPC_DATA_CAP    1024 /* bytes of a DATA frame that are worth having */

/* Fields that say something about a call; those that are not there are empty. */
struct grpc_fields {
	struct slice content_type, timeout, status, message;
	struct slice connect_version, connect_timeout;
};

/* Is it one of them? */
bool grpc_fields__has(struct slice name);
/* If it is, takes note. */
void grpc_fields__take(struct grpc_fields *f, struct slice name, struct slice value);

enum grpc_wire {
	GRPC_WIRE_NONE = 0,
	GRPC_WIRE_GRPC = 1,
	GRPC_WIRE_WEB = 2,
	GRPC_WIRE_WEB_TEXT = 3, /* in base64: its messages are not read */
	GRPC_WIRE_CONNECT = 4,
	GRPC_WIRE_CONNECT_UNARY = 5, /* one message each way, without a prefix */
};

struct grpc_call {
	uint8_t wire;       /* enum grpc_wire */
	bool fields_missed; /* of the answer, some are unknown */
	int8_t code;        /* enum grpc_code, as headers or trailers say, */
	int8_t reset_code;  /* and as a reset does */
	uint64_t timeout_ns;
	struct grpc_messages request, answer;
	uint16_t message_len;
	char message[GRPC_MESSAGE_MAX];
	char last[]; /* of the answer's messages; none for gRPC, which says it in trailers */
};

/* Whether one of this method and target can be one: its fields need not be read if not. */
bool grpc__may_be(struct slice method, struct slice target);
/* Which one, if it is one at all. */
enum grpc_wire grpc__recognise(const struct grpc_fields *f, struct slice method,
			       struct slice query);

/* `f`: the request's; NULL: it is recognised by its answer. NULL: no memory. */
struct grpc_call *grpc_call__new(enum grpc_wire wire, const struct grpc_fields *f);
void grpc_call__free(struct grpc_call *c); /* accepts NULL */

/* The head of the answer, or its trailers. `unknown`: not all of it is known. */
void grpc_call__answer(struct grpc_call *c, const struct grpc_fields *f, bool unknown);
void grpc_call__bytes(struct grpc_call *c, bool answer, const char *p, size_t len, uint64_t ts_ns);
void grpc_call__skip(struct grpc_call *c, bool answer, uint64_t len, uint64_t ts_ns);
/* One direction has ended; the answer's, which has this HTTP status, or the request's. */
void grpc_call__ended(struct grpc_call *c, bool answer, uint16_t status);
/* Bodies are not looked at. */
void grpc_call__blind(struct grpc_call *c);
/* Its stream was reset with this error code of HTTP/2, so long after it began. */
void grpc_call__reset(struct grpc_call *c, uint32_t error, bool by_client, uint64_t elapsed_ns);

/* How it ended, for a span that is complete but for it: *rpc, and the error. `failure` is
 * why there was no whole answer, or NULL. */
void grpc_call__span(const struct grpc_call *c, struct span *s, const char *failure,
		     struct span_rpc *rpc);

#endif /* RED_GRPC_H */
