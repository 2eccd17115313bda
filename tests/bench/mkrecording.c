// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * mkrecording FILE N CONNECTIONS [KIND]: a recording of N transactions, as the kernel would have
 * written it, round-robin on so many connections. For measuring what is behind the ring: `time
 * redeye replay FILE`. The kinds are at the end of this file; the same arguments give the same
 * records, but for the header's time.
 */
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/wire.h"
#include "http2_frame.h"
#include "recording.h"

#define HELLOS "tests/fuzz/corpus/tls_hello/" /* real ones: run at the top of the tree */

struct maker {
	struct wire *w;
	nghttp2_hd_deflater *hpack[2]; /* of each connection, by its own two ends */
	unsigned int streams;
	uint64_t now_ns;
};

static const char *const paths[] = { "/", "/api/users/4711", "/api/orders/%d/items",
				     "/static/app.js", "/health" };

static void emit(void *arg, const void *record, size_t size)
{
	recording_writer__add(arg, record, size);
}

static unsigned int body_of(unsigned int i)
{
	return 64 + i % 512;
}

/* ---- HTTP/1 ------------------------------------------------------------------------------- */

static void exchange(struct maker *m, unsigned int i, int in, const char *path, const char *more)
{
	char request[512], answer[256];
	unsigned int body = body_of(i);
	int n;

	n = snprintf(
		request, sizeof(request),
		"GET %s HTTP/1.1\r\nHost: shop.example.org\r\nUser-Agent: bench/1.0 (x86_64)\r\n"
		"Accept: */*\r\nAccept-Encoding: gzip, br\r\n%s\r\n",
		path, more);
	wire_call(m->w, in, request, n, m->now_ns);
	n = snprintf(answer, sizeof(answer),
		     "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
		     "Content-Type: application/json\r\nContent-Length: %u\r\n\r\n",
		     body);
	wire_call(m->w, !in, answer, n, m->now_ns + 200000);
	wire_call(m->w, !in, memset(answer, 'x', sizeof(answer)), body < 256 ? body : 256,
		  m->now_ns + 210000);
	if (body > 256)
		wire_call(m->w, !in, NULL, body - 256, m->now_ns + 220000);
}

static void plain(struct maker *m, unsigned int i, int in, const char *more)
{
	char path[64];

	snprintf(path, sizeof(path), paths[i % 5], i % 100000);
	exchange(m, i, in, path, more);
}

static void server(struct maker *m, unsigned int i)
{
	plain(m, i, RED_DIR_IN, "");
}

static void client(struct maker *m, unsigned int i)
{
	plain(m, i, RED_DIR_OUT, "");
}

/* With the context of a trace, which is sampled. */
static void traced(struct maker *m, unsigned int i)
{
	char more[128];

	snprintf(more, sizeof(more),
		 "traceparent: 00-4bf92f3577b34da6a3ce929d%08x-00f067aa%08x-01\r\n", i + 1, i + 1);
	plain(m, i, RED_DIR_IN, more);
}

/* Each request has a route of its own, which makes a series. */
static void series(struct maker *m, unsigned int i)
{
	static const char *const words[] = { "alpha", "beta",  "gamma", "delta", "epsilon",
					     "zeta",  "theta", "iota",  "kappa", "lambda" };
	char path[64];

	snprintf(path, sizeof(path), "/%s/%s/%s", words[i % 10], words[i / 10 % 10],
		 words[i / 100 % 10]);
	exchange(m, i, RED_DIR_IN, path, "");
}

/* ---- HTTP/2 ------------------------------------------------------------------------------- */

struct field {
	const char *name, *value;
	bool literal; /* never put into the table, as nginx does with all that it says */
};

#define FIELD(name, value)                                                                         \
	{                                                                                          \
		name, value, false                                                                 \
	}
#define NEVER(name, value)                                                                         \
	{                                                                                          \
		name, value, true                                                                  \
	}

static size_t block(struct maker *m, int end, const struct field *f, size_t n, uint8_t *to,
		    size_t room)
{
	nghttp2_nv nv[16];
	ssize_t len;
	size_t i;

	for (i = 0; i < n; i++)
		nv[i] = (nghttp2_nv){ (uint8_t *)f[i].name, (uint8_t *)f[i].value,
				      strlen(f[i].name), strlen(f[i].value),
				      f[i].literal ? NGHTTP2_NV_FLAG_NO_INDEX : 0 };
	len = nghttp2_hd_deflate_hd(m->hpack[end], to, room, nv, n);
	if (len < 0)
		abort();
	return len;
}

