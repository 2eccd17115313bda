// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Traces, their spans, and spans as they happen. Text of spans may be anything. */
#include "api_fixture.h"

#define HOSTILE SLICE("</script>\0\"\\\n\x1b[2J\xff\xed\xa0\x80")
#define SHOWN   "</script>\xef\xbf\xbd\"\\\n\x1b[2J\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
#define ID      "4bf92f3577b34da6a3ce929d0e0e4736"

static struct api *api;

static struct history_span *add_span(struct span s)
{
	struct history_span *h = &fake.spans[fake.n_spans++];

	s.service = NULL;
	*h = (struct history_span){
		.span = s, .service = "shop", .namespace = "eu", .unix_minus_mono_ns = OFFSET_NS
	};
	return h;
}

/* ---- spans ----------------------------------------------------------------- */

static void a_server(void **state)
{
	cJSON *j;

	add_span(server_span());
	fake.complete = true;
	j = ask(api, "/api/v1/traces/" ID);
	is_text(j, "trace_id", ID);
	assert_true(cJSON_IsTrue(at(j, "complete")));
	is_text(j, "spans.0.trace_id", ID);
	is_text(j, "spans.0.span_id", "00f067aa0ba902b7");
	is_text(j, "spans.0.parent_id", "0102030405060708");
	is_text(j, "spans.0.link", "header");
	is_text(j, "spans.0.service", "shop");
	is_text(j, "spans.0.namespace", "eu");
	is_text(j, "spans.0.kind", "server");
	is_text(j, "spans.0.protocol", "http");
	is_text(j, "spans.0.method", "GET");
	is_text(j, "spans.0.path", "/orders/7");
	is_text(j, "spans.0.route", "/orders/{id}");
	is_text(j, "spans.0.status", "200");
	is_null(j, "spans.0.error");
	assert_true(fabs(at(j, "spans.0.start")->valuedouble - 1700000001.5) < 1e-6);
	is_number(j, "spans.0.duration", 0.0025);
	is_number(j, "spans.0.request_end", 0.001);
	is_number(j, "spans.0.first_byte", 0.002);
	is_number(j, "spans.0.request_bytes", 3);
	is_number(j, "spans.0.response_bytes", 5000000000);
	is_text(j, "spans.0.peer", "10.0.100.2:40000");
	is_text(j, "spans.0.server", "shop.example:8080");
	is_text(j, "spans.0.scheme", "http");
	is_text(j, "spans.0.version", "1.1");
	is_number(j, "spans.0.pid", 42);
	is_text(j, "spans.0.request_id", "req-1");
	has(j, "spans.0.headers", 0);
	is_null(j, "spans.0.rpc");
	assert_true(cJSON_IsFalse(at(j, "spans.0.partial")));
	has(j, "spans.0", 29);
	cJSON_Delete(j);
}

static void with_little_in_it(void **state)
{
	struct span s = { .kind = SPAN_CLIENT,
			  .flags = SPAN_FIELDS_UNKNOWN | SPAN_REQUEST_SIZE_UNKNOWN |
				   SPAN_RESPONSE_SIZE_UNKNOWN,
			  .method = "GET" };
	static const char *const unknown[] = {
		"span_id", "parent_id",   "link",       "route", "path",          "status",
		"error",   "request_end", "first_byte", "peer",  "server",        "scheme",
		"version", "request_id",  "query",      "rpc",   "request_bytes", "response_bytes"
	};
	cJSON *j;

	add_span(s);
	j = ask(api, "/api/v1/traces/" ID);
	for (size_t i = 0; i < N(unknown); i++)
		is_null(at(j, "spans.0"), unknown[i]);
	is_number(j, "spans.0.duration", 0);
	assert_true(cJSON_IsTrue(at(j, "spans.0.partial")));
	cJSON_Delete(j);
}

static void a_remote_call(void **state)
{
	struct span s = client_span();
	struct span_rpc rpc = a_call;
	cJSON *j;

	s.rpc = &rpc;
	s.route = SLICE("shop.Orders/Watch");
	rpc.status = "NOT_FOUND";
	rpc.message = HOSTILE;
	rpc.timeout_ns = 1500000000;
	rpc.counted = true;
	rpc.request_messages = 2;
	add_span(s);
	rpc.counted = false;
	j = ask(api, "/api/v1/traces/" ID);
	is_null(j, "spans.0.method");
	is_text(j, "spans.0.protocol", "grpc");
	is_text(j, "spans.0.status", "NOT_FOUND");
	is_text(j, "spans.0.error", "404");
	is_text(j, "spans.0.rpc.method", "shop.Orders/Watch");
	is_text(j, "spans.0.rpc.message", SHOWN);
	is_number(j, "spans.0.rpc.timeout", 1.5);
	is_null(j, "spans.0.rpc.request_messages");
	cJSON_Delete(j);
	rpc.counted = true;
	j = ask(api, "/api/v1/traces/" ID);
	is_number(j, "spans.0.rpc.request_messages", 2);
	cJSON_Delete(j);
}

