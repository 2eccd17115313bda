// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The body of /metrics. One at a time: however many clients ask at once, there
 * is one snapshot and one text under construction. Nobody ever holds all of a long text: it
 * is packed as it is written, to a twentieth, and for who takes no gzip unpacked as it is sent.
 * Bodies that wait in slow connections share a small budget.
 */
#include "httpd_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "memory.h"
#include "metrics.h"

#define PLAIN_MOST ((size_t)1 << 20) /* is kept as it is for a client that takes it so */

/* It may wait long for its client: give back what growing by doubling left over. */
static void shrink(struct buf *b)
{
	char *p = b->len ? realloc(b->p, b->len) : NULL;

	if (p) {
		b->p = p;
		b->cap = b->len;
	}
}

/* A body under construction. */
struct making {
	struct httpd_body *body;
	struct httpd_packer packer;
	size_t most_plain; /* what is longer is packed */
};

static void init_data(struct buf *b, size_t max)
{
	buf__init(b, max);
	if (max >= MEMORY_LARGE) /* pages of its own: growing in the heap leaves holes */
		buf__room(b, MEMORY_LARGE);
}

/* What there is already goes first. */
static int begin_packing(struct making *k)
{
	struct httpd_body *b = k->body;
	struct buf plain = b->data;
	int err;

	init_data(&b->data, plain.max);
	b->packed = true;
	err = httpd_packer__begin(&k->packer, &b->data);
	if (!err)
		err = httpd_packer__add(&k->packer, plain.p, plain.len);
	buf__free(&plain);
	return err;
}

static int take_piece(void *arg, const void *data, size_t len)
{
	struct making *k = arg;
	struct httpd_body *b = k->body;
	int err = 0;

	b->len += len;
	if (!b->packed && b->len > k->most_plain)
		err = begin_packing(k);
	if (err)
		return err;
	if (b->packed)
		return httpd_packer__add(&k->packer, data, len);
	buf__append(&b->data, data, len);
	return b->data.err;
}

/* A client that takes it plain has it unpacked while it is sent. */
static int end_packing(struct making *k, bool gzip)
{
	struct httpd_body *b = k->body;
	int err = httpd_packer__finish(&k->packer);

	if (err)
		return err;
	shrink(&b->data);
	b->gzipped = gzip;
	if (!gzip)
		return httpd_unpacker__begin(&b->unpacker, &b->data);
	b->len = b->data.len;
	return 0;
}

static int write_body(struct httpd_body *b, const struct httpd_config *c, const struct metrics *m,
		      bool gzip)
{
	struct making k = { .body = b, .most_plain = gzip ? HTTPD_GZIP_LEAST - 1 : PLAIN_MOST };
	const struct prom_sink sink = { take_piece, &k, c->max_answer };
	int err;

	init_data(&b->data, c->max_answer);
	err = prom__write_to(m, b->format, c->prom_flags, &sink);
	if (!err && b->packed)
		err = end_packing(&k, gzip);
	else
		shrink(&b->data);
	httpd_packer__free(&k.packer);
	return err == -ENOSPC ? -EFBIG : err;
}

static int write_snapshot(struct httpd_scrape *s, struct httpd_body *b, bool allow_gzip)
{
	struct metrics *m = NULL;
	int err;

	if (httpd_budget__is_spent(b->budget))
		return -ENOSPC;
	err = s->config->snapshot(s->config->arg, &m);
	if (err)
		return err;
	err = write_body(b, s->config, m, allow_gzip);
	metrics__put(m);
	return err ? err : httpd_budget__take(b->budget, b->data.len);
}

static int write_locked(struct httpd_scrape *s, struct httpd_body *b, bool allow_gzip)
{
	struct timespec until;
	int err;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += s->config->timeout_s;
	err = pthread_mutex_clocklock(&s->lock, CLOCK_MONOTONIC, &until);
	if (err)
		return -err;
	/* Those that wait while the server stops must not call snapshot one after another. */
	err = atomic_load(&s->stopping) ? -EAGAIN : write_snapshot(s, b, allow_gzip);
	pthread_mutex_unlock(&s->lock);
	return err;
}

static void free_body(struct httpd_body *b)
{
	httpd_unpacker__free(&b->unpacker);
	buf__free(&b->data);
	free(b);
}

struct httpd_body *httpd_scrape__make(struct httpd_scrape *s, struct httpd_budget *budget,
				      const struct httpd_wish *wish)
{
	struct httpd_body *b = calloc(1, sizeof(*b));
	int err;

	if (!b)
		return NULL;
	b->budget = budget;
	b->format = prom__negotiate(wish->accept);
	err = write_locked(s, b, prom__accepts_gzip(wish->accept_encoding));
	if (err) {
		free_body(b);
		errno = -err;
		return NULL;
	}
	return b;
}

size_t httpd_body__read(struct httpd_body *b, char *to, size_t max)
{
	return httpd_unpacker__read(&b->unpacker, to, max);
}

void httpd_body__free(void *body)
{
	struct httpd_body *b = body;

	if (!b)
		return;
	httpd_budget__give_back(b->budget, b->data.len);
	free_body(b);
}
