// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes in a span: a line of the access log that is JSON, short enough, and in which a
 * terminal finds nothing to obey; and Zipkin's JSON, whose reader wants the text as it was. */
#include <cjson/cJSON.h>

#include "access_log_internal.h"
#include "span_input.h"
#include "zipkin.h"

static void check_json(const char *p, size_t len)
{
	cJSON *j = cJSON_ParseWithLength(p, len);

	assert(j && utf8_valid(p, len));
	cJSON_Delete(j);
}

static void check_line(const char *p, size_t len)
{
	uint32_t cp;

	check_json(p, len);
	for (size_t n; len; len -= n, p += n) {
		n = utf8_next(p, len, &cp);
		assert(n && utf8_printable(cp));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static char room[ACCESS_LOG_LINE];
	struct span_attrs_config c = { .query = true, .rpc_message = true };
	struct access_log_secrets with = { true, true };
	struct buf zipkin = { 0 };
	struct span_batch *b;
	struct span_rpc rpc;
	struct span s;
	size_t n;

	if (!len)
		return 0;
	s = span_of(data, len, &rpc);
	n = access_log_line__write(room, &s, OFFSET_NS, &with);
	assert(n && n <= sizeof(room) && room[n - 1] == '\n');
	check_line(room, n - 1);
	b = span_batch__new(2, OFFSET_NS);
	assert(!span_batch__add(b, &s) && !zipkin__encode(b, &c, &zipkin));
	check_json(zipkin.p, zipkin.len);
	span_batch__free(b);
	buf__free(&zipkin);
	return 0;
}
