// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* HTTP/1.1: every byte of an answer is hashed as it came, chunk sizes included. */
#include "exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define HEAD_MAX 16384
#define PIPELINE 5

struct conn {
	struct peer peer;
	struct record *r;
	uint64_t seed;
	unsigned int number;
	char in[65536];
	size_t at, end; /* what is read and not yet used */
	char *body;     /* the body of an answer, when it is compared with what was sent */
	size_t body_len;
	char sent[BODY_MAX];
	size_t sent_len;
	bool close; /* the server said so */
};

struct answer {
	int status;
	long length; /* -1: not said */
	bool chunked;
};

/* ---- reading ------------------------------------------------------------------- */

static bool fill(struct conn *c)
{
	long n;

	if (c->at == c->end)
		c->at = c->end = 0;
	if (c->end == sizeof(c->in)) {
		memmove(c->in, c->in + c->at, c->end - c->at);
		c->end -= c->at;
		c->at = 0;
	}
	n = peer__read(&c->peer, c->in + c->end, sizeof(c->in) - c->end, c->r);
	c->end += n > 0 ? n : 0;
	return n > 0;
}

static void use(struct conn *c, size_t n, bool is_body)
{
	hash(&c->r->got, c->in + c->at, n);
	if (is_body && c->body_len + n <= BODY_MAX)
		memcpy(c->body + c->body_len, c->in + c->at, n);
	c->body_len += is_body ? n : 0;
	c->at += n;
}

static bool exactly(struct conn *c, size_t n, bool is_body)
{
	while (n) {
		size_t have = c->end - c->at;

		if (!have && !fill(c))
			return false;
		have = c->end - c->at < n ? c->end - c->at : n;
		use(c, have, is_body);
		n -= have;
	}
	return true;
}

/* Up to and with `stop`; where it begins is *at. NULL: it does not come. */
static char *until(struct conn *c, const char *stop, size_t *len)
{
	size_t n = strlen(stop);
	char *found;

	while (!(found = memmem(c->in + c->at, c->end - c->at, stop, n)))
		if (c->end - c->at > HEAD_MAX || !fill(c))
			return NULL;
	*len = found + n - (c->in + c->at);
	return c->in + c->at;
}

/* The value of a header of this head, or NULL. */
static char *header(char *head, size_t len, const char *name)
{
	size_t n = strlen(name);
	char *p;

	for (p = head; p && p + n + 4 < head + len; p = memchr(p, '\n', head + len - p)) {
		p += *p == '\n';
		if (!strncasecmp(p, name, n) && p[n] == ':')
			return p + n + 1 + strspn(p + n + 1, " ");
	}
	return NULL;
}

static void mask_date(char *head, size_t len)
{
	char *p = header(head, len, "Date");

	for (; p && *p != '\r'; p++)
		*p = 'x';
}

static bool read_head(struct conn *c, struct answer *a)
{
	size_t len;
	char *head = until(c, "\r\n\r\n", &len), *value;

	if (!head || strncmp(head, "HTTP/1.", 7))
		return false;
	mask_date(head, len);
	value = header(head, len, "Content-Length");
	a->status = atoi(head + 9);
	a->length = value ? atol(value) : -1;
	value = header(head, len, "Transfer-Encoding");
	a->chunked = value && !strncasecmp(value, "chunked", 7);
	value = header(head, len, "Connection");
	c->close = (value && !strncasecmp(value, "close", 5)) || !strncmp(head, "HTTP/1.0", 8);
	use(c, len, false);
	return true;
}

static bool read_chunks(struct conn *c)
{
	unsigned long n;
	size_t len;
	char *line;

	do {
		line = until(c, "\r\n", &len);
		if (!line)
			return false;
		n = strtoul(line, NULL, 16);
		use(c, len, false);
		if (!exactly(c, n, true) || (n && !exactly(c, 2, false)))
			return false;
	} while (n);
	do { /* trailers, and the empty line */
		line = until(c, "\r\n", &len);
		if (!line)
			return false;
		use(c, len, false);
	} while (len > 2);
	return true;
}

static bool read_rest(struct conn *c)
{
	c->close = true;
	do
		use(c, c->end - c->at, true);
	while (fill(c));
	return true;
}

static bool read_answer(struct conn *c, bool is_head)
{
	struct answer a;

	c->body_len = 0;
	do
		if (!read_head(c, &a))
			return false;
	while (a.status >= 100 && a.status < 200);
	if (is_head || a.status == 204 || a.status == 304)
		return true;
	if (a.chunked)
		return read_chunks(c);
	return a.length >= 0 ? exactly(c, a.length, true) : read_rest(c);
}

/* ---- sending --------------------------------------------------------------------- */

