/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Conversations of two nghttp2 sessions in memory, and what http2.c makes of them. A
 * script says what is asked and answered; what came out of the sessions is recorded by calls,
 * each of which moves bytes one way, and can be played in every way that redeye may see it.
 */
#ifndef RED_TEST_HTTP2_FIXTURE_H
#define RED_TEST_HTTP2_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <nghttp2/nghttp2.h>

#include "conn.h"
#include "conn_env.h"
#include "http2.h"
#include "http2_block.h"
#include "http2_frame.h"
#include "options.h"

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* what is not said is zero */

#define MAX_CALLS   4000
#define MAX_RECORD  (1 << 20)
#define MAX_ASKED   96
#define MAX_STREAM  400
#define DATA_CAPPED 16

enum ending {
	ANSWERED = 0,
	CLIENT_CANCELS, /* when the answer has begun */
	SERVER_RESETS,  /* INTERNAL_ERROR, instead of an answer */
	SERVER_REFUSES,
	NEVER, /* there is no answer */
};

struct asked {
	const char *method;
	uint16_t status;
	uint32_t body, answer_body;      /* bytes */
	bool interim, trailers, expects; /* `trailers`: both ways */
	enum ending ending;
	const char *protocol;                  /* extended CONNECT */
	uint32_t header;                       /* bytes of a header that is long */
	const char *content_type, *more[3][2]; /* headers of the request */
	const char *answer_type, *trailer[3][2];
	uint32_t message, answer_message; /* the body is of such, each behind its prefix */
};

struct script {
	const char *name;
	struct asked asked[MAX_ASKED];
	int n; /* repeats the first ones, if more than are given */
	int at_once;
	uint8_t padding;
	bool push, no_preface;
	uint32_t table; /* SETTINGS_HEADER_TABLE_SIZE of both */
};

struct call {
	uint8_t dir; /* 0: the client sends */
	uint32_t off, len;
	bool frame; /* begins with one */
};

/* What a stream's transaction has to be. */
struct truth {
	const struct asked *asked;
	char path[24];
	uint64_t start, end; /* bytes of its direction */
	uint8_t end_dir;
	bool began, ended;
};

static struct recorded {
	const struct script *s;
	struct call calls[MAX_CALLS];
	int n_calls;
	uint32_t len[2];
	uint8_t bytes[2][MAX_RECORD];
	uint8_t optional[2][MAX_RECORD]; /* the kernel side may leave this byte out */
	struct truth truth[MAX_STREAM];
	int submitted;
} rec;

/* ---- two sessions ---- */

static struct end {
	nghttp2_session *s;
	struct {
		uint32_t left, at;
		bool trailers;
	} body[MAX_STREAM];
	bool server;
} the_client, the_server;

static const struct asked *asked_of(int32_t stream)
{
	return rec.truth[stream].asked;
}

static nghttp2_nv nv(const char *name, const char *value)
{
	return (nghttp2_nv){ (uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), 0 };
}

static size_t pairs(nghttp2_nv *to, const char *const (*from)[2])
{
	size_t n = 0;

	for (; n < 3 && from[n][0]; n++)
		to[n] = nv(from[n][0], from[n][1]);
	return n;
}

static uint8_t body_byte(uint32_t message, uint32_t at)
{
	at %= GRPC_PREFIX + message;
	return at == 0 ? 0 : at < GRPC_PREFIX ? message >> 8 * (GRPC_PREFIX - 1 - at) : 'z';
}

static void fill(const struct end *e, int32_t stream, uint8_t *p, size_t n)
{
	const struct asked *a = asked_of(stream);
	uint32_t message = !a ? 0 : e->server ? a->answer_message : a->message;
	size_t i;

	memset(p, 'z', n);
	for (i = 0; message && i < n; i++)
		p[i] = body_byte(message, e->body[stream].at + i);
}

static ssize_t read_body(nghttp2_session *s, int32_t stream, uint8_t *p, size_t room,
			 uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct end *e = arg;
	uint32_t left = e->body[stream].left, n = left < room ? left : room;
	nghttp2_nv v[4] = { nv("x-checksum", "1234") };

	n = n > 3000 ? 3000 : n;
	fill(e, stream, p, n);
	e->body[stream].at += n;
	e->body[stream].left -= n;
	if (e->body[stream].left)
		return n;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (e->body[stream].trailers) {
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		nghttp2_submit_trailer(
			s, stream, v,
			1 + (e->server ? pairs(v + 1, asked_of(stream)->trailer) : 0));
	}
	return n;
}

static nghttp2_data_provider provider = { .read_callback = read_body };

