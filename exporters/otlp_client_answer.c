// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The rules of OTLP's "Failures" sections, HTTP and gRPC. Where they leave room:
 *
 * - A head of HTTP that came counts, also when the connection broke behind it: with 200 the
 *   collector has the data, to send it again would only duplicate it. gRPC says how
 *   the call ended in its trailers only: when the connection broke before them the call did
 *   not end, and is retried. An answer that is over without them has the status UNKNOWN, as
 *   gRPC's protocol says, and OTLP does not retry that.
 * - What no status was received for is retried, whatever the cause: a wrong certificate or
 *   a server that speaks no HTTP is for the user to repair, and the data waits for it.
 * - A 2xx whose body is not what it should be was taken. A body beyond the limit was too,
 *   says the status, but the specification wants an error: it is one that is not retried.
 */
#include "otlp_client_answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grpc_status.h"
#include "hex.h"
#include "otlp_client_pb.h"

#define DETAILS_MAX (16 << 10)

/* RESOURCE_EXHAUSTED is too, but only with RetryInfo. */
static const bool retried[GRPC_CODE__CNT] = {
	[GRPC_CANCELLED] = true,    [GRPC_DEADLINE_EXCEEDED] = true, [GRPC_ABORTED] = true,
	[GRPC_OUT_OF_RANGE] = true, [GRPC_UNAVAILABLE] = true,       [GRPC_DATA_LOSS] = true,
};

void otlp_answer__init(struct otlp_answer *a, enum otlp_protocol protocol)
{
	*a = (struct otlp_answer){ .protocol = protocol, .grpc_status = -1 };
	buf__init(&a->details, DETAILS_MAX);
	buf__init(&a->body, OTLP_RESPONSE_MAX);
}

/* Forgets a head: what was there belonged to an interim answer. */
static void reset_head(struct otlp_answer *a)
{
	a->http_status = 0;
	a->grpc_status = -1;
	a->json = a->head_ended = false;
	*a->grpc_message = *a->retry_after = '\0';
	buf__reset(&a->details);
}

void otlp_answer__reset(struct otlp_answer *a)
{
	reset_head(a);
	a->oversize = false;
	if (a->body.cap > 1 << 16)
		buf__free(&a->body);
	buf__reset(&a->body);
}

void otlp_answer__free(struct otlp_answer *a)
{
	buf__free(&a->details);
	buf__free(&a->body);
}

/* ---- heads ---- */

/* Decimal; -1 when it is not, or has more than six digits. */
static int number(struct slice s)
{
	int n = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' || i == 6)
			return -1;
		n = n * 10 + (s.p[i] - '0');
	}
	return s.len ? n : -1;
}

static void copy(struct slice from, char *to, size_t size)
{
	size_t len = from.len < size ? from.len : size - 1;

	if (len)
		memcpy(to, from.p, len);
	to[len] = '\0';
}

static void take_grpc_status(struct otlp_answer *a, struct slice value)
{
	a->grpc_status = grpc_code__parse(value);
}

static void take_grpc_message(struct otlp_answer *a, struct slice value)
{
	copy(value, a->grpc_message, sizeof(a->grpc_message));
}

static void take_details(struct otlp_answer *a, struct slice value)
{
	buf__reset(&a->details);
	buf__append(&a->details, value.p, value.len);
}

static void take_retry_after(struct otlp_answer *a, struct slice value)
{
	copy(value, a->retry_after, sizeof(a->retry_after));
}

static void take_content_type(struct otlp_answer *a, struct slice value)
{
	a->json = slice_ieq((struct slice){ value.p, slice_until(value, ';') },
			    SLICE("application/json"));
}

static const struct {
	const char *name;
	void (*take)(struct otlp_answer *a, struct slice value);
} fields[] = {
	{ "grpc-status", take_grpc_status },         { "grpc-message", take_grpc_message },
	{ "grpc-status-details-bin", take_details }, { "retry-after", take_retry_after },
	{ "content-type", take_content_type },
};

static void take_status_line(struct otlp_answer *a, struct slice line)
{
	struct slice rest = slice_trim(slice_skip(line, slice_until(line, ' ')));
	int status = number((struct slice){ rest.p, rest.len < 3 ? rest.len : 3 });

	reset_head(a);
	a->http_status = status < 0 ? 0 : status;
}

void otlp_answer__header(struct otlp_answer *a, struct slice line)
{
	size_t colon = slice_until(line, ':');
	struct slice name = { line.p, colon };

	if (line.len > 5 && !strncmp(line.p, "HTTP/", 5)) {
		take_status_line(a, line);
		return;
	}
	a->head_ended = a->head_ended || !slice_trim(line).len;
	for (size_t i = 0; colon < line.len && i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (slice_ieq(name, slice_of(fields[i].name)))
			fields[i].take(a, slice_trim(slice_skip(line, colon + 1)));
	}
}

