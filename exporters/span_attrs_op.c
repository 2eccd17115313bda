// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What an operation says beyond what every span does, by the names of its conventions. */
#include "semconv.h"
#include "span_attrs.h"

static struct slice value_of(const struct span *s, enum semconv_of of)
{
	switch (of) {
	case OF_METHOD:
		return slice_of(s->method);
	case OF_ROUTE:
		return s->route;
	case OF_STATUS:
		return slice_of(s->op->status);
	case OF_SYSTEM:
		return slice_of(s->op->system);
	default: /* what every span has */
		return SLICE("");
	}
}

uint32_t span_attrs__op(const struct span *s, struct span_attr out[SPAN_ATTRS_OP_MAX])
{
	const struct semconv_attr *a = semconvs[span__semconv(s)]->attrs;
	uint32_t n = 0, i;

	for (; s->op && a->key && n < OF__CNT; a++) {
		out[n] = (struct span_attr){ .key = a->key, .str = value_of(s, a->of) };
		n += out[n].str.len != 0;
	}
	for (i = 0; s->op && i < s->op->n_attrs; i++)
		out[n++] = s->op->attrs[i];
	return n;
}
