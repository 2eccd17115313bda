// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Parameters: what they become, and the sentence for what is none. */
#include "api_fixture.h"

static struct api *api;

#define SERVICE "/api/v1/services?"
#define SERIES  "/api/v1/series?"
#define TRACES  "/api/v1/traces?"

static void wrong_ones(void **state)
{
	static const struct {
		const char *url, *sentence;
	} cases[] = {
		{ SERVICE "window=0", "bad value '0' for window: want a number from 1 to 21600" },
		{ SERVICE "window=21601",
		  "bad value '21601' for window: want a number from 1 to 21600" },
		{ SERVICE "window=-1", "bad value '-1' for window: want a number from 1 to 21600" },
		{ SERVICE "window=+1", "bad value '+1' for window: want a number from 1 to 21600" },
		{ SERVICE "window=1.5",
		  "bad value '1.5' for window: want a number from 1 to 21600" },
		{ SERVICE "window=", "bad value '' for window: want a number from 1 to 21600" },
		{ SERVICE "window", "bad value '' for window: want a number from 1 to 21600" },
		{ SERVICE "window=99999999999999999999",
		  "bad value '99999999999999999999' for window: want a number from 1 to 21600" },
		{ SERVICE "window=<b>",
		  "bad value '<b>' for window: want a number from 1 to 21600" },
		{ SERVICE "limit=0", "bad value '0' for limit: want a number from 1 to 1000" },
		{ SERVICE "limit=1001",
		  "bad value '1001' for limit: want a number from 1 to 1000" },
		{ SERVICE "offset=-1",
		  "bad value '-1' for offset: want a number from 0 to 4294967295" },
		{ SERVICE "offset=4294967296",
		  "bad value '4294967296' for offset: want a number from 0 to 4294967295" },
		{ SERVICE "points=121", "bad value '121' for points: want a number from 0 to 120" },
		{ SERIES "points=0", "bad value '0' for points: want a number from 1 to 1000" },
		{ SERIES "points=1001",
		  "bad value '1001' for points: want a number from 1 to 1000" },
		{ SERIES "heat=2", "bad value '2' for heat: want 0 or 1" },
		{ SERIES "heat=true", "bad value 'true' for heat: want 0 or 1" },
		{ SERVICE "sort=rat",
		  "bad value 'rat' for sort: want one of rate, errors, p50, p95, p99, name" },
		{ TRACES "sort=rate", "bad value 'rate' for sort: want one of start, duration" },
		{ SERVICE "order=up", "bad value 'up' for order: want one of asc, desc" },
		{ SERIES "kind=", "bad value '' for kind: want one of server, client" },
		{ SERIES "status=", "status is empty: want a status, 2xx to 5xx, none or error" },
		{ TRACES "min_duration=1e3", "bad value '1e3' for min_duration: want seconds, such "
					     "as 0.25, from 0 to 1000000" },
		{ TRACES "min_duration=nan", "bad value 'nan' for min_duration: want seconds, such "
					     "as 0.25, from 0 to 1000000" },
		{ TRACES "min_duration=.",
		  "bad value '.' for min_duration: want seconds, such as 0.25, from 0 to 1000000" },
		{ TRACES "min_duration=0x10", "bad value '0x10' for min_duration: want seconds, "
					      "such as 0.25, from 0 to 1000000" },
		{ SERVICE "start=-5",
		  "bad value '-5' for start: want seconds, such as 0.25, from 0 to 100000000000" },
		{ SERVICE "start=5&end=5", "end is not after start" },
		{ SERVICE "start=5&window=5", "either window, or start and end" },
		{ SERVICE "window=5&window=5", "parameter window is given twice" },
		{ SERVICE "windo=5", "unknown parameter 'windo', did you mean 'window'?" },
		{ SERVICE "zzzzzzz=5", "unknown parameter 'zzzzzzz'" },
		{ SERVICE "=5", "unknown parameter ''" },
		{ SERVICE "heat=1", "/api/v1/services has no parameter 'heat'" },
		{ "/api/v1/?window=5", "/api/v1/ has no parameter 'window'" },
	};

	for (size_t i = 0; i < N(cases); i++)
		refuses(api, cases[i].url, 400, cases[i].sentence);
	assert_int_equal(fake.asked, 0);
}

static void refuses_value(struct slice value, const char *sentence)
{
	struct api_request r = { .path = "/api/v1/services",
				 .n_params = 1,
				 .params = { { "q", value } } };
	cJSON *j = call(api, &r, 400);

	is_text(j, "error", sentence);
	cJSON_Delete(j);
}

static void odd_bytes(void **state)
{
	static char text[1026];
	char many[4096] = "/api/v1/services";
	cJSON *j;

	refuses_value(SLICE("a\0b"), "the value of q has a NUL in it");
	memset(text, 'a', sizeof(text) - 1);
	refuses_value((struct slice){ text, 1025 }, "the value of q is longer than 1024 bytes");
	text[1024] = '\0';
	j = call(api,
		 &(struct api_request){ .path = "/api/v1/services",
					.n_params = 1,
					.params = { { "q", { text, 1024 } } } },
		 200);
	cJSON_Delete(j);
	refuses(api, SERVICE "window=\xff\x01", 400,
		"bad value '\xef\xbf\xbd\x01' for window: want a number from 1 to 21600");
	for (int i = 0; i <= API_PARAMS_MAX; i++)
		strcat(many, i ? "&q=1" : "?q=1");
	refuses(api, many, 400, "more than 32 parameters");
}

