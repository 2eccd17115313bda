// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A request through libcurl. One easy handle lives as long as the client, in one multi
 * handle, which keeps the connection between requests; its options never change, but for
 * the size of the body and, rarely, the list of headers.
 *
 * A multi handle for a single transfer, because curl_easy_perform cannot be left: here the
 * loop wakes at least every POLL_MS and asks whether to go on. What could still hold it
 * is curl waiting for its resolver thread, which it does not do with QUICK_EXIT.
 *
 * gRPC needs little more than HTTP/2: five bytes in front of the message, and a look at the
 * trailers, which curl hands over as headers. An http:// endpoint speaks it from the first
 * byte, an https:// one when the server agrees in ALPN.
 *
 * No redirect is followed: the request carries credentials. A proxy is used when curl's
 * own variables (http_proxy, https_proxy, no_proxy) name one.
 */
#include "otlp_client.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "curl.h"
#include "loop.h"
#include "otlp_client_answer.h"
#include "otlp_client_gzip.h"
#include "otlp_client_headers.h"

#define POLL_MS     100
#define USER_AGENT  "redeye/" REDEYE_VERSION " OTel-OTLP-Exporter-C/" REDEYE_VERSION
#define GRPC_PREFIX 5

#define SPIN_ROUNDS   16 /* in less than SPIN_NS: nobody waited for anything */
#define SPIN_NS       8000000
#define SPIN_WAIT_MS  20
#define SPIN_BLIND_MS 1
#define ZIPPED_KEEP   (1u << 20) /* a larger buffer goes after its request */

struct otlp_client {
	const struct curl_api *curl;
	const struct otlp_endpoint *endpoint;
	CURLM *multi;
	CURL *easy;
	struct curl_slist *headers[OTLP_ZIPKIN_JSON + 1]; /* by encoding, made when needed */
	struct otlp_gzip *gzip;
	struct buf zipped;
	struct otlp_answer answer;
	char curl_error[CURL_ERROR_SIZE];

	/* the request that is on its way */
	char prefix[GRPC_PREFIX];
	size_t prefix_len, at; /* `at` counts through the prefix and the body */
	struct slice body;
	unsigned int calls; /* of the callbacks that moved something */
};

/* ---- what curl calls ---- */

static size_t copy_part(struct slice part, size_t at, char *to, size_t room)
{
	size_t n = at < part.len ? part.len - at : 0;

	n = n < room ? n : room;
	if (n)
		memcpy(to, part.p + at, n);
	return n;
}

static size_t read_body(char *to, size_t size, size_t n, void *arg)
{
	struct otlp_client *c = arg;
	struct slice prefix = { c->prefix, c->prefix_len };
	size_t room = size * n, done = copy_part(prefix, c->at, to, room);

	c->calls++;
	c->at += done;
	if (c->at >= prefix.len) {
		size_t more = copy_part(c->body, c->at - prefix.len, to + done, room - done);

		c->at += more;
		done += more;
	}
	return done;
}

/* A kept connection that turned out to be closed: curl begins anew on another one. */
static int seek_body(void *arg, curl_off_t offset, int origin)
{
	struct otlp_client *c = arg;

	if (origin != SEEK_SET || offset < 0 || (size_t)offset > c->prefix_len + c->body.len)
		return CURL_SEEKFUNC_FAIL;
	c->at = offset;
	return CURL_SEEKFUNC_OK;
}

static size_t take_header(char *p, size_t size, size_t n, void *arg)
{
	struct otlp_client *c = arg;

	c->calls++;
	otlp_answer__header(&c->answer, (struct slice){ p, size * n });
	return size * n;
}

static size_t take_body(char *p, size_t size, size_t n, void *arg)
{
	struct otlp_client *c = arg;

	c->calls++;
	return otlp_answer__body(&c->answer, p, size * n) ? size * n : 0;
}

/* ---- setting up ---- */

static void set_tls(struct otlp_client *c)
{
	const struct otlp_endpoint *e = c->endpoint;

	if (e->certificate) {
		c->curl->easy_setopt(c->easy, CURLOPT_CAINFO, e->certificate);
		c->curl->easy_setopt(c->easy, CURLOPT_CAPATH, NULL);
	}
	if (e->client_certificate) {
		c->curl->easy_setopt(c->easy, CURLOPT_SSLCERT, e->client_certificate);
		c->curl->easy_setopt(c->easy, CURLOPT_SSLKEY, e->client_key);
	}
}

static long http_version(const struct otlp_endpoint *e)
{
	if (e->protocol != OTLP_GRPC)
		return CURL_HTTP_VERSION_1_1;
	return strncmp(e->url, "https:", 6) ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE
					    : CURL_HTTP_VERSION_2TLS;
}

