// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "signatures.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hex.h"
#include "image_internal.h"
#include "slice.h"

#define FILE_MAX  (8 << 20)
#define ROWS_MAX  65536
#define BYTES_MIN 8
#define BYTES_MAX 64
#define BYTES     32 /* that are printed */

struct row {
	char *build_id, *name;
	uint64_t offset;
	uint8_t len;
	uint8_t bytes[BYTES_MAX];
};

struct signatures {
	struct row *v;
	size_t n, cap;
};

struct parse {
	struct signatures *s;
	const char *path;
	unsigned int line;
	char *why;
	size_t why_size;
};

__attribute__((format(printf, 3, 4))) static int fail(struct parse *p, int err, const char *fmt,
						      ...)
{
	va_list args;
	int n;

	if (p->line)
		n = snprintf(p->why, p->why_size, "%s:%u: ", p->path, p->line);
	else
		n = snprintf(p->why, p->why_size, "%s: ", p->path);
	if (n < 0 || (size_t)n >= p->why_size)
		return err;
	va_start(args, fmt);
	vsnprintf(p->why + n, p->why_size - n, fmt, args);
	va_end(args);
	return err;
}

/* ---- a row ---- */

/* Its words; how many there are, at most n + 1. */
static size_t split(struct slice line, struct slice *words, size_t n)
{
	size_t found = 0, len;

	for (line = slice_trim(line); line.len && line.p[0] != '#'; line = slice_trim(line)) {
		for (len = 0; len < line.len && line.p[len] != ' ' && line.p[len] != '\t';)
			len++;
		if (found < n)
			words[found] = (struct slice){ line.p, len };
		found += found <= n;
		line = slice_skip(line, len);
	}
	return found;
}

/* How many bytes the digits make; 0: they are none, or not from min to max. */
static size_t hex_bytes(struct slice s, uint8_t *out, size_t min, size_t max)
{
	if (s.len % 2 || s.len / 2 < min || s.len / 2 > max)
		return 0;
	for (size_t i = 0; i < s.len / 2; i++) {
		int high = hex_value(s.p[2 * i]), low = hex_value(s.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return 0;
		out[i] = high << 4 | low;
	}
	return s.len / 2;
}

static int parse_build_id(struct parse *p, struct slice s, struct row *r)
{
	uint8_t bytes[BYTES_MAX];
	size_t n = hex_bytes(s, bytes, 1, sizeof(bytes));

	if (!n)
		return fail(p, -EINVAL, "bad build id '%.*s': want 2 to 128 hex digits", (int)s.len,
			    s.p);
	r->build_id = malloc(2 * n + 1);
	if (!r->build_id)
		return fail(p, -ENOMEM, "out of memory");
	*hex_put(r->build_id, bytes, n) = '\0';
	return 0;
}

static int parse_name(struct parse *p, struct slice s, struct row *r)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.len >= IMAGE_NAME_MAX || !isgraph((unsigned char)s.p[i]))
			return fail(p, -EINVAL, "bad function name");
	}
	r->name = strndup(s.p, s.len);
	return r->name ? 0 : fail(p, -ENOMEM, "out of memory");
}

static int parse_offset(struct parse *p, struct slice s, struct row *r)
{
	if (s.len < 3 || s.len > 18 || s.p[0] != '0' || s.p[1] != 'x')
		return fail(p, -EINVAL, "bad offset '%.*s': want 0x and hex digits", (int)s.len,
			    s.p);
	for (size_t i = 2; i < s.len; i++) {
		int digit = hex_value(s.p[i]);

		if (digit < 0)
			return fail(p, -EINVAL, "bad offset '%.*s': want 0x and hex digits",
				    (int)s.len, s.p);
		r->offset = r->offset << 4 | digit;
	}
	return 0;
}

static int parse_bytes(struct parse *p, struct slice s, struct row *r)
{
	r->len = hex_bytes(s, r->bytes, BYTES_MIN, BYTES_MAX);
	return r->len ? 0
		      : fail(p, -EINVAL, "bad bytes: want %d to %d as hex digits", BYTES_MIN,
			     BYTES_MAX);
}

static void row__free(struct row *r)
{
	free(r->build_id);
	free(r->name);
}

static int add(struct parse *p, const struct row *r)
{
	struct signatures *s = p->s;

	if (s->n == ROWS_MAX)
		return fail(p, -E2BIG, "more than %d rows", ROWS_MAX);
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 16;
		struct row *v = reallocarray(s->v, cap, sizeof(*v));

		if (!v)
			return fail(p, -ENOMEM, "out of memory");
		s->v = v;
		s->cap = cap;
	}
	s->v[s->n++] = *r;
	return 0;
}

static int parse_row(struct parse *p, struct slice line)
{
	static int (*const fields[])(struct parse *, struct slice,
				     struct row *) = { parse_build_id, parse_name, parse_offset,
						       parse_bytes };
	struct slice words[4];
	struct row r = { 0 };
	size_t n = split(line, words, 4);
	int err = 0;

	if (!n)
		return 0;
	if (n != 4)
		return fail(p, -EINVAL, "%s than the four fields BUILDID FUNCTION OFFSET BYTES",
			    n < 4 ? "less" : "more");
	for (size_t i = 0; i < 4 && !err; i++)
		err = fields[i](p, words[i], &r);
	if (!err)
		err = add(p, &r);
	if (err)
		row__free(&r);
	return err;
}

