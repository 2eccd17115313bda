/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's side of one connection: calls go in, the records that bpf/conn.h
 * would write come out. The arithmetic is that of bpf/conn.h, statement for
 * statement where it decides what is copied, so that user space is tested
 * against what it will really get. When one changes, so must the other.
 */
#ifndef RED_TEST_WIRE_H
#define RED_TEST_WIRE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "redeye.h"

enum wire_mode {
	WIRE_AUTO = 0,    /* as in life */
	WIRE_ALL = 1,     /* RED_POLL_MODE_ALL */
	WIRE_OFFSETS = 2, /* every call without a readable buffer */
};

struct wire {
	void (*emit)(void *arg, const void *record, size_t size);
	void *arg;
	enum wire_mode mode;
	uint64_t id;
	uint32_t tgid, tid; /* tid 0: the same */
	bool established;
	uint16_t layer; /* wire_layer() */
	uint64_t wire_off[2];
	uint8_t late; /* RED_DATA_LATE, or 0 */

	struct {
		uint64_t off, last_ns, tail;
		uint32_t want;
		bool tail_ok;
		uint8_t data[2 * RED_CAP_MAX + 16]; /* the scratch: keeps what earlier calls left */
	} d[2];
	int last_dir;
	bool opened, pipelined, peer_fin;
};

#define WIRE_FIRST_READ 512
#define WIRE_REP8(b)    (0x0101010101010101ull * (b))

static inline void wire_init(struct wire *w, void (*emit)(void *, const void *, size_t), void *arg)
{
	memset(w, 0, sizeof(*w));
	w->emit = emit;
	w->arg = arg;
	w->id = 1;
	w->tgid = 42;
	w->established = true;
	w->last_dir = 2;
}

static inline void wire_open(struct wire *w, uint64_t ts_ns)
{
	struct red_ev_open ev = {
		.h = { .len = sizeof(ev), .kind = RED_EV_OPEN, .ts_ns = ts_ns },
		.conn_id = w->id,
		.sk = w->id << 8,
		.tgid = w->tgid,
		.family = AF_INET,
		.type = SOCK_STREAM,
		.local_port = 80,
		.remote_port = 40000,
		.established = w->established,
		.local_addr = { [10] = 0xff, 0xff, 127, 0, 0, 1 },
		.remote_addr = { [10] = 0xff, 0xff, 127, 0, 0, 2 },
	};

	w->opened = true;
	w->emit(w->arg, &ev, sizeof(ev));
}

