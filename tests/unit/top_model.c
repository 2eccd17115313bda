// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>

#include "top_fixture.h"

#define PAGE 5

static const char *target(const struct top_model *m)
{
	static struct buf b;

	return top_model__target(m, &b, 0);
}

static enum top_effect type(struct top_model *m, const char *keys)
{
	enum top_effect effect = TOP_NOTHING;

	for (; *keys; keys++)
		effect = top_model__key(m, (unsigned char)*keys, PAGE);
	return effect;
}

static void sorted_by_each_column(void **state)
{
	/* clang-format off */
	static const struct {
		enum top_column by;
		const char *rows, *reversed;
	} cases[] = {
		{ TOP_NAME, "[orders] shop Stock", "[Stock] shop orders" },
		{ TOP_RATE, "[Stock] shop orders", "[orders] shop Stock" },
		{ TOP_COUNT, "[orders] shop Stock", "[orders] shop Stock" },
		{ TOP_ERRORS, "[orders] Stock shop", "[shop] Stock orders" },
		{ TOP_P50, "[shop] orders Stock", "[orders] shop Stock" }, /* unknown: last */
		{ TOP_P95, "[orders] shop Stock", "[orders] shop Stock" },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct view_options o = { .sort = cases[i].by };
		struct top_model m = new_model(&o);

		answer(&m, services_json);
		assert_string_equal(shown(&m), cases[i].rows);
		assert_int_equal(type(&m, "r"), TOP_REDRAW);
		assert_string_equal(shown(&m), cases[i].reversed);
		top_model__free(&m);
	}
}

static void keys_choose_the_column(void **state)
{
	struct top_model m = new_model(NULL);

	answer(&m, services_json);
	type(&m, "s");
	assert_int_equal(m.sort, TOP_COUNT);
	type(&m, ">");
	assert_int_equal(m.sort, TOP_ERRORS);
	type(&m, "<<<<");
	assert_int_equal(m.sort, TOP_P99);
	type(&m, ">");
	assert_int_equal(m.sort, TOP_NAME);
	top_model__free(&m);
}

static void the_selection_stays_with_its_row(void **state)
{
	struct top_model m = new_model(NULL);

	answer(&m, services_json);
	type(&m, "<"); /* by name */
	assert_string_equal(shown(&m), "[orders] shop Stock");
	top_model__key(&m, TOP_KEY_DOWN, PAGE);
	type(&m, "r");
	assert_string_equal(shown(&m), "Stock [shop] orders");
	top_model__key(&m, TOP_KEY_END, PAGE);
	type(&m, "r");
	assert_string_equal(shown(&m), "[orders] shop Stock");
	answer(&m, services_json);
	type(&m, "r");
	assert_string_equal(shown(&m), "Stock shop [orders]");
	top_model__key(&m, TOP_KEY_HOME, PAGE);
	type(&m, "r"); /* at the top, it stays there */
	assert_string_equal(shown(&m), "[orders] shop Stock");
	top_model__key(&m, TOP_KEY_DOWN, PAGE);
	type(&m, "/st");
	assert_string_equal(shown(&m), "[Stock]");
	top_model__free(&m);
}

static void it_does_not_leave_the_table(void **state)
{
	struct top_model m = new_model(NULL);
	static const enum top_key keys[] = { TOP_KEY_UP,        TOP_KEY_DOWN, TOP_KEY_PAGE_UP,
					     TOP_KEY_PAGE_DOWN, TOP_KEY_HOME, TOP_KEY_END };

	for (size_t i = 0; i < 6; i++)
		assert_int_equal(top_model__key(&m, keys[i], PAGE), TOP_NOTHING);
	answer(&m, services_json);
	for (unsigned int n = 0; n < 1000; n++) {
		top_model__key(&m, keys[(n * n + n / 7) % 6], n % 4);
		assert_true(m.selected < m.n_shown);
		top_model__scroll(&m, n % 4);
		assert_true(m.first <= m.selected && m.selected < m.first + (n % 4 ? n % 4 : 1));
	}
	answer(&m, "{\"services\": []}");
	top_model__scroll(&m, 3);
	assert_int_equal(m.selected + m.first, 0);
	top_model__free(&m);
}

static void the_filter_is_typed_and_taken_away(void **state)
{
	struct top_model m = new_model(NULL);

	answer(&m, services_json);
	assert_int_equal(type(&m, "/"), TOP_REDRAW);
	assert_int_equal(type(&m, "S"), TOP_REDRAW);
	assert_string_equal(shown(&m), "[Stock] shop orders");
	type(&m, "HO");
	assert_string_equal(shown(&m), "[shop]");
	type(&m, "q"); /* a letter now */
	assert_string_equal(shown(&m), "");
	top_model__key(&m, TOP_KEY_BACKSPACE, PAGE);
	assert_string_equal(shown(&m), "[shop]");
	top_model__key(&m, TOP_KEY_ENTER, PAGE);
	assert_false(m.typing);
	assert_int_equal(type(&m, "q"), TOP_QUIT);
	top_model__key(&m, TOP_KEY_ESCAPE, PAGE);
	assert_int_equal(m.n_shown, 3);
	type(&m, "/sh");
	top_model__key(&m, TOP_KEY_ESCAPE, PAGE);
	assert_false(m.typing);
	assert_int_equal(m.n_shown, 3);
	top_model__free(&m);
}

