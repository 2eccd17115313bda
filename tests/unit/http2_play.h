/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Plays a record of http2_fixture.h, and judges each transaction that comes out: all that
 * is said of it is right, or said to be unknown. */
#ifndef RED_TEST_HTTP2_PLAY_H
#define RED_TEST_HTTP2_PLAY_H

#include "http2_fixture.h"

struct play {
	bool server;    /* the server is observed, else the client */
	bool joined;    /* calls that follow each other in one direction are one */
	bool each_byte; /* is a call */
	int capped;     /* DATA is not copied, but for its first bytes */
	int cut;        /* before this byte, of both directions, a call ends; 0: none */
	int from;       /* the first call that is seen */
	int gap, gap_n; /* so many calls are missed from this one on; -1: none */
	int holes;      /* one call in so many is missed; 0: none */
	bool tell_loss; /* by proto->lost, or only by their bytes */

	struct conn c;
	struct proto_env env;
	void *state;
	uint64_t ts_of[2][MAX_RECORD];
	uint64_t now;
	int seen[MAX_STREAM], n_seen, n_unknown, at;
	bool pending_span;
	struct span span;
	char path[9000], host[64];
};

static struct play pl;
static struct options options = { .max_connections = 1000 };

static void on_start(void *arg, struct request *r)
{
	assert_int_equal(r->kind, pl.server ? SPAN_SERVER : SPAN_CLIENT);
	assert_false(r->blocking);
}

static void on_span(void *arg, struct span *s)
{
	pl.span = *s;
	pl.pending_span = true;
}

static struct truth *truth_at(uint64_t off)
{
	int i;

	for (i = 1; i < MAX_STREAM; i += 2)
		if (rec.truth[i].began && rec.truth[i].start == off)
			return &rec.truth[i];
	fail_msg("no request begins at %llu", (unsigned long long)off);
	return NULL;
}

static const char *failure_of(const struct asked *a)
{
	static char status[8];

	switch (a->ending) {
	case CLIENT_CANCELS:
		return pl.server ? "client_closed" : "cancelled";
	case SERVER_RESETS:
		return "internal_error";
	case SERVER_REFUSES:
		return "refused_stream";
	case NEVER:
		return pl.server ? "client_closed" : "connection_closed";
	case ANSWERED:
		break;
	}
	snprintf(status, sizeof(status), "%u", a->status);
	return a->status >= (pl.server ? 500 : 400) ? status : NULL;
}

static void check_error(const struct span *s, const struct asked *a)
{
	const char *want = failure_of(a);
	bool unknown = s->flags & SPAN_FIELDS_UNKNOWN && !s->status && a->ending == ANSWERED;

	if (!s->error_type) {
		assert_true(!want || unknown);
		return;
	}
	assert_non_null(want);
	assert_string_equal(s->error_type, want);
}

static void (*check_more)(const struct span *s, const struct truth *t);

static void check_span(const struct span *s, const struct truth *t)
{
	bool unknown = s->flags & (SPAN_FIELDS_UNKNOWN | SPAN_HEAD_CUT);
	const struct asked *a = t->asked;
	bool answered = a->ending == ANSWERED || a->ending == CLIENT_CANCELS;
	struct slice path = { t->path, strlen(t->path) };

	assert_true(slice_eq(s->method_original, slice_of(a->method)) ||
		    (unknown && !s->method_original.len));
	assert_string_equal(s->method, strcmp(a->method, "BREW") && s->method_original.len
					       ? a->method
					       : "_OTHER");
	assert_true(slice_eq(s->path, path) || (unknown && !s->path.len));
	assert_true(slice_eq(s->host, SLICE("h.example")) || (unknown && !s->host.len));
	assert_int_equal(s->host_port, s->host.len ? 81 : 0);
	assert_true(s->status == (answered ? a->status : 0) || (unknown && !s->status));
	if (!check_more)
		check_error(s, a);
	assert_string_equal(s->protocol_version, "2");
	assert_string_equal(s->scheme, "http");
	if (a->ending == ANSWERED && strcmp(a->method, "CONNECT")) {
		assert_int_equal(s->request_body_bytes, a->body);
		assert_int_equal(s->response_body_bytes, a->answer_body);
	}
	assert_int_equal(s->start_ns, pl.ts_of[0][t->start]);
	if (t->ended)
		assert_int_equal(s->end_ns, pl.ts_of[t->end_dir][t->end]);
	assert_true(!s->request_end_ns || s->request_end_ns >= s->start_ns);
	assert_true(s->response_start_ns ? answered && s->response_start_ns <= s->end_ns
					 : a->ending != ANSWERED);
	if (check_more)
		check_more(s, t);
}

