// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The API over HTTP: parameters in, caching and compression around the answer, and streams.
 * Answers are made one at a time, and those that wait in slow connections share one budget.
 *
 * A stream is pulled: the connection's own thread asks for the next piece when the last one
 * is with the kernel, waits in the history's queue while there is none, and never holds more
 * than one piece. Whose turn it is is noted (httpd_conns.c), so that a client that does not take a
 * piece in time is cut off.
 */
#include "httpd_routes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api.h"
#include "hash.h"
#include "history.h"

#define STREAMS_MAX  (HISTORY_WATCHES_MAX - 2) /* of a door: the other has two at the least */
#define STREAM_BLOCK 8192

/* ---- requests ------------------------------------------------------------------------ */

static enum MHD_Result take_param(void *arg, enum MHD_ValueKind kind, const char *key,
				  size_t key_len, const char *value, size_t value_len)
{
	struct api_request *r = arg;

	if (r->n_params < API_PARAMS_MAX)
		r->params[r->n_params] =
			(struct api_param){ key, { value, value ? value_len : 0 } };
	r->n_params++;
	return MHD_YES;
}

static void read_request(const struct httpd_exchange *e, struct api_request *r)
{
	r->path = e->path;
	r->n_params = 0;
	MHD_get_connection_values_n(e->c, MHD_GET_ARGUMENT_KIND, take_param, r);
}

/* ---- answers ------------------------------------------------------------------------- */

struct answer {
	struct httpd_budget *budget;
	struct buf data;
	unsigned int status;
	bool packed;
};

static void free_answer(void *arg)
{
	struct answer *a = arg;

	httpd_budget__give_back(a->budget, a->data.len);
	buf__free(&a->data);
	free(a);
}

static void pack(struct answer *a)
{
	struct buf packed = { 0 };

	if (httpd_gzip(&a->data, &packed)) {
		buf__free(&packed);
		return;
	}
	buf__free(&a->data);
	a->data = packed;
	a->packed = true;
}

/* 0, -ETIMEDOUT (others are being made), -EAGAIN (we stop), -ENOSPC (others are being sent). */
static int lock(struct httpd_door *d)
{
	struct timespec until;
	struct httpd *h = d->h;
	int err;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += h->config.timeout_s;
	err = pthread_mutex_clocklock(&h->api_lock, CLOCK_MONOTONIC, &until);
	if (err)
		return -err;
	if (atomic_load(&h->scrape.stopping))
		err = -EAGAIN;
	else if (httpd_budget__is_spent(&d->api))
		err = -ENOSPC;
	if (err)
		pthread_mutex_unlock(&h->api_lock);
	return err;
}

static int fill(struct answer *a, struct httpd_door *d, const struct api_request *r, bool gzip,
		struct httpd_etag *tag)
{
	int err = lock(d);

	if (err)
		return err;
	buf__init(&a->data, API_ANSWER_MAX);
	a->status = api__answer(d->h->config.api, r, &a->data);
	tag->content = hash_bytes(a->data.p, a->data.len) | 1;
	if (gzip && a->data.len >= HTTPD_GZIP_LEAST)
		pack(a);
	err = httpd_budget__take(&d->api, a->data.len);
	pthread_mutex_unlock(&d->h->api_lock);
	return err;
}

/* NULL with errno. */
static struct answer *make(struct httpd_door *d, const struct api_request *r, bool gzip,
			   struct httpd_etag *tag)
{
	struct answer *a = calloc(1, sizeof(*a));
	int err = a ? fill(a, d, r, gzip, tag) : -ENOMEM;

	if (!err) {
		a->budget = &d->api;
		return a;
	}
	if (a)
		buf__free(&a->data);
	free(a);
	errno = -err;
	return NULL;
}

static struct httpd_reply send_answer(const struct httpd_exchange *e, struct answer *a,
				      const struct httpd_etag *tag)
{
	struct MHD_Response *r = MHD_create_response_from_buffer_with_free_callback_cls(
		a->data.len, a->data.p, free_answer, a);

	if (!r) {
		free_answer(a);
		return (struct httpd_reply){ 0 };
	}
	MHD_add_response_header(r, "Content-Type", "application/json");
	if (a->packed)
		MHD_add_response_header(r, "Content-Encoding", "gzip");
	if (a->status == MHD_HTTP_OK)
		httpd_reply__add_etag(r, tag);
	return (struct httpd_reply){ a->status, r, a->status == MHD_HTTP_OK };
}

