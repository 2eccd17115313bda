// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Frames by hand, of one connection to a server: how streams end, what is refused, and how a
 * connection comes to speak HTTP/2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "conn.h"
#include "conn_env.h"
#include "http2.h"
#include "http2_block.h"
#include "http2_frame.h"
#include "options.h"
#include "redeye.h"

#define MS 1000000ull

static struct proto_env env;
static struct options options;
static struct conn_table *t;
static char seen[4096];
static int n_seen, n_told;
static uint64_t now, off[2], last_place, last_answer;
static int last_dir, more, tid;
static bool walked; /* the kernel side knows of frames: its records are in pieces */
static uint32_t last_tid;

static void on_start(void *arg, struct request *r)
{
	last_place = r->place;
	last_tid = r->tid;
}

static void on_end(void *arg, struct request *r)
{
}

/* One line each: method, path, status, error, the answer's size, milliseconds. */
static void on_span(void *arg, struct span *s)
{
	size_t n = strlen(seen);

	n_seen++;
	last_answer = s->response_start_ns;
	snprintf(seen + n, sizeof(seen) - n, "%s %.*s %u %s %u %u%s%s\n", s->method,
		 (int)s->path.len, s->path.p ? s->path.p : "", s->status,
		 s->error_type ? s->error_type : "-", (unsigned)s->response_body_bytes,
		 (unsigned)((s->end_ns - s->start_ns) / MS), s->rpc ? " " : "",
		 s->rpc && s->rpc->status ? s->rpc->status : "");
	assert_true(!s->status || s->end_ns >= s->response_start_ns);
}

static int on_poll(void *arg, const struct conn *c, enum red_poll_cmd cmd)
{
	n_told += cmd == RED_POLL_MODE_FRAMES;
	return 0;
}

static void open_conn(bool established)
{
	struct red_ev_open ev = {
		.h = { .len = sizeof(ev), .kind = RED_EV_OPEN, .ts_ns = now },
		.conn_id = 1,
		.tgid = 42,
		.established = established,
	};

	conn_table__open(t, &ev);
}

static int set_up(void **state)
{
	struct conn_table_config cfg = { .max_conns = 4, .env = &env, .poll = on_poll };

	env = (struct proto_env){
		.ops = { .start = on_start,
			 .end = on_end,
			 .span = on_span,
			 .service = service_of,
			 .ended = process_ended },
		.options = &options,
		.max_requests = 100,
		.max_head_bytes = 1 << 16,
	};
	seen[0] = 0;
	n_seen = n_told = 0;
	off[0] = off[1] = last_place = 0;
	last_dir = 2;
	more = 0;
	walked = false;
	tid = 43;
	now = 1000 * MS;
	t = conn_table__new(&cfg);
	open_conn(true);
	return 0;
}

static int tear_down(void **state)
{
	conn_table__free(t);
	nothing_held(&env);
	return 0;
}

/* ---- what moves ---- */

static void moves(int dir, const char *p, size_t n, size_t captured)
{
	static uint64_t room[RED_CAP_MAX / 8 + 64];
	const struct red_piece piece = { .len = captured, .skip = n - captured };
	size_t before = walked ? sizeof(piece) : 0;
	struct red_ev_data *ev = (void *)room;

	*ev = (struct red_ev_data){
		.h = { .len = sizeof(*ev) + before + captured,
		       .kind = RED_EV_DATA,
		       .ts_ns = now += MS },
		.conn_id = 1,
		.off = off[dir],
		.len = n,
		.cap_len = before + captured,
		.tgid = 42,
		.tid = tid,
		.dir = dir,
		.more = more,
		.flags = (last_dir != dir ? RED_DATA_FIRST : 0) | (walked ? RED_DATA_PIECES : 0),
		.other_off = off[!dir],
		.other_ns = now - MS,
	};
	memcpy(ev + 1, &piece, before);
	memcpy((char *)(ev + 1) + before, p, captured);
	off[dir] += n;
	last_dir = dir;
	conn_table__data(t, ev);
	account(&env);
}

