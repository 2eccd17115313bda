/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Connections that speak HTTP/2: how that is found out, and a call of theirs, whose frames
 * frames.h walks. Global functions, which look the connection up once more: to verify them
 * in each place that they are called from took old kernels too much. */
#ifndef RED_CONN_FRAMES_H
#define RED_CONN_FRAMES_H

/* Is all known that came before what the connection's counters say? */
static __always_inline int conn_is_fresh(const struct red_conn *c)
{
	return c->layer ? !(c->wire & RED_WIRE_LATE) : c->flags & RED_CONN_FRESH;
}

/* It speaks HTTP/2. A direction of which all is known to have gone by begins with a frame
 * (the preface is one to frames.h). */
static __always_inline void conn_frames_begin(struct red_conn *c, __u64 sk)
{
	int dir;

	for (dir = 0; dir < 2; dir++) {
		c->d[dir].known = conn_is_fresh(c) && !c->d[dir].off;
		c->d[dir].left = c->d[dir].copy = 0;
		c->d[dir].head_len = c->d[dir].tail_ok = 0;
	}
	c->frames = RED_FRAMES_NEW;
	if (sock_nonblock((struct sock *)sk, 0))
		c->frames |= RED_FRAMES_NONBLOCK;
	c->mode = RED_POLL_MODE_FRAMES;
	c->ask_end = RED_NEVER;
}

/* Of HTTP/2 no request's context is read: whom the peer asks has one open for as long as
 * the connection is, of which all is known is that it is nobody's parent (context.h). Its
 * place is no request's: what was open before may be a request's that was taken for one of HTTP/1,
 * until user space told. Opened by the task that moves bytes, which serves them. */
static __always_inline void conn_frames_context(struct red_conn *c)
{
	c->frames &= ~RED_FRAMES_NEW;
	if (c->flags & RED_CONN_CLIENT)
		return;
	if (c->ctx)
		context_close(c->ctx);
	c->ctx = context_open_foreign(c->id, red_place(c->layer, (1ULL << 48) - 1));
}

/* The first call since user space told. Not from conn_frames(): on old kernels there is no stack
 * below that. */
__noinline int conn_frames_told(__u64 sk)
{
	struct red_conn *c = bpf_map_lookup_elem(&conns, &sk);

	if (c && c->frames & RED_FRAMES_NEW)
		conn_frames_context(c);
	return 0;
}

/* The call whose first `got` bytes are in scratch may begin HTTP/2: does it? By the
 * client's preface, which may come after a request to upgrade; by the server's settings,
 * which may come before it; on a connection that was open before redeye, by anything that
 * must be frames. */
__noinline int conn_speaks_frames(__u64 sk, __u32 slot, __u32 dir, __u64 got, __u64 len)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	struct red_conn *c = bpf_map_lookup_elem(&conns, &sk);
	int fresh, found;
	__u64 to = dir;

	if (!s || !c)
		return 0;
	fresh = conn_is_fresh(c);
	if (s->data[0]) {
		if (!is_preface(s, got))
			return 0;
		if (dir == RED_DIR_OUT) /* also where nobody has seen it connect */
			c->flags |= RED_CONN_CLIENT;
	} else {
		if (!got || got > RED_PROBE_AT || (fresh && c->d[0].off + c->d[1].off))
			return 0;
		found = frames_strict(slot, len);
		if (!found || (fresh && found != RED_FOUND_SETTINGS))
			return 0;
	}
	conn_frames_begin(c, sk);
	if (red_cfg.propagate)
		conn_frames_context(c);
	BOUND(to, RED_DIR_OUT);
	c->d[to].known = 1;
	return 1;
}

/* The direction's position, to the walk. */
static __always_inline void position_get(struct red_walk *w, const struct red_conn_dir *d)
{
	__builtin_memcpy(w->head, &d->head, sizeof(d->head));
	w->head_len = d->head_len;
	w->left = d->left;
	w->copy = d->copy;
	w->known = d->known;
}

/* And back. */
static __always_inline void position_put(struct red_conn_dir *d, const struct red_walk *w)
{
	__builtin_memcpy(&d->head, w->head, sizeof(d->head));
	d->head_len = w->head_len;
	d->left = w->left;
	d->copy = w->copy;
	d->known = w->known;
}

/* It is worth nothing, nor is what would be left of a frame: the next call may be known to
 * begin with one. */
static __always_inline void position_lose(struct red_conn_dir *d)
{
	d->known = 0;
	d->left = d->copy = 0;
	d->head_len = 0;
}

static __always_inline __u64 walk_begin(struct red_walk *w, const struct red_conn *c, __u64 len)
{
	__builtin_memset(w, 0, sizeof(*w));
	w->end = len;
	w->now = bpf_ktime_get_ns();
	w->ahead = RED_READ_FIRST;
	w->batch = ~0ULL;
	w->data_cap = c->data_cap;
	return w->now;
}

/* A call that moved `len` > 0 bytes of a connection that speaks HTTP/2. What was written to
 * memory is to leave by and by (RED_MOVE_DEFER): all of it counts at once here, and the time
 * of the last byte follows. What is under way is little, the peer's windows bound it. */
__noinline int conn_frames(__u64 sk, __u32 slot, __u32 dir, __u64 len, __u32 how)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	struct red_stat *st = stat_of(slot_hook(slot));
	struct red_conn *c = bpf_map_lookup_elem(&conns, &sk);
	__u64 now, to = dir, id = bpf_get_current_pid_tgid();
	struct red_walk *w;
	int ours;

	if (!s || !st)
		return 0;
	if (!c) { /* another processor has just seen its end */
		count(&st->dropped[RED_DROP_NOT_WANTED], 1, slot > RED_DIR_OUT);
		return 0;
	}
	BOUND(to, RED_DIR_OUT);
	if (how & RED_MOVE_DEFER)
		conn_settle(c);
	w = &s->walk;
	now = walk_begin(w, c, len);
	position_get(w, &c->d[to]);
	if (!(c->flags & RED_CONN_OPENED) && (how & RED_MOVE_TLS || conn_announce(sk, slot, now)))
		w->muted = c->refused ? c->refused : RED_DROP_RING_FULL;
	data_fill(&s->ev, c, to, len, id);
	s->ev.syscall = s->call.nr;
	s->ev.flags = RED_DATA_PIECES | (s->ev.flags & RED_DATA_LATE);
	if (c->last_dir != to)
		s->ev.flags |= RED_DATA_FIRST;
	if (c->frames & RED_FRAMES_NONBLOCK)
		s->ev.flags |= RED_DATA_NONBLOCK;
	c->last_dir = to;
	ours = !frames_call(slot);
	c->d[to].last_ns = now;
	position_put(&c->d[to], w);
	if (!ours || (how & RED_MOVE_TLS && *(volatile __u64 *)&s->owner != id))
		position_lose(&c->d[to]); /* the walk was somebody else's too */
	c->d[to].off += len;
	if (how & RED_MOVE_DEFER)
		conn_defer(c, c->d[to].off - len, len);
	return 0;
}

#endif /* RED_CONN_FRAMES_H */
