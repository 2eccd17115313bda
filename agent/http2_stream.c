// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The requests of one connection that have no whole answer yet, by their streams: a hash
 * table that grows with them, up to what the protocols may have open in all.
 */
#include <stdlib.h>
#include <string.h>

#include "http2_internal.h"
#include "txn.h"

enum error_code {
	NO_ERROR = 0,
	REFUSED_STREAM = 7,
	CANCEL = 8,
};

/* A client's streams are the odd numbers. */
static struct http_txn **bucket_of(const struct http2 *h, uint32_t stream)
{
	return &h->buckets[stream >> 1 & (h->n_buckets - 1)];
}

void http2__streams_init(struct http2 *h)
{
	h->buckets = h->few;
	h->n_buckets = HTTP2_BUCKETS;
}

void http2__streams_free(struct http2 *h)
{
	if (h->buckets != h->few)
		free(h->buckets);
	http2__streams_init(h);
}

struct http_txn *http2__find(const struct http2 *h, uint32_t stream)
{
	struct http_txn *t = *bucket_of(h, stream);

	while (t && t->stream != stream)
		t = t->next;
	return t;
}

static void push(struct http2 *h, struct http_txn *t)
{
	struct http_txn **bucket = bucket_of(h, t->stream);

	t->next = *bucket;
	*bucket = t;
}

/* Without memory the chains get longer, and that is all. */
static void more_buckets(struct http2 *h)
{
	struct http_txn **old = h->buckets, **all, *t;
	uint32_t n = h->n_buckets, i;

	all = calloc(n * 2, sizeof(*all));
	if (!all)
		return;
	h->buckets = all;
	h->n_buckets = n * 2;
	for (i = 0; i < n; i++)
		while ((t = old[i])) {
			old[i] = t->next;
			push(h, t);
		}
	if (old != h->few)
		free(old);
}

void http2__add(struct http2 *h, struct http_txn *t, uint32_t stream)
{
	t->stream = stream;
	if (h->n_streams == h->n_buckets)
		more_buckets(h);
	push(h, t);
	h->n_streams++;
}

static void take_out(struct http2 *h, struct http_txn *t)
{
	struct http_txn **link = bucket_of(h, t->stream);

	while (*link != t)
		link = &(*link)->next;
	*link = t->next;
	h->n_streams--;
}

void http2__finish(struct http2 *h, struct http_txn *t, uint64_t end_ns, const char *failure)
{
	take_out(h, t);
	http_txn__finish(t, end_ns, failure);
}

/* ---- several ------------------------------------------------------------------------------ */

/* Takes out any that is above `last`; NULL: there is none. *from is 0 at first. */
static struct http_txn *next_above(struct http2 *h, uint32_t last, uint32_t *from)
{
	struct http_txn **link, *t;

	for (; *from < h->n_buckets; (*from)++)
		for (link = &h->buckets[*from]; (t = *link); link = &t->next)
			if (t->stream > last) {
				*link = t->next;
				h->n_streams--;
				return t;
			}
	return NULL;
}

void http2__drop_all(struct http2 *h, enum proto_drop why)
{
	struct http_txn *t;
	uint32_t from = 0;

	while ((t = next_above(h, 0, &from)))
		http_txn__drop(t, why);
}

void http2__fail_all(struct http2 *h, uint64_t ts_ns, uint8_t state_flags)
{
	struct http_txn *t;
	uint32_t from = 0;

	while ((t = next_above(h, 0, &from)))
		http_txn__finish(t, ts_ns, txn__failure(t->env, &t->req, state_flags));
}

/* ---- how one ends --------------------------------------------------------------------------- */

void http2__half_ends(struct http2 *h, enum red_dir dir, uint32_t stream, uint64_t ts_ns)
{
	struct http_txn *t = http2__find(h, stream);

	if (!t)
		return;
	if (t->rpc)
		grpc_call__ended(t->rpc, http2_is_response(h, dir), t->status);
	if (http2_is_response(h, dir)) {
		http2__finish(h, t, ts_ns, NULL);
		return;
	}
	t->request_end_ns = ts_ns;
}

/* A client that does not want the rest says CANCEL, or nothing in particular: these words are
 * the same as for one that closes an HTTP/1 connection. */
static const char *reset_word(const struct http2 *h, bool by_client, uint32_t code)
{
	if (!by_client || (code != NO_ERROR && code != CANCEL))
		return http2_error__name(code);
	return http2_kind(h) == SPAN_SERVER ? "client_closed" : "cancelled";
}

void http2__reset(struct http2 *h, enum red_dir dir, uint32_t stream, uint32_t code, uint64_t ts_ns)
{
	struct http_txn *t = http2__find(h, stream);

	bool by_client = !http2_is_response(h, dir);

	if (!t)
		return;
	if (t->rpc)
		grpc_call__reset(t->rpc, code, by_client, ts_ns - t->req.start_ns);
	http2__finish(h, t, ts_ns, reset_word(h, by_client, code));
}

static void refuse(struct http_txn *t, uint64_t ts_ns)
{
	if (t->rpc)
		grpc_call__reset(t->rpc, REFUSED_STREAM, false, 0);
	http_txn__finish(t, ts_ns, http2_error__name(REFUSED_STREAM));
}

void http2__refused(struct http2 *h, struct http_txn *t, uint64_t ts_ns)
{
	take_out(h, t);
	refuse(t, ts_ns);
}

/* §6.8: the server has not processed, and will not, what is above `last`; it may be sent
 * again, as after REFUSED_STREAM. A client's says something about what was pushed. */
void http2__goaway(struct http2 *h, enum red_dir dir, uint32_t last, uint64_t ts_ns)
{
	struct http_txn *t;
	uint32_t from = 0;

	if (!http2_is_response(h, dir))
		return;
	h->last_accepted = last;
	while ((t = next_above(h, last, &from)))
		refuse(t, ts_ns);
}