/* curl 7.88, which Debian 12 has, sends HTTP/2's preface again on a kept connection that began
 * without TLS (github.com/curl/curl/pull/10643): there each request has its own. */
static bool may_keep_connection(const struct otlp_client *c)
{
	unsigned int version = c->curl->version_info(CURLVERSION_NOW)->version_num;

	return http_version(c->endpoint) != CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE ||
	       version < 0x075800 || version >= 0x080000;
}

static void set_options(struct otlp_client *c)
{
	CURLcode (*set)(CURL *, CURLoption, ...) = c->curl->easy_setopt;
	long timeout_ms = c->endpoint->timeout_ns / 1000000;

	set(c->easy, CURLOPT_URL, c->endpoint->url);
	set(c->easy, CURLOPT_POST, 1L);
	set(c->easy, CURLOPT_USERAGENT, USER_AGENT);
	set(c->easy, CURLOPT_HTTP_VERSION, http_version(c->endpoint));
	set(c->easy, CURLOPT_TIMEOUT_MS, timeout_ms ? timeout_ms : 1L);
	set(c->easy, CURLOPT_TCP_KEEPALIVE, 1L);
	set(c->easy, CURLOPT_FORBID_REUSE, may_keep_connection(c) ? 0L : 1L);
	set(c->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	set(c->easy, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
	set(c->easy, CURLOPT_QUICK_EXIT, 1L);
#endif
	set(c->easy, CURLOPT_ERRORBUFFER, c->curl_error);
	set(c->easy, CURLOPT_READFUNCTION, read_body);
	set(c->easy, CURLOPT_READDATA, c);
	set(c->easy, CURLOPT_SEEKFUNCTION, seek_body);
	set(c->easy, CURLOPT_SEEKDATA, c);
	set(c->easy, CURLOPT_HEADERFUNCTION, take_header);
	set(c->easy, CURLOPT_HEADERDATA, c);
	set(c->easy, CURLOPT_WRITEFUNCTION, take_body);
	set(c->easy, CURLOPT_WRITEDATA, c);
	set_tls(c);
	c->curl->multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, 1L);
}

static bool set_up(struct otlp_client *c, char *err, size_t err_size)
{
	c->curl = curl_api__get(err, err_size);
	if (!c->curl)
		return false;
	if (c->endpoint->protocol == OTLP_GRPC &&
	    !(c->curl->version_info(CURLVERSION_NOW)->features & CURL_VERSION_HTTP2)) {
		snprintf(err, err_size,
			 "the libcurl of this machine has no HTTP/2, which grpc needs");
		return false;
	}
	snprintf(err, err_size, "out of memory");
	c->multi = c->curl->multi_init();
	c->easy = c->curl->easy_init();
	if (c->endpoint->gzip)
		c->gzip = otlp_gzip__new();
	return c->multi && c->easy && (c->gzip || !c->endpoint->gzip);
}

struct otlp_client *otlp_client__new(const struct otlp_endpoint *e, char *err, size_t err_size)
{
	struct otlp_client *c = calloc(1, sizeof(*c));

	if (!c) {
		snprintf(err, err_size, "out of memory");
		return NULL;
	}
	c->endpoint = e;
	otlp_answer__init(&c->answer, e->protocol);
	if (!set_up(c, err, err_size)) {
		otlp_client__free(c);
		return NULL;
	}
	set_options(c);
	return c;
}

void otlp_client__free(struct otlp_client *c)
{
	if (!c)
		return;
	if (c->easy)
		c->curl->easy_cleanup(c->easy);
	if (c->multi)
		c->curl->multi_cleanup(c->multi);
	for (int i = 0; i <= OTLP_ZIPKIN_JSON; i++) {
		if (c->headers[i])
			c->curl->slist_free_all(c->headers[i]);
	}
	otlp_gzip__free(c->gzip);
	buf__free(&c->zipped);
	otlp_answer__free(&c->answer);
	free(c);
}

/* ---- a request ---- */

static void refuse(struct otlp_outcome *out, enum otlp_result result, const char *reason)
{
	out->result = result;
	snprintf(out->reason, sizeof(out->reason), "%s", reason);
}

/* What was kept on disk may be from before the protocol was changed. */
static bool can_carry(enum otlp_protocol protocol, enum otlp_encoding encoding)
{
	switch (protocol) {
	case OTLP_GRPC:
		return encoding == OTLP_PROTOBUF;
	case OTLP_ZIPKIN:
		return encoding == OTLP_ZIPKIN_JSON;
	default:
		return encoding == OTLP_PROTOBUF || encoding == OTLP_JSON;
	}
}

static bool acceptable(const struct otlp_client *c, const struct otlp_request *r,
		       struct otlp_outcome *out)
{
	if (r->len > OTLP_REQUEST_MAX)
		refuse(out, OTLP_TOO_LARGE, "a request of more than 64 MiB");
	else if (!can_carry(c->endpoint->protocol, r->encoding))
		refuse(out, OTLP_PERMANENT, "encoded for another protocol than the one set now");
	else
		return true;
	return false;
}

static void put_prefix(struct otlp_client *c)
{
	c->prefix_len = c->endpoint->protocol == OTLP_GRPC ? GRPC_PREFIX : 0;
	c->prefix[0] = c->endpoint->gzip;
	for (int i = 0; i < 4; i++)
		c->prefix[1 + i] = (char)(c->body.len >> (24 - 8 * i));
}

/* Body and headers in place; false: no memory. */
static bool prepare(struct otlp_client *c, const struct otlp_request *r)
{
	otlp_answer__reset(&c->answer);
	*c->curl_error = '\0';
	c->body = (struct slice){ r->p, r->len };
	c->at = 0;
	if (c->gzip) {
		if (otlp_gzip__pack(c->gzip, r->p, r->len, &c->zipped))
			return false;
		c->body = (struct slice){ c->zipped.p, c->zipped.len };
	}
	put_prefix(c);
	if (!c->headers[r->encoding])
		c->headers[r->encoding] = otlp_headers__make(c->curl, c->endpoint, r->encoding);
	c->curl->easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers[r->encoding]);
	c->curl->easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE,
			     (curl_off_t)(c->prefix_len + c->body.len));
	return c->headers[r->encoding];
}

