// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http1_head.h"

#include "options.h"

/* Start lines are judged by this many bytes when only their looks matter. */
#define LOOKS_MAX 256

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* ---- characters --------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
	c |= 0x20;
	return c >= 'a' && c <= 'z';
}

/* RFC 9110 §5.6.2 */
static bool is_tchar(char c)
{
	return is_alpha(c) || is_digit(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* Line ends are white space too: they occur within a value only in an obs-fold. */
static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_ctl(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* Eight bytes at a time, as targets can be long. The expression has the top bit
 * of each byte below 0x20 or equal to 0x7f; by borrowing it may have that of
 * others too, but only when there is such a byte. */
static bool has_ctl(struct slice s)
{
	const uint64_t ones = 0x0101010101010101, top = ones << 7;
	uint64_t x, del;

	for (; s.len >= sizeof(x); s.p += sizeof(x), s.len -= sizeof(x)) {
		memcpy(&x, s.p, sizeof(x));
		del = x ^ (ones * 0x7f);
		if ((((x - ones * 0x20) & ~x) | ((del - ones) & ~del)) & top)
			return true;
	}
	for (; s.len; s.p++, s.len--) {
		if (is_ctl(*s.p))
			return true;
	}
	return false;
}

static struct slice trim(struct slice s)
{
	for (; s.len && is_space(s.p[0]); s.p++)
		s.len--;
	while (s.len && is_space(s.p[s.len - 1]))
		s.len--;
	return s;
}

/* An empty slice may be NULL, to which C does not let us add even 0. */
static struct slice skip(struct slice s, size_t n)
{
	return n ? (struct slice){ s.p + n, s.len - n } : s;
}

/* Bytes before the first c; all of them when there is none. */
static size_t until(struct slice s, char c)
{
	const char *hit = s.len ? memchr(s.p, c, s.len) : NULL;

	return hit ? (size_t)(hit - s.p) : s.len;
}

/* Cuts the next element off a comma-separated list (RFC 9110 §5.6.1). */
static bool next_element(struct slice *list, struct slice *element)
{
	size_t n = until(*list, ',');

	if (!list->len)
		return false;
	*element = trim((struct slice){ list->p, n });
	*list = skip(*list, n < list->len ? n + 1 : n);
	return true;
}

/* Decimal digits and nothing else, at most max. */
static bool to_number(struct slice s, uint64_t max, uint64_t *value)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < s.len; i++) {
		unsigned int digit = s.p[i] - '0';

		if (digit > 9 || v > (max - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*value = v;
	return s.len > 0;
}

/* ---- start line --------------------------------------------------------- */

/* A line without its end. `whole` is false when the end was not captured. */
struct line {
	struct slice s;
	bool whole;
};

/* `shape` with '#' for any digit. Compares as far as both go. */
static bool has_shape(struct slice s, struct slice shape)
{
	size_t i, n = s.len < shape.len ? s.len : shape.len;

	for (i = 0; i < n; i++) {
		if (shape.p[i] == '#' ? !is_digit(s.p[i]) : s.p[i] != shape.p[i])
			return false;
	}
	return true;
}

/* What follows the method: target SP version. A space at the end of a cut line
 * tells that the target, at least, is whole. */
static int target_and_version(struct line l, struct http1_head *h)
{
	static const struct slice version = SLICE("HTTP/1.#");
	struct slice rest = trim(l.s), last;
	const char *sp = rest.len ? memrchr(rest.p, ' ', rest.len) : NULL;

	last = sp ? skip(rest, sp + 1 - rest.p) : (struct slice){ 0 };
	if (last.len > version.len || (last.len < version.len && l.whole) ||
	    !has_shape(last, version))
		sp = NULL;
	if (!sp && l.whole)
		return HTTP1_BAD;
	if (sp && last.len == version.len)
		h->minor = last.p[7] - '0';
	h->target_cut = !sp && rest.p + rest.len == l.s.p + l.s.len;
	h->target = sp ? trim((struct slice){ rest.p, sp - rest.p }) : rest;
	return h->target.len ? 1 : HTTP1_MORE;
}

/* RFC 9112 §3 */
static int request_line(struct line l, struct http1_head *h)
{
	size_t n = 0;

	while (n < l.s.len && n < HTTP1_METHOD_MAX && is_tchar(l.s.p[n]))
		n++;
	h->method = (struct slice){ l.s.p, n };
	if (n == l.s.len)
		return l.whole ? HTTP1_BAD : HTTP1_MORE;
	l.s = skip(l.s, n);
	if (!n || l.s.p[0] != ' ' || has_ctl(l.s))
		return HTTP1_BAD;
	return target_and_version(l, h);
}

/* RFC 9112 §4; the reason may be missing together with its space, and may
 * contain tabs. */
static int status_line(struct line l, struct http1_head *h)
{
	static const struct slice shape = SLICE("HTTP/1.# ###");
	const char *p = l.s.p;
	size_t i;

	if (!has_shape(l.s, shape))
		return HTTP1_BAD;
	if (l.s.len < shape.len)
		return l.whole ? HTTP1_BAD : HTTP1_MORE;
	if (l.s.len > shape.len && p[shape.len] != ' ')
		return HTTP1_BAD;
	for (i = shape.len; i < l.s.len; i++) {
		if (is_ctl(p[i]) && p[i] != '\t')
			return HTTP1_BAD;
	}
	h->minor = p[7] - '0';
	h->status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + p[11] - '0';
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
		s = skip(s, n);
	}
}

/* One when the line says what a span needs. *rest is what follows the line. */
static int start_line(struct slice *rest, bool response, struct http1_head *h, bool *whole)
{
	struct slice in = skip_empty_lines(*rest);
	struct line l = { .s = { in.p, until(in, '\n') } };

	l.whole = *whole = l.s.len < in.len;
	*rest = skip(in, l.s.len + l.whole);
	if (l.s.len && l.s.p[l.s.len - 1] == '\r')
		l.s.len--;
	*h = (struct http1_head){ .is_response = response, .minor = 1 };
	if (!l.s.len)
		return HTTP1_MORE;
	return response ? status_line(l, h) : request_line(l, h);
}

/* ---- field lines -------------------------------------------------------- */

/* Cuts the next line with its obs-folds (RFC 9112 §5.2) off *rest, which stays
 * as it is when there is no whole one. An empty line is never folded: the
 * space behind it would be the body's. */
static bool next_line(struct slice *rest, struct slice *line)
{
	size_t end = 0;

	do {
		end += until(skip(*rest, end), '\n');
		if (end == rest->len)
			return false;
		*line = (struct slice){ rest->p, end++ };
		if (line->len && line->p[line->len - 1] == '\r')
			line->len--;
	} while (line->len && end < rest->len && (rest->p[end] == ' ' || rest->p[end] == '\t'));
	*rest = skip(*rest, end);
	return true;
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
	*value = trim(skip(line, n + 1));
	return true;
}

/* What the fields said, until all of them have been seen. */
struct facts {
	struct http1_head *h;
	bool te, te_chunked;
	bool length, length_bad;
	bool conn_close, conn_keep_alive, conn_upgrade;
	bool upgrade;
};

static void on_host(struct facts *f, struct slice value)
{
	if (!f->h->host.p)
		f->h->host = value;
}

/* RFC 9110 §7.6.1 */
static void on_connection(struct facts *f, struct slice value)
{
	struct slice option;

	while (next_element(&value, &option)) {
		f->conn_close |= slice_ieq(option, SLICE("close"));
		f->conn_keep_alive |= slice_ieq(option, SLICE("keep-alive"));
		f->conn_upgrade |= slice_ieq(option, SLICE("upgrade"));
	}
}

/* RFC 9112 §6.3, 5: equal repetitions, in one line or several, are one. Beyond
 * INT64_MAX a caller's offset could wrap. */
static void on_content_length(struct facts *f, struct slice value)
{
	struct slice element;
	uint64_t n;

	f->length_bad |= !value.len || value.p[value.len - 1] == ',';
	while (next_element(&value, &element)) {
		if (!to_number(element, INT64_MAX, &n) ||
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

static void on_upgrade(struct facts *f, struct slice value)
{
	f->upgrade = true;
}

static void on_expect(struct facts *f, struct slice value)
{
	f->h->expect_continue |= slice_ieq(value, SLICE("100-continue"));
}

static void on_trailer(struct facts *f, struct slice value)
{
	f->h->has_trailer = true;
}

static const struct {
	struct slice name; /* lower case */
	void (*read)(struct facts *f, struct slice value);
} field_table[] = {
	{ SLICE("host"), on_host },
	{ SLICE("connection"), on_connection },
	{ SLICE("content-length"), on_content_length },
	{ SLICE("transfer-encoding"), on_transfer_encoding },
	{ SLICE("upgrade"), on_upgrade },
	{ SLICE("expect"), on_expect },
	{ SLICE("trailer"), on_trailer },
};

static void read_field(struct facts *f, struct slice line)
{
	struct slice value;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(field_table); i++) {
		if ((line.p[0] | 0x20) == field_table[i].name.p[0] &&
		    is_field(line, field_table[i].name, &value)) {
			field_table[i].read(f, value);
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

/* All whole field lines; *rest is what follows the blank line, if there is one. */
static int read_fields(struct slice *rest, struct http1_head *h)
{
	struct facts f = { .h = h };
	struct slice line;

	h->fields.p = rest->p;
	while (!h->complete && next_line(rest, &line)) {
		h->complete = !line.len;
		if (line.len)
			read_field(&f, line);
		h->fields.len = (line.len ? rest->p : line.p) - h->fields.p;
	}
	h->keep_alive = !f.conn_close && (h->minor || f.conn_keep_alive);
	h->upgrade = f.upgrade && f.conn_upgrade;
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

bool http1_head__field(const struct http1_head *h, struct slice name, struct slice *value)
{
	struct slice rest = h->fields, line;

	while (next_line(&rest, &line)) {
		if (is_field(line, name, value))
			return true;
	}
	return false;
}

/* ---- targets and methods ------------------------------------------------ */

/* More than one colon without brackets is an IPv6 address by someone who did
 * not know about the brackets, and has no port. */
void http1_host__split(struct slice host_field, struct slice *host, uint16_t *port)
{
	struct slice s = trim(host_field), digits;
	bool bracket = s.len && s.p[0] == '[';
	uint64_t n = 0;
	size_t end;

	s = skip(s, bracket);
	end = until(s, bracket ? ']' : ':');
	*port = 0;
	*host = (struct slice){ s.p, end };
	if (bracket && end == s.len)
		host->len = 0;
	digits = skip(s, end + (bracket && end < s.len));
	if (!digits.len || digits.p[0] != ':')
		return;
	digits = skip(digits, 1);
	if (to_number(digits, UINT16_MAX, &n))
		*port = n;
	else if (!bracket && until(digits, ':') < digits.len)
		*host = s;
}

static void split_path(struct slice s, struct http1_target *t)
{
	size_t end;

	s.len = until(s, '#');
	end = until(s, '?');
	t->path = end ? (struct slice){ s.p, end } : SLICE("/");
	if (end < s.len)
		t->query = skip(s, end + 1);
}

static void split_authority(struct slice s, struct http1_target *t)
{
	const char *at = s.len ? memrchr(s.p, '@', s.len) : NULL;

	if (at)
		s = skip(s, at + 1 - s.p);
	http1_host__split(s, &t->host, &t->port);
}

/* RFC 3986 §3.1, 3.2: the scheme's length, 0 when "scheme://" is not there. */
static size_t scheme_len(struct slice s)
{
	size_t n = 0;

	if (!s.len || !is_alpha(s.p[0]))
		return 0;
	while (n < s.len && (is_alpha(s.p[n]) || is_digit(s.p[n]) || s.p[n] == '+' ||
			     s.p[n] == '-' || s.p[n] == '.'))
		n++;
	return s.len - n >= 3 && !memcmp(s.p + n, "://", 3) ? n : 0;
}

static void split_absolute(struct slice s, size_t scheme, struct http1_target *t)
{
	size_t n = 0;

	t->scheme = (struct slice){ s.p, scheme };
	s = skip(s, scheme + 3);
	while (n < s.len && s.p[n] != '/' && s.p[n] != '?' && s.p[n] != '#')
		n++;
	split_authority((struct slice){ s.p, n }, t);
	split_path(skip(s, n), t);
}

void http1_target__split(struct slice target, bool is_connect, struct http1_target *t)
{
	size_t scheme;

	*t = (struct http1_target){ 0 };
	if (is_connect) {
		split_authority(target, t);
		t->form = t->host.len ? HTTP1_TARGET_AUTHORITY : HTTP1_TARGET_INVALID;
	} else if (target.len && target.p[0] == '/') {
		t->form = HTTP1_TARGET_ORIGIN;
		split_path(target, t);
	} else if (slice_eq(target, SLICE("*"))) {
		t->form = HTTP1_TARGET_ASTERISK;
	} else if ((scheme = scheme_len(target))) {
		t->form = HTTP1_TARGET_ABSOLUTE;
		split_absolute(target, scheme, t);
	}
}

const char *http1_method__known(struct slice method, const struct str_list *override)
{
	static const char *const known[] = { "GET",   "POST",    "PUT",   "HEAD",  "DELETE",
					     "PATCH", "OPTIONS", "TRACE", "QUERY", "CONNECT" };
	bool own = override && override->n;
	size_t i, n = own ? override->n : ARRAY_SIZE(known);

	for (i = 0; i < n; i++) {
		const char *name = own ? override->v[i] : known[i];

		if (slice_eq(method, slice_of(name)))
			return name;
	}
	return "_OTHER";
}
