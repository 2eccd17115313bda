// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * HTTP/2, and gRPC upon it. In which frames, in what order and with which header compression
 * the answers of concurrent streams come is a matter of time. So a stream is what is compared:
 * each header and trailer but Date, in their order, every byte of the body, and how it ended.
 */
#include "exchange.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>

#define TOGETHER    8
#define CALL_PATH   "/redeye.test.Echo/"
#define MESSAGE_MAX 64

struct stream {
	uint64_t got, index;
	char item;
	char body[BODY_MAX];
	size_t len, at;  /* of what is sent */
	uint64_t echoed; /* hash of the body that came */
};

struct conn {
	struct peer peer;
	struct record *r;
	nghttp2_session *session;
	uint64_t seed;
	unsigned int open, begun;
	bool broken;
};

/* ---- what comes ------------------------------------------------------------------ */

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
		     void *arg)
{
	struct stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	if (!s)
		return 0;
	hash(&s->got, name, name_len);
	hash(&s->got, ":", 1);
	if (name_len != 4 || memcmp(name, "date", 4))
		hash(&s->got, value, value_len);
	hash(&s->got, "\n", 1);
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
		   size_t len, void *arg)
{
	struct stream *s = nghttp2_session_get_stream_user_data(session, id);

	if (s) {
		hash(&s->got, data, len);
		hash(&s->echoed, data, len);
	}
	return 0;
}

static bool is_echo_wrong(const struct stream *s)
{
	uint64_t want = HASH_BEGIN;

	hash(&want, s->body, s->len);
	return s->item == 'e' && want != s->echoed;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t error, void *arg)
{
	struct stream *s = nghttp2_session_get_stream_user_data(session, id);
	struct conn *c = arg;

	if (!s)
		return 0;
	hash(&s->got, &error, sizeof(error));
	c->r->errors += error || is_echo_wrong(s);
	c->r->got += s->got * (2 * s->index + 1); /* the order in which they end is chance */
	c->r->requests++;
	c->open--;
	free(s);
	return 0;
}

static ssize_t on_send(nghttp2_session *session, const uint8_t *data, size_t len, int flags,
		       void *arg)
{
	struct conn *c = arg;

	return peer__write(&c->peer, data, len, c->r) ? (ssize_t)len : NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* ---- requests ----------------------------------------------------------------------- */

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *buf, size_t room,
			 uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct stream *s = source->ptr;
	size_t n = s->len - s->at < room ? s->len - s->at : room;

	memcpy(buf, s->body + s->at, n);
	s->at += n;
	if (s->at == s->len)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return n;
}

static nghttp2_nv field(const char *name, const char *value)
{
	return (nghttp2_nv){ .name = (uint8_t *)name,
			     .value = (uint8_t *)value,
			     .namelen = strlen(name),
			     .valuelen = strlen(value) };
}

/* A message: what the server shall do, see tests/h2/README.md. */
static size_t write_message(char *to, const char *text)
{
	size_t n = strlen(text);

	memset(to, 0, 5);
	to[4] = n;
	memcpy(to + 5, text, n);
	return 5 + n;
}

static const char *make_call(struct stream *s, uint64_t *seed)
{
	static const char *const names[] = { ['g'] = "Unary",
					     ['f'] = "Unary",
					     ['S'] = "ServerStream",
					     ['C'] = "ClientStream",
					     ['B'] = "Bidi" };
	unsigned int messages = strchr("CB", s->item) ? 3 : 1, i;
	char text[MESSAGE_MAX];

	snprintf(text, sizeof(text), "%u %u %u 0\n", s->item == 'f' ? 1 + any(seed, 16) : 0,
		 1 + any(seed, 3), any(seed, 3000));
	for (i = 0; i < messages; i++)
		s->len += write_message(s->body + s->len, text);
	return names[(int)s->item];
}

static void submit(struct conn *c, unsigned int index)
{
	struct stream *s = calloc(1, sizeof(*s));
	nghttp2_data_provider body = { .source.ptr = s, .read_callback = read_body };
	char path[128] = CALL_PATH, number[16];
	nghttp2_nv nv[8];
	size_t n = 0;
	bool call;

	s->item = opt.menu[any(&c->seed, strlen(opt.menu))];
	s->index = index;
	s->got = s->echoed = HASH_BEGIN;
	call = strchr("gfSCB", s->item);
	if (call)
		strcat(path, make_call(s, &c->seed));
	else
		write_path(s->item, &c->seed, path);
	if (s->item == 'e' || s->item == 'k')
		s->len = make_body(&c->seed, s->body);
	sprintf(number, "%u", any(&c->seed, 1000000));
	nv[n++] = field(":method", s->item == 'H' ? "HEAD" : s->len ? "POST" : "GET");
	nv[n++] = field(":scheme", opt.ca ? "https" : "http");
	nv[n++] = field(":authority", "harm.example");
	nv[n++] = field(":path", path);
	nv[n++] = field("x-number", number);
	if (call) {
		nv[n++] = field("content-type", "application/grpc");
		nv[n++] = field("te", "trailers");
	}
	hash(&c->r->sent, path, strlen(path));
	hash(&c->r->sent, s->body, s->len);
	if (nghttp2_submit_request(c->session, NULL, nv, n, s->len ? &body : NULL, s) < 0)
		c->broken = true;
	c->open++;
}

/* ---- a connection --------------------------------------------------------------------- */

static bool turn(struct conn *c)
{
	uint8_t buf[65536];
	long n;

	if (nghttp2_session_send(c->session))
		return false;
	n = peer__read(&c->peer, buf, sizeof(buf), c->r);
	return n > 0 && nghttp2_session_mem_recv(c->session, buf, n) == n;
}

static void begin(struct conn *c)
{
	nghttp2_session_callbacks *cb;

	nghttp2_session_callbacks_new(&cb);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	nghttp2_session_callbacks_set_send_callback(cb, on_send);
	nghttp2_session_client_new(&c->session, cb, c);
	nghttp2_session_callbacks_del(cb);
	nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, NULL, 0);
}

static void exchange(struct conn *c, unsigned int n)
{
	while (c->r->requests < n && !c->broken) {
		while (c->begun < n && c->open < TOGETHER && !c->broken) {
			take_turn();
			submit(c, c->begun++);
		}
		if (!c->broken)
			c->broken = !turn(c);
	}
	if (c->r->requests >= n)
		return;
	c->r->errors += n - c->r->requests;
	for (; c->begun < n; c->begun++)
		take_turn();
	c->r->requests = n;
}

void http2__run(unsigned int k, unsigned int n, struct record *r)
{
	struct conn c = { .r = r, .seed = (k + 1) * 0xd6e8feb86659fd93ull };

	if (peer__open(&c.peer, 1, r))
		c.broken = true;
	begin(&c);
	exchange(&c, n);
	if (!c.broken) {
		nghttp2_session_terminate_session(c.session, NGHTTP2_NO_ERROR);
		nghttp2_session_send(c.session);
	}
	nghttp2_session_del(c.session);
	peer__close(&c.peer);
}
