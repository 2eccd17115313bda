// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table, and the conventions of HTTP and of RPC. */
#include "semconv.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* B1 of the conventions. */
static const double bounds[] = { 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
				 0.5,   0.75, 1,     2.5,  5,     7.5, 10 };

static const struct semconv_attr http_attrs[] = {
	{ "error.type", OF_ERROR, OF_BOTH },
	{ "http.request.method", OF_METHOD, OF_BOTH },
	{ "http.response.status_code", OF_CODE, OF_BOTH },
	{ "http.route", OF_ROUTE, OF_SERVERS },
	{ "network.protocol.version", OF_VERSION, OF_BOTH },
	{ "server.address", OF_HOST, OF_CLIENTS },
	{ "server.port", OF_PORT, OF_CLIENTS },
	{ "url.scheme", OF_SCHEME, OF_SERVERS },
	{ NULL, 0, 0 },
};

const struct semconv http_semconv = {
	.protocol = "http",
	.metrics = {
		[SPAN_SERVER] = {
			[PART_DURATION] = { "http.server.request.duration",
					    "Duration of HTTP server requests. "
					    "http.route may be learned from paths." },
			[PART_REQUEST_SIZE] = { "http.server.request.body.size",
						"Size of HTTP server request bodies." },
			[PART_RESPONSE_SIZE] = { "http.server.response.body.size",
						 "Size of HTTP server response bodies." },
		},
		[SPAN_CLIENT] = {
			[PART_DURATION] = { "http.client.request.duration",
					    "Duration of HTTP client requests." },
			[PART_REQUEST_SIZE] = { "http.client.request.body.size",
						"Size of HTTP client request bodies." },
			[PART_RESPONSE_SIZE] = { "http.client.response.body.size",
						 "Size of HTTP client response bodies." },
		},
	},
	.bounds = bounds,
	.n_bounds = COUNT(bounds),
	.attrs = http_attrs,
};

static const struct semconv_attr rpc_attrs[] = {
	{ "error.type", OF_ERROR, OF_BOTH },
	{ SEMCONV_RPC_METHOD, OF_ROUTE, OF_BOTH },
	{ SEMCONV_RPC_STATUS, OF_STATUS, OF_BOTH },
	{ SEMCONV_RPC_SYSTEM, OF_SYSTEM, OF_BOTH },
	{ "server.address", OF_HOST, OF_CLIENTS },
	{ "server.port", OF_PORT, OF_CLIENTS },
	{ NULL, 0, 0 },
};

/* They have no metric of the sizes of calls. */
const struct semconv rpc_semconv = {
	.metrics = {
		[SPAN_SERVER][PART_DURATION] = { "rpc.server.call.duration",
						 "Duration of inbound remote procedure calls." },
		[SPAN_CLIENT][PART_DURATION] = { "rpc.client.call.duration",
						 "Duration of outbound remote procedure calls." },
	},
	.bounds = bounds,
	.n_bounds = COUNT(bounds),
	.attrs = rpc_attrs,
};

const struct semconv *const semconvs[SEMCONV__CNT] = {
#define X(NAME, name) [SEMCONV_##NAME] = &name##_semconv,
	SEMCONV_TABLE(X)
#undef X
};

uint32_t class__of_duration(const char *metric)
{
	const char *name;
	uint32_t class;

	for (class = 0; class < SPAN_CLASSES; class ++) {
		name = class__semconv(class)->metrics[class__kind(class)][PART_DURATION].name;
		if (name && !strcmp(name, metric))
			break;
	}
	return class;
}

const struct semconv_attr *semconv__attr(const struct semconv *c, const char *key)
{
	const struct semconv_attr *a = c->attrs;

	while (a->key && strcmp(a->key, key))
		a++;
	return a->key ? a : NULL;
}

const char *semconv__key(const struct semconv *c, enum semconv_of of)
{
	const struct semconv_attr *a = c->attrs;

	while (a->key && a->of != of)
		a++;
	return a->key;
}

const char *protocol__title(const char *protocol)
{
	static const char *const titles[][2] = { { "grpc", "gRPC" }, { "connectrpc", "Connect" } };
	size_t i;

	for (i = 0; protocol && i < COUNT(titles); i++)
		if (!strcmp(protocol, titles[i][0]))
			return titles[i][1];
	return protocol;
}

const char *span__protocol(const struct span *s)
{
	return s->rpc ? s->rpc->system : s->op ? s->op->system : http_semconv.protocol;
}

const char *span__status(const struct span *s, char room[8])
{
	if (s->rpc)
		return s->rpc->status;
	if (s->op)
		return s->op->status ? s->op->status : s->error_type ? NULL : "OK";
	if (!s->status)
		return NULL;
	snprintf(room, 8, "%u", s->status);
	return room;
}
