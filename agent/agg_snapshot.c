// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From series to points. A point copies whatever may go before the snapshot does. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "agg_internal.h"
#include "metrics.h"
#include "resource.h"
#include "semconv.h"

enum { MAX_ATTRS = OF__CNT };

static const char *const units[PARTS] = {
	[PART_DURATION] = "s",
	[PART_REQUEST_SIZE] = "By",
	[PART_RESPONSE_SIZE] = "By",
};

struct snapshot {
	struct agg *agg;
	struct metrics *m;
	uint64_t unix_ns, mono_ns;
	struct metric_family *family[SPAN_CLASSES][PARTS]; /* NULL: no points */
	struct metric_family *active;
};

/* ---- attributes -------------------------------------------------------------------- */

enum source { FROM_WORD, FROM_NUMBER, FROM_NAME, FROM_HOST };

#define MEMBER(m) .at = offsetof(struct series_key, m)

/* Where label__of() has put it. */
static const struct source_row {
	enum source from;
	size_t at; /* of a word's id or a number in struct series_key */
} sources[OF__CNT] = {
	[OF_METHOD] = { FROM_WORD, MEMBER(method) },
	[OF_ROUTE] = { FROM_NAME, 0 },
	[OF_CODE] = { FROM_NUMBER, MEMBER(status) },
	[OF_STATUS] = { FROM_WORD, MEMBER(status) },
	[OF_SYSTEM] = { FROM_WORD, MEMBER(system) },
	[OF_ERROR] = { FROM_WORD, MEMBER(error_type) },
	[OF_VERSION] = { FROM_WORD, MEMBER(version) },
	[OF_SCHEME] = { FROM_WORD, MEMBER(scheme) },
	[OF_HOST] = { FROM_HOST, 0 },
	[OF_PORT] = { FROM_NUMBER, MEMBER(port) },
};

struct attrs {
	uint32_t n;
	struct metric_attr v[MAX_ATTRS];
};

static void add_str(struct attrs *a, const char *key, const char *str)
{
	if (str && *str)
		a->v[a->n++] = (struct metric_attr){ .key = key, .type = ATTR_STRING, .str = str };
}

static void add_int(struct attrs *a, const char *key, int64_t num)
{
	if (num)
		a->v[a->n++] = (struct metric_attr){ .key = key, .type = ATTR_INT, .num = num };
}

static void add_attr(struct attrs *a, const struct snapshot *sn, const struct series *s,
		     const struct semconv_attr *r)
{
	const struct source_row *source = &sources[r->of];
	uint16_t member = *(const uint16_t *)((const char *)&s->key + source->at);

	switch (source->from) {
	case FROM_WORD:
		add_str(a, r->key, sn->agg->names.v[member]);
		break;
	case FROM_NUMBER:
		add_int(a, r->key, member);
		break;
	case FROM_NAME:
		if (s->name)
			add_str(a, r->key, metrics__strdup(sn->m, s->name, strlen(s->name)));
		break;
	case FROM_HOST:
		if (s->key.host_len)
			add_str(a, r->key, metrics__strdup(sn->m, s->host, s->key.host_len));
		break;
	}
}

static void series_attrs(struct attrs *a, const struct snapshot *sn, const struct series *s)
{
	const struct semconv_attr *r = class__semconv(s->key.class)->attrs;

	if (s->overflow) {
		a->v[a->n++] = (struct metric_attr){ .key = "otel.metric.overflow",
						     .type = ATTR_BOOL,
						     .num = 1 };
		return;
	}
	for (; r->key && a->n < MAX_ATTRS; r++)
		if (r->kinds & 1u << class__kind(s->key.class))
			add_attr(a, sn, s, r);
}

static struct metric_point *point(struct metrics *m, struct metric_family *f, const struct attrs *a)
{
	struct metric_attr *v;
	struct metric_point *p = metrics__point(m, f, a->n, &v);

	if (p)
		memcpy(v, a->v, a->n * sizeof(*v));
	return p;
}

/* ---- points ------------------------------------------------------------------------ */

static uint64_t to_unix(const struct snapshot *sn, uint64_t mono_ns)
{
	uint64_t ago_ns = mono_ns && mono_ns < sn->mono_ns ? sn->mono_ns - mono_ns : 0;

	return ago_ns < sn->unix_ns ? sn->unix_ns - ago_ns : sn->unix_ns;
}

