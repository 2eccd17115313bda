// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A second: a snapshot's series are found by their names, then written service by service, what
 * each has more than it had. Every ten seconds the same once more, against the values of ten
 * seconds ago.
 *
 * A step has the name of the second before the snapshot was taken, and steps only go
 * forward: for a clock that is set back a little we wait. When it is set back by more than
 * BACK_MAX what was remembered is of a time that is still to come, and goes.
 */
#include <stdio.h>
#include <string.h>

#include "history_internal.h"
#include "semconv.h"

enum { BACK_MAX = 5 };

#define SEC UINT64_C(1000000000)

/* ---- names of points ---------------------------------------------------------------------- */

struct peer {
	const char *host;
	uint16_t port;
};

/* What has no place in a name only tells series apart. */
static void put_in_key(struct point_name *p, const struct metric_attr *a)
{
	buf__append(&p->key, a->key, strlen(a->key) + 1);
	if (a->type == ATTR_STRING)
		buf__append(&p->key, a->str, strlen(a->str) + 1);
	else
		buf__append(&p->key, &a->num, sizeof(a->num));
}

static void set_status(struct point_name *p, const struct metric_attr *a)
{
	if (a->type == ATTR_INT) {
		snprintf(p->status, sizeof(p->status), "%lld", (long long)a->num);
		p->name.status = p->status;
		p->class = class__of_http(a->num);
	} else {
		p->name.status = a->str;
		p->class = class__of_rpc(a->str);
	}
}

static void name_attr(struct point_name *p, const struct metric_attr *a, enum semconv_of of,
		      struct peer *peer)
{
	switch (of) {
	case OF_METHOD:
		p->name.method = a->str;
		break;
	case OF_ROUTE:
		p->name.route = a->str;
		break;
	case OF_CODE:
	case OF_STATUS:
		set_status(p, a);
		break;
	case OF_SYSTEM:
		p->name.protocol = a->str;
		break;
	case OF_ERROR:
		p->error = true;
		buf__append(&p->key, a->str, strlen(a->str) + 1);
		break;
	case OF_HOST:
		peer->host = a->str;
		break;
	case OF_PORT:
		peer->port = (uint16_t)a->num;
		break;
	default:
		put_in_key(p, a);
		break;
	}
}

static void settle_op(struct point_name *p)
{
	p->class = class__of_op(p->error);
	if (!p->error && !p->name.status)
		p->name.status = "OK";
}

/* Of HTTP and RPC the status says what came of it, else the error. */
static void name_attrs(struct point_name *p, const struct metric_point *m, const struct semconv *c,
		       struct peer *peer)
{
	bool overflow = false;
	const struct semconv_attr *what;
	uint32_t i;

	for (i = 0; i < m->n_attrs; i++) {
		what = semconv__attr(c, m->attrs[i].key);
		if (what)
			name_attr(p, &m->attrs[i], what->of, peer);
		else if (!strcmp(m->attrs[i].key, "otel.metric.overflow"))
			overflow = true;
		else
			put_in_key(p, &m->attrs[i]);
	}
	if (overflow)
		p->name.method = "_OVERFLOW";
	else if (c != &http_semconv && c != &rpc_semconv)
		settle_op(p);
}

static int name_point(struct point_name *p, const struct metric_point *m, uint32_t class)
{
	const struct semconv *c = class__semconv(class);
	struct peer peer = { 0 };

	buf__reset(&p->key);
	p->class = HISTORY_CLASS_NONE;
	p->error = false;
	p->name = (struct history_name){
		.service = m->resource->service_name,
		.namespace = m->resource->service_namespace,
		.kind = class__kind(class),
		.protocol = c->protocol,
	};
	buf__append(&p->key, m->resource->service_instance_id,
		    strlen(m->resource->service_instance_id) + 1);
	buf__putc(&p->key, (char)(class / 2));
	name_attrs(p, m, c, &peer);
	if (p->name.status)
		buf__puts(&p->key, p->name.status);
	if (p->name.kind == SPAN_CLIENT)
		p->name.peer = peer__name(p->peer, sizeof(p->peer), slice_of(peer.host), peer.port);
	return p->key.err;
}

