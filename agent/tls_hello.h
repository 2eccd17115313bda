/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The first TLS record of a direction: a ClientHello or a ServerHello (RFC 8446
 * §4.1.2, 4.1.3, RFC 5246 §7.4.1), as far as it was captured. Allocates nothing;
 * what it finds points into the input.
 */
#ifndef RED_TLS_HELLO_H
#define RED_TLS_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "slice.h"

#define TLS_1_2 0x0303
#define TLS_1_3 0x0304

#define TLS_RECORD_HEADER   5
#define TLS_SESSION_ID_MAX  32
#define TLS_SERVER_NAME_MAX 253

enum tls_hello_kind {
	TLS_HELLO_CLIENT = 1, /* as the messages are numbered */
	TLS_HELLO_SERVER = 2,
};

enum tls_hello_result {
	TLS_HELLO_BAD = -1, /* it is none */
	TLS_HELLO_CUT = 0,  /* there should be more; what was found is right */
	TLS_HELLO_WHOLE = 1,
	TLS_HELLO_ALERT = 2, /* an alert instead */
};

struct tls_hello {
	uint8_t kind;        /* enum tls_hello_kind; 0: too short to tell */
	bool retry;          /* HelloRetryRequest: the hello proper is yet to come */
	bool has_session_id; /* it was seen, perhaps empty */
	bool ticket;         /* client: offers a session ticket (RFC 5077) */
	bool psk;            /* client: offers pre-shared keys; server: takes one */
	uint16_t version;    /* server: what is spoken from now on; 0: not seen */
	uint16_t cipher;     /* server: its choice; 0: not seen */
	struct slice session_id;
	struct slice server_name; /* client: any bytes, see tls_hello__valid_name */
	struct slice protocol;    /* client: the first of ALPN; server: its choice */
};

/* How many bytes the record has that begins with these, header included; 0: more of them
 * are needed to tell, or it is none. */
size_t tls_hello__record_bytes(const uint8_t *p, size_t n);

/* Right for any prefix: each member is that of the whole, or not set. A message that is
 * spread over several records is cut where the first one ends. */
enum tls_hello_result tls_hello__parse(const uint8_t *p, size_t n, struct tls_hello *out);

/* Letters, digits and hyphens in labels, as hosts are named; no dot at the end. */
bool tls_hello__valid_name(struct slice name);

#endif /* RED_TLS_HELLO_H */
