// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Connections on which TLS begins: what is on the wire, and the plaintext that comes as
 * the next layer. The hellos are those of tests/fuzz/corpus; run from the top of the tree.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "conn.h"
#include "http1_txn.h"
#include "options.h"
#include "service.h"
#include "tls_hello.h"
#include "tls_names.h"
#include "wire.h"

#define HELLOS "tests/fuzz/corpus/tls_hello/"
#define MS     1000000ull
#define OK     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define GET(p) "GET " p " HTTP/1.1\r\nHost: a\r\n\r\n"

#define assert_slice(s, text) assert_true(slice_eq(s, slice_of(text)))

struct seen {
	char path[32];
	const char *scheme, *error_type;
	uint16_t status;
	uint32_t flags;
	struct span_tls *tls; /* a copy, or NULL */
};

static struct conn_table *t;
static struct proto_env env;
static struct options options;
static struct service service = { .refs = 1, .name = "s", .namespace = "", .instance = "" };
static struct seen seen[64];
static struct wire w;
static uint64_t place, now, inserted; /* the last: by a header that redeye wrote */
static bool established;
static int n_seen, n_opaque, n_asked, asked[16];

static void on_start(void *arg, struct request *r)
{
	place = r->place;
	established = r->conn->established;
	assert_int_equal(r->conn->inserted, 0);
	r->conn->inserted = inserted;
}

static void on_end(void *arg, struct request *r)
{
}

static void on_span(void *arg, struct span *s)
{
	struct seen *k = &seen[n_seen++ % 64];

	free(k->tls);
	*k = (struct seen){ .scheme = s->scheme,
			    .error_type = s->error_type,
			    .status = s->status,
			    .flags = s->flags };
	snprintf(k->path, sizeof(k->path), "%.*s", (int)s->path.len, s->path.p);
	if (s->tls) {
		k->tls = malloc(span_tls__bytes(s->tls));
		memcpy(k->tls, s->tls, span_tls__bytes(s->tls));
	}
}

static struct service *service_of(void *arg, uint32_t tgid)
{
	return &service;
}

static bool process_ended(void *arg, uint32_t tgid)
{
	return false;
}

static void opaque(void *arg, uint32_t tgid)
{
	n_opaque++;
}

static int poll_conn(void *arg, const struct conn *c, enum red_poll_cmd cmd)
{
	if (n_asked < 16)
		asked[n_asked] = cmd;
	n_asked++;
	return 0;
}

static void feed(void *arg, const void *record, size_t size)
{
	const struct red_hdr *h = record;

	if (h->kind == RED_EV_OPEN)
		conn_table__open(t, record);
	else if (h->kind == RED_EV_DATA)
		conn_table__data(t, record);
	else
		conn_table__state(t, record);
}

static int start(void **state)
{
	struct conn_table_config cfg = { .max_conns = 10, .env = &env, .poll = poll_conn };

	env = (struct proto_env){
		.ops = { .start = on_start,
			 .end = on_end,
			 .span = on_span,
			 .service = service_of,
			 .ended = process_ended,
			 .opaque = opaque },
		.options = &options,
		.max_requests = 1000,
		.max_head_bytes = 1 << 16,
		.max_tls_bytes = 1 << 16,
	};
	options.span_tls = true;
	n_seen = n_opaque = n_asked = inserted = 0;
	now = 1000 * MS;
	t = conn_table__new(&cfg);
	assert_non_null(t);
	wire_init(&w, feed, NULL);
	return 0;
}

static void account(void)
{
	const struct proto_stat *st = &env.stat[0];
	uint64_t sum = st->emitted + st->in_flight;
	int i;

	for (i = 0; i < PROTO_DROP__CNT; i++)
		sum += st->dropped[i];
	assert_int_equal(st->observed, sum);
}

static int stop(void **state)
{
	int i;

	conn_table__free(t);
	assert_int_equal(env.stat[0].in_flight, 0);
	assert_int_equal(env.head_bytes, 0);
	assert_int_equal(env.tls_bytes, 0);
	account();
	for (i = 0; i < 64; i++) {
		free(seen[i].tls);
		seen[i].tls = NULL;
	}
	return 0;
}

