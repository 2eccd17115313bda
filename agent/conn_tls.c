// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What is seen of TLS on the wire: that it is spoken, and the two hellos, in which client
 * and server say which version, cipher and name. The kernel side copies the first record
 * of each direction, whose bytes may come by several calls: OpenSSL reads the header
 * first. So a handshake has one buffer, in which the client's hello is gathered, read, and
 * then the server's. When something between them was lost, what is there is read.
 *
 * What was said stays until the next handshake of the connection. Bounded over all
 * connections by max_tls_bytes. Without the option span-tls nobody wants to know, and
 * nothing is kept.
 */
#include "conn_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "tls_hello.h"

#define PROTOCOL_MAX 32
#define BUF_FIRST    512

struct tls_handshake {
	uint8_t dir; /* whose bytes these are */
	uint32_t len, cap;
	uint64_t next; /* their end, in the stream */
	uint8_t *buf;
	bool ticket, has_session_id; /* the client's */
	uint8_t session_id_len;
	uint8_t session_id[TLS_SESSION_ID_MAX];
};

const struct span_tls *conn__tls(const struct conn *c)
{
	return c->layer && c->hello_layer == c->layer ? c->said : NULL;
}

/* ---- memory --------------------------------------------------------------------------- */

/* realloc() within the bound. What is new of it is not set. */
static void *resize(struct conn_table *t, void *p, size_t from, size_t to)
{
	struct proto_env *env = t->cfg.env;
	void *grown = NULL;

	if (env->tls_bytes + to - from <= env->max_tls_bytes)
		grown = realloc(p, to);
	if (grown)
		env->tls_bytes += to - from;
	else
		t->stat.hellos_no_room++;
	return grown;
}

static void let_go(struct conn_table *t, void *p, size_t bytes)
{
	if (p)
		t->cfg.env->tls_bytes -= bytes;
	free(p);
}

static void handshake_free(struct conn_table *t, struct conn *c)
{
	struct tls_handshake *h = c->handshake;

	if (!h)
		return;
	let_go(t, h->buf, h->cap);
	let_go(t, h, sizeof(*h));
	c->handshake = NULL;
}

static void said_free(struct conn_table *t, struct conn *c)
{
	if (c->said)
		let_go(t, c->said, sizeof(*c->said) + c->said->server_name_len + PROTOCOL_MAX);
	c->said = NULL;
}

void conn_tls__free(struct conn_table *t, struct conn *c)
{
	handshake_free(t, c);
	said_free(t, c);
}

/* ---- what is said ----------------------------------------------------------------------- */

static bool say(struct conn_table *t, struct conn *c, struct slice name)
{
	struct span_tls *s;
	size_t i;

	said_free(t, c);
	s = resize(t, NULL, 0, sizeof(*s) + name.len + PROTOCOL_MAX);
	if (!s)
		return false;
	memset(s, 0, sizeof(*s));
	s->server_name_len = name.len;
	for (i = 0; i < name.len; i++)
		s->text[i] = tolower((unsigned char)name.p[i]);
	c->said = s;
	return true;
}

static void client_said(struct conn_table *t, struct conn *c, const struct tls_hello *hello)
{
	struct tls_handshake *h = c->handshake;
	struct slice name = hello->server_name;

	if (name.p && !tls_hello__valid_name(name)) {
		t->stat.names_bad++;
		name.len = 0;
	}
	h->ticket = hello->ticket;
	h->has_session_id = hello->has_session_id;
	h->session_id_len = hello->session_id.len;
	if (h->session_id_len)
		memcpy(h->session_id, hello->session_id.p, h->session_id_len);
	say(t, c, name);
}

/* RFC 8446 §2.2; before 1.3 the server takes up the session that it names, with a ticket
 * (RFC 5077 §3.4) perhaps one that has no name. */
static enum span_tls_resumed resumed(const struct tls_handshake *client,
				     const struct tls_hello *server)
{
	struct slice offered = { (const char *)client->session_id, client->session_id_len };

	if (server->retry || !server->version)
		return SPAN_TLS_RESUMED_UNKNOWN;
	if (server->version >= TLS_1_3)
		return server->psk ? SPAN_TLS_RESUMED_YES : SPAN_TLS_RESUMED_NO;
	if (!client->has_session_id || (!offered.len && client->ticket))
		return SPAN_TLS_RESUMED_UNKNOWN;
	return offered.len && slice_eq(offered, server->session_id) ? SPAN_TLS_RESUMED_YES
								    : SPAN_TLS_RESUMED_NO;
}

static void server_said(struct conn_table *t, struct conn *c, const struct tls_hello *hello)
{
	struct tls_handshake *h = c->handshake;
	struct span_tls *s;

	if (!c->said && !say(t, c, (struct slice){ NULL, 0 }))
		return;
	s = c->said;
	s->version = hello->version;
	s->cipher = hello->cipher;
	s->resumed = resumed(h, hello);
	if (!hello->protocol.len || hello->protocol.len > PROTOCOL_MAX)
		return;
	s->next_protocol_len = hello->protocol.len;
	memcpy(s->text + s->server_name_len, hello->protocol.p, hello->protocol.len);
}

