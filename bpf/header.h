/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a message head in scratch memory says that matters to trace context: where
 * it ends, how long its body is, whose context it carries. Only what is certain:
 * anything unusual (a line that does not end in CR LF, a folded line, two lengths)
 * makes the head RED_HEAD_ODD, and nobody acts on it.
 *
 * The functions are global: the verifier checks each once, with any arguments. Where
 * a scan stands is an unknown number to it, so a line costs one round, not all paths.
 */
#ifndef RED_HEADER_H
#define RED_HEADER_H

#define REP8(b) (0x0101010101010101ULL * (b))

/* Eight characters as a little-endian word. */
#define W8(a, b, c, d, e, f, g, h)                                                                 \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 |   \
	 (__u64)(f) << 40 | (__u64)(g) << 48 | (__u64)(h) << 56)
#define W4(a, b, c, d) ((__u32)W8(a, b, c, d, 0, 0, 0, 0))

/* Eight bytes at once: the high bit of each byte that is a newline. */
static __always_inline __u64 newlines(__u64 w)
{
	w ^= REP8('\n');
	return (w - REP8(1)) & ~w & REP8(0x80);
}

/* The place of the lowest high bit: below it all bits are set, one of each byte is counted. */
static __always_inline __u64 first_byte(__u64 hit)
{
	return ((((hit & -hit) - 1) & REP8(1)) * REP8(1) >> 56) - 1;
}

/* The offset behind the next newline from `from` on, 0 if `len` comes first. */
__noinline int line_end(__u32 slot, __u64 from, __u64 len)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	__u64 i, m, at;

	if (!s)
		return 0;
	BOUND(from, RED_CAP_MAX);
	for (i = 0; i < RED_CAP_MAX; i += 8) {
		if (from + i >= len)
			return 0;
		m = newlines(*(__u64 *)&s->data[from + i]);
		if (m) {
			at = from + i + first_byte(m) + 1;
			return at <= len ? at : 0;
		}
	}
	return 0;
}

/* Where a header's value begins: behind the white space, at most some of it. */
static __always_inline __u64 value_at(struct red_scratch *s, __u64 at)
{
	int i;

#pragma unroll
	for (i = 0; i < 4; i++) {
		BOUND(at, RED_CAP_MAX);
		if (s->data[at] != ' ' && s->data[at] != '\t')
			break;
		at++;
	}
	return at;
}

/* Content-Length: digits and CR. Nine of them: more is no body that matters here. */
__noinline int head_length(__u32 slot, __u64 at)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	__u64 i, n = 0;
	__u32 digit;

	if (!s)
		return 0;
	at = value_at(s, at);
	BOUND(at, RED_CAP_MAX);
	for (i = 0; i < 9; i++) {
		digit = s->data[at + i] - '0';
		if (digit > 9)
			break;
		n = n * 10 + digit;
	}
	if (!i || s->data[at + i] != '\r' || s->head.flags & RED_HEAD_LENGTH)
		s->head.flags |= RED_HEAD_ODD;
	s->head.flags |= RED_HEAD_LENGTH;
	s->head.body = n;
	return 0;
}

/* The header that asks for a trace to be kept: its name, colon included, is in the
 * configuration in lower case, 32 bytes with a mask. */
__noinline int head_debug(__u32 slot, __u64 at)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	__u64 v, i;

	if (!s || !red_cfg.debug_len)
		return 0;
	BOUND(at, RED_CAP_MAX);
	for (i = 0; i < 4; i++) {
		v = (*(__u64 *)&s->data[at + 8 * i] | REP8(0x20)) & red_cfg.debug_mask[i];
		if (v != red_cfg.debug_name[i])
			return 0;
	}
	at = value_at(s, at + red_cfg.debug_len);
	BOUND(at, RED_CAP_MAX);
	v = *(__u32 *)&s->data[at] | 0x20202020;
	if (v == W4('t', 'r', 'u', 'e') && s->data[at + 4] == '\r')
		s->head.flags |= RED_HEAD_DEBUG;
	return 0;
}

