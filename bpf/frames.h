/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * HTTP/2: which bytes of a call are copied.
 *
 * Once a connection is known to speak it (conn.h), each direction has a position: how
 * much of the current frame's payload is still to come, how much of that is wanted, and
 * the bytes of a header that the end of a call has cut. A call is walked from there, frame
 * by frame. Headers of frames and payloads are copied, but of DATA only the first bytes;
 * what is left out lies between pieces (struct red_piece). Each call makes a record, also
 * one without a byte: so a jump of the offsets always means that a record was lost.
 *
 * How it is read. A read of a user's memory costs 70-90 ns, up to 256 bytes whatever the
 * size. So the walk reads ahead, each time twice as much, right to where the bytes belong
 * in the record: bytes that follow each other in the call do so there too, and when all
 * are wanted nothing is moved or read twice. Only a skip throws away what was read ahead.
 * Of vectors one is read at a time: no skip then leads back behind the current one.
 *
 * Where the walk stands is in the map, not in registers, as in gather_iov(): to the
 * verifier each step looks like the last. It is split into global functions, which are
 * verified each by itself.
 *
 * When a header cannot be read, is none that a peer would accept, or the call has more
 * frames than there are steps, the position is lost: the direction is only counted, until
 * a call begins with what frames_strict() takes for frames, or two calls are one
 * (frames_by_calls). That is also how a connection
 * is recognised that was open before redeye.
 *
 * A record of a uprobe (tls.h) that finds another owner in its scratch is dropped, its
 * direction's position with it.
 */
#ifndef RED_FRAMES_H
#define RED_FRAMES_H

#define RED_FRAME_HEAD 9

/* DATA that is not longer is copied whole: the skip would cost as much. */
#define RED_DATA_WHOLE 64

#define RED_READ_FIRST 256 /* bytes to read ahead at first */
#define RED_PIECE_MIN  32  /* room in a record below which the next one is begun */

/* A call has so many rounds of so many steps: 4096 in all, of which a frame takes one or two,
 * and so does each vector. Each round may fill a record: a call of many small messages does. */
#define RED_WALK_STEPS  16
#define RED_WALK_ROUNDS 256
#define RED_READ_ROUNDS 16 /* vectors looked at by one read */

enum red_frame_type {
	RED_FRAME_DATA = 0,
	RED_FRAME_SETTINGS = 4,
	RED_FRAME_TYPES = 10,
};

/* RFC 9113 section 6. */
struct red_frame_rule {
	__u32 min, max; /* length */
	__u16 flags;    /* that are defined */
	__u16 stream;   /* 1: it belongs to one, 0: it must not, 2: either */
};

static const struct red_frame_rule red_frame_rules[RED_FRAME_TYPES] = {
	{ 0, 0xffffff, 0x09, 1 }, /* DATA */
	{ 0, 0xffffff, 0x2d, 1 }, /* HEADERS */
	{ 5, 5, 0x00, 1 },        /* PRIORITY */
	{ 4, 4, 0x00, 1 },        /* RST_STREAM */
	{ 0, 0xffff, 0x01, 0 },   /* SETTINGS */
	{ 4, 0xffffff, 0x0c, 1 }, /* PUSH_PROMISE */
	{ 8, 8, 0x01, 0 },        /* PING */
	{ 8, 0xffffff, 0x00, 0 }, /* GOAWAY */
	{ 4, 4, 0x00, 2 },        /* WINDOW_UPDATE */
	{ 0, 0xffffff, 0x04, 1 }, /* CONTINUATION */
};

static __always_inline __u32 frame_len(const __u8 *p)
{
	return (__u32)p[0] << 16 | p[1] << 8 | p[2];
}

/* Would a peer go on after this frame? Others than the known types are to be ignored;
 * the strict do not believe in them, nor in undefined flags or very long frames. */