/* ---- hellos ----------------------------------------------------------------------------- */

static struct tls_handshake *handshake_of(struct conn_table *t, struct conn *c)
{
	struct tls_handshake *h = c->handshake;

	if (h)
		return h;
	h = resize(t, NULL, 0, sizeof(*h));
	if (!h)
		return NULL;
	memset(h, 0, sizeof(*h));
	return c->handshake = h;
}

/* No more of this hello will come. */
static void read_hello(struct conn_table *t, struct conn *c)
{
	struct tls_handshake *h = c->handshake;
	struct tls_hello hello;
	enum tls_hello_result r = tls_hello__parse(h->buf, h->len, &hello);

	h->len = 0;
	c->tls |= CONN_TLS_READ << h->dir;
	if (r == TLS_HELLO_BAD)
		t->stat.hellos_bad++;
	else if (hello.kind == TLS_HELLO_CLIENT)
		client_said(t, c, &hello);
	else if (hello.kind == TLS_HELLO_SERVER)
		server_said(t, c, &hello);
	if (r == TLS_HELLO_ALERT || hello.kind == TLS_HELLO_SERVER)
		handshake_free(t, c);
}

static void finish(struct conn_table *t, struct conn *c)
{
	if (c->handshake && c->handshake->len)
		read_hello(t, c);
}

static bool append(struct conn_table *t, struct tls_handshake *h, const uint8_t *p, size_t n)
{
	uint32_t cap = h->cap ? h->cap : BUF_FIRST;
	uint8_t *grown;

	while (cap < h->len + n)
		cap *= 2;
	if (cap > h->cap) {
		grown = resize(t, h->buf, h->cap, cap);
		if (!grown)
			return false;
		h->buf = grown;
		h->cap = cap;
	}
	memcpy(h->buf + h->len, p, n);
	h->len += n;
	return true;
}

static void gather(struct conn_table *t, struct conn *c, const struct red_ev_data *ev)
{
	struct tls_handshake *h = c->handshake;
	size_t n = ev->cap_len, whole;

	if (h && h->len && (h->dir != ev->dir || h->next != ev->off))
		finish(t, c);
	h = c->tls & CONN_TLS_READ << ev->dir ? NULL : handshake_of(t, c);
	if (!h)
		return;
	if (n > RED_CAP_MAX - h->len)
		n = RED_CAP_MAX - h->len;
	if (!append(t, h, (const uint8_t *)(ev + 1), n)) {
		handshake_free(t, c);
		return;
	}
	h->dir = ev->dir;
	h->next = ev->off + ev->len;
	whole = tls_hello__record_bytes(h->buf, h->len);
	if ((whole && h->len >= whole) || h->len == RED_CAP_MAX || ev->len > ev->cap_len)
		finish(t, c);
}

static void count_once(struct conn *c, enum conn_tls_flags flag, uint64_t *n)
{
	*n += !(c->tls & flag);
	c->tls |= flag;
}

/* Who was there before redeye is known by its port: clients have one of the high ones. */
static bool serves(const struct conn *c)
{
	return c->established ? c->first_dir == RED_DIR_IN : c->local_port <= c->peer_port;
}

static void unseen(struct conn_table *t, struct conn *c)
{
	const struct proto_ops *ops = &t->cfg.env->ops;

	if (!(c->tls & CONN_TLS_UNSEEN) && serves(c))
		ops->opaque(ops->arg, c->tgid);
	count_once(c, CONN_TLS_UNSEEN, &t->stat.tls_unseen);
}

/* A client's early data comes before the server's hello, so its layer may have begun. */
void conn_tls__hello(struct conn_table *t, struct conn *c, const struct red_ev_data *ev)
{
	uint16_t layer = ev->layer + 1;

	if (layer < c->layer || layer < c->hello_layer) {
		t->stat.old_layer++;
		return;
	}
	if (layer > c->hello_layer) {
		conn_tls__free(t, c);
		c->tls &= ~(CONN_TLS_READ | CONN_TLS_READ << 1);
		c->hello_layer = layer;
	}
	count_once(c, CONN_TLS_SEEN, &t->stat.tls);
	if (!ev->cap_len && ev->flags & RED_DATA_NOBUF)
		unseen(t, c);
	if (ev->cap_len && t->cfg.env->options->span_tls)
		gather(t, c, ev);
}

void conn_tls__joined(struct conn_table *t, struct conn *c)
{
	count_once(c, CONN_TLS_SEEN, &t->stat.tls);
	count_once(c, CONN_TLS_JOINED, &t->stat.tls_joined);
	if (c->layer > c->hello_layer)
		handshake_free(t, c);
}
