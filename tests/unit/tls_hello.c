// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "guard.h"
#include "hellos.h"
#include "tls_hello.h"
#include "tls_names.h"

enum {
	TICKET = 1 << 0,
	PSK = 1 << 1,
	RETRY = 1 << 2,
};

static const struct row {
	const char *file;
	int kind;
	unsigned int flags;
	size_t session_id;
	const char *name, *protocol; /* "": none */
	uint16_t version;
	const char *cipher;
} rows[] = {
#define C(file, flags, id, name, alpn)                                                             \
	{                                                                                          \
		file "-c", TLS_HELLO_CLIENT, flags, id, name, alpn, 0, ""                          \
	}
#define S(file, flags, id, alpn, version, cipher)                                                  \
	{                                                                                          \
		file "-s", TLS_HELLO_SERVER, flags, id, "", alpn, version, cipher                  \
	}
	C("openssl-13", 0, 32, "Shop.Example", "h2"),
	S("openssl-13", 0, 32, "", TLS_1_3, AES256),
	C("openssl-12", 0, 0, "Shop.Example", "h2"),
	S("openssl-12", 0, 0, "http/1.1", TLS_1_2, ECDHE),
	C("openssl-10", 0, 0, "Shop.Example", "h2"),
	S("openssl-10", 0, 0, "http/1.1", 0x0301, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"),
	C("openssl-retry", 0, 32, "Shop.Example", "h2"),
	S("openssl-retry", RETRY, 32, "", TLS_1_3, AES256),
	C("openssl-13-resumed", PSK, 32, "Shop.Example", "h2"),
	S("openssl-13-resumed", PSK, 32, "", TLS_1_3, AES256),
	C("openssl-12-ticket", TICKET, 32, "Shop.Example", "h2"),
	S("openssl-12-ticket", 0, 32, "http/1.1", TLS_1_2, ECDHE),
	C("openssl-12-session", 0, 32, "Shop.Example", "h2"),
	S("openssl-12-session", 0, 32, "http/1.1", TLS_1_2, ECDHE),
	C("openssl-no-name", 0, 0, "", ""),
	S("openssl-no-name", 0, 0, "", TLS_1_2, ECDHE),
	C("curl", 0, 32, "shop.example", "h2"),
	S("curl", 0, 32, "", TLS_1_3, AES256),
	C("go-13", 0, 32, "go.example", "http/1.1"),
	S("go-13", 0, 32, "", TLS_1_3, "TLS_AES_128_GCM_SHA256"),
	C("go-12", 0, 32, "go.example", "http/1.1"),
	S("go-12", 0, 0, "http/1.1", TLS_1_2, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
	C("gnutls-13", 0, 32, "gnu.example", "http/1.1"),
	S("gnutls-13", 0, 32, "", TLS_1_3, AES256),
	C("gnutls-early", PSK, 32, "gnu.example", "http/1.1"),
	S("gnutls-early", PSK, 32, "", TLS_1_3, AES256),
	C("gnutls-12", 0, 0, "gnu.example", "http/1.1"),
	S("gnutls-12", 0, 32, "", TLS_1_2, ECDHE),
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static enum tls_hello_result parse(const uint8_t *p, size_t n, struct tls_hello *out)
{
	return tls_hello__parse((const uint8_t *)at_end((const char *)p, n), n, out);
}

static unsigned int flags_of(const struct tls_hello *h)
{
	return h->ticket * TICKET | h->psk * PSK | h->retry * RETRY;
}

static void real_ones(void **state)
{
	char room[TLS_CIPHER_ROOM];
	uint8_t data[RED_CAP_MAX];
	struct tls_hello h;

	for (int i = 0; i < ROWS; i++) {
		const struct row *r = &rows[i];
		size_t n = load_hello(r->file, data);

		assert_int_equal(parse(data, n, &h), TLS_HELLO_WHOLE);
		assert_int_equal(tls_hello__record_bytes(data, n), n);
		assert_int_equal(h.kind, r->kind);
		assert_int_equal(flags_of(&h), r->flags);
		assert_int_equal(h.session_id.len, r->session_id);
		assert_true(h.has_session_id);
		assert_slice(h.server_name, r->name);
		assert_slice(h.protocol, r->protocol);
		assert_int_equal(h.version, r->version);
		assert_slice(tls_cipher__name(h.cipher, room), r->cipher);
		assert_true(!h.server_name.p || tls_hello__valid_name(h.server_name));
	}
}

static bool same_or_none(struct slice cut, struct slice whole)
{
	return !cut.p || slice_eq(cut, whole);
}

static void prefix_is(const struct tls_hello *cut, const struct tls_hello *whole, size_t n)
{
	assert_true(cut->kind == (n > TLS_RECORD_HEADER + 3 ? whole->kind : 0));
	assert_true(same_or_none(cut->session_id, whole->session_id));
	assert_true(same_or_none(cut->server_name, whole->server_name));
	assert_true(same_or_none(cut->protocol, whole->protocol));
	assert_true(!cut->version || cut->version == whole->version);
	assert_true(!cut->cipher || cut->cipher == whole->cipher);
	assert_false(flags_of(cut) & ~flags_of(whole));
}

/* Also as a record that ends there, and the message goes on in the next. */
static void every_prefix(void **state)
{
	struct tls_hello whole, cut;
	uint8_t data[RED_CAP_MAX];

	for (int i = 0; i < ROWS; i++) {
		size_t n, len = load_hello(rows[i].file, data), message;

		message = TLS_RECORD_HEADER + 4 + (data[6] << 16 | data[7] << 8 | data[8]);
		tls_hello__parse(data, len, &whole); /* points into data, not where a cut is */
		for (n = 0; n < message; n++) {
			assert_int_equal(parse(data, n, &cut), TLS_HELLO_CUT);
			prefix_is(&cut, &whole, n);
			assert_int_equal(tls_hello__record_bytes(data, n), n < 5 ? 0 : len);
		}
		for (n = TLS_RECORD_HEADER; n < message; n++) {
			data[3] = (n - TLS_RECORD_HEADER) >> 8;
			data[4] = n - TLS_RECORD_HEADER;
			assert_int_equal(parse(data, message, &cut), TLS_HELLO_CUT);
			prefix_is(&cut, &whole, n);
		}
	}
}

/* Every byte with every bit of it the other way, and behind it what was there. */
static void every_bit(void **state)
{
	struct tls_hello h;
	uint8_t data[RED_CAP_MAX];

	for (int i = 0; i < ROWS; i++) {
		size_t n, len = load_hello(rows[i].file, data);

		for (n = 0; n < len * 8; n++) {
			data[n / 8] ^= 1 << n % 8;
			parse(data, len, &h);
			parse(data, n / 8 + 1, &h);
			data[n / 8] ^= 1 << n % 8;
		}
	}
}

static void no_hellos(void **state)
{
	static const struct {
		struct slice in;
		enum tls_hello_result want;
	} cases[] = {
		{ SLICE(""), TLS_HELLO_CUT },
		{ SLICE("\x16"), TLS_HELLO_CUT },
		{ SLICE("\x15"), TLS_HELLO_ALERT },
		{ SLICE("\x15\3\3\0\2\2\x28"), TLS_HELLO_ALERT },
		{ SLICE("\x17\3\3"), TLS_HELLO_BAD },
		{ SLICE("\x16\2\0"), TLS_HELLO_BAD },
		{ SLICE("\x16\3\1\x50\0"), TLS_HELLO_BAD },
		{ SLICE("\x16\3\1\0\0"), TLS_HELLO_CUT },
		{ SLICE("\x16\3\1\0\4\3\0\0\0"), TLS_HELLO_BAD },
		{ SLICE("\x16\3\1\0\4\1\0\0\0"), TLS_HELLO_BAD },
		{ SLICE("\x16\3\1\0\6\1\0\0\2\3\3"), TLS_HELLO_BAD },
		{ SLICE("\x16\3\1\0\6\1\0\0\x40\2\3"), TLS_HELLO_BAD },
		{ SLICE("GET / HTTP/1.1"), TLS_HELLO_BAD },
	};
	struct tls_hello h;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(parse((const uint8_t *)cases[i].in.p, cases[i].in.len, &h),
				 cases[i].want);
}

#define LABEL63 "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc"

static void names(void **state)
{
	static const struct {
		const char *name;
		bool valid;
	} cases[] = {
		{ "a", true },
		{ "shop.example", true },
		{ "Shop-1.EXAMPLE", true },
		{ "xn--bcher-kva.example", true },
		{ LABEL63 ".a", true },
		{ LABEL63 "." LABEL63 "." LABEL63
			  ".abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghija",
		  true },
		{ LABEL63 "." LABEL63 "." LABEL63
			  ".abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijab",
		  false },
		{ "", false },
		{ ".", false },
		{ "a.", false },
		{ ".a", false },
		{ "a..b", false },
		{ "-a.b", false },
		{ "a-.b", false },
		{ LABEL63 "d", false },
		{ "a_b", false },
		{ "a b", false },
		{ "a\nb", false },
		{ "a/b", false },
		{ "b\xc3\xbc"
		  "cher.example",
		  false },
		{ "[::1]", false },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(tls_hello__valid_name(slice_of(cases[i].name)), cases[i].valid);
	assert_false(tls_hello__valid_name((struct slice){ "a\0b", 3 }));
	assert_false(tls_hello__valid_name((struct slice){ NULL, 0 }));
}

static void numbers(void **state)
{
	static const struct {
		uint16_t number;
		const char *name;
	} ciphers[] = {
		{ 0x0005, "TLS_RSA_WITH_RC4_128_SHA" },
		{ 0x1301, "TLS_AES_128_GCM_SHA256" },
		{ 0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" },
		{ 0xd002, "TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA384" },
		{ 0x0a0a, "0x0A0A" },
		{ 0xffff, "0xFFFF" },
		{ 0, "" },
	}, versions[] = {
		{ 0x0300, "3" },   { 0x0301, "1.0" }, { 0x0303, "1.2" }, { 0x0304, "1.3" },
		{ 0x0305, "" },    { 0x7f1c, "" },    { 0, "" },
	};
	char room[TLS_CIPHER_ROOM], last[TLS_CIPHER_ROOM];
	size_t i;

	for (i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++)
		assert_slice(tls_cipher__name(ciphers[i].number, room), ciphers[i].name);
	for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		assert_slice(tls_version__name(versions[i].number), versions[i].name);
	assert_slice(tls_version__protocol(0x0300), "ssl");
	assert_slice(tls_version__protocol(0), "tls");
	for (i = 1; i < 0x10000; i++) /* by number, or the search would miss some */
		if (tls_cipher__name(i, room).p == room) {
			snprintf(last, sizeof(last), "0x%04zX", i);
			assert_string_equal(room, last);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_ones), cmocka_unit_test(every_prefix),
		cmocka_unit_test(every_bit), cmocka_unit_test(no_hellos),
		cmocka_unit_test(names),     cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests(tests, guard_set_up, NULL);
}