static void hostile(void **state)
{
	struct span s = server_span();
	cJSON *j;

	s.method = "_OTHER";
	s.method_original = s.path = s.query = s.route = s.request_id = s.host = HOSTILE;
	s.headers[0] = (struct span_header){ "x-<b>", HOSTILE };
	s.n_headers = 1;
	s.family = AF_INET6;
	memset(s.peer_addr, 0xfe, 16);
	add_span(s)->service = "<img src=x>";
	j = ask(api, "/api/v1/traces/" ID);
	is_text(j, "spans.0.service", "<img src=x>");
	is_text(j, "spans.0.method", SHOWN);
	is_text(j, "spans.0.path", SHOWN);
	is_text(j, "spans.0.query", SHOWN);
	is_text(j, "spans.0.route", SHOWN);
	is_text(j, "spans.0.request_id", SHOWN);
	is_text(at(j, "spans.0.headers"), "x-<b>", SHOWN);
	is_text(j, "spans.0.peer", "[fefe:fefe:fefe:fefe:fefe:fefe:fefe:fefe]:40000");
	cJSON_Delete(j);
}

static void ids(void **state)
{
	static const char *const wrong[] = { "x", "4bf92f3577b34da6a3ce929d0e0e473",
					     "4bf92f3577b34da6a3ce929d0e0e47366",
					     "4bf92f3577b34da6a3ce929d0e0e473g",
					     "4bf92f3577b34da6/3ce929d0e0e4736" };
	char url[100];

	for (size_t i = 0; i < N(wrong); i++) {
		snprintf(url, sizeof(url), "/api/v1/traces/%s", wrong[i]);
		refuses(api, url, 400, "a trace id is 32 hexadecimal digits");
	}
	assert_int_equal(fake.asked, 0);
	refuses(api, "/api/v1/traces/" ID, 404, "no span of trace " ID " is kept");
}

/* ---- traces ---------------------------------------------------------------- */

static void traces(void **state)
{
	static const char *services[] = { "web", "<shop>" };
	struct history_trace t = { .start_ns = 1795899990123456789,
				   .duration_ns = 4100000,
				   .spans = 3,
				   .errors = 1,
				   .root = add_span(server_span()),
				   .n_services = 2,
				   .services = services };
	cJSON *j;

	memcpy(t.trace_id, t.root->span.trace.trace_id, 16);
	fake.traces[0] = t;
	t.root = NULL;
	t.n_services = 0;
	fake.traces[1] = t;
	fake.n_traces = 2;
	j = ask(api, "/api/v1/traces?limit=1&status=200");
	is_number(j, "total", 2);
	is_text(j, "next", "/api/v1/traces?limit=1&status=200&offset=1");
	has(j, "traces", 1);
	is_text(j, "traces.0.trace_id", ID);
	assert_true(fabs(at(j, "traces.0.start")->valuedouble - 1795899990.123456) < 1e-6);
	is_number(j, "traces.0.duration", 0.0041);
	is_number(j, "traces.0.spans", 3);
	is_number(j, "traces.0.errors", 1);
	is_text(j, "traces.0.services.1", "<shop>");
	is_text(j, "traces.0.root.path", "/orders/7");
	is_text(j, "traces.0.root.status", "200");
	has(j, "traces.0.root", 9);
	cJSON_Delete(j);
	j = ask(api, "/api/v1/traces?offset=1");
	is_null(j, "traces.0.root");
	is_null(j, "next");
	cJSON_Delete(j);
}

/* ---- events ---------------------------------------------------------------- */

static struct api_stream *watch(const char *url)
{
	char room[4096];
	struct api_request r = request_of(url, room);
	struct buf out = { 0 };
	unsigned int status;
	struct api_stream *s;

	assert_true(api__streams(r.path));
	s = api_stream__new(api, &r, &out, &status);
	assert_non_null(s);
	assert_int_equal(status, 200);
	return s;
}

/* The next event, taken off the front of the text: its data. */
static cJSON *take_event(char **text, const char *name)
{
	char want[32], *data, *end;
	struct buf b;
	cJSON *j;

	snprintf(want, sizeof(want), "event: %s\ndata: ", name);
	if (strncmp(*text, want, strlen(want)) != 0)
		fail_msg("no %s: %s", name, *text);
	data = *text + strlen(want);
	end = strstr(data, "\n\n");
	assert_non_null(end);
	b = (struct buf){ .p = data, .len = (size_t)(end - data) };
	j = parse_json(&b);
	*text = end + 2;
	return j;
}

static char *next_piece(struct api_stream *s, struct buf *out)
{
	buf__reset(out);
	assert_int_equal(api_stream__next(s, out), 0);
	assert_true(out->len > 0);
	buf__putc(out, '\0');
	return out->p;
}

