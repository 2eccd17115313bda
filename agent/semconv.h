/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * OpenTelemetry's semantic conventions (v1.44), as data: what the metrics and the
 * attributes of a family of protocols are called. A span belongs to one of them, and
 * aggregation, attributes, history and tables look here instead of knowing protocols.
 *
 * All metrics of a family have the same attributes: those by which a series is called.
 * Each is one of a few parts, whatever its name.
 */
#ifndef RED_SEMCONV_H
#define RED_SEMCONV_H

#include <stdint.h>

#include "proto_table.h"
#include "span.h"

/* Names that are written in several places and not stable yet: those for RPC are a
 * release candidate, and the status is announced to become rpc.status_code. */
#define SEMCONV_RPC_METHOD          "rpc.method"
#define SEMCONV_RPC_METHOD_ORIGINAL "rpc.method_original"
#define SEMCONV_RPC_STATUS          "rpc.response.status_code"
#define SEMCONV_RPC_SYSTEM          "rpc.system.name"

enum semconv_id {
#define X(NAME, name) SEMCONV_##NAME,
	SEMCONV_TABLE(X)
#undef X
		SEMCONV__CNT
};

/* What is measured of a span. */
enum series_part {
	PART_DURATION = 0,
	PART_REQUEST_SIZE = 1,
	PART_RESPONSE_SIZE = 2,
	PARTS = 3,
};

/* What an attribute of a series is. */
enum semconv_of {
	OF_METHOD = 0, /* span->method: what is done */
	OF_ROUTE,      /* span->route, which is bounded: what it is done to */
	OF_CODE,       /* span->status, a number */
	OF_STATUS,     /* that of the details, a word */
	OF_SYSTEM,     /* of the details: which protocol of the family */
	OF_ERROR,      /* span->error_type */
	OF_VERSION,
	OF_SCHEME,
	OF_HOST, /* whom the client asks */
	OF_PORT,
	OF__CNT
};

enum semconv_kinds {
	OF_SERVERS = 1 << SPAN_SERVER,
	OF_CLIENTS = 1 << SPAN_CLIENT,
	OF_BOTH = OF_SERVERS | OF_CLIENTS,
};

struct semconv_attr {
	const char *key;
	enum semconv_of of;
	enum semconv_kinds kinds;
};

struct semconv_metric {
	const char *name, *help; /* NULL: there is none */
};

struct semconv {
	const char *protocol; /* if all of the family are one; else OF_SYSTEM says it */
	struct semconv_metric metrics[2][PARTS]; /* by enum span_kind */
	const double *bounds;                    /* of the duration's histogram, in seconds */
	uint32_t n_bounds;                       /* at most HIST_MAX_BOUNDS */
	const struct semconv_attr *attrs;        /* sorted by key; ends with key NULL */
};

#define X(NAME, name) extern const struct semconv name##_semconv;
SEMCONV_TABLE(X)
#undef X

extern const struct semconv *const semconvs[SEMCONV__CNT];

static inline enum semconv_id span__semconv(const struct span *s)
{
	return s->rpc ? SEMCONV_RPC : s->op ? (enum semconv_id)s->op->semconv : SEMCONV_HTTP;
}

/* Spans of one family and kind. */
enum { SPAN_CLASSES = 2 * SEMCONV__CNT };

static inline uint32_t span__class(const struct span *s)
{
	return 2 * span__semconv(s) + s->kind;
}

static inline const struct semconv *class__semconv(uint32_t class)
{
	return semconvs[class / 2];
}

static inline enum span_kind class__kind(uint32_t class)
{
	return (enum span_kind)(class % 2);
}

/* Whose durations this metric has; SPAN_CLASSES: it is none of those. */
uint32_t class__of_duration(const char *metric);
/* NULL: not one of a series's attributes. */
const struct semconv_attr *semconv__attr(const struct semconv *c, const char *key);
const char *semconv__key(const struct semconv *c, enum semconv_of of); /* NULL: it has none */

/* "gRPC": a protocol as people write it. NULL for NULL. */
const char *protocol__title(const char *protocol);

/* ---- the same of every span --------------------------------------------------------- */

const char *span__protocol(const struct span *s); /* "http", "grpc", "memcached" */
/* As its protocol says it, a number or a word; of an operation of which nothing else is said
 * "OK". NULL: none was seen. */
const char *span__status(const struct span *s, char room[8]);

#endif /* RED_SEMCONV_H */
