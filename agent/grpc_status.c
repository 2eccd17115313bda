// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "grpc_status.h"

#include "http1_text.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *grpc, *connect;
	bool server_error;
} codes[GRPC_CODE__CNT] = {
	{ "OK", NULL, false },
	{ "CANCELLED", "canceled", false },
	{ "UNKNOWN", "unknown", true },
	{ "INVALID_ARGUMENT", "invalid_argument", false },
	{ "DEADLINE_EXCEEDED", "deadline_exceeded", true },
	{ "NOT_FOUND", "not_found", false },
	{ "ALREADY_EXISTS", "already_exists", false },
	{ "PERMISSION_DENIED", "permission_denied", false },
	{ "RESOURCE_EXHAUSTED", "resource_exhausted", false },
	{ "FAILED_PRECONDITION", "failed_precondition", false },
	{ "ABORTED", "aborted", false },
	{ "OUT_OF_RANGE", "out_of_range", false },
	{ "UNIMPLEMENTED", "unimplemented", true },
	{ "INTERNAL", "internal", true },
	{ "UNAVAILABLE", "unavailable", true },
	{ "DATA_LOSS", "data_loss", true },
	{ "UNAUTHENTICATED", "unauthenticated", false },
};

const char *grpc_code__name(int code)
{
	return code >= 0 && code < GRPC_CODE__CNT ? codes[code].grpc : NULL;
}

const char *grpc_code__connect_name(int code)
{
	return code >= 0 && code < GRPC_CODE__CNT ? codes[code].connect : NULL;
}

bool grpc_code__is_error(int code, bool server)
{
	if (code <= GRPC_OK || code >= GRPC_CODE__CNT)
		return false;
	return !server || codes[code].server_error;
}

int grpc_code__parse(struct slice value)
{
	uint64_t n;

	return http1_number(slice_trim(value), GRPC_CODE__CNT - 1, &n) ? (int)n : GRPC_UNKNOWN;
}

int grpc_code__of_connect(struct slice name)
{
	int i;

	for (i = 1; i < GRPC_CODE__CNT; i++)
		if (slice_eq(name, slice_of(codes[i].connect)))
			return i;
	return GRPC_UNKNOWN;
}

int grpc_code__of_http(uint16_t status)
{
	switch (status) {
	case 400:
		return GRPC_INTERNAL;
	case 401:
		return GRPC_UNAUTHENTICATED;
	case 403:
		return GRPC_PERMISSION_DENIED;
	case 404:
		return GRPC_UNIMPLEMENTED;
	case 429:
	case 502:
	case 503:
	case 504:
		return GRPC_UNAVAILABLE;
	default:
		return GRPC_UNKNOWN;
	}
}

int grpc_code__of_reset(uint32_t http2_error)
{
	static const uint8_t by_error[] = {
		GRPC_INTERNAL,           /* NO_ERROR */
		GRPC_INTERNAL,           /* PROTOCOL_ERROR */
		GRPC_INTERNAL,           /* INTERNAL_ERROR */
		GRPC_INTERNAL,           /* FLOW_CONTROL_ERROR */
		GRPC_INTERNAL,           /* SETTINGS_TIMEOUT */
		GRPC_UNKNOWN,            /* STREAM_CLOSED: of a stream that is still open? */
		GRPC_INTERNAL,           /* FRAME_SIZE_ERROR */
		GRPC_UNAVAILABLE,        /* REFUSED_STREAM */
		GRPC_CANCELLED,          /* CANCEL */
		GRPC_INTERNAL,           /* COMPRESSION_ERROR */
		GRPC_INTERNAL,           /* CONNECT_ERROR */
		GRPC_RESOURCE_EXHAUSTED, /* ENHANCE_YOUR_CALM */
		GRPC_PERMISSION_DENIED,  /* INADEQUATE_SECURITY */
	};

	return http2_error < ARRAY_SIZE(by_error) ? by_error[http2_error] : GRPC_UNKNOWN;
}
