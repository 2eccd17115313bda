// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "slice.h"

void sse__init(struct sse *s, sse_event_fn *fn, void *arg)
{
	*s = (struct sse){ .fn = fn, .arg = arg };
	buf__init(&s->line, SSE_EVENT_MAX);
	buf__init(&s->data, SSE_EVENT_MAX);
}

void sse__free(struct sse *s)
{
	buf__free(&s->line);
	buf__free(&s->data);
}

/* Data lines are joined by line feeds; the last line's goes, and makes room for the NUL. */
static void end_event(struct sse *s)
{
	if (s->has_data) {
		s->data.p[s->data.len - 1] = '\0';
		s->fn(s->arg, *s->name ? s->name : "message", s->data.p, s->data.len - 1);
	}
	buf__reset(&s->data);
	s->has_data = false;
	*s->name = '\0';
}

static void field(struct sse *s, struct slice name, struct slice value)
{
	if (slice_eq(name, SLICE("data"))) {
		buf__append(&s->data, value.p, value.len);
		buf__putc(&s->data, '\n');
		s->has_data = true;
	} else if (slice_eq(name, SLICE("event"))) {
		snprintf(s->name, sizeof(s->name), "%.*s", (int)value.len, value.p);
	}
}

static void end_line(struct sse *s)
{
	struct slice line = { s->line.p, s->line.len }, value;
	size_t colon;

	if (!s->begun && line.len >= 3 && !memcmp(line.p, "\xef\xbb\xbf", 3))
		line = slice_skip(line, 3);
	s->begun = true;
	colon = slice_until(line, ':');
	value = slice_skip(line, colon < line.len ? colon + 1 : colon);
	if (value.len && *value.p == ' ')
		value = slice_skip(value, 1);
	if (!line.len)
		end_event(s);
	else
		field(s, (struct slice){ line.p, colon }, value);
	buf__reset(&s->line);
}

int sse__feed(struct sse *s, const char *p, size_t len)
{
	struct slice in = { p, len };

	while (in.len) {
		size_t n = 0;

		if (s->after_cr && *in.p == '\n')
			in = slice_skip(in, 1);
		s->after_cr = false;
		while (n < in.len && in.p[n] != '\n' && in.p[n] != '\r')
			n++;
		buf__append(&s->line, in.p, n);
		if (n < in.len) {
			s->after_cr = in.p[n] == '\r';
			if (!s->line.err)
				end_line(s);
			n++;
		}
		if (s->line.err || s->data.err)
			return s->line.err == -ENOMEM || s->data.err == -ENOMEM ? -ENOMEM
										: -EMSGSIZE;
		in = slice_skip(in, n);
	}
	return 0;
}