static bool send_bytes(struct conn *c, const char *p, size_t n)
{
	hash(&c->r->sent, p, n);
	return peer__write(&c->peer, p, n, c->r);
}

static size_t write_head(struct conn *c, char item, char *to)
{
	const char *method = item == 'H' ? "HEAD" : strchr("eck", item) ? "POST" : "GET";
	size_t n = sprintf(to, "%s ", method);

	n += write_path(item, &c->seed, to + n);
	return n + sprintf(to + n, " HTTP/1.1\r\nHost: harm.example\r\nX-Number: %u\r\n",
			   any(&c->seed, 1000000));
}

static bool send_chunked(struct conn *c, char *buf, size_t n)
{
	size_t at = 0, len, piece;

	n += sprintf(buf + n, "Transfer-Encoding: chunked\r\n\r\n");
	if (!send_bytes(c, buf, n))
		return false;
	for (; at < c->sent_len; at += piece) {
		piece = 1 + any(&c->seed, 5000);
		piece = piece < c->sent_len - at ? piece : c->sent_len - at;
		len = sprintf(buf, "%zx\r\n", piece);
		memcpy(buf + len, c->sent + at, piece);
		memcpy(buf + len + piece, "\r\n", 2);
		if (!send_bytes(c, buf, len + piece + 2))
			return false;
	}
	return send_bytes(c, "0\r\n\r\n", 5);
}

static bool send_request(struct conn *c, char item)
{
	char buf[BODY_MAX + 512];
	size_t n = write_head(c, item, buf);

	if (strchr("eck", item))
		c->sent_len = make_body(&c->seed, c->sent);
	if (item == 'c')
		return send_chunked(c, buf, n);
	if (item == 'e' || item == 'k')
		n += sprintf(buf + n, "Content-Length: %zu\r\n\r\n", c->sent_len);
	else
		n += sprintf(buf + n, "\r\n");
	if (item == 'e' || item == 'k') {
		memcpy(buf + n, c->sent, c->sent_len);
		n += c->sent_len;
	}
	return send_bytes(c, buf, n);
}

/* ---- exchanges --------------------------------------------------------------------- */

static bool ask(struct conn *c, char item)
{
	if (!send_request(c, item) || !read_answer(c, item == 'H'))
		return false;
	if (item != 'e' && item != 'c')
		return true;
	return c->body_len == c->sent_len && !memcmp(c->body, c->sent, c->sent_len);
}

static bool ask_at_once(struct conn *c, unsigned int n)
{
	char buf[PIPELINE * 512];
	size_t len = 0;
	unsigned int i;

	for (i = 0; i < n; i++) {
		len += write_head(c, any(&c->seed, 2) ? 'h' : 'u', buf + len);
		len += sprintf(buf + len, "\r\n");
	}
	if (!send_bytes(c, buf, len))
		return false;
	for (i = 0; i < n; i++)
		if (!read_answer(c, false))
			return false;
	return true;
}

/* Whatever the server makes of it; it must be the same each time. */
static void ask_nonsense(struct conn *c)
{
	static const char nonsense[] = "\x01 nonsense\r\nno header at all\r\n\r\n";
	struct answer a;

	if (!send_bytes(c, nonsense, sizeof(nonsense) - 1))
		return;
	read_head(c, &a); /* or none */
	read_rest(c);
}

static bool reopen(struct conn *c)
{
	peer__close(&c->peer);
	c->at = c->end = 0;
	c->close = false;
	return !peer__open(&c->peer, c->number, c->r);
}

/* One item of the menu; returns how many requests that were. */
static unsigned int take_item(struct conn *c, unsigned int left)
{
	char item = opt.menu[any(&c->seed, strlen(opt.menu))];
	unsigned int n = item == 'p' && left >= PIPELINE ? PIPELINE : 1, i;

	for (i = 0; i < n; i++)
		take_turn();
	if (item == 'm' && left == 1)
		ask_nonsense(c);
	else if (n > 1 ? !ask_at_once(c, n) : !ask(c, strchr("pm", item) ? 'h' : item))
		c->r->errors++, c->close = true;
	return n;
}

void http1__run(unsigned int k, unsigned int n, struct record *r)
{
	struct conn *c = calloc(1, sizeof(*c));
	uint64_t seed = (k + 1) * 0xd6e8feb86659fd93ull;

	c->r = r;
	c->seed = seed;
	c->number = k;
	c->body = malloc(BODY_MAX);
	c->peer.fd = -1;
	if (peer__open(&c->peer, k, r))
		r->errors++;
	while (r->requests < n) {
		if (c->close && reopen(c))
			r->reopened++;
		r->requests += take_item(c, n - r->requests);
	}
	peer__close(&c->peer);
	free(c->body);
	free(c);
}
