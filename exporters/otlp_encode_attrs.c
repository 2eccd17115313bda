// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "metrics.h"
#include "otlp_encode_internal.h"

typedef PB_COMMON(KeyValue) KeyValue;
typedef PB_COMMON(AnyValue) AnyValue;
typedef PB_COMMON(ArrayValue) ArrayValue;

#define CASE(name) OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_##name

/* One attribute: what protobuf-c would have in two allocations. */
struct attr_slot {
	KeyValue kv;
	AnyValue value;
};

/* A list of one. */
struct array_slot {
	ArrayValue array;
	AnyValue *items[1];
	AnyValue item;
};

PB_COMMON(InstrumentationScope)
otlp_scope = {
	PROTOBUF_C_MESSAGE_INIT(
		&opentelemetry__proto__common__v1__instrumentation_scope__descriptor),
	.name = "redeye",
	.version = REDEYE_VERSION,
};

void attr_list__init(struct attr_list *l, struct arena *a, size_t max)
{
	*l = (struct attr_list){ .arena = a };
	l->v = arena__alloc(a, max * sizeof(*l->v));
	l->slots = arena__alloc(a, max * sizeof(*l->slots));
}

static AnyValue *add(struct attr_list *l, const char *key)
{
	static const struct attr_slot empty = {
		OPENTELEMETRY__PROTO__COMMON__V1__KEY_VALUE__INIT,
		OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__INIT,
	};
	struct attr_slot *slot;

	if (l->arena->err)
		return NULL;
	slot = &l->slots[l->n];
	*slot = empty;
	slot->kv.key = (char *)key;
	slot->kv.value = &slot->value;
	l->v[l->n++] = &slot->kv;
	return &slot->value;
}

static void set_text(AnyValue *v, char *text)
{
	v->value_case = CASE(STRING_VALUE);
	v->string_value = text;
}

void attr_list__string(struct attr_list *l, const char *key, struct slice value)
{
	AnyValue *v = add(l, key);

	if (v)
		set_text(v, arena__text(l->arena, value));
}

void attr_list__strings(struct attr_list *l, const char *key, struct slice value)
{
	static const struct array_slot empty = {
		.array = OPENTELEMETRY__PROTO__COMMON__V1__ARRAY_VALUE__INIT,
		.item = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__INIT,
	};
	AnyValue *v = add(l, key);
	struct array_slot *slot = v ? arena__alloc(l->arena, sizeof(*slot)) : NULL;

	if (!slot)
		return;
	*slot = empty;
	set_text(&slot->item, arena__text(l->arena, value));
	slot->items[0] = &slot->item;
	slot->array.values = slot->items;
	slot->array.n_values = 1;
	v->value_case = CASE(ARRAY_VALUE);
	v->array_value = &slot->array;
}

void attr_list__int(struct attr_list *l, const char *key, int64_t value)
{
	AnyValue *v = add(l, key);

	if (!v)
		return;
	v->value_case = CASE(INT_VALUE);
	v->int_value = value;
}

void attr_list__double(struct attr_list *l, const char *key, double value)
{
	AnyValue *v = add(l, key);

	if (!v)
		return;
	v->value_case = CASE(DOUBLE_VALUE);
	v->double_value = value;
}

void attr_list__bool(struct attr_list *l, const char *key, bool value)
{
	AnyValue *v = add(l, key);

	if (!v)
		return;
	v->value_case = CASE(BOOL_VALUE);
	v->bool_value = value;
}

static void add_span_attr(struct attr_list *l, const struct span_attr *a)
{
	switch (a->type) {
	case SPAN_ATTR_STRING:
		attr_list__string(l, a->key, a->str);
		break;
	case SPAN_ATTR_INT:
		attr_list__int(l, a->key, a->num);
		break;
	case SPAN_ATTR_BOOL:
		attr_list__bool(l, a->key, a->num);
		break;
	case SPAN_ATTR_STRINGS:
		attr_list__strings(l, a->key, a->str);
		break;
	case SPAN_ATTR_DOUBLE:
		attr_list__double(l, a->key, a->real);
		break;
	}
}

void attr_list__of_span(struct attr_list *l, struct arena *a, const struct span_attrs *attrs)
{
	uint32_t i;

	attr_list__init(l, a, attrs->n);
	for (i = 0; i < attrs->n; i++)
		add_span_attr(l, &attrs->v[i]);
}

void attr_list__of_resource(struct attr_list *l, struct arena *a, const struct resource_attrs *r,
			    const struct service *s)
{
	struct resource_attr attrs[RESOURCE_MAX];
	uint32_t n = resource__of(r, s, attrs), i;

	attr_list__init(l, a, n);
	for (i = 0; i < n; i++)
		attr_list__string(l, attrs[i].key, slice_of(attrs[i].value));
}

static void add_metric_attr(struct attr_list *l, const struct metric_attr *a)
{
	const char *key = arena__text(l->arena, slice_of(a->key));

	switch (a->type) {
	case ATTR_STRING:
		attr_list__string(l, key, slice_of(a->str));
		break;
	case ATTR_INT:
		attr_list__int(l, key, a->num);
		break;
	case ATTR_BOOL:
		attr_list__bool(l, key, a->num);
		break;
	}
}

void attr_list__of_metric(struct attr_list *l, struct arena *a, const struct metric_attr *attrs,
			  uint32_t n)
{
	uint32_t i;

	attr_list__init(l, a, n);
	for (i = 0; i < n; i++)
		add_metric_attr(l, &attrs[i]);
}
