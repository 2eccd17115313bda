// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * TLS is vectors within vectors, each with its length before it. A reader has two ends:
 * where its vector says that it ends, and where the captured bytes do. What goes over the
 * first is malformed, what goes over the second is cut. The first of these that happens
 * stops all readers, so nothing here checks a result before it reads on.
 */
#include "tls_hello.h"

#include <string.h>

enum {
	RECORD_ALERT = 21,
	RECORD_HANDSHAKE = 22,
	RECORD_MAX = (1 << 14) + 256,
};

enum {
	EXT_SERVER_NAME = 0,
	EXT_ALPN = 16,
	EXT_SESSION_TICKET = 35,
	EXT_PRE_SHARED_KEY = 41,
	EXT_SUPPORTED_VERSIONS = 43,
};

struct reader {
	const uint8_t *p;
	size_t left; /* of the vector */
	size_t have; /* of these, captured */
	enum tls_hello_result *result;
};

static bool take(struct reader *r, size_t n, const uint8_t **out)
{
	static const uint8_t none[1];

	*out = none;
	if (*r->result != TLS_HELLO_WHOLE)
		return false;
	if (n > r->left || n > r->have) {
		*r->result = n > r->left ? TLS_HELLO_BAD : TLS_HELLO_CUT;
		return false;
	}
	*out = r->p;
	r->p += n;
	r->left -= n;
	r->have -= n;
	return true;
}

static uint32_t number(struct reader *r, size_t bytes)
{
	const uint8_t *p;
	uint32_t v = 0;

	if (take(r, bytes, &p))
		while (bytes--)
			v = v << 8 | *p++;
	return v;
}

/* A vector whose length is in so many bytes before it; `r` stands behind it then. That it
 * is cut shows when what is not there is read. */
static struct reader vector(struct reader *r, size_t bytes)
{
	size_t n = number(r, bytes);
	struct reader v = { .p = r->p, .result = r->result };

	if (*r->result != TLS_HELLO_WHOLE)
		return v;
	if (n > r->left) {
		*r->result = TLS_HELLO_BAD;
		return v;
	}
	v.left = n;
	v.have = n < r->have ? n : r->have;
	r->p += v.have;
	r->have -= v.have;
	r->left -= n;
	return v;
}

static struct slice rest(struct reader *r)
{
	size_t n = r->left;
	const uint8_t *p;

	return take(r, n, &p) ? (struct slice){ (const char *)p, n } : (struct slice){ NULL, 0 };
}

static bool more(const struct reader *r)
{
	return *r->result == TLS_HELLO_WHOLE && r->left;
}

static void set(struct slice *to, struct slice s)
{
	if (!to->p)
		*to = s;
}

/* ---- extensions ----------------------------------------------------------------------- */

/* RFC 6066 §3. The server's is empty. */
static void server_name(struct reader *r, struct tls_hello *h)
{
	struct reader list, name;

	if (h->kind == TLS_HELLO_SERVER)
		return;
	list = vector(r, 2);
	while (more(&list)) {
		bool host = !number(&list, 1);

		name = vector(&list, 2);
		if (host)
			set(&h->server_name, rest(&name));
	}
}

/* RFC 7301 §3.1 */
static void alpn(struct reader *r, struct tls_hello *h)
{
	struct reader list = vector(r, 2), name = vector(&list, 1);

	set(&h->protocol, rest(&name));
}

static void extension(struct reader *r, struct tls_hello *h, uint16_t *version)
{
	uint32_t type = number(r, 2);
	struct reader body = vector(r, 2);

	if (*r->result != TLS_HELLO_WHOLE)
		return;
	if (type == EXT_SERVER_NAME)
		server_name(&body, h);
	else if (type == EXT_ALPN)
		alpn(&body, h);
	else if (type == EXT_SESSION_TICKET)
		h->ticket |= body.left && h->kind == TLS_HELLO_CLIENT;
	else if (type == EXT_PRE_SHARED_KEY)
		h->psk = true;
	else if (type == EXT_SUPPORTED_VERSIONS && h->kind == TLS_HELLO_SERVER)
		*version = number(&body, 2);
	rest(&body);
}

/* They decide which version it is: RFC 8446 §4.2.1. */
static void extensions(struct reader *r, struct tls_hello *h, uint16_t version)
{
	struct reader list;

	if (more(r)) { /* none at all before RFC 3546 */
		list = vector(r, 2);
		while (more(&list))
			extension(&list, h, &version);
	}
	if (more(r))
		*r->result = TLS_HELLO_BAD;
	if (*r->result == TLS_HELLO_WHOLE && h->kind == TLS_HELLO_SERVER)
		h->version = version;
}