static size_t frame(char *to, int type, int flags, uint32_t stream, const char *p, size_t n)
{
	const char head[] = { n >> 16,      n >> 8,       n,           type,  flags,
			      stream >> 24, stream >> 16, stream >> 8, stream };

	memcpy(to, head, sizeof(head));
	memcpy(to + sizeof(head), p, n);
	return sizeof(head) + n;
}

static void sends(int dir, int type, int flags, uint32_t stream, const char *p, size_t n)
{
	char b[5000];

	n = frame(b, type, flags, stream, p, n);
	moves(dir, b, n, n);
}

#define IN(type, flags, stream, p)  sends(RED_DIR_IN, type, flags, stream, p, sizeof(p) - 1)
#define OUT(type, flags, stream, p) sends(RED_DIR_OUT, type, flags, stream, p, sizeof(p) - 1)

#define GET   "\x82\x84\x86\x41\x01h"       /* http://h/ */
#define GET_A "\x82\x04\x02/a\x86\x41\x01h" /* http://h/a */
#define POST  "\x83\x84\x86\x41\x01h"
#define OK    "\x88"
#define RPC                                                                                        \
	POST "\x0f\x10\x10"                                                                        \
	     "application/grpc" /* content-type */
#define WEB                                                                                        \
	POST "\x0f\x10\x14"                                                                        \
	     "application/grpc-web"
#define CONNECT                                                                                    \
	POST "\x0f\x10\x19"                                                                        \
	     "application/connect+proto"
#define TIMEOUT                                                                                    \
	"\x00\x0cgrpc-timeout\x04"                                                                 \
	"100m"
#define STATUS_0                                                                                   \
	"\x00\x0bgrpc-status\x01"                                                                  \
	"0"
#define FIELD "\x00\x01x\x01y"
#define WHOLE (HTTP2_END_HEADERS | HTTP2_END_STREAM)

static void begins(void)
{
	moves(RED_DIR_IN, HTTP2_PREFACE, HTTP2_PREFACE_LEN, HTTP2_PREFACE_LEN);
	IN(HTTP2_SETTINGS, 0, 0, "");
	OUT(HTTP2_SETTINGS, 0, 0, "");
}

static void says(int kind, int dir, uint8_t flags)
{
	struct red_ev_state ev = {
		.h = { .len = sizeof(ev), .kind = kind, .ts_ns = now += MS },
		.conn_id = 1,
		.off = { off[0], off[1] },
		.tgid = 42,
		.dir = dir,
		.flags = flags,
	};

	conn_table__state(t, &ev);
	account(&env);
}

static const struct proto_stat *stat2(void)
{
	return &env.stat[PROTO_HTTP2];
}

/* ---- tests ---- */