static void on_end(void *arg, struct request *r)
{
	struct truth *t = truth_at(r->place);

	if (!pl.pending_span)
		return;
	pl.pending_span = false;
	check_span(&pl.span, t);
	assert_int_equal(pl.seen[t - rec.truth]++, 0);
	pl.n_seen++;
	pl.n_unknown += !!(pl.span.flags & SPAN_FIELDS_UNKNOWN);
}

/* ---- calls ---- */

static int dir_of(int from_server)
{
	return pl.server == !!from_server ? RED_DIR_OUT : RED_DIR_IN;
}

static void bytes(int from, uint32_t off, uint32_t n, bool frame)
{
	struct proto_bytes b = {
		.p = (char *)rec.bytes[from] + off,
		.len = n,
		.off = off,
		.ts_ns = pl.now,
		.tgid = 42,
		.tid = 43,
		.frame = frame,
	};
	char *copy = malloc(n); /* exactly as long */

	memcpy(copy, b.p, n);
	b.p = copy;
	pl.c.proto->bytes(pl.state, dir_of(from), &b);
	pl.c.expected[dir_of(from)] += n;
	free(copy);
}

static void skips(int from, uint32_t n)
{
	pl.c.expected[dir_of(from)] += n;
	(pl.c.proto->skip)(pl.state, dir_of(from), n, pl.now, NULL);
}

static void move(int from, uint32_t off, uint32_t n, bool frame, bool missed)
{
	uint32_t at, end, i;

	pl.at += n;
	pl.now = 1000 + pl.at * 10ull;
	for (i = 0; i < n; i++)
		pl.ts_of[from][off + i] = pl.now;
	if (missed) {
		skips(from, n);
		return;
	}
	for (at = off; at < off + n; at = end) {
		bool out = pl.capped && rec.optional[from][at];

		for (end = at + 1; end < off + n && (pl.capped && rec.optional[from][end]) == out;)
			end++;
		if (out)
			skips(from, end - at);
		else
			bytes(from, at, end - at, frame && at == off);
	}
	account(&pl.env);
}

static void one_call(int from, uint32_t off, uint32_t len, bool frame, bool missed)
{
	uint32_t n = len, i;

	if (pl.each_byte)
		n = 1;
	else if (pl.cut > pl.at && pl.cut < pl.at + (int)len)
		n = pl.cut - pl.at;
	for (i = 0; i < len; i += n, n = pl.each_byte ? 1 : len - i)
		move(from, off + i, n, frame && !i, missed);
}

static bool missed(int call)
{
	if (pl.holes && call * 7919 % pl.holes == 1)
		return true;
	return pl.gap >= 0 && call >= pl.gap && call < pl.gap + pl.gap_n;
}

static void all_calls(void)
{
	uint32_t len;
	int i, k;

	for (i = pl.from; i < rec.n_calls; i = k) {
		const struct call *c = &rec.calls[i];

		len = c->len;
		for (k = i + 1; pl.joined && k < rec.n_calls && rec.calls[k].dir == c->dir &&
				missed(k) == missed(i);
		     k++)
			len += rec.calls[k].len;
		one_call(c->dir, c->off, len, c->frame, missed(i));
		if (missed(i) && pl.tell_loss)
			pl.c.proto->lost(pl.state);
	}
}

static void begin_play(void)
{
	pl.env = (struct proto_env){
		.ops = { .start = on_start,
			 .end = on_end,
			 .span = on_span,
			 .service = service_of,
			 .ended = process_ended },
		.options = &options,
		.max_requests = 1000,
		.max_head_bytes = 1 << 20,
	};
	pl.c = (struct conn){ .id = 1, .tgid = 42, .established = !pl.from, .proto = &http2_proto };
	pl.state = pl.c.state = calloc(1, http2_proto.state_size);
	memset(pl.seen, 0, sizeof(pl.seen));
	pl.n_seen = pl.n_unknown = pl.at = 0;
	pl.pending_span = false;
	assert_int_equal(http2_proto.open(pl.state, &pl.c, &pl.env), 0);
}

static void play(void)
{
	struct proto_end end = { .flags = RED_STATE_PEER };

	begin_play();
	if (pl.from) {
		pl.c.expected[dir_of(0)] = 1; /* not from their beginning */
		pl.c.expected[dir_of(1)] = 1;
	}
	all_calls();
	end.ts_ns = pl.now + 10;
	pl.c.proto->close(pl.state, &end);
	nothing_held(&pl.env);
	free(pl.state);
}

static void play_whole(bool server)
{
	pl.server = server;
	pl.joined = pl.each_byte = pl.tell_loss = false;
	pl.capped = 0;
	pl.cut = pl.from = 0;
	pl.gap = -1;
}

#endif /* RED_TEST_HTTP2_PLAY_H */
