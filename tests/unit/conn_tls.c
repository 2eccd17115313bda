// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the hellos of a connection say, and TLS that no library tells of. */
#include "conn_fixture.h"

/* ---- no library ---- */

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
		wire_init(&w, feed, t);
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

/* ---- hellos ---- */

static void one_by_one(void **state)
{
	static const struct {
		const char *name, *version, *cipher;
		int resumed;
		const char *server_name, *protocol;
	} cases[] = {
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

			wire_init(&w, feed, t);
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
	size_t nc = load_hello("openssl-12-ticket-c", c), ns = load_hello("openssl-12-ticket-s", s),
	       all, gone;
	uint64_t bad = 0;

	all = nc + ns;
	for (gone = 0; gone <= all * 2; gone++) {
		size_t i, n;

		wire_init(&w, feed, t);
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
	size_t n = load_hello("openssl-12-ticket-c", data);

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
	wire_init(&w, feed, t);
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
	size_t n = load_hello("openssl-12-c", data);
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
	size_t n = load_hello("openssl-12-c", real);

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
		wire_init(&w, feed, t);
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
	const struct CMUnitTest tests[] = {
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

	return cmocka_run_group_tests(tests, NULL, free_pool);
}