/* How the transfer failed, NULL when it did not. */
static const char *result_of(struct otlp_client *c)
{
	int left;
	CURLMsg *m = c->curl->multi_info_read(c->multi, &left);

	if (!m || m->msg != CURLMSG_DONE)
		return "the transfer did not end";
	if (m->data.result == CURLE_OK)
		return NULL;
	return *c->curl_error ? c->curl_error : c->curl->easy_strerror(m->data.result);
}

/* Rounds in which nothing moved, in a row. */
struct idle {
	unsigned int calls, rounds;
	uint64_t since_ns;
};

/* Where HTTP/2's window is closed curl waits for a socket that can be written, which it can at
 * once: it would spin until the collector opens it. */
static bool is_spinning(const struct otlp_client *c, struct idle *idle)
{
	uint64_t now = mono_ns(), since = idle->since_ns;

	bool moved = c->calls != idle->calls;

	if (!moved && ++idle->rounds < SPIN_ROUNDS)
		return false;
	*idle = (struct idle){ .calls = c->calls, .since_ns = now };
	return !moved && now - since < SPIN_NS;
}

/* The socket that curl waits for; -1: none, or a number that an fd_set cannot hold. */
static int socket_of(struct otlp_client *c)
{
	fd_set in, out, except;
	int max = -1;

	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&except);
	c->curl->multi_fdset(c->multi, &in, &out, &except, &max);
	return max;
}

static void wait_for_peer(struct otlp_client *c)
{
	struct pollfd p = { .fd = socket_of(c), .events = POLLIN };

	poll(&p, 1, p.fd < 0 ? SPIN_BLIND_MS : SPIN_WAIT_MS);
}

static const char *transfer(struct otlp_client *c, const struct otlp_request *r)
{
	struct idle idle = { .calls = c->calls, .since_ns = mono_ns() };
	int running = 1;

	while (running) {
		if (c->curl->multi_perform(c->multi, &running) != CURLM_OK)
			return "libcurl failed";
		if (running && r->give_up && r->give_up(r->arg))
			return "no answer in time to stop";
		if (running && is_spinning(c, &idle))
			wait_for_peer(c);
		else if (running &&
			 c->curl->multi_poll(c->multi, NULL, 0, POLL_MS, NULL) != CURLM_OK)
			return "libcurl failed";
	}
	return result_of(c);
}

void otlp_client__post(struct otlp_client *c, const struct otlp_request *r,
		       struct otlp_outcome *out)
{
	const char *broken = "out of memory";

	*out = (struct otlp_outcome){ 0 };
	if (!acceptable(c, r, out))
		return;
	if (prepare(c, r) && c->curl->multi_add_handle(c->multi, c->easy) == CURLM_OK) {
		broken = transfer(c, r);
		c->curl->multi_remove_handle(c->multi, c->easy);
	}
	out->sent_bytes = c->at;
	otlp_answer__outcome(&c->answer, broken, time(NULL), out);
	if (c->zipped.cap > ZIPPED_KEEP)
		buf__free(&c->zipped);
}
