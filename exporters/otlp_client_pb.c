// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "otlp_client_pb.h"

#include <errno.h>
#include <stdbool.h>

static bool take_varint(struct slice *left, uint64_t *value)
{
	*value = 0;
	for (unsigned int i = 0; i < 10 && i < left->len; i++) {
		uint8_t byte = left->p[i];

		*value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (!(byte & 0x80)) {
			*left = slice_skip(*left, i + 1);
			return true;
		}
	}
	return false;
}

static bool take_bytes(struct slice *left, uint64_t len, struct slice *bytes)
{
	if (len > left->len)
		return false;
	*bytes = (struct slice){ left->p, len };
	*left = slice_skip(*left, len);
	return true;
}

static bool take_value(struct slice *left, struct pb_field *f)
{
	switch (f->wire) {
	case PB_VARINT:
		return take_varint(left, &f->value);
	case PB_BYTES:
		return take_varint(left, &f->value) && take_bytes(left, f->value, &f->bytes);
	case PB_FIXED64:
		return take_bytes(left, 8, &f->bytes);
	case PB_FIXED32:
		return take_bytes(left, 4, &f->bytes);
	}
	return false; /* groups went long before OTLP came */
}

int pb__next(struct slice *left, struct pb_field *f)
{
	uint64_t key;

	*f = (struct pb_field){ 0 };
	if (!left->len)
		return 0;
	if (!take_varint(left, &key) || key >> 3 == 0 || key >> 3 > UINT32_MAX)
		return -EINVAL;
	f->number = key >> 3;
	f->wire = key & 7;
	return take_value(left, f) ? 1 : -EINVAL;
}

struct slice pb__bytes(struct slice message, uint32_t number)
{
	struct slice found = { NULL, 0 };
	struct pb_field f;

	while (pb__next(&message, &f) == 1) {
		if (f.number == number && f.wire == PB_BYTES)
			found = f.bytes;
	}
	return found;
}

uint64_t pb__varint(struct slice message, uint32_t number)
{
	uint64_t found = 0;
	struct pb_field f;

	while (pb__next(&message, &f) == 1) {
		if (f.number == number && f.wire == PB_VARINT)
			found = f.value;
	}
	return found;
}