/* ---- messages ------------------------------------------------------------------------- */

/* RFC 8446 §4.1.3: SHA-256 of "HelloRetryRequest". */
static bool is_retry(const uint8_t random[32])
{
	static const uint8_t retry[32] = { 0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11,
					   0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
					   0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e,
					   0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c };

	return !memcmp(random, retry, sizeof(retry));
}

static void session_id(struct reader *r, struct tls_hello *h)
{
	struct reader v = vector(r, 1);

	if (v.left > TLS_SESSION_ID_MAX)
		*r->result = TLS_HELLO_BAD;
	h->session_id = rest(&v);
	h->has_session_id = *r->result == TLS_HELLO_WHOLE;
}

static void cipher_suites(struct reader *r, struct tls_hello *h)
{
	struct reader list;

	if (h->kind == TLS_HELLO_SERVER) {
		h->cipher = number(r, 2);
		number(r, 1); /* compression */
		return;
	}
	list = vector(r, 2);
	if (*r->result == TLS_HELLO_WHOLE && (list.left < 2 || list.left % 2))
		*r->result = TLS_HELLO_BAD;
	rest(&list);
	list = vector(r, 1); /* compression */
	rest(&list);
}

static void message(struct reader *r, struct tls_hello *h)
{
	uint32_t version = number(r, 2);
	const uint8_t *random;

	if (*r->result == TLS_HELLO_WHOLE && version >> 8 != 3)
		*r->result = TLS_HELLO_BAD;
	if (take(r, 32, &random) && h->kind == TLS_HELLO_SERVER)
		h->retry = is_retry(random);
	session_id(r, h);
	cipher_suites(r, h);
	extensions(r, h, version);
}

size_t tls_hello__record_bytes(const uint8_t *p, size_t n)
{
	return n < TLS_RECORD_HEADER ? 0 : TLS_RECORD_HEADER + (size_t)(p[3] << 8 | p[4]);
}

/* The header of a handshake message, and of that what the record has. */
static void handshake(struct reader *record, struct tls_hello *h)
{
	uint32_t kind = number(record, 1);
	size_t n = number(record, 3);
	struct reader r;

	if (*record->result != TLS_HELLO_WHOLE)
		return;
	if (kind != TLS_HELLO_CLIENT && kind != TLS_HELLO_SERVER) {
		*record->result = TLS_HELLO_BAD;
		return;
	}
	h->kind = kind;
	r = (struct reader){ record->p, n, n < record->have ? n : record->have, record->result };
	message(&r, h);
}

enum tls_hello_result tls_hello__parse(const uint8_t *p, size_t n, struct tls_hello *out)
{
	enum tls_hello_result result = TLS_HELLO_WHOLE;
	struct reader r = { p, SIZE_MAX, n, &result }, record;
	uint32_t type = number(&r, 1);

	memset(out, 0, sizeof(*out));
	if (n && type == RECORD_ALERT)
		return TLS_HELLO_ALERT;
	if (n && type != RECORD_HANDSHAKE)
		return TLS_HELLO_BAD;
	if (number(&r, 2) >> 8 != 3 && result == TLS_HELLO_WHOLE)
		return TLS_HELLO_BAD;
	record = vector(&r, 2);
	if (record.left > RECORD_MAX)
		return TLS_HELLO_BAD;
	/* The message may go on in the next record. */
	if (result == TLS_HELLO_WHOLE)
		record.left = SIZE_MAX;
	handshake(&record, out);
	return result;
}

/* ---- names ---------------------------------------------------------------------------- */

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool valid_label(struct slice s)
{
	size_t i;

	if (!s.len || s.len > 63 || s.p[0] == '-' || s.p[s.len - 1] == '-')
		return false;
	for (i = 0; i < s.len; i++)
		if (!is_alnum(s.p[i]) && s.p[i] != '-')
			return false;
	return true;
}

bool tls_hello__valid_name(struct slice name)
{
	struct slice label;

	if (name.len > TLS_SERVER_NAME_MAX)
		return false;
	for (;;) {
		label = (struct slice){ name.p, slice_until(name, '.') };
		if (!valid_label(label))
			return false;
		if (label.len == name.len)
			return true;
		name = slice_skip(name, label.len + 1);
	}
}
