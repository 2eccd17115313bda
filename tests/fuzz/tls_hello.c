// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as the first TLS record of a direction, whole and cut anywhere. */
#undef NDEBUG
#include <assert.h>

#include "../../agent/tls_hello.c"
#include "../../agent/tls_names.c"

static void inside(struct slice s, const char *p, size_t len)
{
	assert(!s.p || (s.p >= p && s.p + s.len <= p + len));
}

static void check_parts(const struct tls_hello *h, const uint8_t *p, size_t len)
{
	char room[TLS_CIPHER_ROOM];

	inside(h->session_id, (const char *)p, len);
	inside(h->server_name, (const char *)p, len);
	inside(h->protocol, (const char *)p, len);
	assert(h->session_id.len <= TLS_SESSION_ID_MAX);
	assert(tls_cipher__name(h->cipher, room).len < 64);
	assert(tls_version__name(h->version).len <= 3);
	if (h->server_name.p && tls_hello__valid_name(h->server_name))
		assert(h->server_name.len <= TLS_SERVER_NAME_MAX &&
		       !memchr(h->server_name.p, 0, h->server_name.len));
}

/* What a prefix says is said by the whole too. */
static void check_prefix(const struct tls_hello *whole, const struct tls_hello *cut)
{
	assert(!cut->kind || cut->kind == whole->kind);
	assert(!cut->version || cut->version == whole->version);
	assert(!cut->cipher || cut->cipher == whole->cipher);
	assert(!cut->session_id.p || slice_eq(cut->session_id, whole->session_id));
	assert(!cut->server_name.p || slice_eq(cut->server_name, whole->server_name));
	assert(!cut->protocol.p || slice_eq(cut->protocol, whole->protocol));
	assert(cut->psk <= whole->psk && cut->ticket <= whole->ticket);
	assert(cut->retry <= whole->retry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct tls_hello whole, cut;
	enum tls_hello_result r = tls_hello__parse(data, len, &whole), of_cut;
	size_t n = len ? (data[len / 2] * 257u + data[len - 1]) % len : 0;

	check_parts(&whole, data, len);
	of_cut = tls_hello__parse(data, n, &cut);
	check_parts(&cut, data, n);
	assert(r == TLS_HELLO_BAD || of_cut != TLS_HELLO_BAD);
	assert(r != TLS_HELLO_CUT || of_cut == TLS_HELLO_CUT);
	if (r != TLS_HELLO_BAD)
		check_prefix(&whole, &cut);
	return 0;
}