/* One header line at `at` > 1. Returns 1 at the empty line. */
__noinline int head_line(__u32 slot, __u64 at)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	__u32 flag = 0;
	__u64 a, b;
	__u8 *p;

	if (!s)
		return 1;
	BOUND(at, RED_CAP_MAX);
	if (at < 2)
		return 1;
	p = &s->data[at];
	if (s->data[at - 2] != '\r' || *p == ' ' || *p == '\t' || *p == '\n')
		s->head.flags |= RED_HEAD_ODD;
	if (*p == '\n' || (*p == '\r' && p[1] == '\n')) {
		s->head.len = at + (*p == '\r' ? 2 : 1);
		return 1;
	}
	a = *(__u64 *)p | REP8(0x20);
	b = *(__u64 *)(p + 8) | REP8(0x20);
	if (a == W8('t', 'r', 'a', 'c', 'e', 'p', 'a', 'r') && (__u32)b == W4('e', 'n', 't', ':')) {
		if (s->head.flags & RED_HEAD_TRACE)
			s->head.flags |= RED_HEAD_TRACES;
		flag = RED_HEAD_TRACE;
		s->head.trace = at + 12;
	} else if (a == W8('t', 'r', 'a', 'c', 'e', 's', 't', 'a') &&
		   (b & 0xffffff) == W4('t', 'e', ':', 0)) {
		flag = RED_HEAD_STATE;
	} else if ((a & 0xffffff) == W4('b', '3', ':', 0) ||
		   (a & 0xffffffffffULL) == W8('x', '-', 'b', '3', '-', 0, 0, 0)) {
		flag = RED_HEAD_B3;
	} else if (a == W8('c', 'o', 'n', 't', 'e', 'n', 't', '-') &&
		   (b & 0xffffffffffffULL) == W8('l', 'e', 'n', 'g', 't', 'h', 0, 0)) {
		if (p[14] == ':')
			head_length(slot, at + 15);
		else
			flag = RED_HEAD_ODD;
	} else if (a == W8('t', 'r', 'a', 'n', 's', 'f', 'e', 'r')) {
		flag = RED_HEAD_CHUNKED;
	} else if (a == W8('u', 'p', 'g', 'r', 'a', 'd', 'e', ':')) {
		flag = RED_HEAD_UPGRADE;
	} else if ((a & 0xffffffffffffffULL) == W8('e', 'x', 'p', 'e', 'c', 't', ':', 0)) {
		flag = RED_HEAD_EXPECT;
	}
	s->head.flags |= flag;
	return 0;
}

#define RED_HEAD_LINES 100
#define RED_CHUNKS     64

/* Reads the head in the first `len` bytes of scratch `slot` into its `head`; head.len
 * stays 0 when it does not end there. */
__noinline int head_scan(__u32 slot, __u64 len)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	__u64 i, at;

	if (!s)
		return 0;
	__builtin_memset(&s->head, 0, sizeof(s->head));
	if (len > RED_CAP_MAX)
		return 0;
	at = (__u32)line_end(slot, 0, len);
	s->head.line = at;
	for (i = 0; i < RED_HEAD_LINES; i++) {
		if (!at || at >= len || head_line(slot, at))
			break;
		if (red_cfg.debug_len)
			head_debug(slot, at);
		at = (__u32)line_end(slot, at, len);
	}
	if (s->head.len > len)
		s->head.len = 0;
	return 0;
}

/* A lower-case hexadecimal digit; 16 when it is none. */
static __always_inline __u32 nibble(__u32 c)
{
	if (c - '0' <= 9)
		return c - '0';
	return c - 'a' <= 5 ? c - 'a' + 10 : 16;
}

