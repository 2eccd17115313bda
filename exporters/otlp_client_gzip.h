/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* gzip of one buffer after the other, with one allocation for all of them. */
#ifndef RED_OTLP_CLIENT_GZIP_H
#define RED_OTLP_CLIENT_GZIP_H

#include <stddef.h>

#include "buf.h"

struct otlp_gzip; /* some 260 KB */

struct otlp_gzip *otlp_gzip__new(void);    /* or NULL */
void otlp_gzip__free(struct otlp_gzip *z); /* accepts NULL */
/* Replaces what is in `to`. 0 or -errno. */
int otlp_gzip__pack(struct otlp_gzip *z, const void *p, size_t len, struct buf *to);

#endif /* RED_OTLP_CLIENT_GZIP_H */
