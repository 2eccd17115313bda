/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One collector, one request at a time: OTLP over HTTP (protobuf, JSON) and gRPC, and
 * plain POSTs for Zipkin. Says what became of a request; whether and when to try again is
 * the sender's business (sender.h). Used by one thread.
 */
#ifndef RED_OTLP_CLIENT_H
#define RED_OTLP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "otlp_config.h"

#define OTLP_RESPONSE_MAX (4u << 20) /* the specification's limit */

enum otlp_result {
	OTLP_DELIVERED = 0,
	OTLP_PARTIAL = 1,   /* taken, but for `rejected` items */
	OTLP_RETRY = 2,     /* not taken now: the same again later */
	OTLP_PERMANENT = 3, /* will never be taken */
	OTLP_TOO_LARGE = 4, /* the same, and was not even sent */
	OTLP_RESULT__CNT = 5,
};

struct otlp_outcome {
	enum otlp_result result;
	uint64_t rejected;       /* OTLP_PARTIAL; 0: only the warning in `reason` */
	uint64_t retry_after_ns; /* OTLP_RETRY; 0: the collector did not say */
	uint64_t sent_bytes;     /* of the body, as it was compressed and framed */
	char reason[256];        /* for the log; what the collector said is hostile to it */
};

struct otlp_request {
	const void *p;
	size_t len;
	enum otlp_encoding encoding;
	/* Asked at least every 100 ms; true ends the request as OTLP_RETRY. NULL: never. */
	bool (*give_up)(void *arg);
	void *arg;
};

struct otlp_client;

/* Loads libcurl, connects to nothing yet. Keeps e, which must live as long. NULL and a
 * sentence in err. */
struct otlp_client *otlp_client__new(const struct otlp_endpoint *e, char *err, size_t err_size);
void otlp_client__free(struct otlp_client *c); /* accepts NULL */

/* Returns when there is an outcome, at the latest after the endpoint's timeout. */
void otlp_client__post(struct otlp_client *c, const struct otlp_request *r,
		       struct otlp_outcome *out);

#endif /* RED_OTLP_CLIENT_H */
