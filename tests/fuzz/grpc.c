// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A call: a byte of how to cut, lines "name: value" of its request, behind an empty line those of
 * its answer, behind another the answer's body. However it is cut, the messages are the same. */
#undef NDEBUG
#include <assert.h>

#include "../../agent/grpc.c"
#include "../../agent/grpc_messages.c"

static struct slice take_fields(struct slice in, struct grpc_fields *f)
{
	while (in.len) {
		struct slice line = { in.p, slice_until(in, '\n') };
		size_t colon = slice_until(line, ':');

		in = slice_skip(in, line.len + (line.len < in.len));
		if (!line.len)
			break;
		grpc_fields__take(f, (struct slice){ line.p, colon },
				  slice_trim(slice_skip(line, colon + (colon < line.len))));
	}
	return in;
}

static struct grpc_call *call(const struct grpc_fields *request, const struct grpc_fields *answer,
			      struct slice body, size_t piece)
{
	enum grpc_wire wire = grpc__recognise(request, SLICE("POST"), SLICE(""));
	struct grpc_call *c = grpc_call__new(wire, wire ? request : NULL);

	assert(c);
	for (size_t n; body.len; body = slice_skip(body, n)) {
		n = body.len < piece ? body.len : piece;
		grpc_call__bytes(c, true, body.p, n, 1);
		if (piece % 5 == 4 && n == 1)
			grpc_call__skip(c, true, piece, 2);
	}
	grpc_call__answer(c, answer, false);
	grpc_call__ended(c, false, 0);
	grpc_call__ended(c, true, 200);
	return c;
}

static void check(const struct grpc_call *c, size_t len)
{
	struct span s = { .kind = SPAN_CLIENT, .status = 200, .end_ns = 1 };
	bool unary = c->wire == GRPC_WIRE_CONNECT_UNARY;
	struct span_rpc rpc;

	assert(c->request.n == unary);
	assert(unary ? c->answer.n == 1 : c->answer.n <= len / GRPC_PREFIX);
	assert(c->answer.bytes <= c->answer.n * UINT32_MAX);
	assert(c->message_len <= GRPC_MESSAGE_MAX && c->answer.last_len <= GRPC_LAST_MAX);
	assert(c->code >= GRPC_NONE && c->code < GRPC_CODE__CNT);
	assert(c->timeout_ns / 3600000000000u <= 99999999);
	grpc_call__span(c, &s, NULL, &rpc);
	assert(rpc.message.len <= GRPC_MESSAGE_MAX && (!rpc.status || *rpc.status));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct grpc_fields request = { 0 }, answer = { 0 };
	struct slice rest = { (const char *)data + 1, len - 1 };
	struct grpc_call *whole, *cut;

	if (!len)
		return 0;
	rest = take_fields(take_fields(rest, &request), &answer);
	whole = call(&request, &answer, rest, rest.len + 1);
	cut = call(&request, &answer, rest, data[0] % 16 + 1);
	check(whole, rest.len);
	check(cut, rest.len);
	assert(data[0] % 16 % 5 == 3 ||
	       (whole->answer.n == cut->answer.n && whole->answer.bytes == cut->answer.bytes &&
		whole->code == cut->code));
	grpc_call__free(whole);
	grpc_call__free(cut);
	return 0;
}