static void frame_header(uint8_t *p, uint32_t len, uint8_t type, uint8_t flags, uint32_t stream)
{
	const uint8_t head[HTTP2_FRAME_HEADER] = {
		len >> 16,    len >> 8,     len,         type,   flags,
		stream >> 24, stream >> 16, stream >> 8, stream,
	};

	memcpy(p, head, sizeof(head));
}

/* HEADERS by a call of its own. */
static void headers(struct maker *m, int dir, const struct field *f, size_t n, uint8_t flags,
		    uint64_t ts_ns)
{
	uint8_t p[1024];
	size_t len = block(m, dir, f, n, p + HTTP2_FRAME_HEADER, sizeof(p) - HTTP2_FRAME_HEADER);

	frame_header(p, len, HTTP2_HEADERS, flags | HTTP2_END_HEADERS, 2 * m->streams + 1);
	wire_frames(m->w, dir, p, HTTP2_FRAME_HEADER + len, HTTP2_FRAME_HEADER + len, ts_ns);
}

static void data(struct maker *m, int dir, uint32_t len, uint8_t flags, uint64_t ts_ns)
{
	uint8_t p[HTTP2_FRAME_HEADER + RED_DATA_CAP] = { 0 };
	uint32_t got = len < RED_DATA_CAP ? len : RED_DATA_CAP;

	frame_header(p, len, HTTP2_DATA, flags, 2 * m->streams + 1);
	p[HTTP2_FRAME_HEADER + 4] = len - 5; /* a message's prefix, should it be a call */
	wire_frames(m->w, dir, p, HTTP2_FRAME_HEADER + len, HTTP2_FRAME_HEADER + got, ts_ns);
}

