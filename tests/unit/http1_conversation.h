/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A conversation is a list of calls; wire.h makes of it what the kernel would send, and the
 * transactions that come out are noted.
 */
#ifndef RED_TEST_HTTP1_CONVERSATION_H
#define RED_TEST_HTTP1_CONVERSATION_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "conn.h"
#include "conn_env.h"
#include "options.h"
#include "request_headers.h"
#include "wire.h"

#define MAX_STEPS 24
#define MAX_BYTES 60000
#define MAX_SPANS 32
#define MAX_CUTS  2
#define SECOND    1000000000ull

enum what {
	END = 0,
	REQ,     /* the client sends s, or n letters */
	ANS,     /* the server does */
	FILE_,   /* the server sends n bytes that nobody can read (sendfile) */
	SPLICE,  /* the client does */
	C_CLOSE, /* the client closes */
	S_CLOSE, /* the server closes */
	C_HALF,  /* the client shuts down its sending side */
	RESET,   /* by the other side, whoever is observed */
	TIMEOUT, /* of the connection */
	WAIT,    /* nothing for seconds, and redeye asks */
	POLL,    /* redeye asks at once */
};

struct step {
	enum what what;
	const char *s;
	uint32_t n;
};

struct conversation {
	const char *name;
	struct step steps[MAX_STEPS];
	/* One line each: method, path, status, error ("server role|client role"),
	 * request and response body ("*": how much is not knowable in each case). */
	const char *want;
	bool middle;  /* redeye comes when it is open already */
	bool loose;   /* cut in another way, the kernel does not capture every head */
	bool last;    /* no further request can follow */
	bool streams; /* requests while others wait, or so it seems; two losses can hide it */
	bool whole;   /* not to be played with records missing */
	uint32_t max_requests;
};

#define GET(path)     "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define OK(n)         "HTTP/1.1 200 OK\r\nContent-Length: " #n "\r\n\r\n"
#define CHUNKED       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define TRAILER       "HTTP/1.1 200 OK\r\nTrailer: T\r\nTransfer-Encoding: chunked\r\n\r\n"
#define POST(path, n) "POST " path " HTTP/1.1\r\nContent-Length: " #n "\r\n\r\n"
#define A40           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A400          A40 A40 A40 A40 A40 A40 A40 A40 A40 A40
#define A4000         A400 A400 A400 A400 A400 A400 A400 A400 A400 A400
#define FIELD4000     "X: " A4000 "\r\n"

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* what is not said is zero */

/* ---- playing one ---- */

struct seen {
	char text[600]; /* as a line of `want` */
	uint64_t start_ns, end_ns, request_end_ns, response_start_ns;
	uint32_t flags;
};

struct play {
	const struct conversation *c;
	bool server; /* the server is observed, else the client */
	bool tail;   /* two more requests behind the conversation */
	enum wire_mode mode;
	int cut[MAX_CUTS], n_cuts; /* before these bytes a call ends; -1: before each */
	int lose[2];               /* numbers of records, -1: none */

	struct wire w;
	struct conn_table *conns;
	struct proto_env env;
	struct seen seen[MAX_SPANS];
	int n_seen, n_records, started, ended;
	uint64_t ts_of[MAX_BYTES]; /* when each byte, or end, of the conversation happened */
	int at;
	uint64_t waited_ns;
};

static struct options options = { .max_connections = 1000 };
static struct header_wants *wants;

static void on_start(void *arg, struct request *r)
{
	((struct play *)arg)->started++;
}

static void on_end(void *arg, struct request *r)
{
	((struct play *)arg)->ended++;
}

static void on_span(void *arg, struct span *s)
{
	struct play *p = arg;
	struct seen *k = &p->seen[p->n_seen++];
	const char *error = s->error_type ? s->error_type : "-";
	char status[12];

	assert_true(p->n_seen <= MAX_SPANS);
	assert_int_equal(s->kind, p->server ? SPAN_SERVER : SPAN_CLIENT);
	assert_int_equal(s->tgid, 42);
	assert_ptr_equal(s->service, &service);
	assert_false(slice_eq(s->method_original, SLICE("_OTHER"))); /* nobody sends that */
	snprintf(status, sizeof(status), "%u", s->status);
	if (s->status >= (p->server ? 500 : 400)) { /* the status is the error, or hides it */
		assert_string_equal(error, status);
		error = "-";
	}
	snprintf(k->text, sizeof(k->text), "%s %.*s %u %s %llu %llu", s->method, (int)s->path.len,
		 s->path.p, s->status, error, (unsigned long long)s->request_body_bytes,
		 (unsigned long long)s->response_body_bytes);
	k->start_ns = s->start_ns;
	k->end_ns = s->end_ns;
	k->request_end_ns = s->request_end_ns;
	k->response_start_ns = s->response_start_ns;
	k->flags = s->flags;
}

static void count(const struct play *p)
{
	account(&p->env);
	assert_int_equal(p->env.stat[0].emitted, p->n_seen);
	assert_int_equal(p->started - p->ended, p->env.stat[0].in_flight);
}

static void on_record(void *arg, const void *record, size_t size)
{
	struct play *p = arg;
	int n = p->n_records++;

	if (n == p->lose[0] || n == p->lose[1])
		return;
	feed(p->conns, record, size);
	count(p);
}