static void a_filter_is_bounded_and_utf8(void **state)
{
	struct top_model m = new_model(NULL);

	type(&m, "/");
	for (int i = 0; i < 1000; i++)
		top_model__key(&m, 0x6f22, PAGE);
	assert_in_range(strlen(m.at.filter), TOP_FILTER_MAX - 3, TOP_FILTER_MAX);
	for (size_t left = strlen(m.at.filter); left; left -= 3)
		top_model__key(&m, TOP_KEY_BACKSPACE, PAGE);
	assert_string_equal(m.at.filter, "");
	top_model__key(&m, TOP_KEY_BACKSPACE, PAGE);
	assert_int_equal(top_model__key(&m, 0x1b, PAGE), TOP_NOTHING);
	assert_int_equal(top_model__key(&m, 0x202e, PAGE), TOP_NOTHING);
	assert_int_equal(top_model__key(&m, 0xd800, PAGE), TOP_NOTHING);
	assert_string_equal(m.at.filter, "");
	top_model__free(&m);
}

static const char routes_json[] =
	"{\"total\": 2, \"routes\": [{\"service\": \"shop\", \"kind\": \"server\", \"method\": "
	"\"GET\", \"route\": \"/a\", \"rate\": 1, \"errors\": 0}, {\"service\": \"shop\", "
	"\"kind\": "
	"\"server\", \"method\": \"POST\", \"route\": \"/b\", \"rate\": 2, \"errors\": 5}]}";

static void down_and_back(void **state)
{
	struct top_model m = new_model(NULL);

	assert_int_equal(top_model__key(&m, TOP_KEY_ENTER, PAGE), TOP_NOTHING);
	answer(&m, services_json);
	type(&m, "/s");
	top_model__key(&m, TOP_KEY_ENTER, PAGE);
	top_model__key(&m, TOP_KEY_DOWN, PAGE);
	assert_string_equal(shown(&m), "Stock [shop] orders");
	assert_int_equal(top_model__key(&m, TOP_KEY_ENTER, PAGE), TOP_ASK);
	assert_string_equal(target(&m), "/api/v1/routes?window=60&limit=1000&sort=rate&order=desc&"
					"service=shop&namespace=a&kind=server");
	assert_int_equal(m.n_shown, 0);
	assert_false(m.answered);
	answer(&m, routes_json);
	assert_string_equal(shown(&m), "[/b] /a");
	assert_int_equal(top_model__key(&m, TOP_KEY_ENTER, PAGE), TOP_NOTHING);
	type(&m, "/get");
	assert_string_equal(shown(&m), "[/a]");
	top_model__key(&m, TOP_KEY_ESCAPE, PAGE);
	assert_int_equal(top_model__key(&m, TOP_KEY_ESCAPE, PAGE), TOP_ASK);
	assert_string_equal(target(&m),
			    "/api/v1/services?window=60&limit=1000&sort=rate&order=desc");
	answer(&m, services_json);
	assert_string_equal(shown(&m), "Stock [shop] orders");
	assert_string_equal(m.at.filter, "s");
	assert_int_equal(top_model__key(&m, TOP_KEY_BACKSPACE, PAGE), TOP_NOTHING);
	top_model__free(&m);
}

static void a_service_may_be_named_at_the_start(void **state)
{
	struct view_options o = { .service = (char *)"a&b",
				  .kind = VIEW_CLIENT,
				  .window_ns = 1500000000,
				  .sort = TOP_NAME };
	struct top_model m = new_model(&o);

	assert_string_equal(target(&m), "/api/v1/routes?window=2&limit=1000&sort=name&order=asc&"
					"service=a%26b&kind=client");
	assert_int_equal(top_model__key(&m, TOP_KEY_BACKSPACE, PAGE), TOP_ASK);
	assert_false(m.routes);
	top_model__free(&m);
}

