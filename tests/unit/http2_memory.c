// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Memory that runs out: fewer transactions, none of them wrong, and all are counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "failing.h"

#include "../../agent/grpc.c"
#include "../../agent/head_buf.c"
#include "../../agent/http2_block.c"
#include "../../agent/http2_stream.c"
#include "../../agent/http_txn.c"

#undef malloc
#undef calloc
#undef realloc
#undef free

#include "http2_play.h"

static const struct script script = {
	"many",
	{ { "GET", 200, 0, 10, .header = 2000 },
	  { "POST", 200, 15, 15, .content_type = "application/grpc", .message = 10,
	    .answer_message = 10, .answer_type = "application/grpc", .trailers = true,
	    .trailer = { { "grpc-status", "0" } } },
	  { "GET", 404, 0, 300, .header = 9000 } },
	.n = 60,
	.at_once = 40,
};

static uint64_t dropped(void)
{
	return pl.env.stat[PROTO_HTTP2].dropped[PROTO_DROP_NO_MEMORY];
}

static void any_allocation_fails(void **state)
{
	long n;

	record(&script);
	play_whole(true);
	for (n = 0; n < 400; n++) {
		failing_after = n;
		play();
		failing_after = -1;
		assert_int_equal(pl.n_seen + dropped(), rec.submitted);
		if (!n)
			assert_true(dropped() > 0);
		http_txn__free_pool();
		http2_block__free_pool();
		assert_int_equal(failing_live, 0);
	}
	play();
	assert_int_equal(pl.n_seen, rec.submitted);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(any_allocation_fails) };

	return cmocka_run_group_tests(tests, NULL, free_pool);
}
