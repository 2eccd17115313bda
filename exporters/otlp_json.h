/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * OTLP's JSON of any of its messages, by protobuf-c's descriptors: the protobuf
 * mapping with OTLP's changes, that is lowerCamelCase names, 64-bit integers as
 * strings, enums as numbers, trace and span ids in hexadecimal, other bytes in
 * base64. Strings may be any bytes.
 */
#ifndef RED_OTLP_JSON_H
#define RED_OTLP_JSON_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "buf.h"

void otlp_json__message(struct buf *out, const ProtobufCMessage *msg); /* {...} */
/* The members without the braces, a comma before each but the first. True when there were
 * any; `more`: there was a member before. */
bool otlp_json__members(struct buf *out, const ProtobufCMessage *msg, bool more);
void otlp_json__name(struct buf *out, const ProtobufCFieldDescriptor *f); /* "name": */

#endif /* RED_OTLP_JSON_H */
