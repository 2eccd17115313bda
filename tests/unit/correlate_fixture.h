/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Requests that begin and end, for the tests of whose children they are. */
#ifndef RED_TEST_CORRELATE_FIXTURE_H
#define RED_TEST_CORRELATE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "conn.h"
#include "correlate.h"
#include "redeye.h"
#include "sampler.h"
#include "service.h"

#define SEC UINT64_C(1000000000)

static const struct red_trace_key the_key = { { 1, 2 } };
static struct service shop = {
	.refs = 1, .id = 7, .name = "shop", .namespace = "", .instance = ""
};
static struct correlate *c;
static struct sampler sampler;
static struct conn plain = { .family = AF_INET, .peer_port = 80 };
static int n_moved, n_regular, n_told;
static uint64_t now_ns, next_off;

static inline void on_moved(void *arg, const uint8_t from[16], const struct request *r)
{
	n_moved++;
	assert_memory_not_equal(from, r->trace.trace_id, 16);
}

static inline void on_regular(void *arg, uint32_t tgid, const uint8_t addr[16], uint16_t port,
			      bool on)
{
	assert_true(tgid && port >= 80);
	n_regular += on ? 1 : -1;
	n_told += on;
}

static inline int set_up(void **state)
{
	struct correlate_config cfg = { .key = the_key,
					.guess = true,
					.max_processes = 2000,
					.sampler = &sampler,
					.moved = on_moved,
					.regular = on_regular };

	assert_int_equal(sampler__init(&sampler, "parentbased_always_on", NULL), 0);
	n_moved = n_regular = n_told = 0;
	c = correlate__new(&cfg);
	assert_non_null(c);
	now_ns = SEC;
	next_off = 0;
	return 0;
}

static inline int tear_down(void **state)
{
	assert_int_equal(correlate__stats(c)->processes, 0);
	correlate__free(c);
	return 0;
}

static inline void fill(struct request *r, enum span_kind kind, uint32_t tgid, uint32_t tid)
{
	memset(r, 0, sizeof(*r));
	r->kind = kind;
	r->tgid = tgid;
	r->tid = tid;
	r->conn_id = 5;
	r->place = next_off++;
	r->start_ns = now_ns;
	r->service = &shop;
	r->method = "GET";
	r->scheme = "http";
	r->path = SLICE("/orders/17");
	r->conn = &plain;
}

static inline void serve(struct request *r, uint32_t tgid, uint32_t tid, bool blocking)
{
	fill(r, SPAN_SERVER, tgid, tid);
	r->blocking = blocking;
	correlate__begin(c, r);
}

/* A client request that is answered at once. */
static inline struct trace call(uint32_t tgid, uint32_t tid)
{
	struct request r;

	fill(&r, SPAN_CLIENT, tgid, tid);
	correlate__begin(c, &r);
	correlate__end(c, &r, now_ns);
	return r.trace;
}

static inline bool is_child(const struct trace *t, const struct request *parent)
{
	return !memcmp(t->parent_id, parent->trace.span_id, 8) &&
	       !memcmp(t->trace_id, parent->trace.trace_id, 16);
}

static inline bool is_root(const struct trace *t)
{
	static const uint8_t none[8];

	return !memcmp(t->parent_id, none, 8) && t->link == TRACE_LINK_NONE &&
	       t->flags & TRACE_RANDOM;
}

/* ---- what requests carry ---- */

static inline void carry(struct request *r, uint8_t trace, uint8_t parent)
{
	memset(r->context.trace_id, trace, 16);
	memset(r->context.parent_id, parent, 8);
	r->context.valid = r->context.sampled_known = true;
	r->context.flags = TRACE_SAMPLED;
}

/* ---- both ends of a connection ---- */

static struct conn client_end, server_end;

static inline void make_ends(bool loopback)
{
	memset(&client_end, 0, sizeof(client_end));
	client_end.family = AF_INET;
	client_end.established = 1;
	client_end.local_port = 40000;
	client_end.peer_port = 80;
	client_end.ino = 1;
	memset(client_end.local_addr + 10, 0xff, 2);
	memset(client_end.peer_addr + 10, 0xff, 2);
	client_end.local_addr[12] = client_end.peer_addr[12] = loopback ? 127 : 10;
	client_end.local_addr[15] = 1;
	client_end.peer_addr[15] = 2;
	server_end = client_end;
	server_end.local_port = 80;
	server_end.peer_port = 40000;
	memcpy(server_end.local_addr, client_end.peer_addr, 16);
	memcpy(server_end.peer_addr, client_end.local_addr, 16);
}

static inline void begin_at(struct request *r, enum span_kind kind, uint64_t off)
{
	fill(r, kind, kind + 1, 1);
	r->conn = kind == SPAN_CLIENT ? &client_end : &server_end;
	r->conn_id = 100 + kind;
	r->place = off;
	correlate__begin(c, r);
}

/* ---- headers that the kernel side wrote ---- */

static inline void inject(uint64_t conn_id, uint64_t off, uint64_t parent_conn_id,
			  uint64_t parent_off, bool undone)
{
	struct red_ev_inject ev = { .conn_id = conn_id,
				    .off = off,
				    .parent_conn_id = parent_conn_id,
				    .parent_off = parent_off,
				    .trace_hi = 0x0102030405060708,
				    .trace_lo = 0x1112131415161718,
				    .flags = TRACE_SAMPLED | TRACE_RANDOM,
				    .undone = undone };

	correlate__injected(c, &ev);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif /* RED_TEST_CORRELATE_FIXTURE_H */
