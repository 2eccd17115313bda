/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the parts of span_attrs share; for one span. */
#ifndef RED_SPAN_ATTRS_INTERNAL_H
#define RED_SPAN_ATTRS_INTERNAL_H

#include <string.h>
#include <sys/socket.h>

#include "span_attrs.h"

struct attr_builder {
	struct span_attrs *a;
	const struct span *s;
	const struct span_attrs_config *c;
	struct slice peer; /* the peer's address, NULL until somebody asked */
};

/* ---- text that is not the span's own -------------------------------------- */

struct attr_text {
	struct span_attrs *a;
	size_t from, max;
};

static inline struct attr_text attr_text__begin(struct span_attrs *a)
{
	size_t max = a->used + SPAN_ATTR_VALUE_MAX;

	return (struct attr_text){ a, a->used, max < sizeof(a->text) ? max : sizeof(a->text) };
}

static inline void attr_text__put(struct attr_text *w, struct slice s)
{
	size_t room = w->max - w->a->used, n = s.len < room ? s.len : room;

	if (n)
		memcpy(w->a->text + w->a->used, s.p, n);
	w->a->used += n;
}

static inline struct slice attr_text__end(const struct attr_text *w)
{
	return (struct slice){ w->a->text + w->from, w->a->used - w->from };
}

/* ---- values: false when there is nothing to say --------------------------- */

static inline bool attr__string(struct span_attr *out, struct slice s)
{
	out->type = SPAN_ATTR_STRING;
	out->str = s;
	return s.len != 0;
}

static inline bool attr__int(struct span_attr *out, int64_t num)
{
	out->type = SPAN_ATTR_INT;
	out->num = num;
	return num != 0;
}

/* ---- span_attrs_url.c ----------------------------------------------------- */

bool span_url__is_ip(const struct span *s);
struct slice span_url__peer(struct attr_builder *b);
bool span_url__server_address(struct attr_builder *b, struct span_attr *out);
bool span_url__server_port(struct attr_builder *b, struct span_attr *out);
bool span_url__full(struct attr_builder *b, struct span_attr *out);
bool span_url__query(struct attr_builder *b, struct span_attr *out);

/* ---- span_attrs_tls.c ----------------------------------------------------- */

bool span_tls__cipher(struct attr_builder *b, struct span_attr *out);
bool span_tls__name(struct attr_builder *b, struct span_attr *out);
bool span_tls__next(struct attr_builder *b, struct span_attr *out);
bool span_tls__protocol(struct attr_builder *b, struct span_attr *out);
bool span_tls__version(struct attr_builder *b, struct span_attr *out);
bool span_tls__resumed(struct attr_builder *b, struct span_attr *out);

/* ---- span_attrs_rpc.c: of spans that have an RPC -------------------------- */

bool span_rpc__has_method(const struct span *s); /* whose name may be said */
bool span_rpc__system(struct attr_builder *b, struct span_attr *out);
bool span_rpc__status(struct attr_builder *b, struct span_attr *out);
bool span_rpc__method_original(struct attr_builder *b, struct span_attr *out);
bool span_rpc__http_status(struct attr_builder *b, struct span_attr *out);
bool span_rpc__carrier(struct attr_builder *b, struct span_attr *out);
bool span_rpc__request_messages(struct attr_builder *b, struct span_attr *out);
bool span_rpc__request_size(struct attr_builder *b, struct span_attr *out);
bool span_rpc__response_messages(struct attr_builder *b, struct span_attr *out);
bool span_rpc__response_size(struct attr_builder *b, struct span_attr *out);
bool span_rpc__first_message(struct attr_builder *b, struct span_attr *out);
bool span_rpc__timeout(struct attr_builder *b, struct span_attr *out);

#endif /* RED_SPAN_ATTRS_INTERNAL_H */
