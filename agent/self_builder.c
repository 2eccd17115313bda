// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "self_builder.h"

void self__point(struct self_builder *b, struct metric_family *f, double value,
		 const struct self_label *labels)
{
	struct metric_attr *attrs;
	struct metric_point *p;
	uint32_t i, n = 0;

	while (labels && n < 2 && labels[n].key)
		n++;
	p = f ? metrics__point(b->m, f, n, &attrs) : NULL;
	if (!p)
		return;
	for (i = 0; i < n; i++) {
		attrs[i].key = labels[i].key;
		attrs[i].type = ATTR_STRING;
		attrs[i].str = labels[i].value;
	}
	p->value = value;
	p->start_unix_ns = f->kind == METRIC_COUNTER ? b->start_unix_ns : 0;
}

struct metric_family *self__family(struct self_builder *b, const char *name, const char *unit,
				   enum metric_kind kind, uint32_t n, const char *help)
{
	return metrics__family(b->m, name, unit, help, kind, n);
}

void self__single(struct self_builder *b, const char *name, const char *unit, enum metric_kind kind,
		  double value, const char *help)
{
	self__point(b, self__family(b, name, unit, kind, 1, help), value, NULL);
}