static __always_inline int frame_ok(const __u8 *p, int strict)
{
	const struct red_frame_rule *r;
	__u32 len = frame_len(p), stream = *(const __u32 *)&p[5] & 0xffffff7f;
	__u64 type = p[3];

	if (type >= RED_FRAME_TYPES)
		return !strict;
	BOUND(type, RED_FRAME_TYPES - 1);
	r = &red_frame_rules[type];
	if (len < r->min || len > r->max || (r->stream < 2 && !!stream != r->stream))
		return 0;
	return !strict || (!p[0] && !(p[4] & ~r->flags) && !(p[5] & 0x80) &&
			   (type != RED_FRAME_SETTINGS || len % 6 == 0));
}

/* ---- recognition ------------------------------------------------------------------- */

/* Where frames_strict() reads, behind what a first look has. */
#define RED_PROBE_AT (RED_CAP_MAX - 16)

enum red_found {
	RED_FOUND_NOTHING = 0,
	RED_FOUND_FRAMES = 1,
	RED_FOUND_SETTINGS = 2, /* as a conversation begins */
};

/* Does the call begin with a frame that ends with it, or that another follows? Returns
 * enum red_found. */
__noinline int frames_strict(__u32 slot, __u64 len)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	__u64 end, n = RED_FRAME_HEAD + 2;
	int found = RED_FOUND_FRAMES;
	__u8 *p;

	if (!s || len < RED_FRAME_HEAD)
		return 0;
	p = &s->data[RED_PROBE_AT];
	if (n > len)
		n = len;
	if ((__u64)gather(slot, RED_PROBE_AT, 0, n) != n || !frame_ok(p, 1))
		return 0;
	if (p[3] == RED_FRAME_SETTINGS && !p[4] && (!frame_len(p) || (!p[9] && p[10])))
		found = RED_FOUND_SETTINGS;
	end = RED_FRAME_HEAD + frame_len(p);
	if (end == len)
		return found;
	if (end + RED_FRAME_HEAD > len ||
	    gather(slot, RED_PROBE_AT, end, RED_FRAME_HEAD) != RED_FRAME_HEAD || !frame_ok(p, 1))
		return 0;
	return found;
}

/* Can they be frames, or the preface? For a first look at anything. */
static __always_inline int like_frames(const struct red_scratch *s)
{
	return !s->data[0] || *(const __u32 *)&s->data[0] == W4('P', 'R', 'I', ' ');
}

/* The client's preface, or so much of it that nothing else can be meant; Go looks at 14
 * bytes first. */
static __always_inline int is_preface(const struct red_scratch *s, __u64 got)
{
	const __u64 *w = (const __u64 *)&s->data[0];

	return got >= 14 && w[0] == W8('P', 'R', 'I', ' ', '*', ' ', 'H', 'T') &&
	       (w[1] & 0xffffffffffffULL) == W8('T', 'P', '/', '2', '.', '0', 0, 0) &&
	       (got < 24 || w[2] == W8('\r', '\n', 'S', 'M', '\r', '\n', '\r', '\n'));
}

/* ---- reading ----------------------------------------------------------------------- */

enum red_walk_result {
	RED_WALK_ON = 0,
	RED_WALK_END = 1,  /* of the call */
	RED_WALK_FULL = 2, /* the record is */
	RED_WALK_FAILED = 3,
	RED_WALK_RACE = 4, /* the scratch is somebody else's */
};

static __always_inline __u64 read_plain(struct red_scratch *s, __u64 to, __u64 from, __u64 n)
{
	BOUND(to, RED_CAP_MAX);
	BOUND(n, RED_CAP_MAX);
	if (bpf_probe_read_user(&s->data[to], n, (void *)(s->call.ptr + from)))
		return 0;
	return n;
}

/* The vectors [i, i + RED_IOVS) of the call, or as many as there are. */
static __always_inline int load_batch(struct red_scratch *s, __u64 i)
{
	__u64 n = s->call.n - i;

	BOUND(n, RED_IOVS);
	if (bpf_probe_read_user(s->iov, n * sizeof(s->iov[0]),
				(void *)(s->call.ptr + i * sizeof(s->iov[0]))))
		return -1;
	s->walk.batch = i;
	return 0;
}