static const struct conn_stat *stat(void)
{
	return conn_table__stat(t);
}

/* ---- what happens ---------------------------------------------------------------------- */

static void in(const char *s)
{
	wire_call(&w, RED_DIR_IN, s, strlen(s), now += MS);
}

static void out(const char *s)
{
	wire_call(&w, RED_DIR_OUT, s, strlen(s), now += MS);
}

static void says(uint16_t kind, uint8_t flags)
{
	wire_state(&w, kind, RED_DIR_IN, flags, now += MS);
}

static void layer(uint16_t n)
{
	wire_layer(&w, n, false);
}

static size_t load(const char *file, uint8_t data[RED_CAP_MAX])
{
	char path[128];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), HELLOS "%s", file);
	f = fopen(path, "r");
	assert_non_null(f);
	n = fread(data, 1, RED_CAP_MAX, f);
	fclose(f);
	return n;
}

/* By calls that move so many bytes, the last the rest. */
static void hello(int dir, const char *file, size_t first, size_t each)
{
	uint8_t data[RED_CAP_MAX];
	size_t len = load(file, data), at, n;

	for (at = 0; at < len; at += n) {
		n = at || !first ? each : first;
		n = n && n < len - at ? n : len - at;
		wire_hello(&w, dir, data + at, n, n, now += MS);
	}
}

static void handshake(int client, const char *name)
{
	char file[64];

	snprintf(file, sizeof(file), "%s-c", name);
	hello(client, file, TLS_RECORD_HEADER, 0);
	snprintf(file, sizeof(file), "%s-s", name);
	hello(!client, file, TLS_RECORD_HEADER, 0);
}

static void unseen(int dir)
{
	wire_hello(&w, dir, NULL, 100, 0, now += MS);
}

static void tls_is(const struct seen *k, const char *version, const char *cipher, int resumed,
		   const char *name, const char *protocol)
{
	char room[TLS_CIPHER_ROOM];

	assert_non_null(k->tls);
	assert_slice(tls_version__name(k->tls->version), version);
	assert_slice(tls_cipher__name(k->tls->cipher, room), cipher);
	assert_int_equal(k->tls->resumed, resumed);
	assert_slice(span_tls__server_name(k->tls), name);
	assert_slice(span_tls__next_protocol(k->tls), protocol);
}

/* ---- layers ------------------------------------------------------------------------------ */

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
	tls_is(&seen[1], "1.2", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", SPAN_TLS_RESUMED_NO,
	       "shop.example", "http/1.1");
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
	tls_is(&seen[1], "1.3", "TLS_AES_256_GCM_SHA384", SPAN_TLS_RESUMED_NO, "shop.example", "");
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
	wire_init(&w, feed, NULL);
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
	tls_is(&seen[0], "1.3", "TLS_AES_256_GCM_SHA384", SPAN_TLS_RESUMED_NO, "shop.example", "");
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
		wire_init(&w, feed, NULL);
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

/* ---- what was missed ------------------------------------------------------------------- */

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
		wire_init(&w, feed, NULL);
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

/* ---- any subset of the records, in any order ----------------------------------------------- */

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
	n = load("openssl-12-c", data);
	wire_hello(&w, RED_DIR_IN, data, n, n, now);
	n = load("openssl-12-s", data);
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

	feed(NULL, h, h->len);
	account();
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
		stop(NULL);
		start(NULL);
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
		stop(NULL);
		start(NULL);
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

/* ---- no library ---------------------------------------------------------------------------- */

