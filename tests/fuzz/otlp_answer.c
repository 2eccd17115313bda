// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as a collector's answer, by each protocol: the lines up to the first empty one
 * are its headers, the rest is its body. */
#undef NDEBUG
#include <assert.h>

#include "../../agent/buf.c"
#define copy answer_copy
#define hex  answer_hex
#define trim answer_trim
#include "../../exporters/otlp_client_answer.c"
#include "../../exporters/otlp_client_details.c"
#include "../../exporters/otlp_client_pb.c"

static struct slice feed_head(struct otlp_answer *a, struct slice rest)
{
	while (rest.len && *rest.p != '\n') {
		size_t len = slice_until(rest, '\n');

		otlp_answer__header(a, (struct slice){ rest.p, len });
		rest = slice_skip(rest, len < rest.len ? len + 1 : len);
	}
	if (rest.len)
		otlp_answer__header(a, (struct slice){ rest.p, 1 });
	return slice_skip(rest, rest.len > 0);
}

static void check(const struct otlp_answer *a, const char *broken)
{
	struct otlp_outcome out = { 0 };

	otlp_answer__outcome(a, broken, 784111777, &out);
	assert(out.result < OTLP_TOO_LARGE);
	assert(strnlen(out.reason, sizeof(out.reason)) < sizeof(out.reason));
	assert(out.retry_after_ns <= WAIT_MAX + SEC);
	assert(out.result == OTLP_RETRY || !out.retry_after_ns);
	assert(out.result == OTLP_PARTIAL || !out.rejected);
	assert((out.result == OTLP_DELIVERED) == !*out.reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	for (int protocol = OTLP_HTTP_PROTOBUF; protocol <= OTLP_ZIPKIN; protocol++) {
		struct otlp_answer a;
		struct slice body;

		otlp_answer__init(&a, protocol);
		body = feed_head(&a, (struct slice){ (const char *)data, len });
		otlp_answer__body(&a, body.p, body.len);
		check(&a, NULL);
		check(&a, "broken");
		otlp_answer__free(&a);
	}
	return 0;
}