static struct httpd_reply answer(const struct httpd_exchange *e, const struct api_request *r)
{
	const char *known = httpd__header(e->c, "If-None-Match");
	bool gzip = prom__accepts_gzip(httpd__header(e->c, "Accept-Encoding"));
	struct httpd_etag tag = { .generation = api__generation(e->h->config.api, r->path) };
	struct answer *a;

	if (httpd_etag__matches(&tag, known))
		return httpd_reply__not_modified(&tag);
	a = make(e->door, r, gzip, &tag);
	if (!a)
		return httpd_reply__error(e, MHD_HTTP_SERVICE_UNAVAILABLE,
					  errno == ENOSPC ? "too much is being sent already"
							  : "no time for an answer");
	if (a->status == MHD_HTTP_OK && httpd_etag__matches(&tag, known)) {
		free_answer(a);
		return httpd_reply__not_modified(&tag);
	}
	return send_answer(e, a, &tag);
}

/* ---- streams ------------------------------------------------------------------------- */

struct stream {
	struct httpd_door *door;
	struct httpd_conn *conn;
	struct api_stream *api;
	struct buf piece;
	size_t sent; /* of the piece */
};

static ssize_t read_stream(void *arg, uint64_t pos, char *to, size_t max)
{
	struct stream *s = arg;
	size_t n;
	int err = 0;

	httpd_conns__turn(s->door->conns, s->conn, true);
	if (s->sent == s->piece.len) {
		buf__reset(&s->piece);
		s->sent = 0;
		err = api_stream__next(s->api, &s->piece);
	}
	httpd_conns__turn(s->door->conns, s->conn, false);
	if (err)
		return MHD_CONTENT_READER_END_OF_STREAM;
	n = s->piece.len - s->sent < max ? s->piece.len - s->sent : max;
	memcpy(to, s->piece.p + s->sent, n);
	s->sent += n;
	return (ssize_t)n;
}

static void free_stream(void *arg)
{
	struct stream *s = arg;

	api_stream__free(s->api);
	atomic_fetch_sub(&s->door->streams, 1);
	buf__free(&s->piece);
	free(s);
}

static struct httpd_reply no_stream(unsigned int status, const struct buf *text, const char *type)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(text->len, text->p, MHD_RESPMEM_MUST_COPY);

	if (r)
		MHD_add_response_header(r, "Content-Type", type);
	return (struct httpd_reply){ status, r, false };
}

static struct httpd_reply begin_stream(const struct httpd_exchange *e, struct stream *s)
{
	struct MHD_Response *r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK,
								   read_stream, s, free_stream);

	if (!r) {
		free_stream(s);
		return (struct httpd_reply){ 0 };
	}
	/* What is waited for shows at once that it has begun. */
	buf__puts(&s->piece, ":\n\n");
	/* We look after it: not libmicrohttpd, which would count our own silence too. (1.0.1 does
	 * all the same with a thread per connection; but we say something each second.) */
	MHD_set_connection_option(e->c, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
	httpd_conns__streams(s->door->conns, s->conn);
	MHD_add_response_header(r, "Content-Type", "text/event-stream");
	return (struct httpd_reply){ MHD_HTTP_OK, r, false };
}

static struct httpd_reply too_many(const struct httpd_exchange *e)
{
	char why[60];

	snprintf(why, sizeof(why), "%d clients have events already", STREAMS_MAX);
	return httpd_reply__error(e, MHD_HTTP_SERVICE_UNAVAILABLE, why);
}

/* To HEAD, libmicrohttpd would send the end of a body of unknown size. */
static struct httpd_reply stream(const struct httpd_exchange *e, const struct api_request *request)
{
	struct stream *s = calloc(1, sizeof(*s));
	struct httpd_reply reply;
	unsigned int status;

	if (!s)
		return (struct httpd_reply){ 0 };
	s->door = e->door;
	if (atomic_fetch_add(&s->door->streams, 1) >= STREAMS_MAX) {
		free_stream(s);
		return too_many(e);
	}
	s->conn = httpd__conn(e->c);
	s->api = api_stream__new(e->h->config.api, request, &s->piece, &status);
	if (s->api && !e->head)
		return begin_stream(e, s);
	reply = no_stream(status, &s->piece, s->api ? "text/event-stream" : "application/json");
	free_stream(s);
	return reply;
}

struct httpd_reply httpd_api__page(const struct httpd_exchange *e)
{
	struct api_request r;

	if (!e->h->config.api)
		return httpd_reply__error(e, MHD_HTTP_NOT_FOUND, "there is no API here");
	read_request(e, &r);
	return api__streams(r.path) ? stream(e, &r) : answer(e, &r);
}