static inline uint64_t wire_word(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t wire_head_end(const uint8_t *data, uint64_t len, uint64_t tail)
{
	uint64_t prev = tail ^ WIRE_REP8('\n'), i;

	prev = (prev - WIRE_REP8(1)) & ~prev & WIRE_REP8(0x80);
	for (i = 0; i < 512 && i < len; i += 8) {
		uint64_t w = wire_word(data + i) ^ WIRE_REP8('\n');
		uint64_t m = (w - WIRE_REP8(1)) & ~w & WIRE_REP8(0x80);
		uint64_t hit = m & (m << 16 | prev >> 48 | m << 8 | prev >> 56), at;

		prev = m;
		if (!hit)
			continue;
		at = i + 1 + __builtin_ctzll(hit) / 8;
		return at <= len ? at : 0;
	}
	return 0;
}

static inline bool wire_like_message(const uint8_t *p, uint64_t n)
{
	uint64_t i;

	if (n > 4 && !memcmp(p, "HTTP/", 5))
		return true;
	for (i = 0; i < 12; i++) {
		if (i >= n)
			return true;
		if (p[i] == ' ')
			return i >= 3 && (i + 1 >= n || p[i + 1] == '/' || p[i + 1] == 'h' ||
					  p[i + 1] == '*');
		if ((uint8_t)(p[i] - 'A') >= 26)
			return false;
	}
	return false;
}

static inline uint64_t wire_want(struct wire *w, int dir, const uint8_t *p, uint64_t len,
				 uint64_t got)
{
	uint64_t end, more = len > RED_CAP_MAX ? RED_CAP_MAX : len;

	if (w->mode == WIRE_AUTO && !w->pipelined) {
		end = wire_head_end(w->d[dir].data, got, w->d[dir].tail);
		if (end) {
			w->d[dir].want = 0;
			if (end >= got || !wire_like_message(w->d[dir].data + end, got - end))
				return got;
			w->pipelined = true;
		}
	}
	if (got < more) {
		memcpy(w->d[dir].data + got, p + got, more - got);
		got = more;
	}
	if (w->d[dir].want)
		w->d[dir].want = got < w->d[dir].want ? w->d[dir].want - got : 0;
	return got;
}

static inline void wire_tail(struct wire *w, int dir, const uint8_t *p, uint64_t len, uint64_t got)
{
	if (!p) {
		w->d[dir].tail_ok = false;
	} else if (len < 8) {
		if (got != len || !w->d[dir].tail_ok)
			w->d[dir].tail = 0;
		w->d[dir].tail_ok = got == len;
		w->d[dir].tail = w->d[dir].tail >> (8 * len) | wire_word(w->d[dir].data)
								       << (64 - 8 * len);
	} else {
		if (got != len)
			memcpy(w->d[dir].data, p + len - 8, 8);
		w->d[dir].tail = wire_word(p + len - 8);
		w->d[dir].tail_ok = true;
	}
}

static inline void wire_record(struct wire *w, int dir, uint8_t flags, uint8_t more, uint16_t layer,
			       const uint64_t off[2], uint32_t len, uint32_t got, uint64_t ts_ns)
{
	struct {
		struct red_ev_data ev;
		uint8_t data[RED_CAP_MAX];
	} r = { .ev = {
			.h = { .len = sizeof(r.ev) + got, .kind = RED_EV_DATA, .ts_ns = ts_ns },
			.conn_id = w->id,
			.off = off[dir],
			.len = len,
			.cap_len = got,
			.tgid = w->tgid,
			.tid = w->tid ? w->tid : w->tgid,
			.dir = dir,
			.flags = flags,
			.more = more,
			.layer = layer,
			.prev_ns = w->d[dir].last_ns,
			.other_off = off[!dir],
			.other_ns = w->d[!dir].last_ns,
		} };

	memcpy(r.ev.other_tail, &w->d[!dir].tail, 8);
	memcpy(r.data, w->d[dir].data, got);
	w->emit(w->arg, &r, sizeof(r.ev) + got);
}

static inline void wire_data(struct wire *w, int dir, uint8_t flags, uint32_t len, uint32_t got,
			     uint64_t ts_ns)
{
	const uint64_t off[2] = { w->d[0].off, w->d[1].off };

	flags |= w->late | (w->d[!dir].tail_ok ? RED_DATA_TAIL_OK : 0);
	wire_record(w, dir, flags, 0, w->layer, off, len, got, ts_ns);
}

/* One call that moved len > 0 bytes; p is NULL when there is no buffer to read (sendfile). */
static inline void wire_call(struct wire *w, int dir, const void *p, uint32_t len, uint64_t ts_ns)
{
	bool flip = w->last_dir != dir, all = w->mode == WIRE_ALL || w->pipelined;
	uint64_t first, got = 0;

	if (w->mode == WIRE_OFFSETS)
		p = NULL;
	w->last_dir = dir;
	if (flip)
		w->d[dir].want = RED_HEAD_BUDGET;
	first = all ? RED_CAP_MAX : w->d[dir].want ? WIRE_FIRST_READ : 256;
	first = len < first ? len : first;
	if (p) {
		memcpy(w->d[dir].data, p, first);
		got = first;
	}
	if (!w->d[dir].want && !all && first < RED_CAP_MAX) {
		if (!got || !wire_like_message(w->d[dir].data, got))
			goto tail;
		w->d[dir].want = RED_HEAD_BUDGET;
		w->pipelined |= got >= 12;
	}
	if (!w->opened)
		wire_open(w, ts_ns);
	if (p)
		got = wire_want(w, dir, p, len, got);
	wire_data(w, dir, (flip ? RED_DATA_FIRST : 0) | (p ? 0 : RED_DATA_NOBUF), len, got, ts_ns);
tail:
	wire_tail(w, dir, p, len, got);
	w->d[dir].off += len;
	w->d[dir].last_ns = ts_ns;
}

/* What RED_POLL_MODE_FRAMES makes of a call that moved whole frames: all but most of a DATA frame,
 * at its end. */
static inline void wire_frames(struct wire *w, int dir, const void *p, uint32_t len, uint32_t got,
			       uint64_t ts_ns)
{
	const uint64_t off[2] = { w->d[0].off, w->d[1].off };
	uint8_t flags = RED_DATA_NONBLOCK | (w->last_dir != dir ? RED_DATA_FIRST : 0);

	if (!w->opened)
		wire_open(w, ts_ns);
	memcpy(w->d[dir].data, p, got);
	wire_record(w, dir, flags, RED_MORE_FRAME, w->layer, off, len, got, ts_ns);
	w->last_dir = dir;
	w->d[dir].off += len;
	w->d[dir].last_ns = ts_ns;
}

/* A call that moved bytes of TLS, which are counted by themselves; `got` are copied. */
static inline void wire_hello(struct wire *w, int dir, const void *p, uint32_t len, uint32_t got,
			      uint64_t ts_ns)
{
	if (!w->opened)
		wire_open(w, ts_ns);
	if (got)
		memcpy(w->d[dir].data, p, got);
	wire_record(w, dir, RED_DATA_HELLO | (got ? 0 : RED_DATA_NOBUF), 0, 0, w->wire_off, len,
		    got, ts_ns);
	w->wire_off[dir] += len;
}

/* From now on it is plaintext of this layer that moves. */
static inline void wire_layer(struct wire *w, uint16_t layer, bool late)
{
	memset(w->d, 0, sizeof(w->d));
	w->last_dir = 2;
	w->pipelined = false;
	w->layer = layer;
	w->late = late ? RED_DATA_LATE : 0;
}

/* RED_EV_EOF, RED_EV_CLOSE or RED_EV_PROGRESS. */
static inline void wire_state(struct wire *w, uint16_t kind, int dir, uint8_t flags, uint64_t ts_ns)
{
	struct red_ev_state ev = {
		.h = { .len = sizeof(ev), .kind = kind, .ts_ns = ts_ns },
		.conn_id = w->id,
		.off = { w->d[0].off, w->d[1].off },
		.last_ns = { w->d[0].last_ns, w->d[1].last_ns },
		.tgid = w->tgid,
		.dir = dir,
		.layer = w->layer,
		.flags = flags | (w->d[0].tail_ok ? RED_STATE_TAIL_IN : 0) |
			 (w->d[1].tail_ok ? RED_STATE_TAIL_OUT : 0) |
			 (w->peer_fin ? RED_STATE_PEER : 0),
	};

	memcpy(ev.tail[0], &w->d[0].tail, 8);
	memcpy(ev.tail[1], &w->d[1].tail, 8);
	if (w->opened)
		w->emit(w->arg, &ev, sizeof(ev));
}

#endif /* RED_TEST_WIRE_H */