static nghttp2_data_provider *body(struct end *e, int32_t stream, uint32_t n, bool trailers)
{
	e->body[stream].left = n;
	e->body[stream].trailers = trailers;
	return n || trailers ? &provider : NULL;
}

static void answer(int32_t stream)
{
	const struct asked *a = asked_of(stream);
	nghttp2_nv promise[] = { nv(":method", "GET"), nv(":scheme", "http"),
				 nv(":path", "/pushed"), nv(":authority", "h.example") };
	char status[8];
	nghttp2_nv v[4];
	size_t n = 0;
	int32_t pushed;

	snprintf(status, sizeof(status), "%u", a->status);
	v[n++] = nv(":status", status);
	v[n++] = nv("server", "s/1");
	if (a->answer_type)
		v[n++] = nv("content-type", a->answer_type);
	if (a->ending == SERVER_RESETS || a->ending == SERVER_REFUSES)
		nghttp2_submit_rst_stream(the_server.s, 0, stream,
					  a->ending == SERVER_RESETS ? NGHTTP2_INTERNAL_ERROR
								     : NGHTTP2_REFUSED_STREAM);
	if (a->ending == NEVER || a->ending == SERVER_RESETS || a->ending == SERVER_REFUSES)
		return;
	if (rec.s->push && stream < 8) {
		pushed = nghttp2_submit_push_promise(the_server.s, 0, stream, promise, 4, NULL);
		assert_true(pushed > 0);
		nghttp2_submit_response(the_server.s, pushed, v, 2,
					body(&the_server, pushed, 500, false));
	}
	if (a->interim) {
		nghttp2_nv early[] = { nv(":status", "103"), nv("link", "</a>") };

		nghttp2_submit_headers(the_server.s, 0, stream, NULL, early, 2, NULL);
	}
	nghttp2_submit_response(the_server.s, stream, v, n,
				body(&the_server, stream, a->answer_body, a->trailers));
}

static int on_frame(nghttp2_session *s, const nghttp2_frame *f, void *arg)
{
	struct end *e = arg;
	const struct asked *a = f->hd.stream_id ? asked_of(f->hd.stream_id) : NULL;

	if (!a || f->hd.stream_id % 2 == 0)
		return 0;
	if (e->server && f->hd.flags & NGHTTP2_FLAG_END_STREAM)
		answer(f->hd.stream_id);
	else if (e->server && f->hd.type == NGHTTP2_HEADERS && a->protocol)
		answer(f->hd.stream_id);
	else if (!e->server && f->hd.type == NGHTTP2_DATA && a->ending == CLIENT_CANCELS)
		nghttp2_submit_rst_stream(s, 0, f->hd.stream_id, NGHTTP2_CANCEL);
	return 0;
}

static ssize_t pad(nghttp2_session *s, const nghttp2_frame *f, size_t max, void *arg)
{
	size_t n = f->hd.length + rec.s->padding;

	return n < max ? n : max;
}

static void start(struct end *e, bool is_server)
{
	nghttp2_settings_entry set[] = {
		{ NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, rec.s->table ? rec.s->table : 4096 },
		{ NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 },
	};
	nghttp2_session_callbacks *c;

	memset(e, 0, sizeof(*e));
	e->server = is_server;
	nghttp2_session_callbacks_new(&c);
	nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
	if (rec.s->padding)
		nghttp2_session_callbacks_set_select_padding_callback(c, pad);
	if (is_server)
		nghttp2_session_server_new(&e->s, c, e);
	else
		nghttp2_session_client_new(&e->s, c, e);
	nghttp2_session_callbacks_del(c);
	nghttp2_submit_settings(e->s, 0, set, is_server ? 2 : 1);
}

static void ask(const struct asked *a)
{
	static char longer[32768];
	int32_t stream = rec.submitted * 2 + 1;
	struct truth *t = &rec.truth[stream];
	nghttp2_nv v[12] = { nv(":method", a->method), nv(":authority", "h.example:81") };
	nghttp2_priority_spec pri;
	size_t n = 2;

	*t = (struct truth){ .asked = a };
	snprintf(t->path, sizeof(t->path), "/r/%d", rec.submitted);
	if (strcmp(a->method, "CONNECT") || a->protocol) {
		v[n++] = nv(":path", t->path);
		v[n++] = nv(":scheme", "http");
	} else {
		t->path[0] = 0;
	}
	if (a->protocol)
		v[n++] = nv(":protocol", a->protocol);
	if (a->header) {
		memset(longer, 'x', a->header);
		longer[a->header] = 0;
		v[n++] = nv("x-long", longer);
	}
	if (a->content_type)
		v[n++] = nv("content-type", a->content_type);
	n += pairs(v + n, a->more);
	nghttp2_priority_spec_init(&pri, 0, 1 + rec.submitted % 200, 0);
	assert_int_equal(nghttp2_submit_request(the_client.s, rec.submitted % 3 ? NULL : &pri, v, n,
						a->protocol ? &provider
							    : body(&the_client, stream, a->body,
								   a->trailers && a->body),
						NULL),
			 stream);
	if (a->protocol)
		the_client.body[stream].left = 10;
	rec.submitted++;
}

