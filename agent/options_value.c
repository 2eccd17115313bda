// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The types of options_table.c: text to value, value to YAML, and what is allowed. */
#include "options_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

_Static_assert(sizeof(enum backend_id) == sizeof(int), "OPT_ENUM fields are ints");

struct unit {
	const char *suffix;
	uint64_t factor;
};

/* The first row that divides a value is the one it is printed with. */
/* clang-format off */
static const struct unit duration_units[] = {
	{ "d", 86400000000000 }, { "h", 3600000000000 }, { "m", 60000000000 }, { "s", 1000000000 },
	{ "ms", 1000000 }, { "us", 1000 }, { "ns", 1 }, { "", 1000000000 }, { NULL, 0 },
};

static const struct unit byte_units[] = {
	{ "TiB", 1ull << 40 }, { "GiB", 1ull << 30 }, { "MiB", 1 << 20 }, { "KiB", 1 << 10 }, { "", 1 },
	{ "Ti", 1ull << 40 }, { "Gi", 1ull << 30 }, { "Mi", 1 << 20 }, { "Ki", 1 << 10 }, { "B", 1 },
	{ "T", 1ull << 40 }, { "G", 1ull << 30 }, { "M", 1 << 20 }, { "K", 1 << 10 }, { NULL, 0 },
};
/* clang-format on */

/* Digits, then one of the suffixes; units NULL: digits only. */
static int parse_number(const char *text, const struct unit *units, uint64_t *value)
{
	uint64_t n = 0;
	const char *s;

	for (s = text; *s >= '0' && *s <= '9'; s++) {
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *s - '0', &n))
			return -EINVAL;
	}
	if (s == text || (!units && *s))
		return -EINVAL;
	while (units && units->suffix && strcmp(units->suffix, s))
		units++;
	if (units && (!units->suffix || __builtin_mul_overflow(n, units->factor, &n)))
		return -EINVAL;
	*value = n;
	return 0;
}

static int parse_in_range(const struct opt *opt, const char *text, const struct unit *units,
			  uint64_t *value)
{
	int err = parse_number(text, units, value);

	if (err)
		return err;
	return *value < opt->min || *value > opt->max ? -EINVAL : 0;
}

/* The list's pointer is a T *, so it is read and written as bytes, not as a void *. */
static int append(struct options *o, const struct opt *opt, const void *element, size_t size)
{
	size_t *n = (size_t *)((char *)o + opt->count);
	char *field = (char *)o + opt->offset, *v;

	memcpy(&v, field, sizeof(v));
	v = realloc(v, (*n + 1) * size);
	if (!v)
		return -ENOMEM;
	memcpy(v + *n * size, element, size);
	memcpy(field, &v, sizeof(v));
	++*n;
	return 0;
}

/* ---- one function a type ---- */

