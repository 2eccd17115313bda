/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The messages of one direction of a call: one byte of flags, four of length, then so many.
 * They know nothing of DATA frames: a message may begin anywhere in one, and go on in the
 * next. Bytes may be left out, as long as no prefix is among them.
 */
#ifndef RED_GRPC_MESSAGES_H
#define RED_GRPC_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRPC_PREFIX   5
#define GRPC_LAST_MAX 1024

/* How the last one tells that it is none (gRPC-Web: trailers, Connect: the end). */
enum grpc_last {
	GRPC_LAST_NONE = 0,
	GRPC_LAST_CONNECT = 0x02,
	GRPC_LAST_WEB = 0x80,
};

struct grpc_messages {
	uint64_t n, bytes; /* without the prefixes */
	uint64_t first_ns; /* the first one's first byte; 0: none */
	uint32_t left;     /* of the present one */
	uint8_t have;      /* of a prefix */
	uint8_t head[GRPC_PREFIX];
	uint8_t last_flag; /* enum grpc_last */
	bool in_last;
	bool lost;     /* a prefix was left out */
	bool last_cut; /* there is more of the last one, or it is compressed */
	uint16_t last_len;
	char *last; /* what the last one says, its beginning; NULL: it is not kept */
};

/* `room`: GRPC_LAST_MAX bytes for what the last one says, or NULL. */
void grpc_messages__init(struct grpc_messages *m, enum grpc_last last, char *room);
void grpc_messages__bytes(struct grpc_messages *m, const char *p, size_t len, uint64_t ts_ns);
void grpc_messages__skip(struct grpc_messages *m, uint64_t n);

/* A body that is one message without a prefix, which may have no bytes: of these, `len` are
 * there and `skipped` are not. */
void grpc_messages__unary(struct grpc_messages *m, const char *p, size_t len, uint64_t skipped,
			  uint64_t ts_ns);
void grpc_messages__unary_ends(struct grpc_messages *m);

#endif /* RED_GRPC_MESSAGES_H */
