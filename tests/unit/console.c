// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "console.h"
#include "spans.h"

static void are(const struct span *s, size_t n, const char *want)
{
	struct span_batch *b = span_batch__new(8, OFFSET_NS);
	struct buf out = { 0 };

	for (size_t i = 0; i < n; i++)
		assert_int_equal(span_batch__add(b, &s[i]), 0);
	console__write(&out, b);
	buf__putc(&out, '\0');
	assert_int_equal(out.err, 0);
	assert_string_equal(out.p, want);
	buf__free(&out);
	span_batch__free(b);
}

#define IDS "4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7 "

static void lines(void **state)
{
	struct span s[2] = { server_span(), client_span() };

	s[1].end_ns = s[1].start_ns + 1234567890;
	memset(s[1].trace.parent_id, 0, 8);
	are(NULL, 0, "");
	are(s, 2,
	    "2023-11-14T22:13:21.500000Z " IDS
	    "parent=0102030405060708 server shop \"GET /orders/{id}\" 200 2.500ms\n"
	    "2023-11-14T22:13:21.500000Z " IDS
	    "parent=- client shop \"GET\" 404 1.235s error=404\n");
}

static void calls(void **state)
{
	const struct span_rpc silent = { .system = "grpc" };
	struct span s[3] = { rpc_server_span(), rpc_client_span(), rpc_client_span() };

	s[2].rpc = &silent;
	s[2].route = SLICE("_OTHER");
	s[2].error_type = "connection_reset";
	are(s, 3,
	    "2023-11-14T22:13:21.500000Z " IDS
	    "parent=0102030405060708 server shop \"shop.Orders/Watch\" OK 2.500ms\n"
	    "2023-11-14T22:13:21.500000Z " IDS
	    "parent=0102030405060708 client shop \"shop.Orders/Get\" NOT_FOUND 2.500ms "
	    "error=NOT_FOUND\n"
	    "2023-11-14T22:13:21.500000Z " IDS
	    "parent=0102030405060708 client shop \"grpc\" - 2.500ms error=connection_reset\n");
}

static void hostile(void **state)
{
	struct span s = server_span();

	s.trace = (struct trace){ 0 };
	s.status = 0;
	s.error_type = "connection_reset";
	s.route = SLICE("/\x1b[2J\xff\n\xc3\xa4\xe2\x80\xae\0");
	are(&s, 1,
	    "2023-11-14T22:13:21.500000Z - - parent=- server shop \"GET "
	    "/\\x1b[2J\\xff\\x0a\xc3\xa4\\xe2\\x80\\xae\\x00\" - 2.500ms "
	    "error=connection_reset\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(calls),
		cmocka_unit_test(hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