/* ---- the whole ---- */

static int by_key(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = strcmp(x->build_id, y->build_id);

	return order ? order : strcmp(x->name, y->name);
}

static int parse_text(struct parse *p, struct slice text)
{
	int err = 0;

	while (text.len && !err) {
		size_t len = slice_until(text, '\n');

		p->line++;
		err = parse_row(p, (struct slice){ text.p, len });
		text = slice_skip(text, len + (len < text.len));
	}
	if (!err && p->s->n)
		qsort(p->s->v, p->s->n, sizeof(*p->s->v), by_key);
	return err;
}

struct signatures *signatures__parse(const char *path, const char *text, size_t len, char *why,
				     size_t why_size)
{
	struct parse p = { .path = path, .why = why, .why_size = why_size };
	int err = -ENOMEM;

	p.s = calloc(1, sizeof(*p.s));
	if (p.s)
		err = parse_text(&p, (struct slice){ text, len });
	else
		fail(&p, err, "out of memory");
	if (!err)
		return p.s;
	signatures__free(p.s);
	errno = -err;
	return NULL;
}

static int read_file(struct parse *p, char **text, size_t *len)
{
	FILE *f = fopen(p->path, "re");
	int err = 0;

	if (!f)
		return fail(p, -errno, "%s", strerror(errno));
	*text = malloc(FILE_MAX + 1);
	if (!*text) {
		err = fail(p, -ENOMEM, "out of memory");
	} else {
		errno = 0;
		*len = fread(*text, 1, FILE_MAX + 1, f);
		if (ferror(f))
			err = fail(p, errno ? -errno : -EIO, "%s", strerror(errno));
		else if (*len > FILE_MAX)
			err = fail(p, -EFBIG, "larger than %d bytes", FILE_MAX);
	}
	fclose(f);
	return err;
}

struct signatures *signatures__new(const char *path, char *why, size_t why_size)
{
	struct parse p = { .path = path, .why = why, .why_size = why_size };
	struct signatures *s = NULL;
	char *text = NULL;
	size_t len = 0;
	int err = read_file(&p, &text, &len);

	if (!err)
		s = signatures__parse(path, text, len, why, why_size);
	else
		errno = -err;
	err = errno;
	free(text);
	errno = err;
	return s;
}

void signatures__free(struct signatures *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		row__free(&s->v[i]);
	free(s->v);
	free(s);
}

size_t signatures__count(const struct signatures *s)
{
	return s->n;
}

/* ---- using them ---- */

/* An address whose code is at a file offset. -ERANGE: none is. */
static int code_at(const struct image *img, uint64_t offset, uint64_t len, uint64_t *address)
{
	uint64_t back;

	for (size_t i = 0; i < img->n_segments; i++) {
		const Elf64_Phdr *p = &img->segments[i];

		*address = p->p_vaddr + (offset - p->p_offset);
		if (offset >= p->p_offset && !image__offset(img, *address, len, &back) &&
		    back == offset)
			return 0;
	}
	return -ERANGE;
}

static int check(const struct row *r, const struct image *img, struct image_function *f)
{
	uint8_t bytes[BYTES_MAX];
	uint64_t address;
	int err = code_at(img, r->offset, r->len, &address);

	if (!err)
		err = image__pread(img, r->offset, bytes, r->len);
	if (err)
		return err;
	if (memcmp(bytes, r->bytes, r->len))
		return -ESTALE;
	*f = (struct image_function){ .offset = r->offset,
				      .address = address,
				      .source = IMAGE_SIGNATURE };
	return 0;
}

/* The first row of a build id and name. */
static size_t first(const struct signatures *s, const struct row *key)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (by_key(&s->v[mid], key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int signatures__find(const struct signatures *s, const struct image *img, const char *name,
		     struct image_function *f)
{
	struct row key = { .build_id = (char *)image__build_id(img), .name = (char *)name };
	struct image_function found, one = { 0 };
	int err = -ENOENT;

	if (!*key.build_id)
		return -ENOENT;
	for (size_t i = first(s, &key); i < s->n && !by_key(&s->v[i], &key); i++) {
		int rc = check(&s->v[i], img, &found);

		if (!rc && one.source && found.offset != one.offset)
			return -ENOTUNIQ;
		if (!rc)
			one = found;
		err = err ? rc : 0;
	}
	if (!err)
		*f = one;
	return err;
}

int signatures__print(FILE *to, const struct image *img, const char *name,
		      const struct image_function *f)
{
	uint8_t bytes[BYTES];
	char text[2 * BYTES + 1];
	int err = *image__build_id(img) ? 0 : -ENODATA;

	if (!err)
		err = image__pread(img, f->offset, bytes, sizeof(bytes));
	if (err)
		return err;
	*hex_put(text, bytes, sizeof(bytes)) = '\0';
	if (fprintf(to, "%s %s 0x%llx %s\n", image__build_id(img), name,
		    (unsigned long long)f->offset, text) < 0)
		return -EIO;
	return 0;
}
