/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The small parts of JSON text. Whatever the bytes are, what is appended is valid. */
#ifndef RED_JSON_TEXT_H
#define RED_JSON_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "slice.h"

/* In quotes; what is no UTF-8, and NUL, as U+FFFD, each byte for itself. */
void json_text__string(struct buf *out, struct slice s);
void json_text__hex(struct buf *out, const uint8_t *p, size_t n);    /* in quotes, lower case */
void json_text__base64(struct buf *out, const uint8_t *p, size_t n); /* in quotes, padded */
void json_text__uint(struct buf *out, uint64_t v);
void json_text__int(struct buf *out, int64_t v);
/* The shortest text that reads back as v; "NaN", "Infinity", "-Infinity" in quotes. */
void json_text__double(struct buf *out, double v);

#endif /* RED_JSON_TEXT_H */
