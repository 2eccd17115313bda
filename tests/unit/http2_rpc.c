// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Calls over HTTP/2, from records to what a span says of them. */
#include "http2_play.h"

#define GRPC      .content_type = "application/grpc+proto", .answer_type = "application/grpc"
#define CONNECT   .content_type = "application/proto", .more = { { "connect-protocol-version", "1" } }
#define TRAILERS  .trailers = true
#define STATUS(n) .trailer = { { "grpc-status", n } }

/* Of `n` messages of so many bytes. */
#define ASKS(n, bytes)    .body = (n) * (5 + (bytes)), .message = (bytes)
#define ANSWERS(n, bytes) .answer_body = (n) * (5 + (bytes)), .answer_message = (bytes)

static const struct script scripts[] = {
	{ "unary", { { "POST", 200, ASKS(1, 10), ANSWERS(1, 20), GRPC, TRAILERS, STATUS("0") } } },
	{ "each of the codes",
	  {
		  { "POST", 200, ASKS(1, 3), ANSWERS(1, 4), GRPC, TRAILERS, STATUS("0") },
		  { "POST", 200, ASKS(1, 3), GRPC, TRAILERS, STATUS("1") },
		  { "POST", 200, ASKS(1, 3), GRPC, TRAILERS, STATUS("2") },
		  { "POST", 200, ASKS(1, 3), GRPC, TRAILERS, STATUS("3") },
		  { "POST", 200, ASKS(1, 3), GRPC, TRAILERS, STATUS("4") },
		  { "POST", 200, ASKS(1, 3), GRPC, TRAILERS, STATUS("5") },
		  { "POST", 200, ASKS(1, 3), GRPC, TRAILERS, STATUS("6") },
		  { "POST", 200, ASKS(1, 3), GRPC, TRAILERS, STATUS("7") },
		  { "POST", 200, ASKS(1, 3), GRPC, TRAILERS, STATUS("8") },
		  { "POST", 200, ASKS(1, 3), GRPC, TRAILERS, STATUS("9") },
		  { "POST", 200, ASKS(1, 3), GRPC, TRAILERS, STATUS("10") },
		  { "POST", 200, ASKS(1, 3), GRPC, TRAILERS, STATUS("11") },
		  { "POST", 200, ASKS(1, 3), GRPC, TRAILERS, STATUS("12") },
		  { "POST", 200, ASKS(1, 3), GRPC, TRAILERS, STATUS("13") },
		  { "POST", 200, ASKS(1, 3), GRPC, TRAILERS, STATUS("14") },
		  { "POST", 200, ASKS(1, 3), GRPC, TRAILERS, STATUS("15") },
		  { "POST", 200, ASKS(1, 3), GRPC, TRAILERS, STATUS("16") },
		  { "POST", 200, ASKS(1, 3), GRPC, TRAILERS, STATUS("17") },
	  },
	  .at_once = 4 },
	{ "streams",
	  {
		  { "POST", 200, ASKS(300, 10), ANSWERS(1, 20), GRPC, TRAILERS, STATUS("0") },
		  { "POST", 200, ASKS(1, 7000), ANSWERS(200, 100), GRPC, TRAILERS, STATUS("0") },
		  { "POST", 200, ASKS(20, 2000), ANSWERS(30, 3000), GRPC, TRAILERS, STATUS("5") },
	  },
	  .n = 6,
	  .at_once = 3 },
	{ "no status",
	  {
		  { "POST", 200, ASKS(1, 3), ANSWERS(1, 3), GRPC },
		  { "POST", 503, ASKS(1, 3), 9, .content_type = "application/grpc" },
		  { "POST", 404, ASKS(1, 3), .content_type = "application/grpc" },
		  { "POST", 200, ASKS(1, 3), GRPC, .ending = NEVER },
		  { "POST", 200, ASKS(1, 3), GRPC, .ending = SERVER_RESETS },
		  { "POST", 200, ASKS(1, 3), GRPC, .ending = SERVER_REFUSES },
		  { "POST", 200, ASKS(1, 3), ANSWERS(20, 10000), GRPC, .ending = CLIENT_CANCELS },
	  },
	  .at_once = 7 },
	{ "unary, without prefixes",
	  {
		  { "POST", 200, .body = 5, .answer_body = 7, CONNECT },
		  { "POST", 200, .body = 5000, .answer_body = 7000, CONNECT },
		  { "POST", 200, .body = 5, CONNECT },
		  { "POST", 200, .answer_body = 5, CONNECT },
		  { "POST", 200, CONNECT },
		  { "POST", 200, CONNECT, .interim = true },
		  { "POST", 503, CONNECT },
	  },
	  .at_once = 2 },
};

static const char *const names[] = {
	"OK",
	"CANCELLED",
	"UNKNOWN",
	"INVALID_ARGUMENT",
	"DEADLINE_EXCEEDED",
	"NOT_FOUND",
	"ALREADY_EXISTS",
	"PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED",
	"FAILED_PRECONDITION",
	"ABORTED",
	"OUT_OF_RANGE",
	"UNIMPLEMENTED",
	"INTERNAL",
	"UNAVAILABLE",
	"DATA_LOSS",
	"UNAUTHENTICATED",
	"UNKNOWN",
};

