// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http1_head.h"

#include "http1_text.h"

/* Start lines are judged by this many bytes when only their looks matter. */
#define LOOKS_MAX 256

/* ---- characters --------------------------------------------------------- */

/* RFC 9110 §5.6.2 */
static bool is_tchar(char c)
{
	return http1_is_alpha(c) || http1_is_digit(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_ctl(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* Whether any of eight bytes is a control character. The expression has the top bit
 * of each byte below 0x20 or equal to 0x7f; by borrowing it may have that of others
 * too, but only when there is such a byte. */
static bool has_ctl8(const char *p)
{
	const uint64_t ones = 0x0101010101010101, top = ones << 7;
	uint64_t x, del;

	memcpy(&x, p, sizeof(x));
	del = x ^ (ones * 0x7f);
	return (((x - ones * 0x20) & ~x) | ((del - ones) & ~del)) & top;
}

/* The last eight may overlap those before. */
static bool has_ctl(struct slice s)
{
	size_t i;

	for (i = 0; i + 8 <= s.len; i += 8) {
		if (has_ctl8(s.p + i))
			return true;
	}
	if (s.len >= 8)
		return has_ctl8(s.p + s.len - 8);
	for (i = 0; i < s.len; i++) {
		if (is_ctl(s.p[i]))
			return true;
	}
	return false;
}

/* Cuts the next element off a comma-separated list (RFC 9110 §5.6.1). */
static inline bool next_element(struct slice *list, struct slice *element)
{
	size_t n;

	if (!list->len)
		return false;
	n = slice_until(*list, ',');
	*element = slice_trim((struct slice){ list->p, n });
	*list = slice_skip(*list, n < list->len ? n + 1 : n);
	return true;
}

/* ---- start line --------------------------------------------------------- */

/* A line without its end. `whole` is false when the end was not captured. */
struct line {
	struct slice s;
	bool whole;
};

/* "HTTP/1.1" */
static bool is_version(const char p[8])
{
	return !memcmp(p, "HTTP/1.", 7) && http1_is_digit(p[7]);
}

/* "HTTP/1.1 200" */
static bool is_version_and_status(const char p[12])
{
	return is_version(p) && p[8] == ' ' && http1_is_digit(p[9]) && http1_is_digit(p[10]) &&
	       http1_is_digit(p[11]);
}

/* What follows the method: target SP version. A space at the end of a cut line
 * tells that the target, at least, is whole. */
static int target_and_version(struct line l, struct http1_head *h)
{
	struct slice rest = slice_trim(l.s), last;
	const char *sp = rest.len ? memrchr(rest.p, ' ', rest.len) : NULL;
	char version[] = "HTTP/1.1"; /* a cut one is right if it is when completed */

	last = sp ? slice_skip(rest, sp + 1 - rest.p) : (struct slice){ 0 };
	if (last.len > 8 || (last.len < 8 && l.whole)) {
		sp = NULL;
	} else if (last.len) {
		memcpy(version, last.p, last.len);
		sp = is_version(version) ? sp : NULL;
	}
	if (!sp && l.whole)
		return HTTP1_BAD;
	h->minor = sp ? version[7] - '0' : 1;
	h->target_cut = !sp && rest.p + rest.len == l.s.p + l.s.len;
	h->target = sp ? slice_trim((struct slice){ rest.p, sp - rest.p }) : rest;
	return h->target.len ? 1 : HTTP1_MORE;
}

/* RFC 9112 §3 */
static int request_line(struct line l, struct http1_head *h)
{
	size_t n = 0;

	while (n < l.s.len && n < HTTP1_METHOD_MAX && l.s.p[n] != ' ' && is_tchar(l.s.p[n]))
		n++;
	h->method = (struct slice){ l.s.p, n };
	if (n == l.s.len)
		return l.whole ? HTTP1_BAD : HTTP1_MORE;
	l.s = slice_skip(l.s, n);
	if (!n || l.s.p[0] != ' ' || has_ctl(l.s))
		return HTTP1_BAD;
	return target_and_version(l, h);
}

/* RFC 9112 §4; the reason may be missing together with its space, and may
 * contain tabs. */
static int status_line(struct line l, struct http1_head *h)
{
	char begin[] = "HTTP/1.1 200"; /* a cut one is right if it is when completed */
	const size_t n = sizeof(begin) - 1;
	size_t i;

	memcpy(begin, l.s.p, l.s.len < n ? l.s.len : n);
	if (!is_version_and_status(begin) || (l.s.len < n && l.whole))
		return HTTP1_BAD;
	if (l.s.len < n)
		return HTTP1_MORE;
	if (l.s.len > n && l.s.p[n] != ' ')
		return HTTP1_BAD;
	for (i = n; i < l.s.len; i++) {
		if (is_ctl(l.s.p[i]) && l.s.p[i] != '\t')
			return HTTP1_BAD;
	}
	h->minor = begin[7] - '0';
	h->status = (begin[9] - '0') * 100 + (begin[10] - '0') * 10 + begin[11] - '0';
	return h->status < 100 ? HTTP1_BAD : 1;
}

/* RFC 9112 §2.2. A CR at the end of the input may be half of an empty line. */
static struct slice skip_empty_lines(struct slice s)
{
	for (;;) {
		size_t n = s.len && s.p[0] == '\r';

		if (n < s.len && s.p[n] == '\n')
			n++;
		else if (n < s.len)
			return s;
		if (!n)
			return s;
		s = slice_skip(s, n);
	}
}

/* One when the line says what a span needs. *rest is what follows the line. */
static int start_line(struct slice *rest, bool response, struct http1_head *h, bool *whole)
{
	struct slice in = skip_empty_lines(*rest);
	struct line l = { .s = { in.p, slice_until(in, '\n') } };

	l.whole = *whole = l.s.len < in.len;
	*rest = slice_skip(in, l.s.len + l.whole);
	if (l.s.len && l.s.p[l.s.len - 1] == '\r')
		l.s.len--;
	*h = (struct http1_head){ .is_response = response, .minor = 1 };
	if (!l.s.len)
		return HTTP1_MORE;
	return response ? status_line(l, h) : request_line(l, h);
}

/* ---- field lines -------------------------------------------------------- */

/* The line at p without its end, but with its obs-folds (RFC 9112 §5.2). Returns what
 * follows it, or NULL when it is not whole. An empty line is never folded: the space
 * behind it would be the body's. */
static inline const char *next_line(const char *p, const char *end, struct slice *line)
{
	const char *lf = p < end ? memchr(p, '\n', end - p) : NULL;

	*line = (struct slice){ p, 0 };
	if (!lf)
		return NULL;
	if (lf - p < 2 && (lf == p || *p == '\r'))
		return lf + 1;
	while (lf + 1 < end && (lf[1] == ' ' || lf[1] == '\t')) {
		lf = memchr(lf + 1, '\n', end - lf - 1);
		if (!lf)
			return NULL;
	}
	line->len = lf - p - (lf[-1] == '\r');
	return lf + 1;
}

/* Spaces before the colon are wrong, but to be removed from a response (RFC
 * 9112 §5.1). */
static bool is_field(struct slice line, struct slice name, struct slice *value)
{
	size_t n = name.len;

	if (line.len <= n || (line.p[n] != ':' && line.p[n] != ' ' && line.p[n] != '\t') ||
	    !slice_ieq((struct slice){ line.p, n }, name))
		return false;
	while (n < line.len && (line.p[n] == ' ' || line.p[n] == '\t'))
		n++;
	if (n == line.len || line.p[n] != ':')
		return false;
	*value = slice_trim(slice_skip(line, n + 1));
	return true;
}

/* What the fields said, until all of them have been seen. */
struct facts {
	struct http1_head *h;
	bool te, te_chunked;
	bool length, length_bad;
};

static void on_host(struct facts *f, struct slice value)
{
	if (!f->h->host.p)
		f->h->host = value;
}

/* RFC 9112 §6.3, 5: equal repetitions, in one line or several, are one. Beyond
 * INT64_MAX a caller's offset could wrap. */
static void on_content_length(struct facts *f, struct slice value)
{
	struct slice element;
	uint64_t n;

	f->length_bad |= !value.len || value.p[value.len - 1] == ',';
	while (next_element(&value, &element)) {
		if (!http1_number(element, INT64_MAX, &n) ||
		    (f->length && n != f->h->content_length)) {
			f->length_bad = true;
			return;
		}
		f->length = true;
		f->h->content_length = n;
	}
}

/* Several lines are one list (RFC 9110 §5.3), so the last coding of the last
 * line decides. Chunked has no parameters (RFC 9112 §7.1). */
static void on_transfer_encoding(struct facts *f, struct slice value)
{
	struct slice coding;

	f->te = true;
	while (next_element(&value, &coding))
		f->te_chunked = slice_ieq(coding, SLICE("chunked"));
}

static void on_trailer(struct facts *f, struct slice value)
{
	f->h->has_trailer = true;
}

/* By the first letter, whatever its case: most lines of a head are not in the table,
 * and cost no more than the search for their end. */
#define LETTER(c)         ((c)&31)
#define FIELDS_PER_LETTER 2

static const struct field {
	struct slice name;
	void (*read)(struct facts *f, struct slice value);
} field_table[32][FIELDS_PER_LETTER] = {
	[LETTER('h')] = { { SLICE("host"), on_host } },
	[LETTER('c')] = { { SLICE("content-length"), on_content_length } },
	[LETTER('t')] = { { SLICE("transfer-encoding"), on_transfer_encoding },
			  { SLICE("trailer"), on_trailer } },
};

static void read_field(struct facts *f, const struct field *row, struct slice line)
{
	struct slice value;
	size_t i;

	for (i = 0; i < FIELDS_PER_LETTER && row[i].read; i++) {
		if (is_field(line, row[i].name, &value)) {
			row[i].read(f, value);
			return;
		}
	}
}

/* RFC 9112 §6.3, 3 to 8. What is wrong with a head that was cut might have been
 * put right by the lines that are missing. */
static int set_framing(const struct facts *f)
{
	struct http1_head *h = f->h;

	if (f->te_chunked)
		h->framing = HTTP1_BODY_CHUNKED;
	else if (f->length && !f->length_bad && !f->te)
		h->framing = HTTP1_BODY_LENGTH;
	else if (!h->complete)
		h->framing = HTTP1_BODY_UNKNOWN;
	else if (f->te ? !h->is_response : f->length_bad)
		return HTTP1_BAD;
	else
		h->framing = h->is_response ? HTTP1_BODY_UNTIL_CLOSE : HTTP1_BODY_NONE;
	if (h->framing != HTTP1_BODY_LENGTH)
		h->content_length = 0;
	return 1;
}

/* All whole field lines; behind the blank line, if there is one, begins *rest. */
static int read_fields(struct slice *rest, struct http1_head *h)
{
	const char *p = rest->p, *end = slice_skip(*rest, rest->len).p, *next;
	struct facts f = { .h = h };
	struct slice line;

	while ((next = next_line(p, end, &line)) && line.len) {
		const struct field *row = field_table[LETTER(line.p[0])];

		if (row->read)
			read_field(&f, row, line);
		p = next;
	}
	h->complete = next;
	h->fields = (struct slice){ rest->p, p - rest->p };
	*rest = slice_skip(*rest, (next ? next : p) - rest->p);
	return set_framing(&f);
}

/* ---- heads -------------------------------------------------------------- */

int http1_head__truncated(const char *p, size_t len, bool response, struct http1_head *h)
{
	struct slice rest = { p, len };
	bool whole;
	int r;

	r = start_line(&rest, response, h, &whole);
	if (r > 0)
		r = read_fields(&rest, h);
	if (r <= 0)
		return r;
	return h->complete ? (int)(rest.p - p) : (int)len;
}

static int whole_head(const char *p, size_t len, bool response, struct http1_head *h)
{
	struct slice rest = { p, len };
	bool whole;
	int r;

	r = start_line(&rest, response, h, &whole);
	if (r <= 0 || !whole)
		return r < 0 ? r : HTTP1_MORE;
	r = read_fields(&rest, h);
	if (!h->complete)
		return HTTP1_MORE;
	return r < 0 ? r : (int)(rest.p - p);
}

int http1_head__request(const char *p, size_t len, struct http1_head *h)
{
	return whole_head(p, len, false, h);
}

int http1_head__response(const char *p, size_t len, struct http1_head *h)
{
	return whole_head(p, len, true, h);
}

void http1_head__body_rules(struct http1_head *response, bool request_was_head,
			    bool request_was_connect)
{
	uint16_t status = response->status;

	if (request_was_head || status < 200 || status == 204 || status == 304 ||
	    (request_was_connect && status < 300)) {
		response->framing = HTTP1_BODY_NONE;
		response->content_length = 0;
	}
}

bool http1_head__looks_like(const char *p, size_t len, bool response)
{
	struct slice rest = { p, len < LOOKS_MAX ? len : LOOKS_MAX };
	struct http1_head h;
	bool whole;

	return start_line(&rest, response, &h, &whole) != HTTP1_BAD;
}

bool http1_head__next_field(struct slice *rest, struct slice *name, struct slice *value)
{
	const char *p = rest->p, *end = slice_skip(*rest, rest->len).p;
	struct slice line;
	size_t colon;

	while ((p = next_line(p, end, &line))) {
		*rest = (struct slice){ p, end - p };
		colon = slice_until(line, ':');
		if (colon == line.len || http1_is_space(line.p[0]))
			continue;
		*name = (struct slice){ line.p, colon };
		*value = slice_trim(slice_skip(line, colon + 1));
		return true;
	}
	return false;
}

bool http1_head__field(const struct http1_head *h, struct slice name, struct slice *value)
{
	const char *p = h->fields.p, *end = slice_skip(h->fields, h->fields.len).p;
	struct slice line;

	while ((p = next_line(p, end, &line))) {
		if (is_field(line, name, value))
			return true;
	}
	return false;
}
