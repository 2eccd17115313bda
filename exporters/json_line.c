// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "json_line.h"

#include <arpa/inet.h>

#include "utf8.h"
#include "hex.h"

#define CLOSING 3 /* bytes kept for "}}\n" */

void json_line__begin(struct json_line *j, char *room, size_t size)
{
	*j = (struct json_line){ .start = room, .at = room, .end = room + size - CLOSING };
	*j->at++ = '{';
}

size_t json_line__end(struct json_line *j)
{
	if (j->depth)
		json_line__close(j);
	*j->at++ = '}';
	*j->at++ = '\n';
	return (size_t)(j->at - j->start);
}

static void put(struct json_line *j, const char *s, size_t len)
{
	j->at = mempcpy(j->at, s, len);
}

/* Begins a member whose value takes up to `value` bytes. False: there is no room for it. */
static bool key_of(struct json_line *j, const char *key, size_t value)
{
	size_t len = strlen(key);

	if ((size_t)(j->end - j->at) < len + value + 4)
		return false;
	if (j->at[-1] != '{')
		*j->at++ = ',';
	*j->at++ = '"';
	put(j, key, len);
	*j->at++ = '"';
	*j->at++ = ':';
	return true;
}

/* ---- strings ------------------------------------------------------------------------- */

#define ESCAPED_MAX 12 /* \ud83f\udfff */