/* Sixteen lower-case hexadecimal digits at `at`, into s->hex. Returns 1 when they are. */
__noinline int head_hex(__u32 slot, __u64 at)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	__u64 v = 0, i;
	__u32 d;

	if (!s)
		return 0;
	BOUND(at, RED_CAP_MAX);
	for (i = 0; i < 16; i++) {
		d = nibble(s->data[at + i]);
		if (d > 15)
			return 0;
		v = v << 4 | d;
	}
	s->hex = v;
	return 1;
}

/* A line of a chunked body at `at` in scratch: its length, 0 if it goes on behind the first `len`
 * bytes. The number that it begins with, the size of a chunk, is left in s->hex; else ~0. */
__noinline int chunk_line(__u32 slot, __u64 at, __u64 len)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	__u64 v = 0, i, end;
	__u32 d;

	if (!s)
		return 0;
	BOUND(at, RED_CAP_MAX);
	for (i = 0; i < 8; i++) {
		d = nibble(s->data[at + i] | 0x20);
		if (d > 15)
			break;
		v = v << 4 | d;
	}
	s->hex = i && i < 8 ? v : ~0ULL;
	end = (__u32)line_end(slot, at, len);
	return end ? end - at : 0;
}

/* Of a call of `len` bytes the first `got` are in scratch, and chunks begin at `at`. Where they
 * end, with their trailers; 0: not in what can be looked at. */
__noinline int chunks_end(__u32 slot, __u64 at, __u64 got, __u64 len)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	__u64 more = len < RED_CAP_MAX ? len : RED_CAP_MAX, i;
	__u32 last = 0, line;

	if (!s || !red_cfg.propagate)
		return 0;
	if (got < more)
		got += (__u32)gather(slot, got, got, more - got);
	for (i = 0; i < RED_CHUNKS && at < got; i++) {
		line = chunk_line(slot, at, got);
		at += line;
		if (!line || (last && line <= 2))
			return line ? at : 0;
		last |= !s->hex;
		if (last)
			continue;
		if (s->hex >= RED_CAP_MAX)
			return 0;
		at += s->hex + 2;
	}
	return 0;
}

/* The length of the method and its space, when the bytes begin like a request that may
 * carry a header; 0 if not. */
static __always_inline __u64 method_len(__u64 w)
{
	if ((__u32)w == W4('G', 'E', 'T', ' ') || (__u32)w == W4('P', 'U', 'T', ' '))
		return 4;
	if ((w & 0xffffffffffULL) == W8('P', 'O', 'S', 'T', ' ', 0, 0, 0) ||
	    (w & 0xffffffffffULL) == W8('H', 'E', 'A', 'D', ' ', 0, 0, 0))
		return 5;
	if ((w & 0xffffffffffffULL) == W8('P', 'A', 'T', 'C', 'H', ' ', 0, 0) ||
	    (w & 0xffffffffffffULL) == W8('T', 'R', 'A', 'C', 'E', ' ', 0, 0))
		return 6;
	if ((w & 0xffffffffffffffULL) == W8('D', 'E', 'L', 'E', 'T', 'E', ' ', 0))
		return 7;
	return w == W8('O', 'P', 'T', 'I', 'O', 'N', 'S', ' ') ? 8 : 0;
}

/* A request line of HTTP/1.0 or 1.1, `line` bytes with CR LF, in scratch? */
static __always_inline int is_request_line(struct red_scratch *s, __u64 line)
{
	__u64 at = method_len(*(__u64 *)&s->data[0]);

	if (!at || line < at + 12)
		return 0;
	BOUND(line, RED_CAP_MAX);
	if (line < 11)
		return 0;
	if (s->data[at] != '/' && s->data[at] != 'h' && s->data[at] != '*')
		return 0;
	return *(__u64 *)&s->data[line - 11] == W8(' ', 'H', 'T', 'T', 'P', '/', '1', '.') &&
	       (s->data[line - 3] == '0' || s->data[line - 3] == '1') && s->data[line - 2] == '\r';
}

#endif /* RED_HEADER_H */