static void goaway(void **state)
{
	begins();
	IN(HTTP2_HEADERS, WHOLE, 1, GET);
	IN(HTTP2_HEADERS, WHOLE, 3, GET_A);
	OUT(HTTP2_GOAWAY, 0, 0, "\0\0\0\1\0\0\0\0");
	assert_string_equal(seen, "GET /a 0 refused_stream 0 1\n");
	IN(HTTP2_HEADERS, WHOLE, 5, GET_A);
	assert_int_equal(n_seen, 2);
	OUT(HTTP2_HEADERS, WHOLE, 1, OK);
	assert_string_equal(seen, "GET /a 0 refused_stream 0 1\nGET /a 0 refused_stream 0 0\n"
				  "GET / 200 - 0 4\n");
	IN(HTTP2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0"); /* about pushes */
}

static void calls_refused(void **state)
{
	walked = true;
	begins();
	assert_int_equal(n_told, 0);
	IN(HTTP2_HEADERS, WHOLE, 1, RPC);
	OUT(HTTP2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0");
	assert_string_equal(seen, "POST / 0 UNAVAILABLE 0 1 UNAVAILABLE\n");
	assert_int_equal(n_told, 1);
}

/* The answer comes first, and what still comes of the request begins nothing. */
static void answered_early(void **state)
{
	begins();
	IN(HTTP2_HEADERS, HTTP2_END_HEADERS, 1, POST);
	OUT(HTTP2_HEADERS, WHOLE, 1, OK);
	IN(HTTP2_DATA, 0, 1, "abc");
	IN(HTTP2_HEADERS, WHOLE, 1, FIELD);
	OUT(HTTP2_RST_STREAM, 0, 1, "\0\0\0\0");
	assert_string_equal(seen, "POST / 200 - 0 1\n");
	assert_int_equal(stat2()->malformed + stat2()->unmatched + stat2()->gaps, 0);
}

static void who_reset_it(void **state)
{
	begins();
	IN(HTTP2_HEADERS, WHOLE, 1, GET);
	IN(HTTP2_RST_STREAM, 0, 1, "\0\0\0\0");
	IN(HTTP2_HEADERS, WHOLE, 3, GET);
	IN(HTTP2_RST_STREAM, 0, 3, "\0\0\0\x08");
	IN(HTTP2_HEADERS, WHOLE, 5, GET);
	IN(HTTP2_RST_STREAM, 0, 5, "\0\0\0\x01");
	IN(HTTP2_HEADERS, WHOLE, 7, GET);
	OUT(HTTP2_RST_STREAM, 0, 7, "\0\0\0\x08");
	IN(HTTP2_HEADERS, WHOLE, 9, GET);
	OUT(HTTP2_RST_STREAM, 0, 9, "\0\0\1\0");
	assert_string_equal(seen, "GET / 0 client_closed 0 1\nGET / 0 client_closed 0 1\n"
				  "GET / 0 protocol_error 0 1\nGET / 0 cancel 0 1\n"
				  "GET / 0 _OTHER 0 1\n");
}

static void deadlines(void **state)
{
	begins();
	IN(HTTP2_HEADERS, HTTP2_END_HEADERS, 1, RPC TIMEOUT);
	now += 97 * MS;
	IN(HTTP2_RST_STREAM, 0, 1, "\0\0\0\x08");
	IN(HTTP2_HEADERS, HTTP2_END_HEADERS, 3, RPC TIMEOUT);
	now += 50 * MS;
	IN(HTTP2_RST_STREAM, 0, 3, "\0\0\0\x08");
	assert_string_equal(seen, "POST / 0 DEADLINE_EXCEEDED 0 98 DEADLINE_EXCEEDED\n"
				  "POST / 0 - 0 51 CANCELLED\n");
}

/* A client that says nothing in particular cancels; a server that does gives no answer. */
static void reset_without_an_error(void **state)
{
	begins();
	IN(HTTP2_HEADERS, HTTP2_END_HEADERS, 1, RPC TIMEOUT);
	now += 97 * MS;
	IN(HTTP2_RST_STREAM, 0, 1, "\0\0\0\0");
	IN(HTTP2_HEADERS, HTTP2_END_HEADERS, 3, RPC TIMEOUT);
	now += 50 * MS;
	IN(HTTP2_RST_STREAM, 0, 3, "\0\0\0\0");
	IN(HTTP2_HEADERS, HTTP2_END_HEADERS, 5, RPC);
	OUT(HTTP2_RST_STREAM, 0, 5, "\0\0\0\0");
	assert_string_equal(seen, "POST / 0 DEADLINE_EXCEEDED 0 98 DEADLINE_EXCEEDED\n"
				  "POST / 0 - 0 51 CANCELLED\n"
				  "POST / 0 INTERNAL 0 1 INTERNAL\n");
}

/* The body has said how the call ended, so a reset behind it changes nothing. */
static void reset_behind_the_status(void **state)
{
	begins();
	IN(HTTP2_HEADERS, HTTP2_END_HEADERS, 1, WEB);
	OUT(HTTP2_HEADERS, HTTP2_END_HEADERS, 1, OK);
	OUT(HTTP2_DATA, 0, 1, "\x80\0\0\0\x10grpc-status: 0\r\n");
	IN(HTTP2_RST_STREAM, 0, 1, "\0\0\0\x08");
	IN(HTTP2_HEADERS, HTTP2_END_HEADERS, 3, WEB);
	OUT(HTTP2_HEADERS, HTTP2_END_HEADERS, 3, OK);
	OUT(HTTP2_DATA, 0, 3, "\x80\0\0\0\x10grpc-status: 0\r\n");
	OUT(HTTP2_RST_STREAM, 0, 3, "\0\0\0\x08");
	IN(HTTP2_HEADERS, HTTP2_END_HEADERS, 5, WEB);
	OUT(HTTP2_HEADERS, HTTP2_END_HEADERS, 5, OK);
	OUT(HTTP2_DATA, 0, 5, "\x80\0\0\0\x10grpc-status: 5\r\n");
	OUT(HTTP2_RST_STREAM, 0, 5, "\0\0\0\x08");
	IN(HTTP2_HEADERS, HTTP2_END_HEADERS, 7, CONNECT);
	OUT(HTTP2_HEADERS, HTTP2_END_HEADERS, 7, OK);
	OUT(HTTP2_DATA, 0, 7, "\x02\0\0\0\2{}");
	IN(HTTP2_RST_STREAM, 0, 7, "\0\0\0\x08");
	assert_string_equal(seen, "POST / 200 - 21 3 OK\nPOST / 200 - 21 3 OK\n"
				  "POST / 200 - 21 3 NOT_FOUND\nPOST / 200 - 7 3 \n");
}

/* It is half of what would have said it: the reset does. */
static void reset_within_the_status(void **state)
{
	begins();
	IN(HTTP2_HEADERS, HTTP2_END_HEADERS, 1, WEB);
	OUT(HTTP2_HEADERS, HTTP2_END_HEADERS, 1, OK);
	OUT(HTTP2_DATA, 0, 1, "\x80\0\0\0\x10grpc-status: ");
	IN(HTTP2_RST_STREAM, 0, 1, "\0\0\0\x08");
	IN(HTTP2_HEADERS, HTTP2_END_HEADERS, 3, CONNECT);
	OUT(HTTP2_HEADERS, HTTP2_END_HEADERS, 3, OK);
	OUT(HTTP2_DATA, 0, 3, "\x02\0\0\0\x20{\"error\":{\"code\":\"not_f");
	IN(HTTP2_RST_STREAM, 0, 3, "\0\0\0\x08");
	assert_string_equal(seen, "POST / 200 - 18 3 CANCELLED\nPOST / 200 - 28 3 canceled\n");
}

static void the_connection_ends(void **state)
{
	static const struct {
		uint8_t flags;
		const char *word;
	} ends[] = { { RED_STATE_LOCAL, "connection_closed" },
		     { RED_STATE_PEER, "client_closed" },
		     { RED_STATE_RESET, "connection_reset" },
		     { RED_STATE_TIMEOUT, "timeout" } };
	char want[200];
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		begins();
		IN(HTTP2_HEADERS, WHOLE, 1, GET);
		IN(HTTP2_HEADERS, WHOLE, 3, RPC);
		OUT(HTTP2_HEADERS, HTTP2_END_HEADERS, 1, OK);
		if (ends[i].flags == RED_STATE_RESET) {
			says(RED_EV_EOF, RED_DIR_IN, RED_STATE_RESET);
			now += 7 * MS;
		}
		says(RED_EV_CLOSE, 0, ends[i].flags);
		snprintf(want, sizeof(want), "GET / 200 %s 0 3\nPOST / 0 %s 0 2 \n", ends[i].word,
			 ends[i].word);
		assert_string_equal(seen, want);
		nothing_held(&env);
		tear_down(state);
		set_up(state);
	}
}

/* A request that is answered when its server has shut down its sending side. */
static void half_closed(void **state)
{
	begins();
	IN(HTTP2_HEADERS, WHOLE, 1, GET);
	says(RED_EV_EOF, RED_DIR_IN, RED_STATE_PEER);
	assert_int_equal(n_seen, 0);
	OUT(HTTP2_HEADERS, HTTP2_END_HEADERS, 1, OK);
	says(RED_EV_EOF, RED_DIR_OUT, RED_STATE_LOCAL);
	assert_string_equal(seen, "GET / 200 connection_closed 0 3\n");
}

static void too_many(void **state)
{
	int i;

	env.max_requests = 3;
	begins();
	for (i = 0; i < 5; i++)
		IN(HTTP2_HEADERS, WHOLE, i * 2 + 1, GET);
	for (i = 4; i >= 0; i--)
		OUT(HTTP2_HEADERS, WHOLE, i * 2 + 1, OK);
	assert_int_equal(n_seen, 3);
	assert_int_equal(stat2()->dropped[PROTO_DROP_FULL], 2);
	assert_int_equal(stat2()->unmatched, 0);
}

static void no_room_for_headers(void **state)
{
	env.max_head_bytes = 100;
	begins();
	IN(HTTP2_HEADERS, WHOLE, 1, GET);
	env.max_head_bytes = 1 << 16;
	IN(HTTP2_HEADERS, WHOLE, 3, GET_A "\xbe");
	OUT(HTTP2_HEADERS, WHOLE, 1, OK);
	OUT(HTTP2_HEADERS, WHOLE, 3, OK);
	assert_string_equal(seen, "GET /a 200 - 0 2\n");
	assert_int_equal(stat2()->dropped[PROTO_DROP_NO_MEMORY], 1);
	assert_int_equal(stat2()->unknown, 0); /* it went through header compression */
}

/* Half a block gives way; the table behind it stays. */
static void half_a_block_gives_way(void **state)
{
	struct head_buf *other;

	env.max_head_bytes = 1024;
	begins();
	IN(HTTP2_HEADERS, HTTP2_END_STREAM, 1, GET_A);
	assert_int_equal(env.head_bytes, 1024);
	other = head_buf__grow(&env, NULL, 1024, &env);
	assert_non_null(other);
	assert_int_equal(stat2()->heads_gone, 1);
	IN(HTTP2_CONTINUATION, HTTP2_END_HEADERS, 1, FIELD); /* and takes no more */
	assert_int_equal(env.head_bytes, 1024);
	head_buf__free(&env, other);
	IN(HTTP2_HEADERS, WHOLE, 3, "\x82\x84\x86\xbe");
	OUT(HTTP2_HEADERS, WHOLE, 1, OK);
	OUT(HTTP2_HEADERS, WHOLE, 3, OK);
	assert_string_equal(seen, "GET / 200 - 0 2\n");
	assert_int_equal(stat2()->dropped[PROTO_DROP_NO_MEMORY], 1);
	assert_int_equal(stat2()->unknown, 0);
}

static void unmatched(void **state)
{
	says(RED_EV_CLOSE, 0, 0);
	open_conn(false);
	more = RED_MORE_FRAME;
	OUT(HTTP2_HEADERS, HTTP2_END_HEADERS, 41, OK);
	OUT(HTTP2_DATA, HTTP2_END_STREAM, 41, "abc");
	IN(HTTP2_HEADERS, WHOLE, 43, GET);
	OUT(HTTP2_HEADERS, WHOLE, 43, OK);
	assert_string_equal(seen, "GET / 200 - 0 1\n");
	assert_int_equal(stat2()->unmatched, 1);
}

/* What goes by where frames cannot be told from each other may be an answer. */
static void not_in_step(void **state)
{
	says(RED_EV_CLOSE, 0, 0);
	open_conn(false);
	IN(HTTP2_HEADERS, WHOLE, 41, GET);
	moves(RED_DIR_OUT, "\0\0\1\1\5\0\0\0\x29\x88", 10, 10);
	IN(HTTP2_RST_STREAM, 0, 41, "\0\0\0\x08");
	assert_int_equal(stat2()->dropped[PROTO_DROP_LOST], 1);
	IN(HTTP2_HEADERS, WHOLE, 43, GET);
	more = RED_MORE_FRAME;
	OUT(HTTP2_HEADERS, WHOLE, 43, OK);
	assert_string_equal(seen, "GET / 200 - 0 1\n");
	more = 0;
	IN(HTTP2_HEADERS, WHOLE, 45, GET);
	moves(RED_DIR_OUT, "", 0, 0);
	moves(RED_DIR_OUT, "\0\0", 50, 2); /* a hole */
	assert_int_equal(stat2()->dropped[PROTO_DROP_LOST], 2);
	IN(HTTP2_HEADERS, WHOLE, 47, GET);
	moves(RED_DIR_OUT, "", 10, 0);
	assert_int_equal(stat2()->dropped[PROTO_DROP_LOST], 3);
	assert_int_equal(stat2()->malformed, 0);
}

static void malformed(void **state)
{
	begins();
	IN(HTTP2_HEADERS, WHOLE, 1, GET);
	IN(HTTP2_HEADERS, WHOLE, 0, GET); /* of no stream */
	assert_int_equal(stat2()->malformed, 1);
	assert_int_equal(stat2()->dropped[PROTO_DROP_LOST], 1);
	OUT(HTTP2_HEADERS, WHOLE, 1, OK);
	assert_int_equal(n_seen, 0);
}

static void interrupted_block(void **state)
{
	begins();
	IN(HTTP2_HEADERS, HTTP2_END_STREAM, 1, GET);
	IN(HTTP2_DATA, 0, 1, "x");
	assert_int_equal(stat2()->malformed, 1);
	tear_down(state);
	set_up(state);
	begins();
	IN(HTTP2_HEADERS, HTTP2_END_STREAM, 1, GET);
	IN(HTTP2_CONTINUATION, HTTP2_END_HEADERS, 3, "");
	assert_int_equal(stat2()->malformed, 1);
	tear_down(state);
	set_up(state);
	begins();
	IN(HTTP2_HEADERS, HTTP2_END_STREAM, 1, "\x82\x84");
	IN(HTTP2_CONTINUATION, 0, 1, "");
	IN(HTTP2_CONTINUATION, HTTP2_END_HEADERS, 1, "\x86\x41\x01h");
	OUT(HTTP2_HEADERS, WHOLE, 1, OK);
	assert_string_equal(seen, "GET / 200 - 0 3\n");
}

/* What was decoded before it broke is known, and of the rest no error is made. */
static void broken_trailers(void **state)
{
	begins();
	IN(HTTP2_HEADERS, WHOLE, 1, RPC);
	OUT(HTTP2_HEADERS, HTTP2_END_HEADERS, 1, OK);
	OUT(HTTP2_HEADERS, WHOLE, 1, "\x80");
	IN(HTTP2_HEADERS, WHOLE, 3, RPC);
	OUT(HTTP2_HEADERS, HTTP2_END_HEADERS, 3, OK);
	OUT(HTTP2_HEADERS, WHOLE, 3, STATUS_0 "\x80");
	IN(HTTP2_HEADERS, WHOLE, 5, RPC);
	OUT(HTTP2_HEADERS, WHOLE, 5, OK STATUS_0 "\x80");
	assert_string_equal(seen, "POST / 200 - 0 2 \nPOST / 200 - 0 2 OK\n"
				  "POST / 200 - 0 1 OK\n");
	assert_int_equal(stat2()->malformed, 3);
}

/* It is on the stream of a request, but nothing of its answer. */
static void broken_promise(void **state)
{
	begins();
	IN(HTTP2_HEADERS, WHOLE, 1, GET);
	OUT(HTTP2_PUSH_PROMISE, WHOLE, 1, "\0\0\0\2\x80");
	IN(HTTP2_RST_STREAM, 0, 1, "\0\0\0\x08");
	assert_string_equal(seen, "GET / 0 client_closed 0 2\n");
	assert_int_equal(last_answer, 0);
	assert_int_equal(stat2()->malformed, 1);
}

/* ---- from HTTP/1 ---- */

#define UPGRADE                                                                                    \
	"GET /up HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\n"                   \
	"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
#define SWITCH "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"

static void upgraded_in(size_t first)
{
	char b[200];
	size_t n = sizeof(SWITCH) - 1;

	memcpy(b, SWITCH, n);
	n += frame(b + n, HTTP2_SETTINGS, 0, 0, "", 0);
	moves(RED_DIR_IN, UPGRADE, sizeof(UPGRADE) - 1, sizeof(UPGRADE) - 1);
	moves(RED_DIR_OUT, b, first, first);
	if (first < n)
		moves(RED_DIR_OUT, b + first, n - first, n - first);
	moves(RED_DIR_IN, HTTP2_PREFACE, HTTP2_PREFACE_LEN, HTTP2_PREFACE_LEN);
	IN(HTTP2_SETTINGS, 0, 0, "");
	IN(HTTP2_HEADERS, WHOLE, 3, GET_A);
	OUT(HTTP2_HEADERS, HTTP2_END_HEADERS, 1, OK);
	OUT(HTTP2_HEADERS, WHOLE, 3, OK);
	OUT(HTTP2_DATA, HTTP2_END_STREAM, 1, "four");
}

static void upgraded(void **state)
{
	size_t first;

	for (first = 1; first <= sizeof(SWITCH) - 1 + HTTP2_FRAME_HEADER; first++) {
		upgraded_in(first);
		assert_non_null(strstr(seen, "GET /a 200 - 0 2\n"));
		assert_non_null(strstr(seen, "GET /up 200 - 4 "));
		assert_int_equal(n_seen, 2);
		assert_int_equal(env.stat[PROTO_HTTP1].emitted, 1);
		assert_int_equal(stat2()->emitted, 1);
		tear_down(state);
		set_up(state);
	}
}

/* Of a 101 that is cut it is not known where HTTP/2 begins: what follows is a tunnel's. */
static void upgraded_by_a_cut_answer(void **state)
{
	size_t captured;

	for (captured = 1; captured < sizeof(SWITCH) - 1; captured++) {
		moves(RED_DIR_IN, UPGRADE, sizeof(UPGRADE) - 1, sizeof(UPGRADE) - 1);
		moves(RED_DIR_OUT, SWITCH, sizeof(SWITCH) - 1, captured);
		tear_down(state);
		assert_int_equal(env.stat[PROTO_HTTP1].observed, 1);
		set_up(state);
	}
}

/* The preface may come in any pieces: HTTP/1 takes the first for a method. */
static void preface_in_pieces(void **state)
{
	size_t first, i;

	for (first = 0; first <= HTTP2_PREFACE_LEN; first++) {
		for (i = 0; !first && i < HTTP2_PREFACE_LEN; i++)
			moves(RED_DIR_IN, HTTP2_PREFACE + i, 1, 1);
		if (first) {
			moves(RED_DIR_IN, HTTP2_PREFACE, first, first);
			moves(RED_DIR_IN, HTTP2_PREFACE + first, HTTP2_PREFACE_LEN - first,
			      HTTP2_PREFACE_LEN - first);
		}
		assert_int_equal(n_told, 1);
		OUT(HTTP2_SETTINGS, 0, 0, "");
		IN(HTTP2_HEADERS, WHOLE, 1, GET);
		OUT(HTTP2_HEADERS, WHOLE, 1, OK);
		assert_string_equal(seen, "GET / 200 - 0 1\n");
		assert_int_equal(n_told, 1);
		tear_down(state);
		set_up(state);
	}
}

/* Told before the preface is whole, it would have counted the rest of it, and more. */
static void not_told_too_early(void **state)
{
	size_t first;

	for (first = 1; first < HTTP2_PREFACE_LEN; first++) {
		moves(RED_DIR_IN, HTTP2_PREFACE, first, first);
		assert_int_equal(n_told, 0);
		tear_down(state);
		set_up(state);
	}
	moves(RED_DIR_IN, UPGRADE, sizeof(UPGRADE) - 1, sizeof(UPGRADE) - 1);
	moves(RED_DIR_OUT, SWITCH, sizeof(SWITCH) - 1, sizeof(SWITCH) - 1);
	OUT(HTTP2_SETTINGS, 0, 0, "");
	assert_int_equal(n_told, 0);
	moves(RED_DIR_IN, HTTP2_PREFACE, 4, 4);
	moves(RED_DIR_IN, HTTP2_PREFACE + 4, HTTP2_PREFACE_LEN - 4, HTTP2_PREFACE_LEN - 4);
	assert_int_equal(n_told, 1);
}

/* Bytes of the answer to the upgrade are missed: those of the preface are not. */
static void not_told_by_a_gap_before_the_preface(void **state)
{
	const char answer[] = "\0\0\1\1\4\0\0\0\1" OK "\0\0\4\0\0\0\0\0\1data";

	moves(RED_DIR_IN, UPGRADE, sizeof(UPGRADE) - 1, sizeof(UPGRADE) - 1);
	moves(RED_DIR_OUT, SWITCH, sizeof(SWITCH) - 1, sizeof(SWITCH) - 1);
	moves(RED_DIR_OUT, answer, sizeof(answer) - 1 + 5000, sizeof(answer) - 1);
	assert_int_equal(env.stat[PROTO_HTTP2].gaps, 1);
	assert_int_equal(n_told, 0);
	moves(RED_DIR_IN, HTTP2_PREFACE, HTTP2_PREFACE_LEN, HTTP2_PREFACE_LEN);
	assert_int_equal(n_told, 1);
}

/* It knows by itself when it sees the preface whole, or the server's settings first. */
static void not_told_what_it_knows(void **state)
{
	walked = true;
	begins();
	moves(RED_DIR_IN, "", 0, 0);
	assert_int_equal(n_told, 0);
}

/* Some of the preface was not captured. */
static void told_when_bytes_are_missed(void **state)
{
	moves(RED_DIR_IN, HTTP2_PREFACE, 4, 4);
	moves(RED_DIR_IN, "", HTTP2_PREFACE_LEN - 4, 0);
	assert_int_equal(n_told, 1);
}

/* Servers need not wait for it. */
static void the_server_first(void **state)
{
	OUT(HTTP2_SETTINGS, 0, 0, "\0\3\0\0\0\x64");
	moves(RED_DIR_IN, HTTP2_PREFACE, HTTP2_PREFACE_LEN, HTTP2_PREFACE_LEN);
	IN(HTTP2_HEADERS, WHOLE, 1, GET_A);
	OUT(HTTP2_HEADERS, WHOLE, 1, OK);
	assert_string_equal(seen, "GET /a 200 - 0 1\n");
}

static void a_request_has_its_place(void **state)
{
	begins();
	IN(HTTP2_HEADERS, WHOLE, 1, GET);
	assert_int_equal(last_place, HTTP2_PREFACE_LEN + HTTP2_FRAME_HEADER);
	IN(HTTP2_HEADERS, WHOLE, 3, GET);
	assert_int_equal(last_place, HTTP2_PREFACE_LEN + HTTP2_FRAME_HEADER * 2 + sizeof(GET) - 1);
}

/* The other way round: the client is observed. */
static void threads_that_share(void **state)
{
	moves(RED_DIR_OUT, HTTP2_PREFACE, HTTP2_PREFACE_LEN, HTTP2_PREFACE_LEN);
	OUT(HTTP2_HEADERS, WHOLE, 1, GET);
	assert_int_equal(last_tid, 43);
	OUT(HTTP2_HEADERS, WHOLE, 3, GET);
	assert_int_equal(last_tid, 43);
	tid = 44;
	OUT(HTTP2_HEADERS, WHOLE, 5, GET);
	assert_int_equal(last_tid, 0);
	tid = 43;
	OUT(HTTP2_HEADERS, WHOLE, 7, GET);
	assert_int_equal(last_tid, 0);
	IN(HTTP2_RST_STREAM, 0, 1, "\0\0\0\x08");
	OUT(HTTP2_RST_STREAM, 0, 3, "\0\0\0\x08");
	assert_string_equal(seen, "GET / 0 cancel 0 4\nGET / 0 cancelled 0 4\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(goaway),
		TEST(calls_refused),
		TEST(answered_early),
		TEST(who_reset_it),
		TEST(deadlines),
		TEST(reset_without_an_error),
		TEST(reset_behind_the_status),
		TEST(reset_within_the_status),
		TEST(the_connection_ends),
		TEST(half_closed),
		TEST(too_many),
		TEST(no_room_for_headers),
		TEST(half_a_block_gives_way),
		TEST(unmatched),
		TEST(not_in_step),
		TEST(malformed),
		TEST(interrupted_block),
		TEST(broken_trailers),
		TEST(broken_promise),
		TEST(upgraded),
		TEST(upgraded_by_a_cut_answer),
		TEST(preface_in_pieces),
		TEST(not_told_too_early),
		TEST(not_told_by_a_gap_before_the_preface),
		TEST(not_told_what_it_knows),
		TEST(told_when_bytes_are_missed),
		TEST(the_server_first),
		TEST(a_request_has_its_place),
		TEST(threads_that_share),
	};

	return cmocka_run_group_tests(tests, NULL, free_pool);
}
