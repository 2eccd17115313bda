// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "top_fixture.h"
#include "top_plain.h"
#include "utf8.h"

static void put(void *arg, enum top_style style, const char *text)
{
	buf__printf(arg, "%s%s%s", style == TOP_ALARM ? "{" : "", text,
		    style == TOP_ALARM ? "}" : "");
}

static void put_plainly(void *arg, enum top_style style, const char *text)
{
	buf__puts(arg, text);
}

/* Summary, head and rows, a line each. */
static char *drawn(const struct top_model *m, int width, bool styles)
{
	struct buf b = { 0 };
	struct top_pen pen = { styles ? put : put_plainly, &b };
	struct top_layout l;

	top_layout__summary(m, width, &pen);
	buf__putc(&b, '\n');
	top_layout__choose(&l, m, width, false);
	top_layout__head(&l, m, &pen);
	buf__putc(&b, '\n');
	for (size_t i = 0; i < m->n_shown; i++) {
		top_layout__row(&l, m->shown[i], i == m->selected, &pen);
		buf__putc(&b, '\n');
	}
	buf__putc(&b, '\0');
	assert_int_equal(b.err, 0);
	return b.p;
}

static void is(const struct top_model *m, int width, const char *want)
{
	char *text = drawn(m, width, true);

	assert_string_equal(text, want);
	free(text);
}

static void columns_by_width(void **state)
{
	struct top_model m = new_model(NULL);

	answer(&m, services_json);
	m.lost = 3;
	is(&m, 100,
	   "all services: requests served | 60.0/s | {3.7% errors!} | last 1m | {redeye lost 3!}\n"
	   "  SERVICE \xe2\x86\x93RATE/S   COUNT ERRORS     P50    P95    P99 RATE OVER TIME      "
	   "\n"
	   "> Stock      30.0     600{   1.0%!}      - 2.00ms 3.00ms \n"
	   "  shop       20.0     600   0.0%  4.00ms 2.00ms 3.00ms  \xe2\x96\x81\xe2\x96\x88\n"
	   "  orders     10.0     600{  10.0%!} 1.00ms 2.00ms 3.00ms \n");
	is(&m, 40,
	   "all services: requests served | 60.0/s\n"
	   "  SERVICE \xe2\x86\x93RATE/S ERRORS     P95    P99\n"
	   "> Stock      30.0{   1.0%!} 2.00ms 3.00ms\n"
	   "  shop       20.0   0.0%  2.00ms 3.00ms\n"
	   "  orders     10.0{  10.0%!} 2.00ms 3.00ms\n");
	top_model__free(&m);
}

static void assert_fits(const char *text, int width)
{
	const char *end;
	char line[1024];

	for (; *text; text = end + 1) {
		end = strchr(text, '\n');
		snprintf(line, sizeof(line), "%.*s", (int)(end - text), text);
		if (term_text__width(line) > width)
			fail_msg("%d columns of %d: '%s'", term_text__width(line), width, line);
	}
}

static const char hostile_json[] =
	"{\"routes\": ["
	"{\"kind\": \"server\", \"method\": \"\\u001b[2J\", \"route\": \"/\\u202e\xe6\xbc\xa2\", "
	"\"rate\": 1e300, \"count\": 1e300, \"error_ratio\": 7, \"p50\": 1e9, \"p95\": -1}, "
	"{\"kind\": \"server\", \"protocol\": \"\\u0007\", \"route\": "
	"\"/"
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	"xx\"}]}";

static void any_width_is_kept(void **state)
{
	struct view_options o = { .service = (char *)"a \033[31m service",
				  .window_ns = 1000000000 };
	struct top_model m = new_model(&o);
	char *text;

	answer(&m, hostile_json);
	for (int width = 30; width < 240; width++) {
		text = drawn(&m, width, false);
		assert_fits(text, width);
		for (const char *s = text; *s; s++)
			assert_true((unsigned char)*s >= 0x20 || *s == '\n');
		free(text);
	}
	top_model__free(&m);
}

static void plain_output(void **state)
{
	struct top_model m = new_model(NULL);
	struct buf b = { 0 };

	m.both = true;
	answer(&m, services_json);
	top_plain__table(&m, &b);
	buf__putc(&b, '\0');
	assert_string_equal(b.p, "SERVICE  KIND   RATE/S   COUNT ERRORS     P50    P95    P99\n"
				 "Stock    server   30.0     600   1.0%!      - 2.00ms 3.00ms\n"
				 "shop     server   20.0     600   0.0%  4.00ms 2.00ms 3.00ms\n"
				 "orders   server   10.0     600  10.0%! 1.00ms 2.00ms 3.00ms\n"
				 "shop     client    5.0     600  10.0%! 1.00ms 2.00ms 3.00ms\n");
	buf__reset(&b);
	answer(&m, "{\"services\": []}");
	top_plain__table(&m, &b);
	buf__putc(&b, '\0');
	assert_non_null(strstr(b.p, "\nno request seen yet\n"));
	buf__free(&b);
	top_model__free(&m);
}

static void json_output(void **state)
{
	struct view_options o = { .service = (char *)"x", .sort = TOP_NAME };
	struct top_model m = new_model(&o);
	struct buf b = { 0 };
	cJSON *j;

	answer(&m, hostile_json);
	top_plain__json(&m, &b);
	for (size_t i = 0; i + 1 < b.len; i++)
		assert_true((unsigned char)b.p[i] >= 0x20);
	j = cJSON_ParseWithLength(b.p, b.len);
	assert_int_equal(cJSON_GetArraySize(j), 2);
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(cJSON_GetArrayItem(j, 0), "mean")));
	cJSON_Delete(j);
	buf__free(&b);
	top_model__free(&m);
}

static int set_up(void **state)
{
	utf8_locale();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_by_width),
		cmocka_unit_test(any_width_is_kept),
		cmocka_unit_test(plain_output),
		cmocka_unit_test(json_output),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
