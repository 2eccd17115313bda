/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whom a client's request is for: server.address and server.port of its metrics. */
#ifndef RED_CALLEE_H
#define RED_CALLEE_H

#include <stdint.h>

#include "span.h"

enum { CALLEE_HOST_MAX = 255 };

/* The name that the request gives, else the socket's address; its length, 0: neither is
 * known. Not terminated. Only characters that a host consists of, in lower case. */
uint32_t callee__host(char host[CALLEE_HOST_MAX + 1], const struct span *s);
uint16_t callee__port(const struct span *s); /* 0: none */

#endif /* RED_CALLEE_H */
