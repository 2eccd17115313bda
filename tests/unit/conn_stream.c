// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Records to streams: the layers of a connection, and records that come late or never. */
#include "conn_fixture.h"

/* ---- layers ---- */

static void a_server(void **state)
{
	handshake(RED_DIR_IN, "openssl-12");
	assert_int_equal(stat()->tls, 1);
	assert_int_equal(stat()->tls_joined, 0);
	layer(1);
	in(GET("/a"));
	assert_int_equal(place, red_place(1, 0));
	assert_true(established);
	out(OK);
	in(GET("/b"));
	assert_int_equal(place, red_place(1, strlen(GET("/a"))));
	out(OK);
	says(RED_EV_CLOSE, RED_STATE_LOCAL);
	assert_int_equal(n_seen, 2);
	assert_string_equal(seen[1].path, "/b");
	assert_string_equal(seen[1].scheme, "https");
	assert_null(seen[1].error_type);
	tls_is(&seen[1], "1.2", ECDHE, SPAN_TLS_RESUMED_NO, "shop.example", "http/1.1");
	assert_int_equal(stat()->tls, 1);
	assert_int_equal(stat()->tls_joined, 1);
	assert_int_equal(stat()->tls_unseen, 0);
	assert_int_equal(stat()->old_layer, 0);
	assert_int_equal(stat()->open, 0);
	assert_int_equal(n_asked, 0);
}

/* Plain, then TLS within: curl through a proxy. */
static void a_tunnel(void **state)
{
	out("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n");
	in("HTTP/1.1 200 Connection established\r\n\r\n");
	assert_int_equal(n_seen, 1);
	assert_int_equal(n_asked, 1);
	assert_int_equal(asked[0], RED_POLL_MODE_NONE);
	handshake(RED_DIR_OUT, "curl");
	assert_int_equal(n_asked, 2);
	assert_int_equal(asked[1], RED_POLL_MODE_AUTO);
	layer(1);
	out(GET("/a"));
	assert_int_equal(place, red_place(1, 0));
	in(OK);
	assert_int_equal(n_seen, 2);
	assert_int_equal(seen[0].status, 200);
	assert_string_equal(seen[0].scheme, "http");
	assert_null(seen[0].error_type);
	assert_null(seen[0].tls);
	assert_string_equal(seen[1].scheme, "https");
	tls_is(&seen[1], "1.3", AES256, SPAN_TLS_RESUMED_NO, "shop.example", "");
	assert_int_equal(env.stat[0].observed, 2);
	assert_int_equal(n_asked, 2);
}

/* The kernel was told to only count, though the next layer had begun. */
static void a_tunnel_without_hello(void **state)
{
	out("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n");
	in("HTTP/1.1 200 Connection established\r\n\r\n");
	layer(1);
	out(GET("/a"));
	assert_int_equal(n_asked, 2);
	assert_int_equal(asked[1], RED_POLL_MODE_AUTO);
	in(OK);
	assert_int_equal(n_seen, 2);
	assert_null(seen[1].tls);
}

