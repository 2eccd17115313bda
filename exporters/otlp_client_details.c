// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The parts of an answer that have a grammar of their own. All of it is hostile. */
#include "otlp_client_answer.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "otlp_client_pb.h"

#define SEC      1000000000ull
#define WAIT_MAX (86400 * SEC) /* who says more has not thought of us */

static uint64_t seconds_to_ns(uint64_t seconds)
{
	return seconds > WAIT_MAX / SEC ? WAIT_MAX : seconds * SEC;
}

/* ---- Retry-After ---- */

static bool read_date(const char *text, int64_t *unix_s)
{
	/* RFC 9110 section 5.6.7; names of days and months are those of the C locale, which
	 * redeye never leaves */
	static const char *const forms[] = { "%a, %d %b %Y %H:%M:%S GMT",
					     "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y" };

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = { 0 };
		const char *end = strptime(text, forms[i], &tm);

		if (end && !*end) {
			*unix_s = timegm(&tm);
			return true;
		}
	}
	return false;
}

uint64_t otlp_retry_after(const char *text, int64_t now_unix_s)
{
	size_t digits = strspn(text, "0123456789");
	int64_t when;

	if (digits && !text[digits])
		return digits > 9 ? WAIT_MAX : seconds_to_ns(strtoul(text, NULL, 10));
	if (!read_date(text, &when) || when <= now_unix_s)
		return 0;
	return seconds_to_ns(when - now_unix_s);
}

/* ---- grpc-status-details-bin ---- */

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* Up to the padding, which gRPC leaves out. The bytes written to `to`, which is large enough. */
static size_t decode_base64(struct slice text, char *to)
{
	uint32_t bits = 0, n = 0;
	char *start = to;

	for (size_t i = 0; i < text.len && base64_value(text.p[i]) >= 0; i++) {
		bits = bits << 6 | base64_value(text.p[i]);
		n += 6;
		if (n >= 8) {
			n -= 8;
			*to++ = bits >> n;
		}
	}
	return to - start;
}

/* Any{type_url=1, value=2} that is RetryInfo{retry_delay=1 Duration{seconds=1, nanos=2}} */
static bool read_retry_info(struct slice any, uint64_t *delay_ns)
{
	static const struct slice type = SLICE("/google.rpc.RetryInfo");
	struct slice url = pb__bytes(any, 1), delay = pb__bytes(pb__bytes(any, 2), 1);
	int64_t seconds = pb__varint(delay, 1), nanos = pb__varint(delay, 2);

	if (url.len < type.len || !slice_eq(slice_skip(url, url.len - type.len), type))
		return false;
	*delay_ns = seconds > 0 ? seconds_to_ns(seconds) : 0;
	if (nanos > 0 && nanos < (int64_t)SEC && seconds >= 0)
		*delay_ns += nanos;
	return true;
}

/* google.rpc.Status{code=1, message=2, details=3} */
static bool find_retry_info(struct slice status, uint64_t *delay_ns)
{
	struct pb_field f;

	while (pb__next(&status, &f) == 1) {
		if (f.number == 3 && f.wire == PB_BYTES && read_retry_info(f.bytes, delay_ns))
			return true;
	}
	return false;
}

bool otlp_retry_info(struct slice base64, uint64_t *delay_ns)
{
	char *bytes = base64.len ? malloc(base64.len) : NULL;
	bool found = false;

	*delay_ns = 0;
	if (bytes)
		found = find_retry_info((struct slice){ bytes, decode_base64(base64, bytes) },
					delay_ns);
	free(bytes);
	return found;
}

/* ---- partial success ---- */

static void copy_text(struct slice from, char *text, size_t size)
{
	size_t len = from.len < size ? from.len : size - 1;

	if (len)
		memcpy(text, from.p, len);
	text[len] = '\0';
}

/* JSON has 64-bit integers as strings; some write them as numbers. */
static uint64_t json_count(const cJSON *item)
{
	const char *text = cJSON_GetStringValue(item);

	if (text)
		return isdigit((unsigned char)*text) ? strtoull(text, NULL, 10) : 0;
	return cJSON_IsNumber(item) && item->valuedouble > 0 && item->valuedouble < 9e15
		       ? item->valuedouble
		       : 0;
}

static void read_partial_json(struct slice message, uint64_t *rejected, char *text, size_t size)
{
	cJSON *root = cJSON_ParseWithLength(message.p, message.len), *item;
	const cJSON *partial = cJSON_GetObjectItemCaseSensitive(root, "partialSuccess");

	cJSON_ArrayForEach(item, partial)
	{
		if (item->string && !strncmp(item->string, "rejected", 8))
			*rejected = json_count(item);
		else if (item->string && !strcmp(item->string, "errorMessage"))
			copy_text(slice_of(cJSON_GetStringValue(item)), text, size);
	}
	cJSON_Delete(root);
}

bool otlp_partial_success(struct slice message, bool json, uint64_t *rejected, char *text,
			  size_t size)
{
	struct slice partial;

	*rejected = 0;
	*text = '\0';
	if (json && message.len) {
		read_partial_json(message, rejected, text, size);
	} else if (!json) {
		partial = pb__bytes(message, 1);
		*rejected = pb__varint(partial, 1);
		copy_text(pb__bytes(partial, 2), text, size);
	}
	if (*rejected > INT64_MAX) /* negative */
		*rejected = 0;
	return *rejected || *text;
}

/* ---- an error's body ---- */

static bool is_text(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.p[i] < ' ' && !isspace((unsigned char)s.p[i]))
			return false;
	}
	return true;
}

static void json_error_text(struct slice body, char *text, size_t size)
{
	cJSON *root = cJSON_ParseWithLength(body.p, body.len);

	copy_text(slice_of(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "message"))),
		  text, size);
	cJSON_Delete(root);
}

void otlp_error_text(struct slice body, bool json, char *text, size_t size)
{
	*text = '\0';
	if (!body.len)
		return;
	if (json)
		json_error_text(body, text, size);
	else
		copy_text(pb__bytes(body, 2), text, size);
	if (body.len > size)
		body.len = size;
	if (!*text && is_text(body))
		copy_text(body, text, size);
	text[strcspn(text, "\r\n")] = '\0';
}
