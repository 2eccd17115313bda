// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "grpc_messages.h"

#include <string.h>

#include "http2_frame.h"

#define COMPRESSED 0x01

void grpc_messages__init(struct grpc_messages *m, enum grpc_last last, char *room)
{
	*m = (struct grpc_messages){ .last_flag = last, .last = room };
}

static void prefix_is_whole(struct grpc_messages *m)
{
	m->have = 0;
	m->left = http2_frame__u32((char *)m->head + 1);
	m->in_last = m->head[0] & m->last_flag;
	if (m->in_last) {
		m->last_cut |= m->head[0] & COMPRESSED;
		return;
	}
	m->n++;
	m->bytes += m->left;
}

static size_t prefix(struct grpc_messages *m, const char *p, size_t len, uint64_t ts_ns)
{
	size_t n = GRPC_PREFIX - m->have;

	n = n < len ? n : len;
	if (!m->first_ns && !m->have && !(p[0] & m->last_flag))
		m->first_ns = ts_ns;
	memcpy(m->head + m->have, p, n);
	m->have += n;
	if (m->have == GRPC_PREFIX)
		prefix_is_whole(m);
	return n;
}

static void keep(struct grpc_messages *m, const char *p, size_t n)
{
	if (m->last_cut || !m->last)
		return;
	if (n > GRPC_LAST_MAX - (size_t)m->last_len)
		n = GRPC_LAST_MAX - m->last_len;
	memcpy(m->last + m->last_len, p, n);
	m->last_len += n;
}

void grpc_messages__bytes(struct grpc_messages *m, const char *p, size_t len, uint64_t ts_ns)
{
	size_t n;

	for (; len && !m->lost; p += n, len -= n) {
		if (!m->left) {
			n = prefix(m, p, len, ts_ns);
			continue;
		}
		n = m->left < len ? m->left : len;
		if (m->in_last)
			keep(m, p, n);
		m->left -= n;
	}
}

void grpc_messages__skip(struct grpc_messages *m, uint64_t n)
{
	if (!n || m->lost)
		return;
	m->last_cut |= m->in_last;
	m->lost = n > m->left;
	m->left -= m->lost ? 0 : (uint32_t)n;
}

/* Of one that failed its beginning is kept. */
void grpc_messages__unary(struct grpc_messages *m, const char *p, size_t len, uint64_t skipped,
			  uint64_t ts_ns)
{
	if (!m->n) {
		m->n = 1;
		m->first_ns = ts_ns;
	}
	m->bytes += len + skipped;
	if (len)
		keep(m, p, len);
	m->last_cut |= skipped > 0;
}

/* An empty one has no first byte, so none of it has a time. */
void grpc_messages__unary_ends(struct grpc_messages *m)
{
	m->n = 1;
}