/* Nothing that was counted below counts above. */
static void everything_anew(void **state)
{
	inserted = 70;
	out("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n");
	in("HTTP/1.1 200 Connection established\r\n\r\n");
	out("\x16 as if the hello were not known for one");
	inserted = 0;
	layer(1);
	out(GET("/a"));
	assert_true(established);
	in("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
	assert_int_equal(n_seen, 1);
	w.d[RED_DIR_IN].off += 100;
	w.d[RED_DIR_IN].last_ns = now += MS;
	says(RED_EV_PROGRESS, 0);
	assert_int_equal(n_seen, 2);
}

static void what_nobody_knew_below(void **state)
{
	int i;

	for (i = 0; i < 7; i++)
		i % 2 ? out("\x03\x04") : in("\x01\x02");
	layer(1);
	in("\x01\x02");
	assert_int_equal(stat()->unclassified, 0);
	wire_init(&w, feed, t);
	w.id = 2;
	in("\x01\x02");
	layer(1);
	in(GET("/a"));
	out(OK);
	assert_int_equal(n_seen, 1);
	assert_string_equal(seen[0].path, "/a");
}

/* TLS within TLS: through a proxy that is spoken to in TLS. */
static void two_layers(void **state)
{
	handshake(RED_DIR_OUT, "curl");
	layer(1);
	out("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n");
	in("HTTP/1.1 200 Connection established\r\n\r\n");
	layer(2);
	out(GET("/a"));
	assert_int_equal(place, red_place(2, 0));
	in(OK);
	assert_int_equal(n_seen, 2);
	tls_is(&seen[0], "1.3", AES256, SPAN_TLS_RESUMED_NO, "shop.example", "");
	assert_null(seen[1].tls); /* its own handshake was within the first layer */
	assert_string_equal(seen[1].scheme, "https");
	assert_int_equal(stat()->tls, 1);
	assert_int_equal(stat()->tls_joined, 1);
}

static void a_layer_left_out(void **state)
{
	out("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n");
	layer(2);
	out(GET("/a"));
	in(OK);
	assert_int_equal(n_seen, 1);
	assert_int_equal(env.stat[0].dropped[PROTO_DROP_LOST], 1);
}

/* What was open below was answered, or TLS would not have begun. */
static void an_answer_that_was_not_seen(void **state)
{
	out("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n");
	handshake(RED_DIR_OUT, "curl");
	assert_int_equal(env.stat[0].in_flight, 1);
	layer(1);
	out(GET("/a"));
	in(OK);
	assert_int_equal(n_seen, 1);
	assert_null(seen[0].error_type);
	assert_int_equal(env.stat[0].dropped[PROTO_DROP_LOST], 1);
}

static void an_answer_without_known_end(void **state)
{
	int client;

	for (client = 0; client < 2; client++) {
		wire_init(&w, feed, t);
		w.id = client + 1;
		wire_call(&w, client, "GET / HTTP/1.0\r\n\r\n", 18, now += MS);
		wire_call(&w, !client, "HTTP/1.0 200 OK\r\n\r\nabc", 22, now += MS);
		assert_int_equal(n_seen, client);
		layer(1);
		says(RED_EV_PROGRESS, 0);
		assert_int_equal(n_seen, client + 1);
		assert_null(seen[client].error_type);
		assert_int_equal(seen[client].status, 200);
	}
}

/* ---- what was missed ---- */

static void late(void **state)
{
	int i;

	w.established = false;
	wire_hello(&w, RED_DIR_IN, "", 10, 0, now += MS); /* TLS goes by, its hellos did before */
	wire_layer(&w, 1, true);
	for (i = 0; i < 3; i++) {
		in(GET("/a"));
		assert_false(established);
		out(OK);
	}
	assert_int_equal(n_seen, 3);
	assert_null(seen[0].tls);
	assert_string_equal(seen[0].scheme, "https");
	assert_int_equal(stat()->tls, 1);
}

/* Seen from its first byte, though the connection was not: a tunnel that was open. */
static void fresh_in_an_old_one(void **state)
{
	w.established = false;
	wire_open(&w, now);
	layer(1);
	in(GET("/a"));
	assert_true(established);
}

static void a_state_begins_it(void **state)
{
	static const uint16_t kinds[] = { RED_EV_PROGRESS, RED_EV_EOF };
	int i;

	for (i = 0; i < 4; i++) {
		wire_init(&w, feed, t);
		w.id = i + 1;
		handshake(RED_DIR_IN, "openssl-12");
		layer(1);
		if (i & 2) /* not before something of it was lost */
			w.d[RED_DIR_IN].off = 100;
		says(kinds[i & 1], RED_STATE_RESET);
		assert_int_equal(stat()->tls_joined, i + 1);
		in(GET("/a"));
		assert_int_equal(established, !(i & 2));
		out(OK);
		assert_int_equal(n_seen, i + 1);
	}
}

static void older_records(void **state)
{
	struct wire old;

	handshake(RED_DIR_IN, "openssl-12");
	old = w;
	layer(1);
	in(GET("/a"));
	wire_call(&old, RED_DIR_IN, "x", 1, now);
	wire_call(&old, RED_DIR_OUT, OK, strlen(OK), now);
	wire_state(&old, RED_EV_PROGRESS, 0, 0, now);
	assert_int_equal(stat()->old_layer, 3);
	assert_int_equal(n_seen, 0);
	out(OK);
	assert_int_equal(n_seen, 1);
	assert_null(seen[0].error_type);
	in(GET("/b"));
	wire_state(&old, RED_EV_CLOSE, 0, RED_STATE_RESET, now); /* of the socket, all the same */
	assert_int_equal(stat()->old_layer, 4);
	assert_int_equal(stat()->open, 0);
	assert_int_equal(n_seen, 2);
	assert_string_equal(seen[1].error_type, "connection_reset");
}

static void older_hellos(void **state)
{
	layer(2);
	in(GET("/a"));
	handshake(RED_DIR_IN, "openssl-12");
	assert_int_equal(stat()->old_layer, 4);
	assert_int_equal(env.tls_bytes, 0);
	out(OK);
	assert_int_equal(n_seen, 1);
	assert_null(seen[0].tls);
}

/* ---- any subset of the records, in any order ---- */

#define N_RECORDS 8

static uint64_t records[N_RECORDS][(sizeof(struct red_ev_data) + RED_CAP_MAX) / 8];
static int n_records;

static void keep(void *arg, const void *record, size_t size)
{
	assert_true(n_records < N_RECORDS && size <= sizeof(records[0]));
	memcpy(records[n_records++], record, size);
}

static void a_conversation(void)
{
	uint8_t data[RED_CAP_MAX];
	size_t n;

	n_records = 0;
	wire_init(&w, keep, NULL);
	n = load_hello("openssl-12-c", data);
	wire_hello(&w, RED_DIR_IN, data, n, n, now);
	n = load_hello("openssl-12-s", data);
	wire_hello(&w, RED_DIR_OUT, data, n, n, now);
	layer(1);
	in(GET("/201"));
	out("HTTP/1.1 201 A\r\nContent-Length: 0\r\n\r\n");
	in(GET("/202"));
	out("HTTP/1.1 202 B\r\nContent-Length: 0\r\n\r\n");
	says(RED_EV_CLOSE, RED_STATE_LOCAL);
	assert_int_equal(n_records, N_RECORDS);
}

static void give(int i)
{
	const struct red_hdr *h = (const void *)records[i];

	feed(t, h, h->len);
	account(&env);
}

/* An answer is that of its request, or of none. */
static void judge(void)
{
	char want[8];
	int i;

	for (i = 0; i < n_seen; i++) {
		assert_string_equal(seen[i].scheme, "https");
		snprintf(want, sizeof(want), "/%u", seen[i].status);
		if (seen[i].status)
			assert_string_equal(seen[i].path, want);
	}
}

static void some_are_lost(void **state)
{
	unsigned int lost;
	int i, gone;

	for (lost = 0; lost < 1 << N_RECORDS; lost++) {
		tear_down(NULL);
		set_up(NULL);
		a_conversation();
		for (gone = i = 0; i < N_RECORDS; i++)
			if (lost & 1u << i)
				gone += i > 2;
			else
				give(i);
		judge();
		if (!gone && !(lost & 1)) /* hellos are no part of it */
			assert_int_equal(n_seen, 2);
		assert_int_equal(stat()->tls_joined, !(lost & 1) && (lost & 0xf8) != 0xf8);
	}
}

/* Not what a ring does. Nothing may break, though. */
static void permuted(int at, int order[N_RECORDS], int *n)
{
	int i, swap;

	if (at == N_RECORDS) {
		tear_down(NULL);
		set_up(NULL);
		for (i = 0; i < N_RECORDS; i++)
			give(order[i]);
		++*n;
		return;
	}
	for (i = at; i < N_RECORDS; i++) {
		swap = order[at], order[at] = order[i], order[i] = swap;
		permuted(at + 1, order, n);
		swap = order[at], order[at] = order[i], order[i] = swap;
	}
}

static void every_order(void **state)
{
	int order[N_RECORDS], i, n = 0;

	a_conversation();
	for (i = 0; i < N_RECORDS; i++)
		order[i] = i;
	permuted(1, order, &n); /* none is known before it is opened */
	assert_int_equal(n, 5040);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_server),
		TEST(a_tunnel),
		TEST(a_tunnel_without_hello),
		TEST(everything_anew),
		TEST(what_nobody_knew_below),
		TEST(two_layers),
		TEST(a_layer_left_out),
		TEST(an_answer_that_was_not_seen),
		TEST(an_answer_without_known_end),
		TEST(late),
		TEST(fresh_in_an_old_one),
		TEST(a_state_begins_it),
		TEST(older_records),
		TEST(older_hellos),
		TEST(some_are_lost),
		TEST(every_order),
	};

	return cmocka_run_group_tests(tests, NULL, free_pool);
}
