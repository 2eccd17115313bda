/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the numbers of TLS are called. */
#ifndef RED_TLS_NAMES_H
#define RED_TLS_NAMES_H

#include <stdint.h>

#include "slice.h"

#define TLS_CIPHER_ROOM 8

/* "1.3"; of SSL 3.0 "3". Empty: of no version that there is. */
struct slice tls_version__name(uint16_t version);
/* "tls", or "ssl". */
struct slice tls_version__protocol(uint16_t version);
/* By IANA's registry, or "0xHHHH" for one that is not common; empty for 0. */
struct slice tls_cipher__name(uint16_t cipher, char room[TLS_CIPHER_ROOM]);

#endif /* RED_TLS_NAMES_H */