/* From one vector. 0 also when only the way there was long: `vec` has advanced then. */
static __always_inline __u64 read_vector(struct red_scratch *s, __u64 to, __u64 from, __u64 n)
{
	struct red_walk *w = &s->walk;
	int round;

	for (round = 0; round < RED_READ_ROUNDS; round++) {
		__u64 i = w->vec, off = from - w->vec_at, len;

		if (i >= s->call.n || ((i & -RED_IOVS) != w->batch && load_batch(s, i & -RED_IOVS)))
			break;
		len = s->iov[i & (RED_IOVS - 1)].len;
		if (off >= len) {
			w->vec = i + 1;
			w->vec_at += len;
			continue;
		}
		len -= off;
		if (n > len)
			n = len;
		BOUND(to, RED_CAP_MAX);
		BOUND(n, RED_CAP_MAX);
		off += s->iov[i & (RED_IOVS - 1)].base;
		return bpf_probe_read_user(&s->data[to], n, (void *)off) ? 0 : n;
	}
	return 0;
}

static __always_inline void piece_close(struct red_scratch *s)
{
	struct red_walk *w = &s->walk;
	__u64 at = w->piece;
	struct red_piece *p;

	BOUND(at, RED_CAP_MAX);
	p = (struct red_piece *)&s->data[at];
	p->len = w->out - w->piece - sizeof(*p);
	p->skip = w->skip;
}

static __always_inline void piece_begin(struct red_walk *w, __u64 at)
{
	w->piece = at;
	w->out = at + sizeof(struct red_piece);
	w->skip = 0;
}

/* Reads more of the call behind what the record has, and what was read ahead already. */
__noinline int frames_read(__u32 slot)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	__u64 to, n, vec, room;
	struct red_walk *w;

	if (!s)
		return RED_WALK_FAILED;
	w = &s->walk;
	if (!w->have && w->out + RED_PIECE_MIN > RED_CAP_MAX)
		return RED_WALK_FULL;
	if (w->skip) {
		piece_close(s);
		piece_begin(w, w->out);
	}
	n = w->copy + RED_FRAME_HEAD;
	if (n < w->ahead)
		n = w->ahead;
	w->ahead = 2 * w->ahead < RED_CAP_MAX ? 2 * w->ahead : RED_CAP_MAX;
	to = w->out + w->have;
	room = RED_CAP_MAX - to;
	if (n > room)
		n = room;
	if (n > w->end - w->at - w->have)
		n = w->end - w->at - w->have;
	if (!n)
		return RED_WALK_ON;
	if (s->call.kind == RED_BUF_PLAIN) {
		n = read_plain(s, to, w->at + w->have, n);
	} else if (s->call.kind == RED_BUF_IOVEC) {
		vec = w->vec;
		n = read_vector(s, to, w->at + w->have, n);
		if (!n && w->vec != vec && w->vec < s->call.n)
			return RED_WALK_ON;
	} else {
		n = 0;
	}
	w->have += n;
	return n ? RED_WALK_ON : RED_WALK_FAILED;
}

/* ---- walking ----------------------------------------------------------------------- */

static __always_inline void take(struct red_walk *w, __u64 n)
{
	w->at += n;
	w->out += n;
	w->have -= n;
}

static __always_inline void leave_out(struct red_walk *w, __u64 n)
{
	w->at += n;
	w->skip += n;
	w->have = 0;
	w->ahead = RED_READ_FIRST;
}

/* A header is complete. The preface is taken for a frame: its first nine bytes, and the
 * other 15. */
static __always_inline int head_taken(struct red_walk *w)
{
	__u32 len = frame_len(w->head);

	w->head_len = 0;
	if (*(__u64 *)&w->head[0] == W8('P', 'R', 'I', ' ', '*', ' ', 'H', 'T'))
		len = 24 - RED_FRAME_HEAD;
	else if (!frame_ok(w->head, 0))
		return RED_WALK_FAILED;
	w->left = w->copy = len;
	if (w->head[3] == RED_FRAME_DATA && len > RED_DATA_WHOLE && len > w->data_cap)
		w->copy = w->data_cap;
	return RED_WALK_ON;
}

