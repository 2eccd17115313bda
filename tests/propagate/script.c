// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "script.h"

#include <stdio.h>
#include <string.h>

uint32_t rng__pick(struct rng *r, uint32_t n)
{
	r->s = r->s * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((r->s >> 33) % n);
}

static bool chance(struct rng *r, uint32_t percent)
{
	return rng__pick(r, 100) < percent;
}

void script__start(struct script *s, uint32_t seed)
{
	struct rng *r = &s->rng;

	memset(s, 0, sizeof(*s));
	s->seed = seed;
	r->s = seed * 0x9e3779b97f4a7c15ull;
	s->kind = chance(r, 91) ? CONN_HTTP : 1 + rng__pick(r, 3);
	s->end = chance(r, 80) ? END_CLOSE : 1 + rng__pick(r, 2);
	s->ipv6 = chance(r, 20);
	s->nonblock = chance(r, 40);
	s->nodelay = chance(r, 96);
	s->tiny_sndbuf = chance(r, 3);
	s->ask_fionread = chance(r, 50);
	s->calm = chance(r, 60);
	s->n_messages = chance(r, 50) ? 1 + rng__pick(r, 3) : 5 + rng__pick(r, 90);
	s->lazy = s->kind == CONN_HTTP && chance(r, 15);
	if (s->lazy) {
		s->calm = true;
		s->n_messages = 2 + rng__pick(r, 5);
	}
	s->clean = s->kind == CONN_HTTP && !s->tiny_sndbuf;
}

void script__reply(const struct script *s, uint8_t *p, size_t n)
{
	size_t head = 0, i;

	if (n >= 100)
		head = sprintf((char *)p, "HTTP/1.1 200 OK\r\nContent-Length: %08zu\r\n\r\n",
			       n - 45);
	for (i = head; i < n; i++)
		p[i] = (uint8_t)(s->seed * 7 + i * 13 + (i >> 8));
}

/* ---- heads and bodies ----------------------------------------------------------------- */

static void add(struct message *m, const char *text)
{
	size_t n = strlen(text);

	memcpy(m->p + m->n, text, n);
	m->n += n;
}

static const char *const trap = "GET /trap HTTP/1.1\r\nHost: trap\r\nContent-Length: 0\r\n\r\n";

/* Some bodies are requests to look at, from their first byte or from later. */
static void add_body(struct rng *r, struct message *m, size_t n)
{
	size_t end = m->n + n, len = strlen(trap);

	while (m->n < end) {
		if (chance(r, 40) && m->n + len <= end)
			add(m, trap);
		else
			m->p[m->n++] = (uint8_t)rng__pick(r, 256);
	}
}

static const char *const methods[] = { "GET",   "POST", "PUT",     "DELETE",
				       "PATCH", "HEAD", "OPTIONS", "TRACE" };