static void nobody_reads_it(void **state)
{
	static const struct {
		bool established;
		int first_dir;
		uint16_t local_port;
		int opaque;
	} cases[] = {
		{ true, RED_DIR_IN, 50000, 1 },
		{ true, RED_DIR_OUT, 80, 0 },
		{ false, RED_DIR_OUT, 443, 1 },
		{ false, RED_DIR_IN, 50000, 0 },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct red_ev_open ev = { .h = { .len = sizeof(ev), .kind = RED_EV_OPEN },
					  .conn_id = i + 1,
					  .family = AF_INET,
					  .local_port = cases[i].local_port,
					  .remote_port = 40000,
					  .established = cases[i].established };

		n_opaque = 0;
		wire_init(&w, feed, NULL);
		w.id = i + 1;
		w.opened = true;
		conn_table__open(t, &ev);
		if (cases[i].established)
			handshake(cases[i].first_dir, "openssl-12");
		unseen(cases[i].first_dir);
		unseen(!cases[i].first_dir);
		assert_int_equal(n_opaque, cases[i].opaque);
		assert_int_equal(stat()->tls_unseen, i + 1);
		assert_int_equal(stat()->tls, i + 1);
		assert_int_equal(stat()->unclassified, 0);
	}
}

static void joined_after_all(void **state)
{
	handshake(RED_DIR_IN, "openssl-12");
	unseen(RED_DIR_IN);
	wire_layer(&w, 1, true);
	in(GET("/a"));
	assert_false(established);
	out(OK);
	assert_int_equal(n_seen, 1);
	assert_string_equal(seen[0].scheme, "https");
	assert_non_null(seen[0].tls);
	assert_int_equal(stat()->tls_joined, 1);
	assert_int_equal(stat()->tls_unseen, 1);
}

/* ---- hellos ---------------------------------------------------------------------------------- */

static void one_by_one(void **state)
{
	static const struct {
		const char *name, *version, *cipher;
		int resumed;
		const char *server_name, *protocol;
	} cases[] = {
#define AES256 "TLS_AES_256_GCM_SHA384"
#define ECDHE  "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
		{ "openssl-13", "1.3", AES256, SPAN_TLS_RESUMED_NO, "shop.example", "" },
		{ "openssl-13-resumed", "1.3", AES256, SPAN_TLS_RESUMED_YES, "shop.example", "" },
		{ "openssl-retry", "1.3", AES256, SPAN_TLS_RESUMED_UNKNOWN, "shop.example", "" },
		{ "openssl-12", "1.2", ECDHE, SPAN_TLS_RESUMED_NO, "shop.example", "http/1.1" },
		{ "openssl-12-ticket", "1.2", ECDHE, SPAN_TLS_RESUMED_YES, "shop.example",
		  "http/1.1" },
		{ "openssl-12-session", "1.2", ECDHE, SPAN_TLS_RESUMED_YES, "shop.example",
		  "http/1.1" },
		{ "openssl-no-name", "1.2", ECDHE, SPAN_TLS_RESUMED_NO, "", "" },
		{ "gnutls-12", "1.2", ECDHE, SPAN_TLS_RESUMED_NO, "gnu.example", "" },
		{ "gnutls-early", "1.3", AES256, SPAN_TLS_RESUMED_YES, "gnu.example", "" },
		{ "go-13", "1.3", "TLS_AES_128_GCM_SHA256", SPAN_TLS_RESUMED_NO, "go.example", "" },
	};
	size_t i, each;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (each = 0; each < 3; each++) {
			char file[64];

			wire_init(&w, feed, NULL);
			w.id = 3 * i + each + 1;
			snprintf(file, sizeof(file), "%s-c", cases[i].name);
			hello(RED_DIR_IN, file, 0, each);
			snprintf(file, sizeof(file), "%s-s", cases[i].name);
			hello(RED_DIR_OUT, file, 0, each);
			layer(1);
			in(GET("/a"));
			n_seen = 0;
			out(OK);
			tls_is(&seen[0], cases[i].version, cases[i].cipher, cases[i].resumed,
			       cases[i].server_name, cases[i].protocol);
			says(RED_EV_CLOSE, 0);
			assert_int_equal(env.tls_bytes, 0);
		}
	assert_int_equal(stat()->hellos_bad, 0);
	assert_int_equal(stat()->hellos_no_room, 0);
}