static void sides_windows_errors_pause(void **state)
{
	struct top_model m = new_model(NULL);
	double rate, count, errors;

	answer(&m, services_json);
	top_model__sum(&m, &rate, &count, &errors);
	assert_true(rate == 60 && count == 1800 && errors == 66);
	assert_int_equal(type(&m, "\t"), TOP_REDRAW);
	assert_string_equal(shown(&m), "[shop]");
	top_model__sum(&m, &rate, &count, &errors);
	assert_true(rate == 5);
	type(&m, "\t");
	assert_int_equal(type(&m, "e"), TOP_REDRAW);
	assert_string_equal(shown(&m), "[Stock] orders");
	type(&m, "e");
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(m.window_s, ((unsigned int[]){ 60, 300, 900, 3600, 60 })[i]);
		assert_int_equal(type(&m, "w"), TOP_ASK);
	}
	assert_int_equal(type(&m, "p"), TOP_REDRAW);
	assert_true(m.paused);
	assert_int_equal(type(&m, " "), TOP_ASK);
	assert_false(m.paused);
	type(&m, "?");
	assert_true(m.help);
	assert_int_equal(type(&m, "p"), TOP_REDRAW); /* only ends the help */
	assert_false(m.help || m.paused);
	type(&m, "?");
	assert_int_equal(type(&m, "q"), TOP_QUIT);
	assert_int_equal(top_model__key(&m, TOP_KEY_OTHER, PAGE), TOP_NOTHING);
	top_model__free(&m);
}

/* Where the agent has more than an answer holds, it sorts and filters. */
static void a_cut_answer_is_asked_for_again(void **state)
{
	struct top_model m = new_model(NULL);

	answer(&m,
	       "{\"total\": 5000, \"services\": [{\"name\": \"x\", \"server\": {\"rate\": 1}}]}");
	assert_int_equal(type(&m, "/"), TOP_REDRAW);
	assert_int_equal(type(&m, "x y"), TOP_ASK);
	assert_string_equal(target(&m), "/api/v1/services?window=60&limit=1000&sort=rate&"
					"order=desc&q=x%20y");
	answer(&m, "{\"total\": 1, \"services\": []}");
	assert_non_null(strstr(target(&m), "&q=x%20y"));
	top_model__key(&m, TOP_KEY_ESCAPE, PAGE);
	assert_int_equal(type(&m, "e"), TOP_ASK);
	assert_non_null(strstr(target(&m), "&sort=errors&order=desc"));
	type(&m, "e");
	assert_int_equal(type(&m, "r"), TOP_ASK);
	assert_non_null(strstr(target(&m), "&sort=rate&order=asc"));
	assert_int_equal(type(&m, "<"), TOP_ASK);
	assert_non_null(strstr(target(&m), "&sort=name&order=desc"));
	top_model__free(&m);
}

static void answers_that_are_none(void **state)
{
	static const char *const documents[] = { "[]", "{}", "5", "{\"services\": {}}", "null" };
	struct top_rows rows;

	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
		assert_int_equal(top_rows__services(&rows, cJSON_Parse(documents[i])), -EBADMSG);
		assert_null(rows.v);
	}
	assert_int_equal(top_rows__routes(&rows, cJSON_Parse("{\"routes\": [1, null, {}, []]}")),
			 0);
	assert_int_equal(rows.n, 4);
	assert_string_equal(rows.v[2].service, "");
	assert_true(isnan(rows.v[2].rate));
	top_rows__free(&rows);
}

static void an_answer_is_bounded(void **state)
{
	cJSON *j = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(j, "services");
	struct top_rows rows;

	for (int i = 0; i < 3000; i++)
		cJSON_AddItemToArray(list, cJSON_Parse("{\"server\": {}, \"client\": {}}"));
	assert_int_equal(top_rows__services(&rows, j), 0);
	assert_int_equal(rows.n, TOP_ROWS_MAX);
	top_rows__free(&rows);
}

static void what_counts_as_lost(void **state)
{
	cJSON *j = cJSON_Parse(
		"{\"metrics\": [{\"name\": \"redeye.events.dropped\", \"attrs\": {\"reason\": "
		"\"ring_full\"}, \"value\": 3}, {\"name\": \"redeye.events.dropped\", \"attrs\": "
		"{\"reason\": \"not_wanted\"}, \"value\": 100}, {\"name\": "
		"\"redeye.requests.dropped\", "
		"\"attrs\": {\"reason\": \"no_memory\"}, \"value\": 4}, {\"name\": \"other\", "
		"\"value\": "
		"1000}, {\"value\": 5}, 7]}");

	assert_true(top_status__lost(j) == 7);
	cJSON_Delete(j);
	assert_true(top_status__lost(NULL) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorted_by_each_column),
		cmocka_unit_test(keys_choose_the_column),
		cmocka_unit_test(the_selection_stays_with_its_row),
		cmocka_unit_test(it_does_not_leave_the_table),
		cmocka_unit_test(the_filter_is_typed_and_taken_away),
		cmocka_unit_test(a_filter_is_bounded_and_utf8),
		cmocka_unit_test(down_and_back),
		cmocka_unit_test(a_service_may_be_named_at_the_start),
		cmocka_unit_test(sides_windows_errors_pause),
		cmocka_unit_test(a_cut_answer_is_asked_for_again),
		cmocka_unit_test(answers_that_are_none),
		cmocka_unit_test(an_answer_is_bounded),
		cmocka_unit_test(what_counts_as_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
