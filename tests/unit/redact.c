// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Secrets do not get out of what is asked for, unless that is asked for too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cjson/cJSON.h>
#include <cmocka.h>

#include "access_log_internal.h"
#include "api_internal.h"
#include "json.h"
#include "options.h"
#include "pipeline.h"
#include "redact.h"
#include "service.h"
#include "strs.h"
#include "wire.h"

#define SECRET "s3cr3t-value"

static void header_names(void **state)
{
	static const char *const secret[] = {
		"Authorization", "proxy-authorization", "COOKIE",       "Set-Cookie",
		"X-Api-Key",     "X-Auth-Token",        "x-csrf-token", "X-Amz-Security-Token",
		"PRIVATE-TOKEN", "X-Vault-Token",       "apikey",       "x-goog-api-key",
	};
	static const char *const open[] = { "",       "User-Agent", "X-Tenant", "X-Request-ID",
					    "Accept", "toke",       "Referer",  "Mcp-Session-Id" };

	for (size_t i = 0; i < N(secret); i++)
		if (!redact__is_secret_header(slice_of(secret[i])))
			fail_msg("%s is shown", secret[i]);
	for (size_t i = 0; i < N(open); i++)
		if (redact__is_secret_header(slice_of(open[i])))
			fail_msg("%s is hidden", open[i]);
}

static void queries(void **state)
{
	static const struct {
		const char *sent, *shown;
	} cases[] = {
		{ "", "" },
		{ "q=1&page=2", "q=1&page=2" },
		{ "token", "token" },
		{ "token=" SECRET, "token=REDACTED" },
		{ "a=1&Access_Token=" SECRET "&b=2", "a=1&Access_Token=REDACTED&b=2" },
		{ "password=&x", "password=REDACTED&x" },
		{ "sig=a=b&&SIG=" SECRET "&", "sig=REDACTED&&SIG=REDACTED&" },
		{ "X-Amz-Signature=" SECRET "&AWSAccessKeyId=" SECRET,
		  "X-Amz-Signature=REDACTED&AWSAccessKeyId=REDACTED" },
		{ "key=" SECRET "&monkey=1&design=2", "key=REDACTED&monkey=1&design=2" },
	};
	char room[REDACT_QUERY_ROOM];

	for (size_t i = 0; i < N(cases); i++) {
		struct slice s = redact__query(slice_of(cases[i].sent), room);

		if (!slice_eq(s, slice_of(cases[i].shown)))
			fail_msg("%s is shown as %.*s", cases[i].sent, (int)s.len, s.p);
	}
}

/* Each key takes more room than it came with: what does not fit is cut, never shown. */
static void too_long(void **state)
{
	static char sent[REDACT_QUERY_ROOM];
	static char room[REDACT_QUERY_ROOM];
	struct slice s;

	for (size_t i = 0; i + 8 <= sizeof(sent); i += 8)
		memcpy(sent + i, "key=zzz&", 8);
	s = redact__query((struct slice){ sent, sizeof(sent) }, room);
	assert_ptr_equal(s.p, room);
	assert_int_equal(s.len, sizeof(room));
	assert_null(memchr(room, 'z', sizeof(room)));
}

/* ---- all the way, from the wire to what is written -------------------------------------- */

static char line[ACCESS_LOG_LINE + 1], json[8192], api[8192];

/* The three writers that show headers and queries. Spans for OTLP take the same fields. */
static void on_span(void *arg, const struct span *s)
{
	const struct access_log_secrets all = { .query = true, .rpc_message = true };
	struct history_span h = { .span = *s, .service = "shop" };
	FILE *f = fmemopen(json, sizeof(json), "w");
	struct buf b = { 0 };

	line[access_log_line__write(line, s, 0, &all)] = 0;
	assert_non_null(f);
	assert_int_equal(json__span(f, s, 0), 0);
	fclose(f);
	api_span__write(&b, &h);
	assert_int_equal(b.err, 0);
	snprintf(api, sizeof(api), "%.*s", (int)b.len, b.p);
	buf__free(&b);
}

