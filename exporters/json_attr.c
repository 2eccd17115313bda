// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "json_attr.h"

void json_attr__add(struct json_line *j, const struct span_attr *a, size_t max)
{
	switch (a->type) {
	case SPAN_ATTR_STRING:
	case SPAN_ATTR_STRINGS:
		json_line__str(j, a->key, a->str, max);
		break;
	case SPAN_ATTR_INT:
		json_line__u64(j, a->key, a->num > 0 ? (uint64_t)a->num : 0);
		break;
	case SPAN_ATTR_BOOL:
		json_line__bool(j, a->key, a->num);
		break;
	case SPAN_ATTR_DOUBLE:
		json_line__decimal(j, a->key, a->real > 0 ? (uint64_t)(a->real * 1e6) : 0, 6);
		break;
	}
}
