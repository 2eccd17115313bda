// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a TLS handshake said, if it was seen and asked for (option span-tls). */
#include "span_attrs_internal.h"
#include "tls_names.h"

bool span_tls__cipher(struct attr_builder *b, struct span_attr *out)
{
	const struct span_tls *t = b->s->tls;
	struct attr_text w = attr_text__begin(b->a);
	char room[TLS_CIPHER_ROOM];

	if (t)
		attr_text__put(&w, tls_cipher__name(t->cipher, room));
	return attr__string(out, attr_text__end(&w));
}

bool span_tls__name(struct attr_builder *b, struct span_attr *out)
{
	const struct span_tls *t = b->s->tls;

	return t && attr__string(out, span_tls__server_name(t));
}

bool span_tls__next(struct attr_builder *b, struct span_attr *out)
{
	const struct span_tls *t = b->s->tls;

	return t && attr__string(out, span_tls__next_protocol(t));
}

bool span_tls__protocol(struct attr_builder *b, struct span_attr *out)
{
	const struct span_tls *t = b->s->tls;

	return t && attr__string(out, tls_version__protocol(t->version));
}

bool span_tls__version(struct attr_builder *b, struct span_attr *out)
{
	const struct span_tls *t = b->s->tls;

	return t && attr__string(out, tls_version__name(t->version));
}

bool span_tls__resumed(struct attr_builder *b, struct span_attr *out)
{
	const struct span_tls *t = b->s->tls;

	if (!t || t->resumed == SPAN_TLS_RESUMED_UNKNOWN)
		return false;
	*out = (struct span_attr){ .type = SPAN_ATTR_BOOL,
				   .num = t->resumed == SPAN_TLS_RESUMED_YES };
	return true;
}