static void judge_cut(const struct span_tls *tls, bool whole)
{
	assert_true(!whole || tls);
	if (!tls)
		return;
	assert_true(tls->version == TLS_1_2 || (!tls->version && !whole));
	assert_true(tls->cipher == 0xc030 || (!tls->cipher && !whole));
	assert_true(tls->resumed == SPAN_TLS_RESUMED_YES || (!tls->resumed && !whole));
}

/* Every piece of both hellos lost in turn, and everything behind a point. */
static void pieces_are_lost(void **state)
{
	uint8_t c[RED_CAP_MAX], s[RED_CAP_MAX];
	size_t nc = load("openssl-12-ticket-c", c), ns = load("openssl-12-ticket-s", s), all, gone;
	uint64_t bad = 0;

	all = nc + ns;
	for (gone = 0; gone <= all * 2; gone++) {
		size_t i, n;

		wire_init(&w, feed, NULL);
		w.id = gone + 1;
		for (i = 0; i < all; i += n) {
			bool client = i < nc;
			size_t at = client ? i : i - nc, left = client ? nc - at : ns - at;

			n = left < 7 ? left : 7;
			if ((i >= gone && i < gone + 7) || (gone > all && i >= gone - all))
				w.wire_off[!client] += n;
			else
				wire_hello(&w, !client, (client ? c : s) + at, n, n, now += MS);
		}
		/* Only where a beginning is missing nobody can tell. */
		assert_true(stat()->hellos_bad == bad || !gone || (gone <= nc && nc < gone + 7));
		bad = stat()->hellos_bad;
		layer(1);
		in(GET("/a"));
		n_seen = 0;
		out(OK);
		judge_cut(seen[0].tls, gone == all || gone == all * 2);
		says(RED_EV_CLOSE, 0);
		assert_int_equal(env.tls_bytes, 0);
	}
}

/* The plaintext's layer begins before the server's hello. */
static void early_data(void **state)
{
	hello(RED_DIR_OUT, "gnutls-early-c", 0, 0);
	layer(1);
	out(GET("/a"));
	hello(RED_DIR_IN, "gnutls-early-s", 0, 0);
	in(OK);
	assert_int_equal(stat()->old_layer, 0);
	assert_int_equal(n_seen, 1);
	tls_is(&seen[0], "1.3", AES256, SPAN_TLS_RESUMED_YES, "gnu.example", "");
}

/* A poll told of the layer before the server's hello came. */
static void polled_meanwhile(void **state)
{
	hello(RED_DIR_IN, "openssl-12-ticket-c", 0, 0);
	layer(1);
	says(RED_EV_PROGRESS, 0);
	hello(RED_DIR_OUT, "openssl-12-ticket-s", 0, 0);
	assert_in_range(env.tls_bytes, 1, 64);
	in(GET("/a"));
	out(OK);
	tls_is(&seen[0], "1.2", ECDHE, SPAN_TLS_RESUMED_YES, "shop.example", "http/1.1");
}

/* RFC 5077 lets a client offer a ticket without naming the session. */
static void a_ticket_without_a_name(void **state)
{
	enum { AT = TLS_RECORD_HEADER + 4 + 2 + 32 };
	uint8_t data[RED_CAP_MAX];
	size_t n = load("openssl-12-ticket-c", data);

	assert_int_equal(data[AT], 32);
	memmove(data + AT + 1, data + AT + 33, n - AT - 33);
	data[AT] = 0;
	n -= 32;
	data[3] = (n - 5) >> 8, data[4] = n - 5;
	data[7] = (n - 9) >> 8, data[8] = n - 9;
	wire_hello(&w, RED_DIR_IN, data, n, n, now += MS);
	hello(RED_DIR_OUT, "openssl-12-s", 0, 0);
	layer(1);
	in(GET("/a"));
	out(OK);
	tls_is(&seen[0], "1.2", ECDHE, SPAN_TLS_RESUMED_UNKNOWN, "shop.example", "http/1.1");
}