static void events(void **state)
{
	struct api_stream *s = watch("/api/v1/events?spans=1&service=shop&min_duration=0.5");
	struct buf out = { 0 };
	char *text;
	cJSON *j;

	assert_int_equal(fake.span_filter.min_duration_ns, 500000000);
	assert_true(fake.span_filter.names.service.set);
	for (int i = 0; i < 3; i++)
		add_span(server_span())->span.path = HOSTILE;
	fake_row("quiet", SPAN_SERVER, dist_of(1, 0, 0.1));
	fake_row("busy<", SPAN_SERVER, dist_of(8, 2, 0.1))->in_flight = 3;
	fake_happens(1, 3, 12);
	text = next_piece(s, &out);
	for (int i = 0; i < 3; i++) {
		j = take_event(&text, "span");
		is_text(j, "path", SHOWN);
		cJSON_Delete(j);
	}
	j = take_event(&text, "lost");
	is_number(j, "count", 12);
	cJSON_Delete(j);
	j = take_event(&text, "tick");
	is_number(j, "t", 1000001000);
	is_text(j, "services.0.name", "busy<");
	is_number(j, "services.0.rate", 8);
	is_number(j, "services.0.error_ratio", 0.25);
	is_number(j, "services.0.p95", 0.195);
	is_number(j, "services.0.in_flight", 3);
	assert_int_equal(fake.range.from, 1000000999); /* the last second */
	cJSON_Delete(j);
	assert_string_equal(text, "");
	assert_string_equal(next_piece(s, &out), ":\n\n"); /* nothing, within a second */
	api_stream__free(s);
	buf__free(&out);
}

static void events_that_are_not_wanted(void **state)
{
	struct api_stream *s = watch("/api/v1/events?ticks=0");
	struct buf out = { 0 };

	add_span(server_span());
	fake_happens(1, 1, 5);
	assert_string_equal(next_piece(s, &out), ":\n\n");
	api_stream__free(s);
	buf__free(&out);
}

/* More than a piece has room for: what is left out is counted. */
static void too_many_events(void **state)
{
	static char path[16384];
	struct api_stream *s = watch("/api/v1/events?spans=1&ticks=0");
	struct buf out = { 0 };
	double lost;
	int n = 0;
	char *text;
	cJSON *j;

	memset(path, '<', sizeof(path));
	for (int i = 0; i < 200; i++)
		add_span(server_span())->span.path = (struct slice){ path, sizeof(path) };
	fake_happens(0, 200, 1000);
	text = next_piece(s, &out);
	assert_true(out.len < 600000);
	for (; !strncmp(text, "event: span", 11); n++)
		cJSON_Delete(take_event(&text, "span"));
	j = take_event(&text, "lost");
	lost = at(j, "count")->valuedouble;
	assert_true(n > 0 && lost > 1000);
	assert_int_equal(n + (int)lost, 1200);
	cJSON_Delete(j);
	api_stream__free(s);
	buf__free(&out);
}

static void no_stream(const char *url, unsigned int want, const char *sentence)
{
	char room[4096];
	struct api_request r = request_of(url, room);
	struct buf out = { 0 };
	unsigned int status;
	cJSON *j;

	assert_null(api_stream__new(api, &r, &out, &status));
	assert_int_equal(status, want);
	j = parse_json(&out);
	is_text(j, "error", sentence);
	cJSON_Delete(j);
	buf__free(&out);
}

static void who_gets_no_events(void **state)
{
	struct api_stream *all[HISTORY_WATCHES_MAX];
	struct buf out = { 0 };

	no_stream("/api/v1/events?spans=yes", 400, "bad value 'yes' for spans: want 0 or 1");
	for (int i = 0; i < HISTORY_WATCHES_MAX; i++)
		all[i] = watch("/api/v1/events");
	no_stream("/api/v1/events", 503, "8 clients have events already");
	api_stream__free(all[0]);
	all[0] = watch("/api/v1/events");
	api__shutdown(api);
	for (int i = 0; i < HISTORY_WATCHES_MAX; i++) {
		assert_int_equal(api_stream__next(all[i], &out), -ESHUTDOWN);
		api_stream__free(all[i]);
	}
	fake.no_memory = true;
	no_stream("/api/v1/events", 503, "no memory for events");
	assert_int_equal(fake.watches, 0);
	buf__free(&out);
}

static int set_up(void **state)
{
	api = new_api(&the_history);
	return 0;
}

static int tear_down(void **state)
{
	api__free(api);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_server),
		TEST(with_little_in_it),
		TEST(a_remote_call),
		TEST(hostile),
		TEST(ids),
		TEST(traces),
		TEST(events),
		TEST(events_that_are_not_wanted),
		TEST(too_many_events),
		TEST(who_gets_no_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
