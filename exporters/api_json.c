// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api_internal.h"

#include <math.h>
#include <string.h>

#include "json_text.h"

/* ---- values -------------------------------------------------------------------------- */

void api_json__string(struct buf *out, const char *s)
{
	if (s)
		json_text__string(out, slice_of(s));
	else
		buf__puts(out, "null");
}

void api_json__slice(struct buf *out, struct slice s)
{
	if (s.len)
		json_text__string(out, s);
	else
		buf__puts(out, "null");
}

/* Nine digits tell all floats apart, and no instrument here is that exact. */
void api_json__number(struct buf *out, double v)
{
	if (!isfinite(v))
		buf__puts(out, "null");
	else if (v == floor(v) && fabs(v) < 1e15)
		json_text__int(out, (int64_t)v);
	else
		buf__printf(out, "%.9g", v);
}

void api_json__time(struct buf *out, int64_t unix_ns)
{
	int64_t us = unix_ns / 1000;

	buf__printf(out, "%s%lld.%06lld", us < 0 ? "-" : "",
		    (long long)(us < 0 ? -us : us) / 1000000,
		    (long long)(us < 0 ? -us : us) % 1000000);
}

void api_json__next(struct buf *out)
{
	char last = out->len ? out->p[out->len - 1] : '[';

	if (last != '[' && last != '{')
		buf__putc(out, ',');
}

void api_json__key(struct buf *out, const char *key)
{
	api_json__next(out);
	buf__putc(out, '"');
	buf__puts(out, key);
	buf__puts(out, "\":");
}

void api_json__escape(struct buf *out)
{
	static const char escape[] = "\\u003c";
	size_t n = 0, i, to, grow;

	for (i = 0; i < out->len; i++)
		n += out->p[i] == '<';
	grow = n * (sizeof(escape) - 2);
	if (!n || !buf__room(out, grow))
		return;
	/* From the end: each byte moves to a place that has been left already. */
	i = out->len;
	out->len = to = out->len + grow;
	while (i--) {
		if (out->p[i] != '<') {
			out->p[--to] = out->p[i];
			continue;
		}
		to -= sizeof(escape) - 1;
		memcpy(out->p + to, escape, sizeof(escape) - 1);
	}
}

/* ---- parts of answers ---------------------------------------------------------------- */

static void number(struct buf *out, const char *key, double v)
{
	api_json__key(out, key);
	api_json__number(out, v);
}

void api_json__stats(struct buf *out, const struct history_dist *d, struct history_range r)
{
	double seconds = r.to > r.from ? r.to - r.from : 0, count = (double)d->count;

	number(out, "count", count);
	number(out, "rate", seconds > 0 ? count / seconds : 0);
	number(out, "errors", (double)d->errors);
	number(out, "error_ratio", d->count ? (double)d->errors / count : 0);
	number(out, "mean", d->count ? d->sum / count : NAN);
	number(out, "p50", history_dist__quantile(d, 0.5));
	number(out, "p95", history_dist__quantile(d, 0.95));
	number(out, "p99", history_dist__quantile(d, 0.99));
}

void api_json__range(struct buf *out, struct history_range r)
{
	number(out, "from", r.from);
	number(out, "to", r.to);
}

void api_json__percent(struct buf *out, struct slice s)
{
	static const char plain[] = "-._~", digits[] = "0123456789ABCDEF";

	for (; s.len; s = slice_skip(s, 1)) {
		char c = *s.p, low = (char)(c | 0x20);

		if ((c >= '0' && c <= '9') || (low >= 'a' && low <= 'z' && c >= 'A') ||
		    memchr(plain, c, sizeof(plain) - 1)) {
			buf__putc(out, c);
			continue;
		}
		buf__putc(out, '%');
		buf__putc(out, digits[(uint8_t)c >> 4]);
		buf__putc(out, digits[(uint8_t)c & 15]);
	}
}

/* The same request, but for its offset. All else is as it was given. */
static void next_page(struct buf *out, const struct api_request *r, uint64_t offset)
{
	buf__putc(out, '"');
	buf__puts(out, r->path);
	buf__putc(out, '?');
	for (uint32_t i = 0; i < r->n_params; i++) {
		if (!strcmp(r->params[i].name, "offset"))
			continue;
		buf__puts(out, r->params[i].name);
		buf__putc(out, '=');
		api_json__percent(out, r->params[i].value);
		buf__putc(out, '&');
	}
	buf__printf(out, "offset=%llu\"", (unsigned long long)offset);
}

void api_json__page(struct buf *out, const struct api_request *r, const struct api_query *q,
		    size_t total, size_t shown)
{
	uint64_t next = (uint64_t)q->offset + shown;

	number(out, "total", (double)total);
	api_json__key(out, "next");
	if (shown && next < total && next <= UINT32_MAX)
		next_page(out, r, next);
	else
		buf__puts(out, "null");
}