static void only_half_of_it(void **state)
{
	hello(RED_DIR_OUT, "curl-c", 0, 0);
	layer(1);
	out(GET("/a"));
	in(OK);
	tls_is(&seen[0], "", "", SPAN_TLS_RESUMED_UNKNOWN, "shop.example", "");
	wire_init(&w, feed, NULL);
	w.id = 2;
	hello(RED_DIR_IN, "openssl-12-ticket-s", 0, 0);
	layer(1);
	out(GET("/a"));
	in(OK);
	tls_is(&seen[1], "1.2", ECDHE, SPAN_TLS_RESUMED_UNKNOWN, "", "http/1.1");
}

static void refused(void **state)
{
	handshake(RED_DIR_IN, "openssl-refused");
	assert_int_equal(stat()->hellos_bad, 0);
	assert_in_range(env.tls_bytes, 1, 64); /* the handshake is over */
	says(RED_EV_CLOSE, 0);
	assert_int_equal(n_seen, 0);
}

static void no_hellos(void **state)
{
	uint8_t data[RED_CAP_MAX];
	size_t n = load("openssl-12-c", data);
	uint8_t *name = memmem(data, n, "Shop.Example", 12);

	name[4] = '/';
	wire_hello(&w, RED_DIR_IN, data, n, n, now += MS);
	assert_int_equal(stat()->names_bad, 1);
	wire_hello(&w, RED_DIR_OUT, "\x16\3\3\0\4\x0b\0\0\0", 9, 9, now += MS);
	assert_int_equal(stat()->hellos_bad, 1);
	layer(1);
	in(GET("/a"));
	out(OK);
	tls_is(&seen[0], "", "", SPAN_TLS_RESUMED_UNKNOWN, "", "");
}

static void longer_than_what_is_captured(void **state)
{
	uint8_t data[RED_CAP_MAX] = { 0x16, 3, 1, 0x20, 0, 1, 0, 0x1f, 0xfc };
	uint8_t real[RED_CAP_MAX];
	size_t n = load("openssl-12-c", real);

	memcpy(data + 9, real + 9, n - 9);
	data[n] = 0; /* an extension that is longer than the rest of the record */
	wire_hello(&w, RED_DIR_IN, data, 5, 5, now += MS);
	wire_hello(&w, RED_DIR_IN, data + 5, 8192, RED_CAP_MAX - 5, now += MS);
	wire_hello(&w, RED_DIR_IN, data, 100, 100, now += MS); /* no more of it is wanted */
	assert_int_equal(stat()->hellos_bad, 1);
	assert_int_equal(stat()->hellos_no_room, 0);
}

static void not_asked_for(void **state)
{
	options.span_tls = false;
	handshake(RED_DIR_IN, "openssl-12");
	assert_int_equal(env.tls_bytes, 0);
	layer(1);
	in(GET("/a"));
	out(OK);
	assert_null(seen[0].tls);
	assert_int_equal(stat()->tls, 1);
}

static void no_room(void **state)
{
	uint64_t max;

	for (max = 0; max < 1200; max += 40) {
		wire_init(&w, feed, NULL);
		w.id = max + 1;
		env.max_tls_bytes = max;
		handshake(RED_DIR_IN, "openssl-12");
		assert_true(env.tls_bytes <= max);
		layer(1);
		in(GET("/a"));
		out(OK);
		says(RED_EV_CLOSE, 0);
		assert_int_equal(env.tls_bytes, 0);
	}
	assert_int_equal(n_seen, 30);
	assert_true(stat()->hellos_no_room > 10);
	assert_non_null(seen[29].tls);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
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
		TEST(nobody_reads_it),
		TEST(joined_after_all),
		TEST(one_by_one),
		TEST(pieces_are_lost),
		TEST(early_data),
		TEST(polled_meanwhile),
		TEST(a_ticket_without_a_name),
		TEST(only_half_of_it),
		TEST(refused),
		TEST(no_hellos),
		TEST(longer_than_what_is_captured),
		TEST(not_asked_for),
		TEST(no_room),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	http1_txn__free_pool();
	return failed;
}
