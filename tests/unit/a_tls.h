/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a handshake said, with everything in it, for tests of what writes spans. */
#ifndef RED_TEST_A_TLS_H
#define RED_TEST_A_TLS_H

#include "span.h"

#define A_TLS_TEXT "shop.examplehttp/1.1"

/* Valid until the next call. */
static inline struct span_tls *a_tls(void)
{
	static uint64_t room[8];
	struct span_tls *t = (void *)room;

	*t = (struct span_tls){ .version = 0x0304,
				.cipher = 0x1301,
				.resumed = SPAN_TLS_RESUMED_YES,
				.server_name_len = 12,
				.next_protocol_len = 8 };
	memcpy(t->text, A_TLS_TEXT, sizeof(A_TLS_TEXT) - 1);
	return t;
}

#endif /* RED_TEST_A_TLS_H */
