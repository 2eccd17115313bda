/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One connection on which TLS begins: what is on the wire, and the plaintext that comes as
 * the next layer. */
#ifndef RED_TEST_CONN_FIXTURE_H
#define RED_TEST_CONN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "assert_slice.h"
#include "conn.h"
#include "conn_env.h"
#include "hellos.h"
#include "options.h"
#include "tls_hello.h"
#include "tls_names.h"
#include "wire.h"

#define MS     1000000ull
#define OK     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define GET(p) "GET " p " HTTP/1.1\r\nHost: a\r\n\r\n"

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
static struct seen seen[64];
static struct wire w;
static uint64_t place, now, inserted; /* the last: by a header that redeye wrote */
static bool established;
static int n_seen, n_opaque, n_asked, asked[16];

static inline void on_start(void *arg, struct request *r)
{
	place = r->place;
	established = r->conn->established;
	assert_int_equal(r->conn->inserted, 0);
	r->conn->inserted = inserted;
}

static inline void on_end(void *arg, struct request *r)
{
}

static inline void on_span(void *arg, struct span *s)
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

static inline void opaque(void *arg, uint32_t tgid)
{
	n_opaque++;
}

static inline int poll_conn(void *arg, const struct conn *c, enum red_poll_cmd cmd)
{
	if (n_asked < 16)
		asked[n_asked] = cmd;
	n_asked++;
	return 0;
}

static inline int set_up(void **state)
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
	wire_init(&w, feed, t);
	return 0;
}

static inline int tear_down(void **state)
{
	int i;

	conn_table__free(t);
	nothing_held(&env);
	for (i = 0; i < 64; i++) {
		free(seen[i].tls);
		seen[i].tls = NULL;
	}
	return 0;
}

static inline const struct conn_stat *stat(void)
{
	return conn_table__stat(t);
}

/* ---- what happens ---- */

static inline void in(const char *s)
{
	wire_call(&w, RED_DIR_IN, s, strlen(s), now += MS);
}

static inline void out(const char *s)
{
	wire_call(&w, RED_DIR_OUT, s, strlen(s), now += MS);
}

static inline void says(uint16_t kind, uint8_t flags)
{
	wire_state(&w, kind, RED_DIR_IN, flags, now += MS);
}

static inline void layer(uint16_t n)
{
	wire_layer(&w, n, false);
}

/* By calls that move so many bytes, the last the rest. */
static inline void hello(int dir, const char *file, size_t first, size_t each)
{
	uint8_t data[RED_CAP_MAX];
	size_t len = load_hello(file, data), at, n;

	for (at = 0; at < len; at += n) {
		n = at || !first ? each : first;
		n = n && n < len - at ? n : len - at;
		wire_hello(&w, dir, data + at, n, n, now += MS);
	}
}

static inline void handshake(int client, const char *name)
{
	char file[64];

	snprintf(file, sizeof(file), "%s-c", name);
	hello(client, file, TLS_RECORD_HEADER, 0);
	snprintf(file, sizeof(file), "%s-s", name);
	hello(!client, file, TLS_RECORD_HEADER, 0);
}

static inline void unseen(int dir)
{
	wire_hello(&w, dir, NULL, 100, 0, now += MS);
}

static inline void tls_is(const struct seen *k, const char *version, const char *cipher,
			  int resumed, const char *name, const char *protocol)
{
	char room[TLS_CIPHER_ROOM];

	assert_non_null(k->tls);
	assert_slice(tls_version__name(k->tls->version), version);
	assert_slice(tls_cipher__name(k->tls->cipher, room), cipher);
	assert_int_equal(k->tls->resumed, resumed);
	assert_slice(span_tls__server_name(k->tls), name);
	assert_slice(span_tls__next_protocol(k->tls), protocol);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif /* RED_TEST_CONN_FIXTURE_H */