/* Bytes of a header were read, at once or, if it is cut, the next of them. */
static __always_inline int head_step(struct red_scratch *s)
{
	struct red_walk *w = &s->walk;
	__u64 at = w->out, i = w->head_len;

	BOUND(at, RED_CAP_MAX);
	if (!i && w->have >= RED_FRAME_HEAD) {
		*(__u64 *)&w->head[0] = *(__u64 *)&s->data[at];
		w->head[8] = s->data[at + 8];
		take(w, RED_FRAME_HEAD);
		return head_taken(w);
	}
	BOUND(i, RED_FRAME_HEAD - 1);
	w->head[i] = s->data[at];
	w->head_len = i + 1;
	take(w, 1);
	return w->head_len < RED_FRAME_HEAD ? RED_WALK_ON : head_taken(w);
}

/* Of a payload, as much as was read. */
static __always_inline void payload_step(struct red_walk *w)
{
	__u64 n = w->copy < w->have ? w->copy : w->have;

	take(w, n);
	w->left -= n;
	w->copy -= n;
}

/* Bytes of a payload that cannot be read are left out, as if they were not wanted: where
 * the next frame begins is known all the same. */
static __always_inline int read_failed(struct red_scratch *s)
{
	s->ev.flags |= s->call.kind == RED_BUF_NONE ? RED_DATA_NOBUF : RED_DATA_READ_ERR;
	if (!s->walk.left)
		return RED_WALK_FAILED;
	s->walk.copy = 0;
	return RED_WALK_ON;
}

__noinline int frames_step(__u32 slot)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	__u64 rest, need = 1;
	struct red_walk *w;
	int r;

	if (!s)
		return RED_WALK_FAILED;
	w = &s->walk;
	rest = w->end - w->at;
	if (w->at >= w->end)
		return RED_WALK_END;
	if (w->left && !w->copy) {
		if (rest > w->left)
			rest = w->left;
		leave_out(w, rest);
		w->left -= rest;
		return RED_WALK_ON;
	}
	if (!w->left && !w->head_len)
		need = rest < RED_FRAME_HEAD ? rest : RED_FRAME_HEAD;
	if (w->have < need) {
		r = frames_read(slot);
		if (r == RED_WALK_FAILED)
			return read_failed(s);
		if (r || !w->have)
			return r;
	}
	if (!w->left) {
		r = head_step(s);
		if (r)
			return r;
	}
	payload_step(w);
	return RED_WALK_ON;
}

__noinline int frames_steps(__u32 slot)
{
	int i, r;

	for (i = 0; i < RED_WALK_STEPS; i++) {
		r = frames_step(slot);
		if (r)
			return r;
	}
	return RED_WALK_ON;
}

/* ---- records ----------------------------------------------------------------------- */

static __always_inline __u32 slot_hook(__u32 slot)
{
	if (slot > RED_DIR_OUT)
		return RED_HOOK_TLS;
	return slot == RED_DIR_IN ? RED_HOOK_RECV : RED_HOOK_SEND;
}

static __always_inline void record_begin(struct red_scratch *s)
{
	struct red_walk *w = &s->walk;

	piece_begin(w, 0);
	w->from = w->at;
	w->have = 0;
	s->ev.more = w->known && !w->left && !w->head_len ? RED_MORE_FRAME : 0;
}

/* Writes what the walk has told since the last record. Those of a call that are `full` are
 * events of their own. Returns 0, or RED_WALK_RACE. */
