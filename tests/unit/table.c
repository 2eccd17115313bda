// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agg.h"
#include "service.h"
#include "table.h"

#define SECOND UINT64_C(1000000000)

static struct agg *agg;
static struct table *table;
static char *text;
static size_t size;
static FILE *out;

static int start(void **state)
{
	const struct agg_config c = { .cardinality_limit = 2000,
				      .learn_routes = true,
				      .max_routes = 500 };

	agg = agg__new(&c);
	out = open_memstream(&text, &size);
	table = table__new(out, -1);
	assert_non_null(table);
	return 0;
}

static int stop(void **state)
{
	table__free(table);
	table__free(NULL);
	agg__free(agg);
	fclose(out);
	free(text);
	return 0;
}

static void add(const char *service, const char *path, uint64_t duration_ns, uint16_t status, int n)
{
	struct service *svc = service__get(service, NULL, NULL);
	struct span s = { .service = svc,
			  .start_ns = SECOND,
			  .end_ns = SECOND + duration_ns,
			  .method = "GET",
			  .path = slice_of(path),
			  .scheme = "http",
			  .protocol_version = "1.1",
			  .status = status,
			  .error_type = status >= 500 ? "500" : NULL };

	while (n--)
		agg__span(agg, &s);
	service__put(svc);
}

/* What this call prints. */
static const char *print(uint64_t now_ns)
{
	struct metrics *m = metrics__new(now_ns);
	size_t before;

	fflush(out);
	before = size;
	assert_int_equal(agg__snapshot(agg, m, now_ns, 2 * SECOND), 0);
	table__print(table, m, "a note");
	metrics__put(m);
	return text + before;
}

/* The line that begins so, without its end; its last six words in w. */
static void row(const char *in, const char *begin, char w[6][16])
{
	const char *p = in, *nl;
	char line[512];
	int i;

	for (; (nl = strchr(p, '\n')); p = nl + 1)
		if (!strncmp(p, begin, strlen(begin)))
			break;
	if (!nl)
		fail_msg("no line begins with '%s' in\n%s", begin, in);
	snprintf(line, sizeof(line), "%.*s", (int)(nl - p), p);
	for (i = 5; i >= 0; i--) {
		char *sp = strrchr(line, ' ');

		while (sp && !sp[1]) {
			*sp = 0;
			sp = strrchr(line, ' ');
		}
		assert_non_null(sp);
		snprintf(w[i], 16, "%s", sp + 1);
		*sp = 0;
	}
}

static void nothing_yet(void **state)
{
	const char *got = print(SECOND);

	assert_non_null(strstr(got, "no request seen yet\n"));
	assert_non_null(strstr(got, "\na note\n"));
}

static void counts_errors_quantiles(void **state)
{
	char w[6][16];

	add("shop", "/a", 1000000, 200, 95); /* 1 ms */
	add("shop", "/a", 1000000000, 500, 5);
	row(print(SECOND), "shop", w);
	assert_string_equal(w[0], "-"); /* no rate before there is an interval */
	assert_string_equal(w[1], "100");
	assert_string_equal(w[2], "5.0%");
	assert_string_equal(w[3], "998us"); /* the middle of the bucket that 1 ms is in */
	assert_string_equal(w[4], "998us");
	assert_string_equal(w[5], "979ms");
}

static void rate_is_since_the_last_time(void **state)
{
	char w[6][16];

	add("shop", "/a", 1000000, 200, 10);
	print(10 * SECOND);
	add("shop", "/a", 1000000, 200, 30);
	row(print(12 * SECOND), "shop", w);
	assert_string_equal(w[0], "15.0");
	assert_string_equal(w[1], "40");
	row(print(14 * SECOND), "shop", w);
	assert_string_equal(w[0], "0.0");
}

/* Histograms of different scales in one row. */
static void merges_what_differs(void **state)
{
	char w[6][16];

	add("shop", "/a", 1000, 200, 50);
	add("shop", "/a", 20 * SECOND, 404, 50);
	add("shop", "/a", 50, 503, 1);
	row(print(SECOND), "shop", w);
	assert_string_equal(w[1], "101");
	assert_in_range(atof(w[3]) * 1000, 900, 1100);    /* us */
	assert_in_range(atof(w[4]) * 1000, 18000, 22000); /* s */
}

static void names_cannot_move_the_cursor(void **state)
{
	const char *got;

	add("a\x1b[2J\nb\x07", "/x", 1000000, 200, 1);
	got = print(SECOND);
	assert_null(strchr(got, 0x1b));
	assert_null(strchr(got, 7));
	assert_non_null(strstr(got, "a?[2J?b?"));
}

static void many_rows(void **state)
{
	const char *got;
	char name[32];
	int i, lines = 0;

	for (i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "service-%02d", i);
		add(name, "/x", 1000000, 200, 1);
	}
	for (got = print(SECOND); (got = strchr(got, '\n')); got++)
		lines++;
	assert_int_equal(lines, 1 + 40 + 1 + 1);
	assert_non_null(strstr(text, "... and 20 more\n"));
}

static void add_call(const char *method, enum span_kind kind, const char *system)
{
	struct service *svc = service__get("shop", NULL, NULL);
	const struct span_rpc rpc = { .system = system,
				      .method = slice_of(method),
				      .status = "OK" };
	struct span s = { .kind = kind,
			  .service = svc,
			  .start_ns = SECOND,
			  .end_ns = SECOND + 1000000,
			  .method = "POST",
			  .host = SLICE("cart"),
			  .host_port = 50051,
			  .status = 200,
			  .rpc = &rpc };

	agg__span(agg, &s);
	service__put(svc);
}

/* A row has a call's protocol and method where that of a request has method and route. */
static void calls(void **state)
{
	const char *got;

	add_call("shop.Orders/Get", SPAN_SERVER, "grpc");
	add_call("cart.Cart/Add", SPAN_CLIENT, "grpc");
	add_call("cart.Cart/Add", SPAN_SERVER, "connectrpc");
	add_call("", SPAN_CLIENT, "grpc");
	add("shop", "/a", 1000000, 200, 1);
	got = print(SECOND);
	assert_non_null(strstr(got, "\nshop    server Connect cart.Cart/Add   "));
	assert_non_null(strstr(got, "\nshop    server GET     /a "));
	assert_non_null(strstr(got, "\nshop    server gRPC    shop.Orders/Get "));
	assert_non_null(strstr(got, "\nshop    client gRPC    cart.Cart/Add   "));
	assert_non_null(strstr(got, "\nshop    client gRPC    cart:50051      "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_yet, start, stop),
		cmocka_unit_test_setup_teardown(counts_errors_quantiles, start, stop),
		cmocka_unit_test_setup_teardown(rate_is_since_the_last_time, start, stop),
		cmocka_unit_test_setup_teardown(merges_what_differs, start, stop),
		cmocka_unit_test_setup_teardown(names_cannot_move_the_cursor, start, stop),
		cmocka_unit_test_setup_teardown(many_rows, start, stop),
		cmocka_unit_test_setup_teardown(calls, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