bool otlp_answer__body(struct otlp_answer *a, const void *p, size_t len)
{
	buf__append(&a->body, p, len);
	a->oversize = a->oversize || a->body.err;
	return !a->oversize;
}

/* ---- what it means ---- */

__attribute__((format(printf, 2, 3))) static void say(struct otlp_outcome *out, const char *fmt,
						      ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(out->reason, sizeof(out->reason), fmt, args);
	va_end(args);
}

static struct slice body_of(const struct otlp_answer *a)
{
	return (struct slice){ a->body.p, a->body.len };
}

/* The first message of a gRPC body: a byte for "compressed", which we never allowed, and
 * its length. Empty when it is not there as a whole. */
static struct slice grpc_message_of(const struct otlp_answer *a)
{
	const uint8_t *p = (const uint8_t *)a->body.p;
	uint32_t len;

	if (a->body.len < 5 || p[0])
		return (struct slice){ NULL, 0 };
	len = (uint32_t)p[1] << 24 | p[2] << 16 | p[3] << 8 | p[4];
	return (struct slice){ a->body.p + 5, len <= a->body.len - 5 ? len : 0 };
}

static void taken(const struct otlp_answer *a, struct slice message, struct otlp_outcome *out)
{
	char text[200];

	out->result = OTLP_DELIVERED;
	if (!otlp_partial_success(message, a->json, &out->rejected, text, sizeof(text)))
		return;
	out->result = OTLP_PARTIAL;
	say(out, "%s", *text ? text : "no reason given");
}

static bool retryable_http(int status)
{
	return status == 429 || status == 502 || status == 503 || status == 504;
}

static void http_outcome(const struct otlp_answer *a, int64_t now_unix_s, struct otlp_outcome *out)
{
	char text[160];

	if (a->http_status / 100 == 2) {
		if (a->protocol != OTLP_ZIPKIN)
			taken(a, body_of(a), out);
		return;
	}
	out->result = retryable_http(a->http_status) ? OTLP_RETRY : OTLP_PERMANENT;
	if (out->result == OTLP_RETRY)
		out->retry_after_ns = otlp_retry_after(a->retry_after, now_unix_s);
	otlp_error_text(body_of(a), a->json, text, sizeof(text));
	say(out, "HTTP status %d%s%s", a->http_status, *text ? ": " : "", text);
}

static void grpc_failure(const struct otlp_answer *a, int status, int64_t now_unix_s,
			 struct otlp_outcome *out)
{
	char text[sizeof(a->grpc_message)];
	size_t len;
	bool info = otlp_retry_info((struct slice){ a->details.p, a->details.len },
				    &out->retry_after_ns);
	bool retry = retried[status] || (info && status == GRPC_RESOURCE_EXHAUSTED);

	out->result = retry ? OTLP_RETRY : OTLP_PERMANENT;
	if (!retry)
		out->retry_after_ns = 0;
	else if (!info)
		out->retry_after_ns = otlp_retry_after(a->retry_after, now_unix_s);
	len = percent_decode(text, sizeof(text) - 1, slice_of(a->grpc_message));
	text[len] = '\0';
	if (a->grpc_status < 0)
		say(out, "HTTP status %d and no gRPC status", a->http_status);
	else
		say(out, "gRPC status %s%s%.200s", grpc_code__name(status), *text ? ": " : "",
		    text);
}

static void grpc_outcome(const struct otlp_answer *a, int64_t now_unix_s, struct otlp_outcome *out)
{
	if (a->grpc_status == GRPC_OK)
		taken(a, grpc_message_of(a), out);
	else
		grpc_failure(
			a, a->grpc_status < 0 ? grpc_code__of_http(a->http_status) : a->grpc_status,
			now_unix_s, out);
}

static bool is_final(const struct otlp_answer *a)
{
	if (a->protocol == OTLP_GRPC && a->http_status / 100 == 2)
		return a->grpc_status >= 0;
	return a->head_ended && a->http_status >= 200;
}

void otlp_answer__outcome(const struct otlp_answer *a, const char *broken, int64_t now_unix_s,
			  struct otlp_outcome *out)
{
	uint64_t sent_bytes = out->sent_bytes;

	if (!broken && !a->head_ended) /* which curl does not mind */
		broken = "the answer ended in its head";
	*out = (struct otlp_outcome){ .sent_bytes = sent_bytes };
	if (a->oversize) {
		out->result = OTLP_PERMANENT;
		say(out, "an answer of more than %u bytes", OTLP_RESPONSE_MAX);
	} else if (broken && !is_final(a)) {
		out->result = OTLP_RETRY;
		say(out, "%s", broken);
	} else if (a->protocol == OTLP_GRPC) {
		grpc_outcome(a, now_unix_s, out);
	} else {
		http_outcome(a, now_unix_s, out);
	}
}