static int parse_bool(struct options *o, const struct opt *opt, const char *text)
{
	static const char *const words[] = { "false", "true", "no", "yes", "off", "on", "0", "1" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!strcmp(text, words[i])) {
			*(bool *)((char *)o + opt->offset) = i & 1;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_u32(struct options *o, const struct opt *opt, const char *text)
{
	uint64_t value;
	int err = parse_in_range(opt, text, NULL, &value);

	if (!err)
		*(uint32_t *)((char *)o + opt->offset) = value;
	return err;
}

static int parse_duration(struct options *o, const struct opt *opt, const char *text)
{
	uint64_t value;
	int err = parse_in_range(opt, text, duration_units, &value);

	if (!err)
		*(uint64_t *)((char *)o + opt->offset) = value;
	return err;
}

static int parse_bytes(struct options *o, const struct opt *opt, const char *text)
{
	uint64_t value, power = 1;
	int err = parse_in_range(opt, text, byte_units, &value);

	if (err)
		return err;
	while (power < value)
		power <<= 1;
	*(uint64_t *)((char *)o + opt->offset) = opt->power_of_two ? power : value;
	return 0;
}

/* Who writes YAML for us (Helm) may have read "on" and "off" as the booleans that they once were.
 */
static const char *without_boolean(const char *text)
{
	return !strcmp(text, "true") ? "on" : !strcmp(text, "false") ? "off" : text;
}

static int parse_enum(struct options *o, const struct opt *opt, const char *text)
{
	text = without_boolean(text);
	for (int i = 0; opt->names[i]; i++) {
		if (!strcmp(text, opt->names[i])) {
			memcpy((char *)o + opt->offset, &i, sizeof(i));
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_string(struct options *o, const struct opt *opt, const char *text)
{
	char **field = (char **)((char *)o + opt->offset), *copy = NULL;

	if (*text || opt->def) {
		if (opt->valid && !opt->valid(text))
			return -EINVAL;
		copy = strdup(text);
		if (!copy)
			return -ENOMEM;
	}
	free(*field);
	*field = copy;
	return 0;
}

static int parse_element(struct options *o, const struct opt *opt, const char *text)
{
	char *copy;
	int err;

	if (!*text || (opt->valid && !opt->valid(text)))
		return -EINVAL;
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	err = append(o, opt, &copy, sizeof(copy));
	if (err)
		free(copy);
	return err;
}

static int parse_port(struct options *o, const struct opt *opt, const char *text)
{
	uint64_t value;
	int err = parse_in_range(opt, text, NULL, &value);

	return err ? err : append(o, opt, &(uint16_t){ value }, sizeof(uint16_t));
}

static int parse_pid(struct options *o, const struct opt *opt, const char *text)
{
	uint64_t value;
	int err = parse_in_range(opt, text, NULL, &value);

	return err ? err : append(o, opt, &(uint32_t){ value }, sizeof(uint32_t));
}

/* ---- printing: field is the value, or one element of a list ---- */

static void print_bool(const struct opt *opt, const void *field, FILE *to)
{
	fputs(*(const bool *)field ? "true" : "false", to);
}

static void print_u16(const struct opt *opt, const void *field, FILE *to)
{
	fprintf(to, "%" PRIu16, *(const uint16_t *)field);
}

static void print_u32(const struct opt *opt, const void *field, FILE *to)
{
	fprintf(to, "%" PRIu32, *(const uint32_t *)field);
}

#define UNIT_TEXT 32

static const char *unit_text(uint64_t value, const struct unit *units, char buf[UNIT_TEXT])
{
	while (value && value % units->factor)
		units++;
	snprintf(buf, UNIT_TEXT, "%" PRIu64 "%s", value / units->factor,
		 value ? units->suffix : "");
	return buf;
}

static void print_duration(const struct opt *opt, const void *field, FILE *to)
{
	char buf[UNIT_TEXT];

	fputs(unit_text(*(const uint64_t *)field, duration_units, buf), to);
}

static void print_bytes(const struct opt *opt, const void *field, FILE *to)
{
	char buf[UNIT_TEXT];

	fputs(unit_text(*(const uint64_t *)field, byte_units, buf), to);
}

static void print_enum(const struct opt *opt, const void *field, FILE *to)
{
	int i;

	memcpy(&i, field, sizeof(i));
	fputs(opt->names[i], to);
}

/* Double-quoted, with escapes for all that YAML would fold or refuse. */
static void print_string(const struct opt *opt, const void *field, FILE *to)
{
	const char *s = *(char *const *)field;
	size_t left = s ? strlen(s) : 0, len;
	uint32_t cp;

	fputc('"', to);
	for (; left; s += len, left -= len) {
		len = utf8_next(s, left, &cp);
		if (!len)
			break; /* opt__parse_value lets no such string in */
		if (!utf8_printable(cp))
			fprintf(to, "\\U%08" PRIX32, cp);
		else if (cp == '"' || cp == '\\')
			fprintf(to, "\\%c", (int)cp);
		else
			fwrite(s, 1, len, to);
	}
	fputc('"', to);
}

/* ---- what is allowed ---- */

static void want_number(const struct opt *opt, char *buf, size_t size)
{
	snprintf(buf, size, "a number from %" PRIu64 " to %" PRIu64, opt->min, opt->max);
}

static void want_port(const struct opt *opt, char *buf, size_t size)
{
	snprintf(buf, size, "a port from %" PRIu64 " to %" PRIu64, opt->min, opt->max);
}

static void want_bool(const struct opt *opt, char *buf, size_t size)
{
	snprintf(buf, size, "true or false");
}

static void want_string(const struct opt *opt, char *buf, size_t size)
{
	snprintf(buf, size, "%s", opt->want ? opt->want : "a text that is not empty");
}

static void want_duration(const struct opt *opt, char *buf, size_t size)
{
	char min[UNIT_TEXT], max[UNIT_TEXT];

	snprintf(buf, size, "a duration from %s to %s, such as 500ms, 10s, 5m or 1h",
		 unit_text(opt->min, duration_units, min),
		 unit_text(opt->max, duration_units, max));
}

static void want_bytes(const struct opt *opt, char *buf, size_t size)
{
	char min[UNIT_TEXT], max[UNIT_TEXT];

	snprintf(buf, size, "a size from %s to %s, such as 64MiB, 4M or 1048576",
		 unit_text(opt->min, byte_units, min), unit_text(opt->max, byte_units, max));
}

static void want_enum(const struct opt *opt, char *buf, size_t size)
{
	size_t n = snprintf(buf, size, "one of %s", opt->names[0]);

	for (int i = 1; opt->names[i] && n < size; i++)
		n += snprintf(buf + n, size - n, ", %s", opt->names[i]);
}

/* ---- the table of types ---- */

struct type {
	int (*parse)(struct options *o, const struct opt *opt, const char *text);
	void (*print)(const struct opt *opt, const void *field, FILE *to);
	void (*want)(const struct opt *opt, char *buf, size_t size);
	size_t element;        /* lists: bytes of one */
	const char *separator; /* lists: what stands between two; NULL: one value */
	bool strings;          /* what `print` prints is allocated */
};

/* clang-format off */
static const struct type types[] = {
	[OPT_BOOL]     = { parse_bool,     print_bool,     want_bool,     0, NULL, false },
	[OPT_U32]      = { parse_u32,      print_u32,      want_number,   0, NULL, false },
	[OPT_DURATION] = { parse_duration, print_duration, want_duration, 0, NULL, false },
	[OPT_BYTES]    = { parse_bytes,    print_bytes,    want_bytes,    0, NULL, false },
	[OPT_STRING]   = { parse_string,   print_string,   want_string,   0, NULL, true },
	[OPT_ENUM]     = { parse_enum,     print_enum,     want_enum,     0, NULL, false },
	[OPT_STRS]     = { parse_element,  print_string,   want_string,   sizeof(char *), "\n", true },
	[OPT_WORDS]    = { parse_element,  print_string,   want_string,   sizeof(char *), ",", true },
	[OPT_PORTS]    = { parse_port,     print_u16,      want_port,     sizeof(uint16_t), ",", false },
	[OPT_PIDS]     = { parse_pid,      print_u32,      want_number,   sizeof(uint32_t), ",", false },
};
/* clang-format on */

bool opt__is_list(const struct opt *opt)
{
	return types[opt->type].element != 0;
}

void opt__want(const struct opt *opt, char *buf, size_t size)
{
	types[opt->type].want(opt, buf, size);
}

static int parse_piece(struct options *o, const struct opt *opt, struct slice piece)
{
	char *copy = strndup(piece.p, piece.len);
	int err = copy ? types[opt->type].parse(o, opt, copy) : -ENOMEM;

	free(copy);
	return err;
}

int opt__parse_value(struct options *o, const struct opt *opt, const char *text, struct slice *bad)
{
	const struct type *type = &types[opt->type];
	int err = 0;

	*bad = slice_of(text);
	if (!utf8_valid(text, bad->len))
		return -EINVAL;
	if (!type->separator)
		return type->parse(o, opt, text);
	for (const char *s = text; !err && s; s = *s ? s + 1 : NULL) {
		*bad = (struct slice){ s, strcspn(s, type->separator) };
		s += bad->len;
		*bad = slice_trim_blanks(*bad);
		err = parse_piece(o, opt, *bad);
	}
	return err;
}

void opt__print_value(const struct options *o, const struct opt *opt, FILE *to)
{
	const struct type *type = &types[opt->type];
	const char *field = (const char *)o + opt->offset, *v;

	if (!type->element) {
		type->print(opt, field, to);
		return;
	}
	memcpy(&v, field, sizeof(v));
	fputc('[', to);
	for (size_t i = 0; i < *(const size_t *)((const char *)o + opt->count); i++) {
		fputs(i ? ", " : "", to);
		type->print(opt, v + i * type->element, to);
	}
	fputc(']', to);
}

const char *opt__text(const struct options *o, const struct opt *opt)
{
	const char *v = NULL;

	if (opt->type == OPT_STRING)
		memcpy(&v, (const char *)o + opt->offset, sizeof(v));
	return v;
}

void opt__free_value(struct options *o, const struct opt *opt)
{
	const struct type *type = &types[opt->type];
	char *v;

	if (!type->element && !type->strings)
		return;
	memcpy(&v, (char *)o + opt->offset, sizeof(v));
	if (type->element && type->strings) {
		for (size_t i = 0; i < *(size_t *)((char *)o + opt->count); i++)
			free(((char **)v)[i]);
	}
	free(v);
}
