// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A proxy may say first whom it speaks for (proxy_header.h). That is no protocol's: it is taken
 * away before the protocols are asked, and what follows it begins the conversation, as a
 * connection's first bytes do. Offsets count it. Bytes that can be the beginning of a
 * header are held until it is known, and are given back with the time and the thread of the
 * first of them: then who speaks HTTP sees what it would have seen.
 */
#include "conn_internal.h"

#include <sys/socket.h>

/* It was none after all: what was held of it is the client's. */
static void give_back(struct conn_table *t, struct conn *c)
{
	struct slice held = proxy_header__held(&c->proxy);
	struct proto_bytes b = {
		.p = held.p,
		.len = held.len,
		.tgid = c->tgid,
		.tid = c->held_tid,
		.nonblock = c->held_nonblock,
		.first = true,
	};

	if (!held.len)
		return;
	c->proxy.n = 0;
	c->expected[c->first_dir] -= held.len;
	b.ts_ns = c->turn_ns[c->first_dir];
	conn_stream__give(t, c, c->first_dir, &b);
}

/* Nothing more will tell whether what has come begins one. */
static void no_header(struct conn_table *t, struct conn *c)
{
	if (c->proxy.at != PROXY_SIGNATURE && c->proxy.at != PROXY_BEHIND)
		return;
	c->proxy.at = PROXY_NONE;
	give_back(t, c);
}

/* Only who speaks first can be a proxy. A UNIX socket is never known to be new, but nothing
 * else begins like this. */
static bool may_be_proxy(const struct conn *c, enum red_dir dir)
{
	return dir == c->first_dir && (c->established || c->family == AF_UNIX);
}

static void drop_front(struct proto_bytes *b, size_t n)
{
	b->p += n;
	b->len -= n;
	b->off += n;
	b->frame &= !n;
}

void conn_proxy__bytes(struct conn_table *t, struct conn *c, enum red_dir dir,
		       struct proto_bytes *b)
{
	size_t n;

	if (!may_be_proxy(c, dir)) {
		no_header(t, c);
		return;
	}
	if (!c->expected[dir]) {
		c->held_tid = b->tid;
		c->held_nonblock = b->nonblock;
	}
	n = proxy_header__feed(&c->proxy, b->p, b->len);
	if (c->proxy.at == PROXY_NONE)
		give_back(t, c);
	drop_front(b, n);
	c->expected[dir] += n;
	if (c->proxy.at == PROXY_BEHIND && b->len) {
		b->first = true;
		c->proxy.at = PROXY_NONE;
	}
}

uint64_t conn_proxy__skip(struct conn_table *t, struct conn *c, enum red_dir dir, uint64_t n)
{
	uint64_t of_header;

	if (dir != c->first_dir) {
		no_header(t, c);
		return 0;
	}
	of_header = proxy_header__skip(&c->proxy, n);
	if (c->proxy.at == PROXY_NONE)
		give_back(t, c);
	return of_header;
}
