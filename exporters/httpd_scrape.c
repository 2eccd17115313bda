// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The body of /metrics. One at a time: however many clients ask at once, there
 * is one snapshot and one text under construction. That one may be large; those that
 * wait in slow connections share a small budget.
 */
#include "httpd_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "memory.h"
#include "metrics.h"

/* Puts the compressed body in place of the plain one. */
static int compress_body(struct httpd_body *b)
{
	struct buf packed = { 0 };
	int err = httpd_gzip(&b->data, &packed);

	if (err) {
		buf__free(&packed);
		return err;
	}
	buf__free(&b->data);
	b->data = packed;
	b->gzipped = true;
	return 0;
}

/* It may wait long for its client: give back what growing by doubling left over. */
static void shrink(struct buf *b)
{
	char *p = b->len ? realloc(b->p, b->len) : NULL;

	if (p) {
		b->p = p;
		b->cap = b->len;
	}
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
	buf__init(&b->data, s->config->max_answer);
	if (b->data.max >= MEMORY_LARGE) /* pages of its own: growing in the heap leaves holes */
		buf__room(&b->data, MEMORY_LARGE);
	err = prom__write_with(m, b->format, s->config->prom_flags, &b->data);
	metrics__put(m);
	if (err == -ENOSPC)
		err = -EFBIG;
	if (!err && allow_gzip && b->data.len >= HTTPD_GZIP_LEAST)
		err = compress_body(b);
	if (!err)
		shrink(&b->data);
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
		buf__free(&b->data);
		free(b);
		errno = -err;
		return NULL;
	}
	return b;
}

void httpd_body__free(void *body)
{
	struct httpd_body *b = body;

	if (!b)
		return;
	httpd_budget__give_back(b->budget, b->data.len);
	buf__free(&b->data);
	free(b);
}
