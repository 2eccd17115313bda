// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Every type that a message of ours has; numbers read back to the same. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "json_text.h"
#include "otlp_json.h"

#include "exporters/otlp_metrics.pb-c.h"
#include "exporters/otlp_trace_service.pb-c.h"

#define METRICS(name) OPENTELEMETRY__PROTO__METRICS__V1__##name

static void is(const ProtobufCMessage *msg, const char *want)
{
	struct buf out = { 0 };

	otlp_json__message(&out, msg);
	buf__putc(&out, 0);
	assert_string_equal(out.p, want);
	buf__free(&out);
}

static void numbers(void **state)
{
	Opentelemetry__Proto__Metrics__V1__NumberDataPoint p = METRICS(NUMBER_DATA_POINT__INIT);

	is(&p.base, "{}");
	p.time_unix_nano = UINT64_MAX;
	p.flags = UINT32_MAX;
	p.value_case = METRICS(NUMBER_DATA_POINT__VALUE_AS_INT);
	p.as_int = INT64_MIN;
	is(&p.base, "{\"timeUnixNano\":\"18446744073709551615\",\"asInt\":\"-9223372036854775808\","
		    "\"flags\":4294967295}");
	p.value_case = METRICS(NUMBER_DATA_POINT__VALUE_AS_DOUBLE);
	p.as_double = 0; /* of a oneof: there */
	p.flags = 0;
	is(&p.base, "{\"timeUnixNano\":\"18446744073709551615\",\"asDouble\":0}");
}

static void nested(void **state)
{
	Opentelemetry__Proto__Metrics__V1__ExponentialHistogramDataPoint p =
		METRICS(EXPONENTIAL_HISTOGRAM_DATA_POINT__INIT);
	Opentelemetry__Proto__Metrics__V1__ExponentialHistogramDataPoint__Buckets b =
		METRICS(EXPONENTIAL_HISTOGRAM_DATA_POINT__BUCKETS__INIT);
	uint64_t counts[] = { 1, 0, UINT64_MAX };

	b.offset = -7;
	b.bucket_counts = counts;
	b.n_bucket_counts = 3;
	p.positive = &b;
	p.scale = INT32_MIN;
	p.count = 3;
	is(&p.base, "{\"count\":\"3\",\"scale\":-2147483648,\"positive\":{\"offset\":-7,"
		    "\"bucketCounts\":[\"1\",\"0\",\"18446744073709551615\"]}}");
}

static void partial_success(void **state)
{
	Opentelemetry__Proto__Collector__Trace__V1__ExportTracePartialSuccess p =
		OPENTELEMETRY__PROTO__COLLECTOR__TRACE__V1__EXPORT_TRACE_PARTIAL_SUCCESS__INIT;
	Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceResponse r =
		OPENTELEMETRY__PROTO__COLLECTOR__TRACE__V1__EXPORT_TRACE_SERVICE_RESPONSE__INIT;

	is(&r.base, "{}");
	r.partial_success = &p;
	p.rejected_spans = 3;
	p.error_message = "\"no\"";
	is(&r.base,
	   "{\"partialSuccess\":{\"rejectedSpans\":\"3\",\"errorMessage\":\"\\\"no\\\"\"}}");
}

static void doubles(void **state)
{
	static const struct {
		double v;
		const char *text;
	} rows[] = {
		{ 0, "0" },
		{ 1, "1" },
		{ -1.5, "-1.5" },
		{ 0.1, "0.1" },
		{ 0.005, "0.005" },
		{ 1e300, "1e+300" },
		{ 0.1 + 0.2, "0.30000000000000004" },
		{ 123456789012345678, "1.2345678901234568e+17" },
		{ NAN, "\"NaN\"" },
		{ INFINITY, "\"Infinity\"" },
		{ -INFINITY, "\"-Infinity\"" },
	};
	struct buf out = { 0 };
	uint64_t bits = 88172645463325252ull;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		buf__reset(&out);
		json_text__double(&out, rows[i].v);
		buf__putc(&out, 0);
		assert_string_equal(out.p, rows[i].text);
	}
	for (int i = 0; i < 20000; i++) {
		double v, back;

		bits ^= bits << 13;
		bits ^= bits >> 7;
		bits ^= bits << 17;
		memcpy(&v, &bits, sizeof(v));
		if (!isfinite(v))
			continue;
		buf__reset(&out);
		json_text__double(&out, v);
		buf__putc(&out, 0);
		back = strtod(out.p, NULL);
		assert_memory_equal(&v, &back, sizeof(v));
	}
	buf__free(&out);
}

static void base64(void **state)
{
	static const char *const want[] = { "\"\"",        "\"Zg==\"",     "\"Zm8=\"",
					    "\"Zm9v\"",    "\"Zm9vYg==\"", "\"Zm9vYmE=\"",
					    "\"Zm9vYmFy\"" }; /* RFC 4648 section 10 */
	struct buf out = { 0 };

	for (size_t n = 0; n <= 6; n++) {
		buf__reset(&out);
		json_text__base64(&out, (const uint8_t *)"foobar", n);
		buf__putc(&out, 0);
		assert_string_equal(out.p, want[n]);
	}
	buf__reset(&out);
	json_text__base64(&out, (const uint8_t *)"\xff\xef\xbe", 3);
	buf__putc(&out, 0);
	assert_string_equal(out.p, "\"/+++\"");
	buf__free(&out);
}

static void strings(void **state)
{
	static const struct {
		struct slice in;
		const char *text;
	} rows[] = {
		{ { "", 0 }, "\"\"" },
		{ { NULL, 0 }, "\"\"" },
		{ SLICE("a\"\\/\b\f\n\r\t\x1f\x7f"), "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u001f\x7f\"" },
		{ SLICE("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
		  "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"" },
		{ SLICE("\0\xc3"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
	};
	struct buf out = { 0 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		buf__reset(&out);
		json_text__string(&out, rows[i].in);
		buf__putc(&out, 0);
		assert_string_equal(out.p, rows[i].text);
	}
	buf__free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),         cmocka_unit_test(nested),
		cmocka_unit_test(partial_success), cmocka_unit_test(doubles),
		cmocka_unit_test(base64),          cmocka_unit_test(strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