__noinline int frames_emit(__u32 slot, __u32 full)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	struct red_stat *st = stat_of(slot_hook(slot));
	int shared = slot > RED_DIR_OUT;
	__u64 size;

	if (!s || !st)
		return RED_WALK_RACE;
	if (full)
		count(&st->observed, 1, shared);
	piece_close(s);
	size = s->walk.out;
	BOUND(size, RED_CAP_MAX);
	s->ev.cap_len = size;
	s->ev.len = s->walk.at - s->walk.from;
	if (shared && *(volatile __u64 *)&s->owner != bpf_get_current_pid_tgid()) {
		*(volatile __u64 *)&s->owner = 0; /* whose it is shall see that we were here */
		count(&st->dropped[RED_DROP_RACE], 1, shared);
		count(&st->lost, 1, shared);
		return RED_WALK_RACE;
	}
	if (s->ev.flags & RED_DATA_NOBUF)
		count(&st->nobuf, 1, shared);
	if (s->ev.flags & RED_DATA_READ_ERR)
		count(&st->read_err, 1, shared);
	if (s->walk.muted)
		refuse(st, s->walk.muted, shared);
	else
		emit(st, &s->ev.h, sizeof(s->ev) + size, s->walk.now, s->ev.tgid, RED_ROOM_DATA,
		     shared);
	s->ev.off += s->ev.len;
	s->ev.prev_ns = s->walk.now;
	s->ev.flags &= ~(RED_DATA_FIRST | RED_DATA_NOBUF | RED_DATA_READ_ERR);
	record_begin(s);
	return 0;
}

/* From here on bytes are only counted. */
static __always_inline void frames_lose(struct red_walk *w)
{
	w->known = 0;
	w->left = w->copy = w->head_len = 0;
	leave_out(w, w->end - w->at);
}

/* The call's end, and its last record, which stands for the call itself. */
__noinline int frames_end(__u32 slot, int how)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	struct red_stat *st = stat_of(slot_hook(slot));

	if (!s || !st)
		return RED_WALK_RACE;
	if (how == RED_WALK_RACE) {
		count(&st->dropped[RED_DROP_RACE], 1, 1);
		return how;
	}
	if (how != RED_WALK_END) {
		frames_lose(&s->walk);
		count(&st->lost, 1, slot > RED_DIR_OUT);
	}
	return frames_emit(slot, 0);
}

/* Some read a header by itself, and then the payload (Go's servers): a call of nine bytes
 * that may be one, and in `left` as many as it says; then a call of just as many. What
 * proves it has gone by, the next call begins with a frame. */
static __always_inline int frames_by_calls(struct red_scratch *s, __u32 slot)
{
	struct red_walk *w = &s->walk;
	int proven = w->left && w->left == w->end;

	w->left = 0;
	if (!proven && w->end == RED_FRAME_HEAD &&
	    gather(slot, RED_PROBE_AT, 0, RED_FRAME_HEAD) == RED_FRAME_HEAD &&
	    frame_ok(&s->data[RED_PROBE_AT], 1))
		w->left = frame_len(&s->data[RED_PROBE_AT]);
	return proven;
}

/* Walks the call in scratch `slot`, where its length and the position are too, and writes
 * its records. Returns 0, or RED_WALK_RACE. */
__noinline int frames_call(__u32 slot)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	int i, proven, r = RED_WALK_END;

	if (!s)
		return RED_WALK_RACE;
	if (!s->walk.known && frames_strict(slot, s->walk.end)) {
		s->walk.known = 1;
		s->walk.left = s->walk.copy = 0; /* what frames_by_calls() took for a length */
		s->walk.head_len = 0;
	}
	record_begin(s);
	if (!s->walk.known) {
		proven = frames_by_calls(s, slot);
		leave_out(&s->walk, s->walk.end);
		r = frames_end(slot, r);
		s->walk.known = proven;
		return r;
	}
	for (i = 0; i < RED_WALK_ROUNDS; i++) {
		r = frames_steps(slot);
		if (r == RED_WALK_FULL)
			r = frames_emit(slot, 1);
		if (r)
			break;
	}
	return frames_end(slot, r);
}

#endif /* RED_FRAMES_H */