/* ---- taking a snapshot -------------------------------------------------------------------------
 */

static void take_point(struct history *h, const struct metric_point *m, uint32_t class)
{
	struct hseries *s;

	if (!m->resource || name_point(&h->point, m, class) || hseries__get(h, &h->point, &s) ||
	    s->now) {
		h->left_out_now++;
		return;
	}
	s->now = &m->hist;
	s->now_start_unix_ns = m->start_unix_ns;
	s->seen = h->snapshot;
}

static void take_active(struct history *h, const struct metric_family *f)
{
	const struct metric_resource *r;
	struct hservice *s;
	uint32_t i;

	for (i = 0; i < f->n_points; i++) {
		r = f->points[i].resource;
		s = r ? (struct hservice *)hservice__find(h, r->service_name, r->service_namespace)
		      : NULL;
		if (s)
			s->in_flight += f->points[i].value;
	}
}

static void take(struct history *h, const struct metrics *m)
{
	const struct metric_family *f;
	uint32_t class, i, p;

	h->snapshot++;
	h->left_out_now = 0;
	for (i = 0; i < h->services.n_ids; i++)
		if (h->services.by_id[i])
			((struct hservice *)h->services.by_id[i])->in_flight = 0;
	for (f = m->families; f < m->families + m->n_families; f++) {
		class = class__of_duration(f->name);
		for (p = 0; class < SPAN_CLASSES && p < f->n_points; p++)
			take_point(h, &f->points[p], class);
	}
	for (f = m->families; f < m->families + m->n_families; f++)
		if (!strcmp(f->name, "http.server.active_requests"))
			take_active(h, f);
}

/* ---- frames --------------------------------------------------------------------------------- */

static bool is_unchanged(const struct hseries *s)
{
	return !s->is_new && s->count == s->now->count && s->start_unix_ns == s->now_start_unix_ns;
}

/* True: something was counted, h->delta has it. What a new series has from before we looked
 * is the past of neither. */
static bool advance(struct history *h, struct hseries *s, uint32_t time)
{
	bool old = s->is_new && s->now_start_unix_ns < h->begin_ns;

	if (is_unchanged(s) || past__advance(h, s, &h->delta))
		return false;
	s->is_new = false;
	s->count = s->now->count;
	if (old)
		past__catch_up(s, &h->delta);
	if (old || !h->delta.count)
		return false;
	s->counted = time;
	return true;
}

static bool catch_up(struct history *h, struct hseries *s, uint32_t time)
{
	if (s->counted < time)
		return false;
	past__catch_up(s, &h->delta);
	if (s->route->recent || s->count >= SLOW_MIN)
		slow__count(h, s->route, &h->delta);
	return h->delta.count;
}

static bool fine_row(struct history *h, struct hseries *s, uint32_t time)
{
	bool counted = s->now && advance(h, s, time);

	s->now = NULL;
	return counted;
}

static void write_frame(struct history *h, struct frames *f, uint32_t time,
			bool (*row)(struct history *h, struct hseries *s, uint32_t time))
{
	struct hservice *v;
	struct hseries *s;
	uint32_t i;

	for (i = 0; i < h->services.n_ids; i++) {
		v = (struct hservice *)h->services.by_id[i];
		block__begin(&h->block, i);
		for (s = v ? v->first : NULL; s; s = s->next_in_service) {
			if (!row(h, s, time))
				continue;
			block__row(&h->block, s->node.id, &h->delta);
			if (block__full(&h->block)) {
				frames__append(h, f, time, &h->block);
				block__begin(&h->block, i);
			}
		}
		if (h->block.len)
			frames__append(h, f, time, &h->block);
	}
}