static uint64_t ts(const struct play *p, int at)
{
	return 1000 + at * 10ull + p->waited_ns;
}

static bool cut_before(const struct play *p, int at)
{
	int i;

	for (i = 0; i < p->n_cuts; i++)
		if (p->cut[i] == at || p->cut[i] == -1)
			return true;
	return false;
}

static void bytes(struct play *p, const struct step *s)
{
	static char letters[MAX_BYTES];
	uint32_t n = s->s ? strlen(s->s) : s->n, from = 0, i;
	const char *b = s->s ? s->s : memset(letters, 'z', n);
	bool client = s->what == REQ || s->what == SPLICE;
	int dir = client == p->server ? RED_DIR_IN : RED_DIR_OUT;

	if (s->what == FILE_ || s->what == SPLICE)
		b = NULL;
	assert_true(p->at + n < MAX_BYTES);
	for (i = 1; i <= n; i++) {
		if (i < n && !cut_before(p, p->at + i))
			continue;
		for (uint32_t k = from; k < i; k++)
			p->ts_of[p->at + k] = ts(p, p->at + i - 1);
		wire_call(&p->w, dir, b ? b + from : NULL, i - from, ts(p, p->at + i - 1));
		from = i;
	}
	p->at += n;
}

/* `mine`: the observed process closes first. */
static void closes(struct play *p, bool mine)
{
	uint64_t now = p->ts_of[p->at] = ts(p, p->at);

	p->at++;
	if (!mine) {
		p->w.peer_fin = true;
		wire_state(&p->w, RED_EV_EOF, RED_DIR_IN, RED_STATE_PEER, now);
	}
	wire_state(&p->w, RED_EV_EOF, RED_DIR_OUT, RED_STATE_LOCAL, now);
	wire_state(&p->w, RED_EV_CLOSE, 0, 0, now);
}

static void half_closes(struct play *p, bool mine)
{
	p->w.peer_fin = !mine;
	wire_state(&p->w, RED_EV_EOF, mine ? RED_DIR_OUT : RED_DIR_IN,
		   mine ? RED_STATE_LOCAL : RED_STATE_PEER, ts(p, p->at));
}

static void breaks(struct play *p, uint8_t flags)
{
	uint64_t now = p->ts_of[p->at] = ts(p, p->at);

	p->at++;
	if (flags & RED_STATE_RESET) /* told when it happens; the process may notice later */
		wire_state(&p->w, RED_EV_EOF, RED_DIR_IN, flags, now);
	wire_state(&p->w, RED_EV_CLOSE, 0, flags, flags & RED_STATE_RESET ? now + 5 : now);
}

/* Two polls, as conn_table__tick would ask for. */
static void waits(struct play *p)
{
	int i;

	for (i = 0; i < 2; i++) {
		p->waited_ns += 2 * SECOND;
		wire_state(&p->w, RED_EV_PROGRESS, 0, 0, ts(p, p->at));
	}
}

static void step(struct play *p, const struct step *s)
{
	switch (s->what) {
	case C_CLOSE:
		closes(p, !p->server);
		break;
	case S_CLOSE:
		closes(p, p->server);
		break;
	case C_HALF:
		half_closes(p, !p->server);
		break;
	case RESET:
		breaks(p, RED_STATE_RESET);
		break;
	case TIMEOUT:
		breaks(p, RED_STATE_TIMEOUT);
		break;
	case WAIT:
		waits(p);
		break;
	case POLL:
		wire_state(&p->w, RED_EV_PROGRESS, 0, 0, ts(p, p->at));
		break;
	default:
		bytes(p, s);
	}
}

static const struct step later[] = {
	{ REQ, GET("/later") }, { ANS, OK(4) "1234" }, { REQ, GET("/last") }, { ANS, OK(1) "1" }
};

static void play(struct play *p)
{
	struct conn_table_config cfg = { .max_conns = 10, .env = &p->env };
	size_t i;

	p->env = (struct proto_env){
		.ops = { .start = on_start,
			 .end = on_end,
			 .span = on_span,
			 .service = service_of,
			 .ended = process_ended,
			 .arg = p },
		.wants = wants,
		.options = &options,
		.max_requests = p->c->max_requests ? p->c->max_requests : 100,
		.max_head_bytes = 1 << 20,
	};
	p->conns = conn_table__new(&cfg);
	p->n_seen = p->n_records = p->started = p->ended = p->at = 0;
	p->waited_ns = 0;
	wire_init(&p->w, on_record, p);
	p->w.mode = p->mode;
	p->w.established = !p->c->middle;
	for (i = 0; i < MAX_STEPS && p->c->steps[i].what != END; i++)
		step(p, &p->c->steps[i]);
	if (p->tail && !p->c->last) {
		p->waited_ns += 2 * SECOND;
		for (i = 0; i < sizeof(later) / sizeof(later[0]); i++)
			bytes(p, &later[i]);
	}
	waits(p);
	count(p);
	conn_table__free(p->conns);
	nothing_held(&p->env);
	count(p);
}

#endif /* RED_TEST_HTTP1_CONVERSATION_H */