static bool is_plain(char c)
{
	return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

/* How many bytes from p on leave as they are. */
static size_t plain_run(const char *p, size_t len)
{
	size_t n = 0;

	while (n < len && is_plain(p[n]))
		n++;
	return n;
}

static char *put_u16(char *to, uint32_t v)
{
	const uint8_t bytes[] = { v >> 8 & 0xff, v & 0xff };

	*to++ = '\\';
	*to++ = 'u';
	return hex_put(to, bytes, sizeof(bytes));
}

static size_t escape(char *to, uint32_t cp)
{
	static const char special[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
	const char *hit = cp < 0x80 ? memchr(special, (int)cp, sizeof(special) - 1) : NULL;
	char *at = to;

	if (hit) {
		*at++ = '\\';
		*at++ = letter[hit - special];
	} else if (cp < 0x10000) {
		at = put_u16(at, cp);
	} else {
		at = put_u16(at, 0xd800 + ((cp - 0x10000) >> 10));
		at = put_u16(at, 0xdc00 + ((cp - 0x10000) & 0x3ff));
	}
	return (size_t)(at - to);
}

/* The character at p, as it leaves, in out; its length there in *out_len, here returned. */
static size_t one_character(const char *p, size_t len, char out[ESCAPED_MAX], size_t *out_len)
{
	uint32_t cp;
	size_t n = utf8_next(p, len, &cp);

	if (!n || !cp) {
		memcpy(out, "\xef\xbf\xbd", *out_len = 3);
		return 1;
	}
	if (utf8_printable(cp) && cp != '"' && cp != '\\')
		memcpy(out, p, *out_len = n);
	else
		*out_len = escape(out, cp);
	return n;
}

/* The value between its quotes, of which `room` bytes may leave. */
static void put_escaped(struct json_line *j, struct slice s, size_t room)
{
	char out[ESCAPED_MAX];
	size_t n, out_len;

	while (s.len) {
		n = plain_run(s.p, s.len < room ? s.len : room);
		put(j, s.p, n);
		room -= n;
		s = slice_skip(s, n);
		if (!s.len)
			return;
		n = one_character(s.p, s.len, out, &out_len);
		if (out_len > room)
			return;
		put(j, out, out_len);
		room -= out_len;
		s = slice_skip(s, n);
	}
}

void json_line__str(struct json_line *j, const char *key, struct slice value, size_t max)
{
	size_t room;

	if (!key_of(j, key, 2))
		return;
	room = (size_t)(j->end - j->at) - 2;
	*j->at++ = '"';
	put_escaped(j, value, max < room ? max : room);
	*j->at++ = '"';
}

void json_line__text(struct json_line *j, const char *key, const char *value)
{
	json_line__str(j, key, slice_of(value), SIZE_MAX);
}

void json_line__hex(struct json_line *j, const char *key, const uint8_t *bytes, size_t n)
{
	if (!key_of(j, key, 2 * n + 2))
		return;
	*j->at++ = '"';
	j->at = hex_put(j->at, bytes, n);
	*j->at++ = '"';
}

/* ---- numbers ------------------------------------------------------------------------- */

#define U64_DIGITS 20

/* With leading zeros up to `least` digits. */
static void put_number(struct json_line *j, uint64_t v, uint32_t least)
{
	char digits[U64_DIGITS], *at = digits + sizeof(digits), *end = at;

	do {
		*--at = (char)('0' + v % 10);
		v /= 10;
	} while (v || end - at < (ptrdiff_t)least);
	put(j, at, (size_t)(end - at));
}

void json_line__u64(struct json_line *j, const char *key, uint64_t value)
{
	if (key_of(j, key, U64_DIGITS))
		put_number(j, value, 1);
}

void json_line__decimal(struct json_line *j, const char *key, uint64_t value, uint32_t decimals)
{
	uint64_t unit = 1;

	for (uint32_t i = 0; i < decimals; i++)
		unit *= 10;
	if (!key_of(j, key, U64_DIGITS + 1))
		return;
	put_number(j, value / unit, 1);
	if (!decimals)
		return;
	*j->at++ = '.';
	put_number(j, value % unit, decimals);
}

void json_line__bool(struct json_line *j, const char *key, bool value)
{
	if (key_of(j, key, 5))
		put(j, value ? "true" : "false", value ? 4 : 5);
}

/* ---- dates --------------------------------------------------------------------------- */

struct date {
	int64_t year;
	uint32_t month, day;
};

/* Of the proleptic Gregorian calendar. Years begin in March here, so that the leap day is
 * the last one; 719,468 days before 1970 such a year 0 began. */
static struct date date_of(int64_t days)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
	uint32_t doe = (uint32_t)(z - era * 146097);
	uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	uint32_t m = (5 * doy + 2) / 153;
	struct date d = { .day = doy - (153 * m + 2) / 5 + 1, .month = m < 10 ? m + 3 : m - 9 };

	d.year = era * 400 + yoe + (d.month <= 2);
	return d;
}

static void put_field(struct json_line *j, uint64_t v, uint32_t digits, char behind)
{
	put_number(j, v, digits);
	*j->at++ = behind;
}

/* Nanoseconds of 64 bits are years 1677 to 2262. */
void json_line__time(struct json_line *j, const char *key, int64_t unix_ns)
{
	int64_t s = unix_ns / 1000000000 - (unix_ns % 1000000000 < 0); /* rounded down */
	int64_t days = s / 86400 - (s % 86400 < 0);
	uint64_t of_day = (uint64_t)(s - days * 86400);
	struct date d = date_of(days);

	if (!key_of(j, key, sizeof("\"1970-01-01T00:00:00.000000000Z\"")))
		return;
	*j->at++ = '"';
	put_field(j, (uint64_t)d.year, 4, '-');
	put_field(j, d.month, 2, '-');
	put_field(j, d.day, 2, 'T');
	put_field(j, of_day / 3600, 2, ':');
	put_field(j, of_day / 60 % 60, 2, ':');
	put_field(j, of_day % 60, 2, '.');
	put_field(j, (uint64_t)(unix_ns % 1000000000 + 1000000000) % 1000000000, 9, 'Z');
	*j->at++ = '"';
}

/* ---- addresses and objects ------------------------------------------------------------- */

void json_line__addr(struct json_line *j, const char *key, const uint8_t addr[16])
{
	static const uint8_t v4mapped[12] = { [10] = 0xff, [11] = 0xff };
	char text[INET6_ADDRSTRLEN];

	if (memcmp(addr, v4mapped, sizeof(v4mapped)) != 0) {
		inet_ntop(AF_INET6, addr, text, sizeof(text));
		json_line__text(j, key, text);
		return;
	}
	if (!key_of(j, key, sizeof("\"255.255.255.255\"")))
		return;
	*j->at++ = '"';
	put_field(j, addr[12], 1, '.');
	put_field(j, addr[13], 1, '.');
	put_field(j, addr[14], 1, '.');
	put_field(j, addr[15], 1, '"');
}

bool json_line__open(struct json_line *j, const char *key)
{
	if (j->depth || !key_of(j, key, 1))
		return false;
	*j->at++ = '{';
	j->depth = 1;
	return true;
}

void json_line__close(struct json_line *j)
{
	*j->at++ = '}';
	j->depth = 0;
}
