/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How calls end: gRPC's status codes, Connect's error codes, and what stands for one
 * where none was sent. Numbers are gRPC's (statuscodes.md) for both. */
#ifndef RED_GRPC_STATUS_H
#define RED_GRPC_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "slice.h"

enum grpc_code {
	GRPC_NONE = -1, /* none is known */
	GRPC_OK = 0,
	GRPC_CANCELLED = 1,
	GRPC_UNKNOWN = 2,
	GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_ABORTED = 10,
	GRPC_OUT_OF_RANGE = 11,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
	GRPC_DATA_LOSS = 15,
	GRPC_UNAUTHENTICATED = 16,
	GRPC_CODE__CNT = 17,
};

/* rpc.response.status_code; NULL: none. What went well has none in Connect. */
const char *grpc_code__name(int code);
const char *grpc_code__connect_name(int code);

/* Is it an error of this side? The client's are all but OK (OTel RPC conventions). */
bool grpc_code__is_error(int code, bool server);

/* The value of grpc-status: what is no code is UNKNOWN, as clients have it. */
int grpc_code__parse(struct slice value);
/* Connect's name of one; GRPC_UNKNOWN if it is none. */
int grpc_code__of_connect(struct slice name);
/* When an answer has no status of its own: gRPC's http-grpc-status-mapping.md. */
int grpc_code__of_http(uint16_t status);
/* When the stream was reset: gRPC's PROTOCOL-HTTP2.md. */
int grpc_code__of_reset(uint32_t http2_error);

#endif /* RED_GRPC_STATUS_H */
