// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A batch as one request: a group for each service, a record for each of its spans.
 * The messages of one span at a time exist, in an arena that stays small and in the
 * processor's cache, which is half of the speed.
 */
#include <errno.h>

#include "otlp_encode_internal.h"

struct encoder {
	const struct otlp_signal *signal;
	const struct span_batch *batch;
	const struct resource_attrs *extra;
	const struct span_attrs_config *config;
	struct otlp_writer w;
	size_t from; /* where the request begins in w.out */
	struct arena arena;
	struct span_attrs attrs;
};

static void begin_group(struct encoder *x, const struct service *s)
{
	struct attr_list resource;

	attr_list__of_resource(&resource, &x->arena, x->extra, s);
	otlp_writer__begin_group(&x->w, x->signal->resources, x->signal->scopes, &resource);
}

static void put_span(struct encoder *x, const struct span *s)
{
	ProtobufCMessage *record;

	arena__reset(&x->arena);
	span_attrs__of(&x->attrs, s, x->config);
	record = x->signal->record(&x->arena, s, x->batch->unix_minus_mono_ns, &x->attrs);
	if (record && !x->arena.err)
		otlp_writer__put(&x->w, x->signal->records, record);
}

static bool failed(const struct encoder *x)
{
	return x->arena.err || x->w.out->err || x->w.out->len - x->from > OTLP_REQUEST_MAX;
}

/* Its spans, of which there may be none when memory ran out as the batch was filled. */
static void put_service(struct encoder *x, const struct service *s)
{
	const struct span_batch *b = x->batch;
	unsigned int depth = x->w.depth;
	uint32_t i;

	for (i = 0; i < b->n && !failed(x); i++) {
		if (b->spans[i].service != s)
			continue;
		if (x->w.depth == depth)
			begin_group(x, s);
		put_span(x, &b->spans[i]);
	}
	while (x->w.depth > depth)
		otlp_writer__end(&x->w);
}

/* What *out was is what it becomes again after an error. */
static int result(const struct encoder *x)
{
	struct buf *out = x->w.out;
	int err = x->arena.err ? x->arena.err : out->err;

	if (!err && out->len - x->from > OTLP_REQUEST_MAX)
		err = -EMSGSIZE;
	if (err) {
		out->len = x->from;
		out->err = 0;
	}
	return err == -ENOSPC ? -EMSGSIZE : err;
}

int otlp_batch__encode(const struct otlp_signal *signal, const struct span_batch *b,
		       const struct resource_attrs *extra, const struct span_attrs_config *c,
		       enum otlp_encoding e, struct buf *out)
{
	struct encoder x = { .signal = signal, .batch = b, .extra = extra, .config = c };
	uint32_t i;
	int err;

	if (!b->n || out->err)
		return out->err;
	x.from = out->len;
	otlp_writer__start(&x.w, e, out, signal->request);
	for (i = 0; i < b->n_services; i++)
		put_service(&x, b->services[i]);
	otlp_writer__finish(&x.w);
	err = result(&x);
	arena__free(&x.arena);
	return err;
}
