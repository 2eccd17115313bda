/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a collector answered, as it comes in, and what it means: no I/O. */
#ifndef RED_OTLP_CLIENT_ANSWER_H
#define RED_OTLP_CLIENT_ANSWER_H

#include "buf.h"
#include "otlp_client.h"
#include "slice.h"

struct otlp_answer {
	enum otlp_protocol protocol;
	int http_status; /* of the last head; 0: none came */
	int grpc_status; /* -1: none came */
	bool head_ended; /* by an empty line */
	bool json;       /* by its content type */
	bool oversize;
	char grpc_message[256]; /* percent-encoded, cut to fit */
	char retry_after[40];
	struct buf details; /* grpc-status-details-bin, base64 */
	struct buf body;
};

void otlp_answer__init(struct otlp_answer *a, enum otlp_protocol protocol);
void otlp_answer__reset(struct otlp_answer *a); /* for the next request */
void otlp_answer__free(struct otlp_answer *a);

/* A line of a head or of trailers, with or without its line end. */
void otlp_answer__header(struct otlp_answer *a, struct slice line);
/* False: more than OTLP_RESPONSE_MAX. */
bool otlp_answer__body(struct otlp_answer *a, const void *p, size_t len);

/* broken: how the transport failed, NULL when it did not. All of *out but sent_bytes. */
void otlp_answer__outcome(const struct otlp_answer *a, const char *broken, int64_t now_unix_s,
			  struct otlp_outcome *out);

/* ---- otlp_client_details.c ---- */

/* Retry-After: seconds or one of HTTP's three forms of a date. Nanoseconds from now; 0:
 * none, over, or not understood. */
uint64_t otlp_retry_after(const char *text, int64_t now_unix_s);
/* The RetryInfo in google.rpc.Status, base64. True when there is one. */
bool otlp_retry_info(struct slice base64, uint64_t *delay_ns);
/* ExportXServiceResponse; true when it holds a partial success with something to say. */
bool otlp_partial_success(struct slice message, bool json, uint64_t *rejected, char *text,
			  size_t size);
/* The message of google.rpc.Status, as an error's body holds it; else the body, when it is text. */
void otlp_error_text(struct slice body, bool json, char *text, size_t size);

#endif /* RED_OTLP_CLIENT_ANSWER_H */
