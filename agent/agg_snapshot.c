// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From series to points. A point copies whatever may go before the snapshot does. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "agg_internal.h"
#include "metrics.h"
#include "resource.h"
#include "semconv.h"

static const struct family {
	const char *name, *unit, *help;
	enum span_class class;
	enum series_part part;
} families[] = {
	{ "http.server.request.duration", "s",
	  "Duration of HTTP server requests. http.route may be learned from paths.",
	  SPAN_HTTP_SERVER, PART_DURATION },
	{ "http.client.request.duration", "s", "Duration of HTTP client requests.",
	  SPAN_HTTP_CLIENT, PART_DURATION },
	{ "http.server.request.body.size", "By", "Size of HTTP server request bodies.",
	  SPAN_HTTP_SERVER, PART_REQUEST_SIZE },
	{ "http.server.response.body.size", "By", "Size of HTTP server response bodies.",
	  SPAN_HTTP_SERVER, PART_RESPONSE_SIZE },
	{ "http.client.request.body.size", "By", "Size of HTTP client request bodies.",
	  SPAN_HTTP_CLIENT, PART_REQUEST_SIZE },
	{ "http.client.response.body.size", "By", "Size of HTTP client response bodies.",
	  SPAN_HTTP_CLIENT, PART_RESPONSE_SIZE },
	{ SEMCONV_RPC_SERVER_DURATION, "s", "Duration of inbound remote procedure calls.",
	  SPAN_RPC_SERVER, PART_DURATION },
	{ SEMCONV_RPC_CLIENT_DURATION, "s", "Duration of outbound remote procedure calls.",
	  SPAN_RPC_CLIENT, PART_DURATION },
};

enum {
	FAMILIES = sizeof(families) / sizeof(families[0]),
	MAX_ATTRS = 6,
};

struct snapshot {
	struct agg *agg;
	struct metrics *m;
	uint64_t unix_ns, mono_ns;
	struct metric_family *family[FAMILIES]; /* NULL: no points */
	struct metric_family *active;
};

/* ---- attributes -------------------------------------------------------------------- */

enum source { FROM_WORD, FROM_NUMBER, FROM_NAME, FROM_HOST };

enum {
	HTTP_SERVER = 1 << SPAN_HTTP_SERVER,
	HTTP = HTTP_SERVER | 1 << SPAN_HTTP_CLIENT,
	RPC = 1 << SPAN_RPC_SERVER | 1 << SPAN_RPC_CLIENT,
	CLIENT = 1 << SPAN_HTTP_CLIENT | 1 << SPAN_RPC_CLIENT,
	ALL = HTTP | RPC,
};

#define MEMBER(m) .at = offsetof(struct series_key, m)

/* In the order of their keys. */
static const struct attr_row {
	const char *key;
	unsigned int classes;
	enum source from;
	size_t at; /* of a word's id or a number in struct series_key */
} attr_rows[] = {
	{ "error.type", ALL, FROM_WORD, MEMBER(error_type) },
	{ "http.request.method", HTTP, FROM_WORD, MEMBER(method) },
	{ "http.response.status_code", HTTP, FROM_NUMBER, MEMBER(status) },
	{ "http.route", HTTP_SERVER, FROM_NAME, 0 },
	{ "network.protocol.version", HTTP, FROM_WORD, MEMBER(version) },
	{ SEMCONV_RPC_METHOD, RPC, FROM_NAME, 0 },
	{ SEMCONV_RPC_STATUS, RPC, FROM_WORD, MEMBER(status) },
	{ SEMCONV_RPC_SYSTEM, RPC, FROM_WORD, MEMBER(system) },
	{ "server.address", CLIENT, FROM_HOST, 0 },
	{ "server.port", CLIENT, FROM_NUMBER, MEMBER(port) },
	{ "url.scheme", HTTP_SERVER, FROM_WORD, MEMBER(scheme) },
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

static uint16_t member(const struct series *s, const struct attr_row *r)
{
	return *(const uint16_t *)((const char *)&s->key + r->at);
}

static void add_row(struct attrs *a, const struct snapshot *sn, const struct series *s,
		    const struct attr_row *r)
{
	switch (r->from) {
	case FROM_WORD:
		add_str(a, r->key, sn->agg->names.v[member(s, r)]);
		break;
	case FROM_NUMBER:
		add_int(a, r->key, member(s, r));
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
	size_t i;

	if (s->overflow) {
		a->v[a->n++] = (struct metric_attr){ .key = "otel.metric.overflow",
						     .type = ATTR_BOOL,
						     .num = 1 };
		return;
	}
	for (i = 0; i < sizeof(attr_rows) / sizeof(attr_rows[0]); i++)
		if (attr_rows[i].classes & 1u << s->key.class)
			add_row(a, sn, s, &attr_rows[i]);
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
	struct metric_point *p;
	int i;

	if (!s->start_unix_ns)
		s->start_unix_ns = to_unix(sn, s->start_ns);
	series_attrs(&a, sn, s);
	for (i = 0; i < FAMILIES; i++) {
		if (!sn->family[i] || families[i].class != s->key.class ||
		    !s->parts[families[i].part].count)
			continue;
		p = point(sn->m, sn->family[i], &a);
		if (!p)
			return;
		p->resource = resource;
		p->start_unix_ns = s->start_unix_ns;
		if (hist__export(&s->parts[families[i].part], sn->m, &p->hist))
			return;
		if (families[i].part == PART_DURATION &&
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

static uint32_t count_points(const struct agg *agg, const struct family *f)
{
	const struct agg_service *svc;
	const struct series *s;
	uint32_t n = 0;

	if (f->part >= agg->n_parts[f->class])
		return 0;
	for (svc = agg->services; svc; svc = svc->next)
		for (s = svc->first; s; s = s->next)
			n += s->key.class == f->class && s->parts[f->part].count;
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

static void make_families(struct snapshot *sn)
{
	const struct family *f;
	uint32_t n;
	int i;

	for (i = 0; i < FAMILIES; i++) {
		f = &families[i];
		n = count_points(sn->agg, f);
		if (n)
			sn->family[i] = metrics__family(sn->m, f->name, f->unit, f->help,
							METRIC_HISTOGRAM, n);
	}
	n = count_active(sn->agg);
	if (n)
		sn->active =
			metrics__family(sn->m, "http.server.active_requests", "{request}",
					"Number of active HTTP server requests.", METRIC_UPDOWN, n);
}

int agg__snapshot(struct agg *agg, struct metrics *m, uint64_t now_unix_ns, uint64_t mono_now_ns)
{
	struct snapshot sn = { agg, m, now_unix_ns, mono_now_ns, { NULL }, NULL };
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