static void record_call(uint8_t dir, const uint8_t *p, size_t n)
{
	assert_true(rec.n_calls < MAX_CALLS && rec.len[dir] + n <= MAX_RECORD);
	memcpy(rec.bytes[dir] + rec.len[dir], p, n);
	rec.calls[rec.n_calls++] = (struct call){ dir, rec.len[dir], n, false };
	rec.len[dir] += n;
}

/* Whatever one has to say now, in one call or several. */
static bool pump(struct end *from, struct end *to)
{
	const uint8_t *p;
	bool any = false;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(from->s, &p)) > 0) {
		record_call(from->server, p, n);
		assert_int_equal(nghttp2_session_mem_recv(to->s, p, n), n);
		any = true;
	}
	assert_int_equal(n, 0);
	return any;
}

static bool is_open(int i)
{
	return nghttp2_session_get_stream_local_close(the_client.s, i * 2 + 1) >= 0 &&
	       asked_of(i * 2 + 1)->ending != NEVER;
}

static int n_open(void)
{
	int i, n = 0;

	for (i = 0; i < rec.submitted; i++)
		n += is_open(i);
	return n;
}

static void run_script(const struct script *s)
{
	int given = 0, n;

	memset(&rec, 0, offsetof(struct recorded, bytes));
	memset(rec.truth, 0, sizeof(rec.truth));
	rec.submitted = 0;
	rec.s = s;
	while (given < MAX_ASKED && s->asked[given].method)
		given++;
	n = s->n ? s->n : given;
	start(&the_client, false);
	start(&the_server, true);
	pump(&the_client, &the_server);
	pump(&the_server, &the_client);
	do {
		while (rec.submitted < n && n_open() < (s->at_once ? s->at_once : 1))
			ask(&s->asked[rec.submitted % given]);
	} while (pump(&the_client, &the_server) | pump(&the_server, &the_client));
	assert_int_equal(rec.submitted, n);
	nghttp2_session_del(the_client.s);
	nghttp2_session_del(the_server.s);
}

/* ---- what the record holds, read by the letter ---- */

/* A tunnel is there when it has been agreed to. */
static bool ends_answer(int dir, const struct http2_frame *f, const struct truth *t)
{
	bool tunnel = t->asked && !strcmp(t->asked->method, "CONNECT") && t->asked->status == 200;

	return dir && f->type <= HTTP2_HEADERS && (tunnel || f->flags & HTTP2_END_STREAM);
}

static void note(int dir, const struct http2_frame *f, uint32_t at)
{
	struct truth *t = &rec.truth[f->stream];

	assert_true(f->stream < MAX_STREAM);
	if (!dir && f->type == HTTP2_HEADERS && !t->began) {
		t->start = at;
		t->began = true;
	}
	if (t->ended || (f->type != HTTP2_RST_STREAM && !ends_answer(dir, f, t)))
		return;
	t->end = at + HTTP2_FRAME_HEADER + f->length - 1;
	t->end_dir = dir;
	t->ended = true;
}

static void read_record(void)
{
	static bool begins[2][MAX_RECORD];
	struct http2_frame f;
	uint32_t at, i;
	int dir;

	memset(begins, 0, sizeof(begins));
	memset(rec.optional, 0, sizeof(rec.optional));
	for (dir = 0; dir < 2; dir++) {
		begins[dir][0] = true;
		for (at = dir ? 0 : HTTP2_PREFACE_LEN; at < rec.len[dir];
		     at += HTTP2_FRAME_HEADER + f.length) {
			begins[dir][at] = true;
			http2_frame__parse((char *)rec.bytes[dir] + at, &f);
			note(dir, &f, at);
			for (i = DATA_CAPPED; f.type == HTTP2_DATA && i < f.length; i++)
				rec.optional[dir][at + HTTP2_FRAME_HEADER + i] = 1;
		}
	}
	for (i = 0; (int)i < rec.n_calls; i++)
		rec.calls[i].frame = begins[rec.calls[i].dir][rec.calls[i].off];
}

static void record(const struct script *s)
{
	run_script(s);
	read_record();
}

#endif /* RED_TEST_HTTP2_FIXTURE_H */
