// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the client asked for, and the walk over a snapshot that every format shares. */
#include "prom_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "slice.h"

/* ---- negotiation ---- */

/* The next element of a list separated by `sep`, without the blanks around it; a
 * separator inside a quoted string does not count. False at the end. */
static bool next_element(struct slice *rest, char sep, struct slice *out)
{
	size_t n = 0, begin = 0;
	bool quoted = false;

	if (!rest->p)
		return false;
	for (; n < rest->len && (quoted || rest->p[n] != sep); n++) {
		if (rest->p[n] == '\\' && quoted && n + 1 < rest->len)
			n++;
		else if (rest->p[n] == '"')
			quoted = !quoted;
	}
	*out = (struct slice){ rest->p, n };
	*rest = n < rest->len ? (struct slice){ rest->p + n + 1, rest->len - n - 1 }
			      : (struct slice){ 0 };
	while (begin < out->len && strchr(" \t", out->p[begin]))
		begin++;
	while (out->len > begin && strchr(" \t", out->p[out->len - 1]))
		out->len--;
	*out = (struct slice){ out->p + begin, out->len - begin };
	return true;
}

/* "name=value", the value without its quotes. */
static void split_param(struct slice s, struct slice *name, struct slice *value)
{
	const char *eq = memchr(s.p, '=', s.len);
	size_t n = eq ? (size_t)(eq - s.p) : s.len;

	*name = (struct slice){ s.p, n };
	*value = eq ? (struct slice){ eq + 1, s.len - n - 1 } : (struct slice){ 0 };
	if (value->len >= 2 && value->p[0] == '"' && value->p[value->len - 1] == '"')
		*value = (struct slice){ value->p + 1, value->len - 2 };
}

/* qvalue in thousandths, RFC 9110 section 12.4.2; what is not one counts as 0. */
static int parse_q(struct slice s)
{
	int q, weight = 100;

	if (s.len < 1 || s.len > 5 || (s.p[0] != '0' && s.p[0] != '1') ||
	    (s.len > 1 && s.p[1] != '.'))
		return 0;
	q = (s.p[0] - '0') * 1000;
	for (size_t i = 2; i < s.len; i++, weight /= 10) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return 0;
		q += (s.p[i] - '0') * weight;
	}
	return q <= 1000 ? q : 0;
}

/* One element of Accept or Accept-Encoding: what it names and the parameters we look at. */
struct range {
	struct slice what, version, proto, encoding;
	int q;
};

static void parse_range(struct slice s, struct range *r)
{
	struct slice part, name, value;

	*r = (struct range){ .q = 1000 };
	if (next_element(&s, ';', &part))
		r->what = part;
	while (next_element(&s, ';', &part)) {
		split_param(part, &name, &value);
		if (slice_ieq(name, SLICE("q")))
			r->q = parse_q(value);
		else if (slice_ieq(name, SLICE("version")))
			r->version = value;
		else if (slice_ieq(name, SLICE("proto")))
			r->proto = value;
		else if (slice_ieq(name, SLICE("encoding")))
			r->encoding = value;
	}
}

static bool is_text(const struct range *r)
{
	if (slice_eq(r->what, SLICE("*/*")) || slice_ieq(r->what, SLICE("text/*")))
		return true;
	return slice_ieq(r->what, SLICE("text/plain")) &&
	       (!r->version.p || slice_eq(r->version, SLICE("0.0.4")));
}

static bool is_openmetrics(const struct range *r)
{
	return slice_ieq(r->what, SLICE("application/openmetrics-text")) &&
	       (!r->version.p || slice_eq(r->version, SLICE("1.0.0")));
}

static bool is_protobuf(const struct range *r)
{
	return slice_ieq(r->what, SLICE("application/vnd.google.protobuf")) &&
	       slice_eq(r->proto, SLICE("io.prometheus.client.MetricFamily")) &&
	       slice_eq(r->encoding, SLICE("delimited"));
}

static const struct {
	const char *content_type;
	bool (*matches)(const struct range *r);
} formats[PROM_FORMATS] = {
	[PROM_TEXT_0_0_4] = { "text/plain; version=0.0.4; charset=utf-8", is_text },
	[PROM_OPENMETRICS_1] = { "application/openmetrics-text; version=1.0.0; charset=utf-8; "
				 "escaping=underscores",
				 is_openmetrics },
	[PROM_PROTOBUF] = { "application/vnd.google.protobuf; "
			    "proto=io.prometheus.client.MetricFamily; encoding=delimited",
			    is_protobuf },
};

const char *prom__content_type(enum prom_format f)
{
	return formats[f].content_type;
}

/* The highest q wins; of equals the one listed first, as in client_golang. */
enum prom_format prom__negotiate(const char *accept)
{
	enum prom_format best = PROM_TEXT_0_0_4;
	struct slice rest = slice_of(accept), element;
	struct range r;
	int best_q = 0;

	while (next_element(&rest, ',', &element)) {
		parse_range(element, &r);
		for (int f = 0; f < PROM_FORMATS; f++) {
			if (r.q > best_q && formats[f].matches(&r)) {
				best_q = r.q;
				best = f;
			}
		}
	}
	return best;
}

