/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The fields of one protobuf message, one after the other: enough to read the few small
 * messages of a collector, which may be hostile. Slices of your bytes, no allocation. */
#ifndef RED_OTLP_CLIENT_PB_H
#define RED_OTLP_CLIENT_PB_H

#include <stdint.h>

#include "slice.h"

enum pb_wire {
	PB_VARINT = 0,
	PB_FIXED64 = 1,
	PB_BYTES = 2,
	PB_FIXED32 = 5,
};

struct pb_field {
	uint32_t number;
	enum pb_wire wire;
	uint64_t value;     /* PB_VARINT */
	struct slice bytes; /* PB_BYTES */
};

/* 1: the next field, and *left is behind it; 0: the end; -EINVAL: not protobuf. */
int pb__next(struct slice *left, struct pb_field *f);

/* The last field of this number and PB_BYTES; empty when there is none, also when the
 * message ends in what is not protobuf. */
struct slice pb__bytes(struct slice message, uint32_t number);
/* The same of PB_VARINT; 0 when there is none. */
uint64_t pb__varint(struct slice message, uint32_t number);

#endif /* RED_OTLP_CLIENT_PB_H */
