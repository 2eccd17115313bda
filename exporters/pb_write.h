/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Protobuf's own bytes, around what protobuf-c packs. */
#ifndef RED_PB_WRITE_H
#define RED_PB_WRITE_H

#include <protobuf-c/protobuf-c.h>

#include "buf.h"

static inline size_t pb_varint_size(uint64_t v)
{
	size_t n = 1;

	while (v >>= 7)
		n++;
	return n;
}

/* pb_varint_size(v) bytes at p. */
static inline void pb_write_varint(char *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (char)(v | 0x80);
	*p = (char)v;
}

static inline void pb_put_varint(struct buf *out, uint64_t v)
{
	size_t n = pb_varint_size(v);
	char *p = buf__room(out, n);

	if (!p)
		return;
	pb_write_varint(p, v);
	out->len += n;
}

/* `size` is its packed size, which who writes it has asked for. */
static inline void pb_put_message(struct buf *out, const ProtobufCMessage *msg, size_t size)
{
	uint8_t *room = buf__room(out, size);

	if (room)
		out->len += protobuf_c_message_pack(msg, room);
}

#endif /* RED_PB_WRITE_H */