static const char *status_of(const struct asked *a)
{
	switch (a->ending) {
	case NEVER:
		return NULL;
	case SERVER_RESETS:
		return "INTERNAL";
	case SERVER_REFUSES:
		return "UNAVAILABLE";
	case CLIENT_CANCELS:
		return "CANCELLED";
	case ANSWERED:
		break;
	}
	if (a->trailers)
		return names[atoi(a->trailer[0][1])];
	return a->status == 503 ? "UNAVAILABLE" : a->status == 404 ? "UNIMPLEMENTED" : "UNKNOWN";
}

static bool is_error(const char *status)
{
	static const char words[] =
		" UNKNOWN DEADLINE_EXCEEDED UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS ";
	char word[32];

	snprintf(word, sizeof(word), " %s ", status);
	return pl.server ? strstr(words, word) != NULL : strcmp(status, "OK") != 0;
}

static void check_error_of_call(const struct span *s, const char *status)
{
	if (!status) {
		assert_string_equal(s->error_type,
				    pl.server ? "client_closed" : "connection_closed");
	} else if (is_error(status)) {
		assert_string_equal(s->error_type, status);
	} else {
		assert_null(s->error_type);
	}
}

static uint64_t messages(uint32_t body, uint32_t message)
{
	return message ? body / (5 + message) : 0;
}

static bool may_lose_count; /* prefixes were left out */

/* An empty one is a message, too, but not where there was none. */
static void check_unary(const struct span *s, const struct asked *a)
{
	const struct span_rpc *rpc = s->rpc;
	bool unknown = s->flags & SPAN_FIELDS_UNKNOWN;

	assert_string_equal(rpc->system, "connectrpc");
	assert_null(rpc->status);
	if (!rpc->counted || (unknown && !s->status))
		return;
	assert_int_equal(rpc->request_messages, 1);
	assert_int_equal(rpc->response_messages, a->status == 200 || a->answer_body);
	assert_int_equal(rpc->request_message_bytes, a->body);
	assert_int_equal(rpc->response_message_bytes, a->answer_body);
}

static void check_call(const struct span *s, const struct truth *t)
{
	bool unknown = s->flags & SPAN_FIELDS_UNKNOWN;
	const struct span_rpc *rpc = s->rpc;
	const struct asked *a = t->asked;
	const char *want = status_of(a);

	if (!rpc) { /* what says that it is one is not known */
		assert_true(unknown);
		return;
	}
	if (a->more[0][0]) {
		check_unary(s, a);
		return;
	}
	assert_string_equal(rpc->system, "grpc");
	assert_true(slice_eq(rpc->method, slice_of(t->path + 1)) || (unknown && !rpc->method.len));
	if (!rpc->status) {
		assert_true(unknown || !want);
	} else {
		assert_string_equal(rpc->status, want);
		check_error_of_call(s, want);
	}
	if (a->ending != ANSWERED || a->status != 200)
		return;
	assert_true(rpc->counted || may_lose_count || unknown);
	if (!rpc->counted)
		return;
	assert_int_equal(rpc->request_messages, messages(a->body, a->message));
	assert_int_equal(rpc->response_messages, messages(a->answer_body, a->answer_message));
	assert_int_equal(rpc->request_message_bytes, rpc->request_messages * a->message);
	assert_int_equal(rpc->response_message_bytes, rpc->response_messages * a->answer_message);
	assert_true(rpc->response_first_ns ? rpc->response_first_ns >= s->response_start_ns &&
						     rpc->response_first_ns <= s->end_ns
					   : !rpc->response_messages);
}

static void each_script(void (*fn)(void))
{
	size_t i;
	int side;

	for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		record(&scripts[i]);
		for (side = 0; side < 2; side++) {
			play_whole(side);
			may_lose_count = false;
			fn();
		}
	}
}

static void play_all(void)
{
	play();
	assert_int_equal(pl.n_seen, rec.submitted);
	assert_int_equal(pl.n_unknown, 0);
	assert_int_equal(pl.c.data_cap, GRPC_DATA_CAP);
}

static void whole(void)
{
	play_all();
	pl.joined = true;
	play_all();
	pl.each_byte = true;
	play_all();
	pl.capped = may_lose_count = true;
	play_all();
}

static void as_sent(void **state)
{
	each_script(whole);
}

static void each_cut(void)
{
	int total = rec.len[0] + rec.len[1];

	pl.joined = true;
	for (pl.cut = 1; pl.cut < total; pl.cut += total < 9000 ? 1 : 41) {
		pl.capped = may_lose_count = pl.cut & 1;
		play_all();
	}
}

static void cut_anywhere(void **state)
{
	each_script(each_cut);
}

static void each_beginning(void)
{
	for (pl.from = 1; pl.from < rec.n_calls; pl.from++) {
		pl.capped = may_lose_count = pl.from & 1;
		play();
	}
}

static void attached_late(void **state)
{
	each_script(each_beginning);
}

static void each_gap(void)
{
	for (pl.gap = 0; pl.gap < rec.n_calls; pl.gap++)
		for (pl.gap_n = 1; pl.gap_n < 4; pl.gap_n++)
			play();
}

static void calls_missed(void **state)
{
	each_script(each_gap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_sent),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(attached_late),
		cmocka_unit_test(calls_missed),
	};

	check_more = check_call;
	return cmocka_run_group_tests(tests, NULL, free_pool);
}