static void add_line(struct rng *r, struct message *m, const char *method)
{
	char path[2100];
	size_t n = chance(r, 5) ? rng__pick(r, 2000) : rng__pick(r, 60), i;

	for (i = 0; i < n; i++)
		path[i] = "abcdefgh/?=&%20"[rng__pick(r, 15)];
	path[n] = 0;
	add(m, method);
	add(m, chance(r, 5) ? " http://h/" : " /");
	add(m, path);
	add(m, chance(r, 5) ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
	m->line = m->n;
}

static void add_headers(struct rng *r, struct message *m)
{
	uint32_t n = rng__pick(r, 12), i, k;
	char line[400];

	add(m, "Host: test\r\n");
	while (n--) {
		k = chance(r, 5) ? rng__pick(r, 300) : rng__pick(r, 40);
		memset(line, 0, sizeof(line));
		for (i = 0; i < k; i++)
			line[i] = "abc: xyzTRACEPARENT"[rng__pick(r, 19)];
		add(m, "X-");
		add(m, line);
		add(m, ": v\r\n");
	}
}

static void add_length(struct message *m, size_t n)
{
	char line[64];

	snprintf(line, sizeof(line), "Content-Length: %zu\r\n", n);
	add(m, line);
}

static size_t body_size(struct rng *r)
{
	uint32_t how = rng__pick(r, 200);

	if (how == 0)
		return chance(r, 20) ? 1 << 20 : 200000;
	return how < 20 ? rng__pick(r, 70000) : rng__pick(r, 1500);
}

/* ---- kinds of messages ------------------------------------------------------------------- */

static void finish(struct message *m, size_t body)
{
	add(m, "\r\n");
	m->first = m->n;
	m->steps[0] = (struct step){ (uint32_t)(m->n + body), 1 };
	m->n_steps = 1;
}

static void plain(struct script *s, struct message *m)
{
	struct rng *r = &s->rng;
	bool has_body = chance(r, 50);
	size_t body = has_body ? body_size(r) : 0;

	add_line(r, m, methods[rng__pick(r, 8)]);
	add_headers(r, m);
	if (has_body)
		add_length(m, body);
	finish(m, body);
	add_body(r, m, body);
	m->should = s->clean && m->first < 4000;
	m->file = body > 100 && chance(r, 20);
	m->more = body && chance(r, 20);
	if (m->first >= 4000)
		s->clean = false;
}

static void with_context(struct script *s, struct message *m)
{
	static const char *const names[] = { "traceparent", "TraceParent",  "TRACEPARENT", "b3",
					     "B3",          "X-B3-TraceId", "x-b3-sampled" };
	struct rng *r = &s->rng;

	add_line(r, m, "GET");
	m->line = 0;
	if (chance(r, 50))
		add_headers(r, m);
	add(m, names[rng__pick(r, 7)]);
	add(m, ": 00-0123456789abcdef0123456789abcdef-0123456789abcdef-01\r\n");
	add_headers(r, m);
	finish(m, 0);
}

static void chunked(struct script *s, struct message *m)
{
	struct rng *r = &s->rng;
	uint32_t chunks = rng__pick(r, 5), n;
	char line[32];

	add_line(r, m, "POST");
	add_headers(r, m);
	add(m, "Transfer-Encoding: chunked\r\n\r\n");
	m->first = m->n;
	m->should = s->clean;
	s->clean = false;
	while (chunks--) {
		n = 1 + rng__pick(r, 3000);
		snprintf(line, sizeof(line), "%x\r\n", n);
		add(m, line);
		add_body(r, m, n);
		add(m, "\r\n");
	}
	add(m, "0\r\n\r\n");
	m->steps[0] = (struct step){ (uint32_t)m->n, 1 };
	m->n_steps = 1;
	/* Said to have ended within a chunk: the server answers early, and what follows is
	 * still the body. */
	if (chance(r, 30)) {
		add(m, trap);
		m->steps[1] = (struct step){ (uint32_t)strlen(trap), 1 };
		m->n_steps = 2;
	}
}

static void split(struct script *s, struct message *m)
{
	plain(s, m);
	m->first = 0;
	m->file = m->more = m->should = false;
	s->clean = false;
}

/* The body comes after an interim answer, and looks like a request. */
static void expect(struct script *s, struct message *m)
{
	struct rng *r = &s->rng;
	size_t body = strlen(trap);

	add_line(r, m, "PUT");
	add_headers(r, m);
	add(m, "expect: 100-continue\r\n");
	add_length(m, body);
	add(m, "\r\n");
	m->first = m->n;
	m->should = s->clean;
	s->clean = false;
	m->steps[0] = (struct step){ (uint32_t)m->n, 2 };
	m->steps[1] = (struct step){ (uint32_t)body, 1 };
	m->n_steps = 2;
	add(m, trap);
}

/* Answered before its body, which looks like requests, was sent. */
static void early(struct script *s, struct message *m)
{
	struct rng *r = &s->rng;
	size_t head, len = strlen(trap);

	add_line(r, m, "POST");
	add_headers(r, m);
	add_length(m, 3 * len);
	add(m, "\r\n");
	head = m->first = m->n;
	m->should = s->clean;
	add(m, trap);
	add(m, trap);
	add(m, trap);
	m->steps[0] = (struct step){ (uint32_t)(head + len), 1 };
	m->steps[1] = (struct step){ (uint32_t)len, 1 };
	m->steps[2] = (struct step){ (uint32_t)len, 1 };
	m->n_steps = 3;
}

static void pipelined(struct script *s, struct message *m)
{
	struct rng *r = &s->rng;
	uint32_t n = 2 + rng__pick(r, 3);

	while (n--) {
		add_line(r, m, "GET");
		add_headers(r, m);
		add(m, "\r\n");
	}
	m->line = 0;
	m->first = m->n;
	m->steps[0] = (struct step){ (uint32_t)m->n, 3 };
	m->n_steps = 1;
	s->clean = false;
}

/* One after the other, without waiting for the answer in between. */
static void impatient(struct script *s, struct message *m)
{
	plain(s, m);
	m->steps[0].reply = 0;
	m->file = false; /* its pages would be on their way when they change */
	s->clean = false;
}

static void tunnel(struct script *s, struct message *m)
{
	struct rng *r = &s->rng;
	bool upgrade = chance(r, 50);

	if (upgrade) {
		add_line(r, m, "GET");
		add_headers(r, m);
		add(m, "Upgrade: websocket\r\nConnection: upgrade\r\n\r\n");
	} else {
		add(m, "CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\n");
	}
	m->line = 0;
	m->first = m->n;
	m->steps[0] = (struct step){ (uint32_t)m->n, 1 };
	m->n_steps = 1;
	s->clean = false;
	s->tunnel = true;
}

static void odd(struct script *s, struct message *m)
{
	static const char *const lines[] = {
		"X-A: b\n",
		" folded: b\r\n",
		"Content-Length: 0\r\nContent-Length: 0\r\n",
		"Content-Length: x\r\n",
		"Content-Length : 0\r\n",
		"Content-Length: 0\r\nTransfer-Encoding: gzip\r\n",
	};
	struct rng *r = &s->rng;

	add_line(r, m, "GET");
	m->line = 0;
	add_headers(r, m);
	add(m, lines[rng__pick(r, 6)]);
	finish(m, 0);
	s->clean = false;
}

/* No HTTP, though it may look like it in the middle. */
static void other(struct script *s, struct message *m)
{
	struct rng *r = &s->rng;

	if (s->kind == CONN_TLS)
		add(m, "\x16\x03\x01");
	else if (s->kind == CONN_GREETING)
		add(m, "EHLO test\r\n");
	else if (!s->tunnel)
		add(m, "\x01");
	m->line = 0;
	add_body(r, m, 1 + rng__pick(r, 5000));
	m->first = 0;
	m->steps[0] = (struct step){ (uint32_t)m->n, 1 };
	m->n_steps = 1;
}

static void (*choose(struct rng *r, bool calm))(struct script *, struct message *)
{
	static const struct {
		uint32_t weight;
		void (*make)(struct script *, struct message *);
	} kinds[] = {
		{ 700, plain },   { 60, with_context }, { 40, early }, { 8, chunked },
		{ 8, split },     { 8, expect },        { 40, early }, { 8, pipelined },
		{ 8, impatient }, { 5, tunnel },        { 8, odd },
	};
	uint32_t sum = 0, at, i, n = calm ? 3 : sizeof(kinds) / sizeof(kinds[0]);

	for (i = 0; i < n; i++)
		sum += kinds[i].weight;
	at = rng__pick(r, sum);
	for (i = 0; at >= kinds[i].weight; i++)
		at -= kinds[i].weight;
	return kinds[i].make;
}

void script__next(struct script *s, struct message *m, uint32_t index, bool every)
{
	uint8_t *p = m->p;
	uint32_t i;

	memset(m, 0, sizeof(*m));
	m->p = p;
	if (s->kind != CONN_HTTP || s->tunnel)
		other(s, m);
	else
		choose(&s->rng, s->calm)(s, m);
	m->again = m->should && index && !every;
	if (index && !every)
		m->should = false;
	/* 1: any size; 2: an interim answer; 3: several */
	for (i = 0; i < m->n_steps; i++)
		if (m->steps[i].reply)
			m->steps[i].reply = rng__pick(&s->rng, 100)
						    ? 1 + rng__pick(&s->rng, 2000)
						    : rng__pick(&s->rng, REPLY_MAX) + 1;
}
