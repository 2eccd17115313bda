/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The parts of a path between slashes, and what they look like. Inside of route*.c. */
#ifndef RED_ROUTE_SEGMENT_H
#define RED_ROUTE_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SEGMENT_MAX_LEN = 64, /* of a literal; fits a gRPC service's full name */
	SEGMENT_MAX_EXT = 5,
};

struct segment {
	const char *p;
	uint32_t len, hash;
};

enum segment_kind {
	SEGMENT_LITERAL = 0, /* may be part of a route's name */
	SEGMENT_ID = 1,      /* surely names a thing, or is junk */
	SEGMENT_FILE = 2,    /* one of many files: only the extension matters */
};

/* The next segment that is not empty, without matrix parameters (";v=1"). */
bool segment__next(const char **p, const char *end, struct segment *s);
struct segment segment__of(const char *p, uint32_t len);
/* SEGMENT_FILE: *ext is the extension's length, without the dot. */
enum segment_kind segment__classify(const struct segment *s, uint32_t *ext);

#endif /* RED_ROUTE_SEGMENT_H */