bool prom__accepts_gzip(const char *accept_encoding)
{
	struct slice rest = slice_of(accept_encoding), element;
	int named = -1, any = -1;
	struct range r;

	while (next_element(&rest, ',', &element)) {
		parse_range(element, &r);
		if (slice_ieq(r.what, SLICE("gzip")) || slice_ieq(r.what, SLICE("x-gzip")))
			named = r.q;
		else if (slice_eq(r.what, SLICE("*")))
			any = r.q;
	}
	return (named >= 0 ? named : any) > 0;
}

/* ---- walking a snapshot ---- */

/* Links the points of one name together; another type under that name is left out,
 * since one contradiction would make Prometheus refuse everything. */
static void link_family(struct prom_family *all, struct prom_family *f)
{
	for (struct prom_family *first = all; first < f; first++) {
		if (first->skip || (strcmp(first->name.base, f->name.base) != 0 &&
				    strcmp(first->name.full, f->name.full) != 0))
			continue;
		f->skip = true;
		if (first->name.type != f->name.type)
			return;
		while (first->more)
			first = first->more;
		first->more = f;
		return;
	}
}

static int prepare_family(struct prom_family *all, struct prom_family *f,
			  const struct metric_family *src)
{
	int err = prom_name__of(&f->name, src->name, src->unit, src->kind);

	f->src = src;
	/* target_info is ours. A name of which nothing is left cannot be printed. */
	f->skip = err == -EINVAL || src->n_points == 0 || !strcmp(f->name.base, "target") ||
		  !strcmp(f->name.base, "target_info");
	if (!f->skip && !err)
		link_family(all, f);
	return err == -EINVAL ? 0 : err;
}

int prom__each_family(const struct metrics *m, prom_write_fn write, void *ctx)
{
	struct prom_family *all = calloc(m->n_families + 1, sizeof(*all));
	int err = 0;

	if (!all)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->n_families; i++) {
		err = prepare_family(all, &all[i], &m->families[i]);
		if (err)
			goto out;
	}
	for (uint32_t i = 0; i < m->n_families; i++) {
		if (!all[i].skip)
			write(ctx, &all[i]);
	}
out:
	free(all);
	return err;
}

static int compare_services(const void *a, const void *b)
{
	const struct metric_resource *x = *(const struct metric_resource *const *)a;
	const struct metric_resource *y = *(const struct metric_resource *const *)b;
	int c = strcmp(x->service_namespace, y->service_namespace);

	if (!c)
		c = strcmp(x->service_name, y->service_name);
	if (!c)
		c = strcmp(x->service_instance_id, y->service_instance_id);
	return c ? c : (x > y) - (x < y); /* the first one in the snapshot wins */
}

static bool same_service(const struct metric_resource *x, const struct metric_resource *y)
{
	return !strcmp(x->service_namespace, y->service_namespace) &&
	       !strcmp(x->service_name, y->service_name) &&
	       !strcmp(x->service_instance_id, y->service_instance_id);
}

int prom__each_target(const struct metrics *m, prom_target_fn write, void *ctx)
{
	const struct metric_resource **all = calloc(m->n_resources + 1, sizeof(*all));

	if (!all)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->n_resources; i++)
		all[i] = &m->resources[i];
	qsort(all, m->n_resources, sizeof(*all), compare_services);
	for (uint32_t i = 0; i < m->n_resources; i++) {
		if (i == 0 || !same_service(all[i - 1], all[i]))
			write(ctx, all[i]);
	}
	free(all);
	return 0;
}

/* ---- pieces ---- */

static void give(const struct prom_out *o, const struct buf *data)
{
	if (!o->buf->err && data->len)
		o->buf->err = o->sink->take(o->sink->arg, data->p, data->len);
}

static void empty(const struct prom_out *o)
{
	give(o, o->buf);
	o->buf->len = 0;
}

void prom_out__pass_on(const struct prom_out *o)
{
	if (o->sink && o->buf->len >= PROM_PIECE)
		empty(o);
}

void prom_out__append(const struct prom_out *o, const struct buf *data)
{
	if (!o->sink || data->len < PROM_PIECE) {
		buf__append(o->buf, data->p, data->len);
		prom_out__pass_on(o);
		return;
	}
	empty(o);
	give(o, data);
}

static int write_out(const struct metrics *m, enum prom_format f, unsigned int flags,
		     const struct prom_out *out)
{
	if (f == PROM_PROTOBUF)
		return prom_proto__write(m, flags, out);
	return prom_text__write(m, f == PROM_OPENMETRICS_1, flags, out);
}

int prom__write_with(const struct metrics *m, enum prom_format f, unsigned int flags,
		     struct buf *out)
{
	return write_out(m, f, flags, &(struct prom_out){ .buf = out });
}

int prom__write_to(const struct metrics *m, enum prom_format f, unsigned int flags,
		   const struct prom_sink *sink)
{
	struct buf piece = { .max = sink->max_piece };
	const struct prom_out out = { &piece, sink };
	int err;

	if (piece.max >= MEMORY_LARGE) /* pages of its own: growing in the heap leaves holes */
		buf__room(&piece, MEMORY_LARGE);
	err = write_out(m, f, flags, &out);
	if (!err) {
		empty(&out);
		err = piece.err;
	}
	buf__free(&piece);
	return err;
}
