// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which frames a range is read from: of ten seconds before there are those of one second, and
 * also behind that where only sums are wanted, since they are read ten times as fast. A step
 * of ten seconds is whole in one log: where the fine one begins within a step, that step is
 * read from the coarse one.
 */
#include "history_internal.h"

static uint32_t floor10(uint32_t t)
{
	return t - t % HISTORY_COARSE_STEP;
}

static uint32_t ceil10(uint32_t t)
{
	return floor10(t + HISTORY_COARSE_STEP - 1);
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t most(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static void add_piece(struct plan *p, const struct frames *f, uint32_t from, uint32_t to)
{
	if (from >= to)
		return;
	p->piece[p->n].frames = f;
	p->piece[p->n].from = from;
	p->piece[p->n++].to = to;
	p->step = least(p->step, f->step);
}

/* All of it is in the fine log. */
static void plan_fine(const struct history *h, struct plan *p, uint32_t from, uint32_t to,
		      bool fine)
{
	const struct frames *f = &h->frames[FINE], *c = &h->frames[COARSE];
	uint32_t a = ceil10(from), b = least(floor10(to), c->end);

	p->range = (struct history_range){ from, to };
	if (fine || a >= b || a < c->from) {
		add_piece(p, f, from, to);
		return;
	}
	add_piece(p, f, from, a);
	add_piece(p, c, a, b);
	add_piece(p, f, b, to);
}

/* It begins before the fine log does. */
static void plan_both(const struct history *h, struct plan *p, uint32_t from, uint32_t to,
		      bool fine)
{
	const struct frames *f = &h->frames[FINE], *c = &h->frames[COARSE];
	uint32_t border = ceil10(f->from);

	from = floor10(from);
	if (to <= border || border > c->end) { /* the latter: so short of room is the fine one */
		to = least(ceil10(to), c->end);
		p->range = (struct history_range){ from, to };
		add_piece(p, c, from, to);
		return;
	}
	if (!fine)
		border = most(border, least(floor10(to), c->end));
	p->range = (struct history_range){ from, to };
	add_piece(p, c, from, border);
	add_piece(p, f, border, to);
}

void plan__make(const struct history *h, struct history_range r, bool fine, struct plan *p)
{
	const struct frames *f = &h->frames[FINE], *c = &h->frames[COARSE];
	/* Its first step begins before the first second: nothing is in it that fine ones lack. */
	bool has_coarse = c->from < c->end && c->from < f->from && f->from != h->first_second;
	uint32_t to = r.to ? least(r.to, f->end) : f->end;
	uint32_t from = most(r.from, has_coarse ? c->from : f->from);

	*p = (struct plan){ .step = HISTORY_COARSE_STEP };
	if (from >= to)
		p->range = (struct history_range){ to, to };
	else if (from >= f->from)
		plan_fine(h, p, from, to, fine);
	else if (floor10(from) < c->end)
		plan_both(h, p, from, to, fine);
	else if (f->from < to)
		plan_fine(h, p, f->from, to, fine);
	else
		p->range = (struct history_range){ to, to };
	if (!p->n)
		p->step = HISTORY_FINE_STEP;
}

void plan__read(const struct plan *p, struct frame_query *q)
{
	uint32_t i;

	for (i = 0; i < p->n; i++)
		frames__read(p->piece[i].frames, p->piece[i].from, p->piece[i].to, q);
}
