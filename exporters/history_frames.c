// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A log: chunks of parts of blocks of rows.
 *
 *   part    time, bytes (4 bytes each); blocks
 *   block   service, bytes; rows                    what follows is numbers of 7 bits a byte
 *   row     series less the last one's (the first: + 0), sum in us, count; buckets
 *   bucket  2 * (buckets skipped since the last one) + (more than one), then how many, if so
 *
 * The buckets of a row end when they add up to its count. A step is one part, or more when it
 * does not fit into a chunk; steps without traffic have none. What a query does not want of a
 * service is skipped by its length.
 */
#include "history_internal.h"

#include <string.h>

struct part_head {
	uint32_t time, bytes;
};

/* ---- numbers ------------------------------------------------------------------------------ */

static uint8_t *put_number(uint8_t *at, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*at++ = (uint8_t)(v | 0x80);
	*at++ = (uint8_t)v;
	return at;
}

static inline const uint8_t *get_number(const uint8_t *at, uint64_t *v)
{
	unsigned int shift = 7;

	*v = *at & 0x7f;
	while (*at++ & 0x80) {
		*v |= (uint64_t)(*at & 0x7f) << shift;
		shift += 7;
	}
	return at;
}

/* ---- writing ------------------------------------------------------------------------------- */

void block__begin(struct block *b, uint32_t service)
{
	b->service = service;
	b->last_id = b->len = 0;
}

void block__row(struct block *b, uint32_t series, const struct delta *d)
{
	uint8_t *at = b->data + b->len;
	uint32_t i, next = 0;
	uint64_t count = 0;

	for (i = d->from; i < d->to; i++)
		count += d->buckets[i];
	at = put_number(at, series - b->last_id);
	at = put_number(at, d->sum_us);
	at = put_number(at, count);
	for (i = d->from; i < d->to; i++) {
		uint32_t n = d->buckets[i];

		if (!n)
			continue;
		at = put_number(at, 2 * (uint64_t)(i - next) + (n > 1));
		if (n > 1)
			at = put_number(at, n);
		next = i + 1;
	}
	b->last_id = series;
	b->len = (uint32_t)(at - b->data);
}

static struct part_head *open_part(const struct frames *f, uint32_t time)
{
	struct chunk *c = f->chunks.newest;

	return c && c->used && c->last == time ? (struct part_head *)(c->data + c->part) : NULL;
}

/* The chunk and in it a part of this time with room for so many bytes. */
static struct part_head *part_for(struct history *h, struct frames *f, uint32_t time,
				  uint32_t bytes)
{
	struct part_head *p = open_part(f, time);
	struct chunk *c = f->chunks.newest;
	uint32_t need = bytes + (p ? 0 : (uint32_t)sizeof(*p) + 3);

	if (!c || chunk__size(h) - c->used < need) {
		c = chunks__add(h, &f->chunks, bytes + sizeof(*p));
		p = NULL;
	}
	if (!c || p)
		return p;
	c->part = (c->used + 3) & ~3u;
	c->used = c->part + (uint32_t)sizeof(*p);
	c->last = time;
	p = (struct part_head *)(c->data + c->part);
	*p = (struct part_head){ .time = time };
	return p;
}

void frames__append(struct history *h, struct frames *f, uint32_t time, const struct block *b)
{
	uint8_t head[16], *at = put_number(put_number(head, b->service), b->len);
	uint32_t n = (uint32_t)(at - head);
	struct part_head *p = part_for(h, f, time, n + b->len);
	struct chunk *c = f->chunks.newest;

	if (!p) {
		f->from = time + f->step;
		return;
	}
	memcpy(c->data + c->used, head, n);
	memcpy(c->data + c->used + n, b->data, b->len);
	c->used += n + b->len;
	p->bytes += n + b->len;
}

void frames__drop_oldest(struct history *h, struct frames *f)
{
	struct chunk *c = f->chunks.oldest;

	if (c->used && c->last + f->step > f->from)
		f->from = c->last + f->step;
	chunks__drop_oldest(h, &f->chunks);
}

void frames__drop_before(struct history *h, struct frames *f, uint32_t time)
{
	uint32_t from = time + f->step - 1;

	from -= from % f->step;
	if (from > f->from)
		f->from = from;
	while (f->chunks.oldest && f->chunks.oldest->last < f->from)
		chunks__drop_oldest(h, &f->chunks);
}

void frames__clear(struct history *h, struct frames *f)
{
	while (f->chunks.oldest)
		chunks__drop_oldest(h, &f->chunks);
}

/* ---- reading -------------------------------------------------------------------------------- */

static void add(uint32_t *to, uint64_t n)
{
	*to = n > UINT32_MAX - *to ? UINT32_MAX : *to + (uint32_t)n;
}

static inline const uint8_t *skip_buckets(const uint8_t *at, uint64_t count)
{
	uint64_t v, n;

	while (count) {
		at = get_number(at, &v);
		n = 1;
		if (v & 1)
			at = get_number(at, &n);
		count -= n;
	}
	return at;
}

static inline const uint8_t *add_buckets(const uint8_t *at, uint64_t count, uint32_t *buckets)
{
	uint64_t v, n;

	for (; count; count -= n, buckets++) {
		at = get_number(at, &v);
		buckets += v >> 1;
		n = 1;
		if (v & 1)
			at = get_number(at, &n);
		add(buckets, n);
	}
	return at;
}

static void read_rows(const uint8_t *at, const uint8_t *end, struct frame_query *q)
{
	uint64_t id = 0, more, sum_us, count;

	while (at < end) {
		const struct frame_target *t;
		struct history_dist *d;

		at = get_number(at, &more);
		at = get_number(at, &sum_us);
		at = get_number(at, &count);
		id += more;
		t = &q->targets[id];
		d = t->dist;
		if (!d) {
			at = skip_buckets(at, count);
			continue;
		}
		d = q->sum ? q->sum : d;
		d->count += count;
		d->errors += t->error ? count : 0;
		d->sum += (double)sum_us * 1e-6;
		at = add_buckets(at, count, d->buckets);
		if (q->row)
			q->row(q, (uint32_t)id, count);
	}
}

static void read_part(const struct part_head *p, struct frame_query *q)
{
	const uint8_t *at = (const uint8_t *)(p + 1), *end = at + p->bytes;
	uint64_t service, bytes;

	if (q->step)
		q->step(q, p->time);
	while (at < end) {
		at = get_number(at, &service);
		at = get_number(at, &bytes);
		if (q->services[service])
			read_rows(at, at + bytes, q);
		at += bytes;
	}
}

static void read_chunk(const struct chunk *c, uint32_t from, uint32_t to, struct frame_query *q)
{
	uint32_t at = 0;

	while (at < c->used) {
		const struct part_head *p = (const struct part_head *)(c->data + at);

		if (p->time >= to)
			return;
		if (p->time >= from)
			read_part(p, q);
		at = (at + (uint32_t)sizeof(*p) + p->bytes + 3) & ~3u;
	}
}

void frames__read(const struct frames *f, uint32_t from, uint32_t to, struct frame_query *q)
{
	const struct chunk *c;

	for (c = f->chunks.oldest; c; c = c->next)
		if (c->last >= from)
			read_chunk(c, from, to, q);
}