static void series_points(const struct snapshot *sn, struct series *s,
			  const struct metric_resource *resource)
{
	struct attrs a = { 0 };
	struct metric_family *f;
	struct metric_point *p;
	int part;

	if (!s->start_unix_ns)
		s->start_unix_ns = to_unix(sn, s->start_ns);
	series_attrs(&a, sn, s);
	for (part = 0; part < (int)sn->agg->n_parts[s->key.class]; part++) {
		f = sn->family[s->key.class][part];
		if (!f || !s->parts[part].count)
			continue;
		p = point(sn->m, f, &a);
		if (!p)
			return;
		p->resource = resource;
		p->start_unix_ns = s->start_unix_ns;
		if (hist__export(&s->parts[part], sn->m, &p->hist))
			return;
		if (part == PART_DURATION &&
		    exemplars__export(s, sn->m, &p->hist, sn->unix_ns - sn->mono_ns))
			return;
	}
}

static void active_point(const struct snapshot *sn, struct active *active,
			 const struct metric_resource *resource)
{
	const char *const *names = sn->agg->names.v;
	struct attrs a = { 0 };
	struct metric_point *p;

	if (!active->start_unix_ns)
		active->start_unix_ns = to_unix(sn, active->start_ns);
	add_str(&a, "http.request.method", names[active->method]);
	add_str(&a, "url.scheme", names[active->scheme]);
	p = point(sn->m, sn->active, &a);
	if (!p)
		return;
	p->resource = resource;
	p->start_unix_ns = active->start_unix_ns;
	p->value = (double)active->value;
}

static struct metric_attr *resource_attrs(struct metrics *m, const struct resource_attr *from,
					  uint32_t n)
{
	struct metric_attr *v = metrics__alloc(m, n * sizeof(*v));

	for (uint32_t i = 0; v && i < n; i++) {
		v[i] = (struct metric_attr){
			.key = metrics__strdup(m, from[i].key, strlen(from[i].key)),
			.type = ATTR_STRING,
			.str = metrics__strdup(m, from[i].value, strlen(from[i].value)),
		};
	}
	return v;
}

static const struct metric_resource *resource(const struct snapshot *sn, const struct service *s)
{
	struct metric_resource *r = metrics__resource(sn->m);
	struct resource_attr attrs[RESOURCE_MAX];

	if (!r)
		return NULL;
	r->service_name = metrics__strdup(sn->m, s->name, strlen(s->name));
	r->service_namespace = metrics__strdup(sn->m, s->namespace, strlen(s->namespace));
	r->service_instance_id = metrics__strdup(sn->m, s->instance, strlen(s->instance));
	r->n_attrs = resource__of(sn->agg->resource, s, attrs);
	r->attrs = resource_attrs(sn->m, attrs, r->n_attrs);
	return r;
}

/* ---- families ------------------------------------------------------------------------ */

static uint32_t count_points(const struct agg *agg, uint32_t class, int part)
{
	const struct agg_service *svc;
	const struct series *s;
	uint32_t n = 0;

	for (svc = agg->services; svc; svc = svc->next)
		for (s = svc->first; s; s = s->next)
			n += s->key.class == class && s->parts[part].count;
	return n;
}

static uint32_t count_active(const struct agg *agg)
{
	const struct agg_service *svc;
	const struct active *a;
	uint32_t n = 0;

	for (svc = agg->services; svc; svc = svc->next)
		for (a = svc->active; a; a = a->next)
			n++;
	return n;
}

static void make_class(struct snapshot *sn, uint32_t class)
{
	const struct semconv_metric *m = class__semconv(class)->metrics[class__kind(class)];
	uint32_t part, n;

	for (part = 0; part < sn->agg->n_parts[class]; part++) {
		n = m[part].name ? count_points(sn->agg, class, (int)part) : 0;
		if (n)
			sn->family[class][part] =
				metrics__family(sn->m, m[part].name, units[part], m[part].help,
						METRIC_HISTOGRAM, n);
	}
}

static void make_families(struct snapshot *sn)
{
	uint32_t class, n;

	for (class = 0; class < SPAN_CLASSES; class ++)
		make_class(sn, class);
	n = count_active(sn->agg);
	if (n)
		sn->active =
			metrics__family(sn->m, "http.server.active_requests", "{request}",
					"Number of active HTTP server requests.", METRIC_UPDOWN, n);
}

int agg__snapshot(struct agg *agg, struct metrics *m, uint64_t now_unix_ns, uint64_t mono_now_ns)
{
	struct snapshot sn = { agg, m, now_unix_ns, mono_now_ns, .active = NULL };
	const struct metric_resource *r;
	const struct agg_service *svc;
	struct active *a;
	struct series *s;

	make_families(&sn);
	for (svc = agg->services; svc && metrics__ok(m); svc = svc->next) {
		if (!svc->first && !svc->active)
			continue;
		r = resource(&sn, svc->service);
		for (s = svc->first; s && metrics__ok(m); s = s->next)
			series_points(&sn, s, r);
		for (a = svc->active; a && metrics__ok(m); a = a->next)
			active_point(&sn, a, r);
	}
	return metrics__ok(m) ? 0 : -ENOMEM;
}