static void unknown_paths(void **state)
{
	struct api *none = new_api(NULL);

	refuses(api, "/api/v1/nothing", 404, "there is no /api/v1/nothing: see /api/v1/");
	refuses(api, "/api/v1/services/", 404, "there is no /api/v1/services/: see /api/v1/");
	refuses(api, "/api/v1/traces/", 404, "there is no /api/v1/traces/: see /api/v1/");
	refuses(api, "/api/v2/services", 404, "there is no /api/v2/services: see /api/v1/");
	refuses(api, "/api/", 404, "there is no /api/: see /api/v1/");
	refuses(none, "/api/v1/services", 404, "no history is kept: see option history-limit");
	refuses(none, "/api/v1/traces?x=y", 404, "no history is kept: see option history-limit");
	cJSON_Delete(ask(none, "/api/v1/"));
	cJSON_Delete(ask(none, "/api/v1/status"));
	api__free(none);
}

static void ranges(void **state)
{
	static const struct {
		const char *url;
		uint32_t from, to;
	} cases[] = {
		{ "/api/v1/services", 1000000940, 1000001000 },
		{ SERVICE "window=1", 1000000999, 1000001000 },
		{ SERVICE "window=21600", 999979400, 1000001000 },
		{ SERVICE "start=1000000000", 1000000000, 1000001000 },
		{ SERVICE "start=1000000000.7&end=1000000001.2", 1000000000, 1000000002 },
		{ SERVICE "end=1000000900", 0, 1000000900 },
		{ SERVICE "start=2000000000", 2000000000, 2000000001 },
		{ "/api/v1/graph", 1000000700, 1000001000 },
		{ "/api/v1/series", 1000000940, 1000001000 },
	};

	for (size_t i = 0; i < N(cases); i++) {
		cJSON *j = ask(api, cases[i].url);

		assert_int_equal(fake.range.from, cases[i].from);
		assert_int_equal(fake.range.to, cases[i].to);
		is_number(j, "from", cases[i].from);
		is_number(j, "to", cases[i].to);
		cJSON_Delete(j);
	}
}

static void is_match(struct history_match m, const char *text)
{
	assert_true(m.set);
	if (text)
		assert_string_equal(m.text, text);
	else
		assert_null(m.text);
}

/* The values are the request's: looked at while it lasts. */
static void selections(void **state)
{
	char room[4096];
	struct api_request r =
		request_of("/api/v1/routes?service=a b&namespace=&kind=client&protocol=grpc"
			   "&method=GET&route=&peer=[::1]:80&status=5xx",
			   room);
	cJSON *j = call(api, &r, 200);

	is_match(fake.filter.service, "a b");
	is_match(fake.filter.namespace, NULL);
	is_match(fake.filter.protocol, "grpc");
	is_match(fake.filter.method, "GET");
	is_match(fake.filter.route, NULL);
	is_match(fake.filter.peer, "[::1]:80");
	assert_int_equal(fake.filter.kind, SPAN_CLIENT);
	assert_string_equal(fake.filter.status, "5xx");
	cJSON_Delete(j);
	cJSON_Delete(ask(api, "/api/v1/routes"));
	assert_false(fake.filter.service.set || fake.filter.route.set || fake.filter.peer.set);
	assert_int_equal(fake.filter.kind, -1);
	assert_null(fake.filter.status);
}

static void traces(void **state)
{
	char room[4096];
	struct api_request r = request_of("/api/v1/traces?min_duration=0.25&q=4bf9&sort=duration"
					  "&order=asc&limit=7&offset=3&status=error&start=5.5",
					  room);

	cJSON_Delete(call(api, &r, 200));
	assert_int_equal(fake.span_filter.min_duration_ns, 250000000);
	assert_string_equal(fake.span_filter.text, "4bf9");
	assert_string_equal(fake.span_filter.names.status, "error");
	assert_int_equal(fake.span_filter.from_ns, 5500000000);
	assert_int_equal(fake.span_filter.to_ns, 0);
	assert_int_equal(fake.order, HISTORY_SHORTEST);
	assert_int_equal(fake.limit, 7);
	assert_int_equal(fake.offset, 3);
	cJSON_Delete(ask(api, "/api/v1/traces"));
	assert_int_equal(fake.order, HISTORY_NEWEST);
	assert_int_equal(fake.limit, 50);
	assert_int_equal(fake.span_filter.from_ns, 0);
	cJSON_Delete(ask(api, "/api/v1/traces?order=asc&window=10"));
	assert_int_equal(fake.order, HISTORY_OLDEST);
	assert_int_equal(fake.span_filter.from_ns, 1000000990 * 1000000000ll);
	cJSON_Delete(ask(api, "/api/v1/traces?start=9300000000&end=99999999999"));
	assert_true(fake.span_filter.from_ns == INT64_MAX && fake.span_filter.to_ns == INT64_MAX);
	cJSON_Delete(ask(api, "/api/v1/traces?sort=duration"));
	assert_int_equal(fake.order, HISTORY_LONGEST);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(wrong_ones, set_up, tear_down),
		cmocka_unit_test_setup_teardown(odd_bytes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unknown_paths, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ranges, set_up, tear_down),
		cmocka_unit_test_setup_teardown(selections, set_up, tear_down),
		cmocka_unit_test_setup_teardown(traces, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
