/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One JSON object on one line, straight into memory of a fixed size: no
 * allocation, no printf. What does not fit is cut (strings) or left out (other
 * members), so that the line is valid JSON whatever it was given.
 *
 * Keys are the caller's own and written as they are. Values are hostile: bytes
 * that are no UTF-8, and NUL, become U+FFFD; what must not reach a terminal is
 * escaped (see utf8_printable).
 */
#ifndef RED_JSON_LINE_H
#define RED_JSON_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "slice.h"

#define JSON_LINE_LEAST 16 /* bytes of room that any line needs */

struct json_line {
	char *start, *at, *end; /* private */
	uint32_t depth;
};

/* `size` is at least JSON_LINE_LEAST and at most 4 GiB. */
void json_line__begin(struct json_line *j, char *room, size_t size);
/* Closes what is open and ends the line. Its length, the newline included. */
size_t json_line__end(struct json_line *j);

/* At most `max` bytes of the value, as written, leave. */
void json_line__str(struct json_line *j, const char *key, struct slice value, size_t max);
void json_line__text(struct json_line *j, const char *key, const char *value);
void json_line__u64(struct json_line *j, const char *key, uint64_t value);
/* value / 10^decimals, with all decimals. */
void json_line__decimal(struct json_line *j, const char *key, uint64_t value, uint32_t decimals);
void json_line__bool(struct json_line *j, const char *key, bool value);
void json_line__hex(struct json_line *j, const char *key, const uint8_t *bytes, size_t n);
/* RFC 3339, UTC, nanoseconds. */
void json_line__time(struct json_line *j, const char *key, int64_t unix_ns);
/* An IPv6 address, or an IPv4 one as IPv4-mapped. */
void json_line__addr(struct json_line *j, const char *key, const uint8_t addr[16]);

/* An object as a value: its members follow until json_line__close. False: there is no room,
 * and nothing to close. One level. */
bool json_line__open(struct json_line *j, const char *key);
void json_line__close(struct json_line *j);

#endif /* RED_JSON_LINE_H */