static void preface(struct maker *m)
{
	static const uint8_t p[] = HTTP2_PREFACE "\0\0\0\4\0\0\0\0"; /* and empty SETTINGS */

	if (m->w->opened)
		return;
	if (nghttp2_hd_deflate_new(&m->hpack[0], 4096) ||
	    nghttp2_hd_deflate_new(&m->hpack[1], 4096))
		abort();
	wire_frames(m->w, RED_DIR_IN, p, sizeof(p), sizeof(p), m->now_ns);
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void http2(struct maker *m, unsigned int i)
{
	char path[64], length[16];
	const struct field request[] = {
		FIELD(":method", "GET"),
		FIELD(":path", path),
		FIELD(":scheme", "https"),
		FIELD(":authority", "shop.example.org"),
		FIELD("user-agent", "bench/1.0 (x86_64)"),
		FIELD("accept", "*/*"),
		FIELD("accept-encoding", "gzip, br"),
	};
	const struct field answer[] = {
		FIELD(":status", "200"),
		NEVER("server", "nginx/1.22.1"),
		NEVER("date", "Mon, 01 Jan 2024 00:00:00 GMT"),
		NEVER("content-type", "text/plain"),
		NEVER("content-length", length),
		NEVER("last-modified", "Sun, 31 Dec 2023 23:59:59 GMT"),
		NEVER("etag", "\"65920080-6\""),
		NEVER("accept-ranges", "bytes"),
	};

	preface(m);
	snprintf(path, sizeof(path), paths[i % 5], i % 100000);
	snprintf(length, sizeof(length), "%u", body_of(i));
	headers(m, RED_DIR_IN, request, COUNT(request), HTTP2_END_STREAM, m->now_ns);
	headers(m, RED_DIR_OUT, answer, COUNT(answer), 0, m->now_ns + 200000);
	data(m, RED_DIR_OUT, body_of(i), HTTP2_END_STREAM, m->now_ns + 210000);
	m->streams++;
}

/* Never answered: all of them are open at the end. */
static void streams(struct maker *m, unsigned int i)
{
	static const struct field request[] = {
		FIELD(":method", "GET"),
		FIELD(":path", "/wait"),
		FIELD(":scheme", "http"),
		FIELD(":authority", "shop.example.org"),
	};

	preface(m);
	headers(m, RED_DIR_IN, request, COUNT(request), HTTP2_END_STREAM, m->now_ns);
	m->streams++;
}

static void grpc(struct maker *m, unsigned int i)
{
	static const struct field request[] = {
		FIELD(":method", "POST"),
		FIELD(":scheme", "http"),
		FIELD(":path", "/shop.Orders/Get"),
		FIELD(":authority", "shop.example.org:8080"),
		FIELD("content-type", "application/grpc"),
		FIELD("user-agent", "grpc-go/1.60.0"),
		FIELD("te", "trailers"),
		FIELD("grpc-timeout", "999m"),
	};
	static const struct field answer[] = {
		FIELD(":status", "200"),
		FIELD("content-type", "application/grpc"),
	};
	static const struct field trailers[] = {
		FIELD("grpc-status", "0"),
		FIELD("grpc-message", ""),
	};

	preface(m);
	headers(m, RED_DIR_IN, request, COUNT(request), 0, m->now_ns);
	data(m, RED_DIR_IN, 64, HTTP2_END_STREAM, m->now_ns + 10000);
	headers(m, RED_DIR_OUT, answer, COUNT(answer), 0, m->now_ns + 200000);
	data(m, RED_DIR_OUT, 64, 0, m->now_ns + 210000);
	headers(m, RED_DIR_OUT, trailers, COUNT(trailers), HTTP2_END_STREAM, m->now_ns + 220000);
	m->streams++;
}

/* ---- connections --------------------------------------------------------------------------- */

/* The connection has told all that it had to: the next transaction is another one's. */
static void new_connection(struct maker *m)
{
	if (m->w->opened)
		wire_state(m->w, RED_EV_CLOSE, 0, RED_STATE_LOCAL, m->now_ns);
	m->w->opened = false;
	m->w->id += 1u << 20;
	memset(m->w->d, 0, sizeof(m->w->d));
	memset(m->w->wire_off, 0, sizeof(m->w->wire_off));
	m->w->last_dir = 2;
	m->w->layer = 0;
}

static void brief(struct maker *m, unsigned int i)
{
	new_connection(m);
	server(m, i);
}

static void hello(struct maker *m, int dir, const char *file)
{
	uint8_t p[RED_CAP_MAX];
	FILE *f = fopen(file, "r");
	size_t n = f ? fread(p, 1, sizeof(p), f) : 0;

	if (!n)
		exit((fprintf(stderr, "mkrecording: cannot read %s\n", file), 1));
	fclose(f);
	wire_hello(m->w, dir, p, n, n, m->now_ns);
}

/* A connection each, with the hellos of its handshake and one request inside. */
static void tls(struct maker *m, unsigned int i)
{
	new_connection(m);
	hello(m, RED_DIR_IN, HELLOS "curl-c");
	hello(m, RED_DIR_OUT, HELLOS "curl-s");
	wire_layer(m->w, 1, false);
	server(m, i);
}

/* ---- all of it ------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	void (*transaction)(struct maker *m, unsigned int i);
} kinds[] = {
	{ "http1", server },    { "client", client }, { "traced", traced },
	{ "series", series },   { "http2", http2 },   { "grpc", grpc },
	{ "streams", streams }, { "brief", brief },   { "tls", tls },
};

static struct maker *makers(unsigned int n, struct recording_writer *out)
{
	struct maker *m = calloc(n, sizeof(*m));
	unsigned int i;

	for (i = 0; m && i < n; i++) {
		m[i].w = calloc(1, sizeof(*m[i].w));
		if (!m[i].w)
			abort();
		wire_init(m[i].w, emit, out);
		m[i].w->id = i + 1;
	}
	return m;
}

static void end(struct maker *m)
{
	wire_state(m->w, RED_EV_CLOSE, 0, RED_STATE_LOCAL, m->now_ns);
	if (m->hpack[0]) {
		nghttp2_hd_deflate_del(m->hpack[0]);
		nghttp2_hd_deflate_del(m->hpack[1]);
	}
	free(m->w);
}

int main(int argc, char **argv)
{
	unsigned int i, n = argc > 2 ? atoi(argv[2]) : 0, conns = argc > 3 ? atoi(argv[3]) : 0;
	const char *kind = argc > 4 ? argv[4] : "http1";
	struct recording_writer *out;
	struct maker *m;
	size_t k = 0;

	while (k < COUNT(kinds) && strcmp(kinds[k].name, kind))
		k++;
	out = conns && k < COUNT(kinds) ? recording_writer__new(argv[1]) : NULL;
	m = out ? makers(conns, out) : NULL;
	if (!m) {
		fprintf(stderr, "usage: mkrecording FILE N CONNECTIONS [KIND]\n");
		return 2;
	}
	for (i = 0; i < n; i++) {
		m[i % conns].now_ns = 1000000000 + i * 10000ull;
		kinds[k].transaction(&m[i % conns], i);
	}
	for (i = 0; i < conns; i++) {
		m[i].now_ns = 2000000000 + n * 10000ull + i * 1000000ull;
		end(&m[i]);
	}
	free(m);
	return recording_writer__free(out) ? 1 : 0;
}
