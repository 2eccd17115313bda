// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What waits for the collector. Bodies go to the spool; while that fails (disk full, not
 * there) they stay in memory, up to a bound, and follow as soon as it works again. All in
 * memory is newer than all in the spool: once something is held, what comes queues behind.
 */
#include "sender_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spool.h"

static void pop(struct backlog *b)
{
	struct held *h = b->first;

	b->first = h->next;
	b->last = b->first ? b->last : NULL;
	b->held_bytes -= sizeof(*h) + h->len;
	b->held_items -= h->items;
	free(h);
}

static bool push(struct backlog *b, const struct parcel *p)
{
	struct held *h = malloc(sizeof(*h) + p->len);

	if (!h)
		return false;
	*h = (struct held){ .len = p->len, .items = p->items, .encoding = p->encoding };
	memcpy(h->body, p->p, p->len);
	if (b->last)
		b->last->next = h;
	else
		b->first = h;
	b->last = h;
	b->held_bytes += sizeof(*h) + h->len;
	b->held_items += h->items;
	return true;
}

static int to_spool(struct sender *s, const struct parcel *p)
{
	struct backlog *b = &s->backlog;
	struct spool_frame f = { .encoding = p->encoding, .items = p->items };
	int err = b->spool ? spool__append(b->spool, &f, p->p, p->len) : -ENOENT;

	if (err == -EMSGSIZE)
		b->oversize_items += p->items;
	if (!err || err == -EMSGSIZE || !b->spool)
		return err;
	b->failed_appends++;
	log__limited(&b->spool_limit, LOG_LEVEL_WARN,
		     "%s: cannot write to the spool: %s; kept in memory", s->c.name,
		     strerror(-err));
	return err;
}

static struct parcel parcel_of(const struct held *h)
{
	return (struct parcel){ h->body, h->len, h->items, h->encoding };
}

/* What is held follows to the spool as far as that works. */
static void flush(struct sender *s)
{
	struct backlog *b = &s->backlog;

	while (b->spool && b->first) {
		struct parcel p = parcel_of(b->first);
		int err = to_spool(s, &p);

		if (err && err != -EMSGSIZE)
			return;
		pop(b);
	}
}

static void keep_bound(struct sender *s)
{
	struct backlog *b = &s->backlog;

	while (b->held_bytes > b->memory_bytes_max) {
		sender__add(&s->stats.dropped_items[b->spool ? SENDER_DROP_SPOOL_ERROR
							     : SENDER_DROP_QUEUE_FULL],
			    b->first->items);
		pop(b);
	}
}

bool backlog__store(struct sender *s, const struct parcel *p)
{
	struct backlog *b = &s->backlog;
	bool kept = sizeof(struct held) + p->len <= b->memory_bytes_max;
	int err;

	flush(s);
	err = b->first ? -EAGAIN : to_spool(s, p);
	if (err == -EMSGSIZE) {
		kept = false;
	} else if (!err) {
		kept = true;
	} else if (!kept || !push(b, p)) {
		kept = false;
		sender__add(&s->stats.dropped_items[b->spool ? SENDER_DROP_SPOOL_ERROR
							     : SENDER_DROP_QUEUE_FULL],
			    p->items);
	}
	keep_bound(s);
	backlog__publish(s);
	return kept;
}

bool backlog__pending(const struct sender *s)
{
	const struct backlog *b = &s->backlog;

	return b->first || (b->spool && spool__stats(b->spool)->bytes);
}

int backlog__oldest(struct sender *s, struct parcel *p)
{
	struct backlog *b = &s->backlog;
	struct spool_frame f;
	int n = b->spool ? spool__peek(b->spool, &f, &b->read) : 0;

	if (n == 1) {
		*p = (struct parcel){ b->read.p, b->read.len, f.items, f.encoding };
	} else if (!n && b->first) {
		*p = parcel_of(b->first);
		n = 1;
	}
	backlog__publish(s); /* reading may have found damage */
	return n;
}

void backlog__done(struct sender *s)
{
	struct backlog *b = &s->backlog;

	if (b->spool && spool__stats(b->spool)->bytes)
		spool__ack(b->spool);
	else if (b->first)
		pop(b);
	if (b->read.cap > 1 << 20)
		buf__free(&b->read);
	backlog__publish(s);
}

void backlog__close(struct sender *s)
{
	struct backlog *b = &s->backlog;

	flush(s);
	sender__add(&s->stats.dropped_items[SENDER_DROP_STOPPED], b->held_items);
	while (b->first)
		pop(b);
	backlog__publish(s);
}

void backlog__publish(struct sender *s)
{
	struct backlog *b = &s->backlog;
	const struct spool_stats *st;

	sender__set(&s->stats.memory_bytes, b->held_bytes);
	sender__set(&s->stats.memory_items, b->held_items);
	if (!b->spool)
		return;
	st = spool__stats(b->spool);
	sender__set(&s->stats.recovered_items, st->recovered_items);
	sender__set(&s->stats.spool_items, st->pending_items);
	sender__set(&s->stats.spool_bytes, st->bytes);
	sender__set(&s->stats.spool_damaged, st->corrupt_cnt);
	sender__set(&s->stats.spool_failed, st->error_cnt + b->failed_appends);
	sender__set(&s->stats.spool_foreign, st->foreign_cnt);
	sender__set(&s->stats.dropped_items[SENDER_DROP_SPOOL_FULL],
		    st->dropped_items[SPOOL_DROP_FULL] + b->oversize_items);
	sender__set(&s->stats.dropped_items[SENDER_DROP_CORRUPT],
		    st->dropped_items[SPOOL_DROP_CORRUPT]);
}
