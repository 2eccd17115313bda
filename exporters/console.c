// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "console.h"

#include <string.h>
#include <time.h>

#include "service.h"
#include "span_attrs.h"
#include "utf8.h"
#include "hex.h"

enum { NAME_MAX_BYTES = 1024 };

static void put_text(struct buf *out, struct slice s)
{
	uint32_t cp;
	size_t n;

	for (; s.len; s = slice_skip(s, n ? n : 1)) {
		n = utf8_next(s.p, s.len, &cp);
		if (n && utf8_printable(cp))
			buf__append(out, s.p, n);
		else
			for (size_t i = 0; i < (n ? n : 1); i++)
				buf__printf(out, "\\x%02x", (uint8_t)s.p[i]);
	}
}

static void put_time(struct buf *out, uint64_t unix_ns)
{
	time_t s = (time_t)(unix_ns / 1000000000);
	char text[32];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(text, sizeof(text), "%FT%T", &tm);
	buf__printf(out, "%s.%06uZ", text, (unsigned int)(unix_ns % 1000000000 / 1000));
}

static void put_id(struct buf *out, const char *before, const uint8_t *id, size_t n)
{
	static const uint8_t none[16];
	char *to;

	buf__puts(out, before);
	if (!memcmp(id, none, n)) {
		buf__putc(out, '-');
		return;
	}
	to = buf__room(out, 2 * n);
	if (to)
		out->len += hex_put(to, id, n) - to;
}

static void put_duration(struct buf *out, uint64_t ns)
{
	if (ns < 1000000000)
		buf__printf(out, " %.3fms", (double)ns / 1e6);
	else
		buf__printf(out, " %.3fs", (double)ns / 1e9);
}

static void put_outcome(struct buf *out, const struct span *s)
{
	char room[8];
	const char *status = span__status(s, room);

	buf__printf(out, " %s", status ? status : "-");
	put_duration(out, s->end_ns > s->start_ns ? s->end_ns - s->start_ns : 0);
	if (s->error_type)
		buf__printf(out, " error=%s", s->error_type);
	buf__putc(out, '\n');
}

static void put_span(struct buf *out, const struct span *s, int64_t unix_minus_mono_ns)
{
	const struct trace *t = &s->trace;
	char name[NAME_MAX_BYTES];

	put_time(out, s->start_ns + (uint64_t)unix_minus_mono_ns);
	put_id(out, " ", t->trace_id, sizeof(t->trace_id));
	put_id(out, " ", t->span_id, sizeof(t->span_id));
	put_id(out, " parent=", t->parent_id, sizeof(t->parent_id));
	buf__puts(out, s->kind == SPAN_SERVER ? " server " : " client ");
	put_text(out, slice_of(s->service->name));
	buf__puts(out, " \"");
	put_text(out, span_attrs__name(s, name, sizeof(name)));
	buf__putc(out, '"');
	put_outcome(out, s);
}

void console__write(struct buf *out, const struct span_batch *b)
{
	for (uint32_t i = 0; i < b->n; i++)
		put_span(out, &b->spans[i], b->unix_minus_mono_ns);
}