static void feed(void *pipeline, const void *record, size_t size)
{
	pipeline__record(pipeline, record, size);
}

static void serve_one(const struct options *o)
{
	static const char get[] = "GET /a?q=1&access_token=" SECRET " HTTP/1.1\r\n"
				  "Authorization: Bearer " SECRET "\r\n"
				  "Cookie: id=" SECRET "; lang=en\r\n"
				  "X-Api-Key: " SECRET "\r\n"
				  "X-Tenant: blue\r\n\r\n";
	static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	struct procs_config pc = { .proc_root = "" };
	struct pipeline_config c = {
		.options = o,
		.traces = true,
		.procs = procs__new(&pc),
		.span = on_span,
		.queries = true,
	};
	struct pipeline *p = pipeline__new(&c);
	static struct wire w;

	assert_non_null(p);
	line[0] = json[0] = api[0] = 0;
	wire_init(&w, feed, p);
	wire_call(&w, RED_DIR_IN, get, sizeof(get) - 1, 1000000000);
	wire_call(&w, RED_DIR_OUT, ok, sizeof(ok) - 1, 1000001000);
	pipeline__free(p);
	procs__free(c.procs);
}

static void shows_none(const char *text)
{
	assert_non_null(strstr(text, "blue"));
	assert_non_null(strstr(text, "q=1&access_token=REDACTED"));
	assert_non_null(strstr(text, "\"authorization\":\"REDACTED\""));
	assert_non_null(strstr(text, "\"cookie\":\"REDACTED\""));
	if (strstr(text, SECRET))
		fail_msg("shown: %s", text);
}

/* json.c has attribute names. */
static void shows_none_json(void)
{
	assert_non_null(strstr(json, "q=1&access_token=REDACTED"));
	assert_null(strstr(json, SECRET));
}

static void parsed(struct options *o, const char *more)
{
	char *argv[] = { "run",
			 "--pid=1",
			 "--span-query",
			 "--span-header=authorization",
			 "--span-header",
			 "Cookie",
			 "--span-header",
			 "X-Tenant",
			 "--request-id-header",
			 "X-Api-Key",
			 (char *)more };
	char err[256];

	if (options__parse(o, "run", more ? N(argv) : N(argv) - 1, argv, err, sizeof(err)))
		fail_msg("%s", err);
}

static void hidden_unless_asked_for(void **state)
{
	struct options o;

	parsed(&o, NULL);
	serve_one(&o);
	shows_none(line);
	shows_none(api);
	shows_none_json();
	assert_non_null(strstr(line, "\"request_id\":\"REDACTED\""));
	options__free(&o);
}

static void shown_when_asked_for(void **state)
{
	struct options o;

	parsed(&o, "--no-redact");
	serve_one(&o);
	assert_non_null(strstr(line, "\"authorization\":\"Bearer " SECRET "\""));
	assert_non_null(strstr(line, "\"cookie\":\"id=" SECRET "; lang=en\""));
	assert_non_null(strstr(line, "\"query\":\"q=1&access_token=" SECRET "\""));
	assert_non_null(strstr(line, "\"request_id\":\"" SECRET "\""));
	options__free(&o);
}

/* A query is kept only where that is asked for; the API's history does not even have it. */
static void no_query_by_default(void **state)
{
	char *argv[] = { "run", "--pid=1" };
	struct options o;
	char err[256];

	assert_int_equal(options__parse(&o, "run", N(argv), argv, err, sizeof(err)), 0);
	assert_false(o.span_query);
	assert_false(o.span_rpc_message);
	assert_true(o.redact);
	assert_int_equal(o.span_headers.n, 0);
	options__free(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_names),
		cmocka_unit_test(queries),
		cmocka_unit_test(too_long),
		cmocka_unit_test(hidden_unless_asked_for),
		cmocka_unit_test(shown_when_asked_for),
		cmocka_unit_test(no_query_by_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