static void write_coarse(struct history *h, uint32_t time)
{
	struct frames *f = &h->frames[COARSE];
	uint32_t i;

	if (f->end > time)
		return;
	write_frame(h, f, time, catch_up);
	f->end = time + HISTORY_COARSE_STEP;
	for (i = 0; i < h->routes.n_ids; i++)
		if (h->routes.by_id[i])
			slow__settle((struct hroute *)h->routes.by_id[i]);
}

/* ---- time -------------------------------------------------------------------------------------
 */

static uint32_t floor10(uint32_t t)
{
	return t - t % HISTORY_COARSE_STEP;
}

/* Whatever was counted before this second is forgotten. */
static void start_at(struct history *h, uint32_t second)
{
	struct hseries *s;
	uint32_t i;

	for (i = 0; i < h->series.n_ids; i++) {
		s = hseries__by_id(h, i);
		if (!s)
			continue;
		past__catch_up(s, &h->delta);
		s->counted = 0;
	}
	frames__clear(h, &h->frames[FINE]);
	frames__clear(h, &h->frames[COARSE]);
	h->first_second = second;
	h->frames[FINE].from = h->frames[FINE].end = second;
	h->frames[COARSE].from = h->frames[COARSE].end = floor10(second);
}

/* The second that is over. False: it was over before, since the clock was set back a little;
 * what was counted is that of the second in which it has come here again. */
static bool next_step(struct history *h, uint64_t unix_ns, uint32_t *time)
{
	uint32_t next = h->frames[FINE].end;

	*time = (uint32_t)(unix_ns / SEC) - 1;
	if (*time + BACK_MAX < next)
		start_at(h, *time);
	else if (*time < next)
		return false;
	return true;
}

void history__begin_at(struct history *h, uint64_t unix_ns)
{
	h->begin_ns = unix_ns;
	start_at(h, (uint32_t)(unix_ns / SEC));
}

void history__begin_again(struct history *h)
{
	struct frames *fine = &h->frames[FINE], *coarse = &h->frames[COARSE];

	hseries__forget_all(h);
	history__begin_at(h, fine->end * SEC);
	/* With the next step it is known from where on there is more. */
	fine->from = fine->end + 1;
	coarse->from = floor10(fine->from + HISTORY_COARSE_STEP - 1);
}

static void forget_old(struct history *h)
{
	static const uint32_t kept[RESOLUTIONS] = {
		[FINE] = HISTORY_FINE_CNT * HISTORY_FINE_STEP,
		[COARSE] = HISTORY_COARSE_CNT * HISTORY_COARSE_STEP,
	};
	int i;

	for (i = 0; i < RESOLUTIONS; i++)
		if (h->frames[i].end > kept[i])
			frames__drop_before(h, &h->frames[i], h->frames[i].end - kept[i]);
	hseries__expire(h);
}

static void add_second(struct history *h, const struct metrics *m, uint64_t unix_ns)
{
	uint32_t time;

	if (!next_step(h, unix_ns, &time))
		return;
	if (floor10(time) > h->frames[COARSE].end) /* steps were left out */
		write_coarse(h, floor10(h->frames[FINE].end - 1));
	if (m) {
		take(h, m);
		write_frame(h, &h->frames[FINE], time, fine_row);
	}
	h->frames[FINE].end = time + 1;
	if ((time + 1) % HISTORY_COARSE_STEP == 0) {
		write_coarse(h, floor10(time));
		forget_old(h);
	}
	/* Those that found no room have counts that nobody saw: old ones, should they get it. */
	if (h->left_out_now)
		h->begin_ns = unix_ns;
}

void history__step(struct history *h, const struct metrics *m, uint64_t unix_ns)
{
	pthread_rwlock_wrlock(&h->lock);
	add_second(h, m, unix_ns);
	atomic_store(&h->n_series, h->series.n);
	atomic_store(&h->series_left_out, h->left_out_now);
	pthread_rwlock_unlock(&h->lock);
	atomic_fetch_add(&h->steps, 1);
	atomic_fetch_add(&h->generation, 1);
	watches__tick(h);
}
