/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every backend calls for a call that moved bytes: what it is worth (conn.h) becomes a
 * record. */
#ifndef RED_MOVED_H
#define RED_MOVED_H

/* "HTTP/1.1 101": what else is spoken from here on, HTTP/2 perhaps, user space will know in
 * some milliseconds; until then all is copied. Only where a message begins: a body may say what it
 * likes. */
static __always_inline int is_switching(const struct red_scratch *s, __u64 got)
{
	return got > RED_MESSAGE_MIN &&
	       *(__u64 *)&s->data[0] == W8('H', 'T', 'T', 'P', '/', '1', '.', '1') &&
	       *(__u32 *)&s->data[8] == W4(' ', '1', '0', '1');
}

/* "HTTP/1.1 100" and its like, and nothing behind it: another answer follows, perhaps behind the
 * rest of the request. */
static __noinline int conn_interim(struct red_conn *c, __u32 slot, __u64 got, __u64 len)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	__u64 behind;

	if (!c || !s || got <= RED_MESSAGE_MIN ||
	    *(__u64 *)&s->data[0] != W8('H', 'T', 'T', 'P', '/', '1', '.', '1') ||
	    *(__u16 *)&s->data[8] != (' ' | '1' << 8) || is_switching(s, got))
		return 0;
	behind = len ^ (__u32)head_end(slot, got, 0);
	asm volatile("" : "+r"(behind)); /* as in tail_update() */
	if (!behind)
		c->asked |= RED_ASKED_INTERIM;
	return 0;
}

/* One call that moved `len` > 0 bytes; the call in scratch `slot` says where they are. Returns 1
 * when the connection speaks HTTP/2: conn_frames() is to look at them, which the caller calls,
 * since the stack has no room for it below this. Of a typed socket s->nonblock is
 * known; of others it is found out where it is needed, because that is dear. */
static __always_inline int conn_moved(struct red_conn *c, struct red_stat *st,
				      struct red_scratch *s, __u32 slot, int dir, __u32 len,
				      struct sock *sk, int how)
{
	struct red_conn_dir *d = &c->d[dir];
	__u64 now = bpf_ktime_get_ns();
	__u64 pid_tgid, first, got = 0, moved = how & RED_MOVE_DEFER ? 0 : len;
	__u32 flip = c->last_dir != dir, first_ever = c->last_dir > RED_DIR_OUT;
	int nonblock, tls = !!(how & RED_MOVE_TLS);

	if (c->mode == RED_POLL_MODE_FRAMES) {
		if (red_cfg.propagate && c->frames & RED_FRAMES_NEW)
			conn_frames_told(c->sk);
		return 1;
	}
	if (c->mode == RED_POLL_MODE_NONE) {
		count(&st->dropped[RED_DROP_NOT_WANTED], 1, tls);
		d->tail_ok = 0;
		goto count;
	}
	if (red_cfg.propagate && dir == RED_DIR_IN && !flip)
		conn_continued(c, len);
	if (red_cfg.propagate && dir == RED_DIR_OUT)
		c->asked &= ~RED_ASKED_INTERIM;
	if (flip)
		d->want = RED_HEAD_BUDGET;
	else if (s->call.kind == RED_BUF_NONE && !d->want && c->mode == RED_POLL_MODE_AUTO &&
		 !(c->flags & RED_CONN_PIPELINED)) { /* a file, behind its head */
		count(&st->dropped[RED_DROP_NOT_WANTED], 1, tls);
		d->tail_ok = 0;
		goto count;
	}
	first = conn_first(c, d, len);
	got = gather(slot, 0, 0, first);
	if (like_frames(s) && conn_speaks_frames(c->sk, slot, dir, got, len))
		return 1;
	if (flip && is_switching(s, got))
		c->mode = RED_POLL_MODE_ALL;
	if (red_cfg.propagate && dir == RED_DIR_OUT && flip)
		conn_interim(c, slot, got, len);
	if (red_cfg.propagate && dir == RED_DIR_IN && !flip)
		conn_more(c, slot, got, len);
	c->last_dir = dir;
	if (!d->want && first < RED_CAP_MAX && c->mode == RED_POLL_MODE_AUTO &&
	    !(c->flags & RED_CONN_PIPELINED)) {
		if (!got || !like_message(slot, 0, got)) {
			count(&st->dropped[RED_DROP_NOT_WANTED], 1, tls);
			goto tail;
		}
		d->want = RED_HEAD_BUDGET;
		/* A second message before the other side spoke; a few bytes prove nothing. */
		if (got >= RED_MESSAGE_MIN)
			c->flags |= RED_CONN_PIPELINED;
	}
	/* One that speaks TLS is announced by its socket's calls (tls.h). */
	if (!(c->flags & RED_CONN_OPENED) && (tls || conn_announce(c->sk, slot, now))) {
		if (red_cfg.propagate && dir == RED_DIR_IN && flip)
			conn_requested(c, slot, 0, first_ever, 0);
		c->ask_end = RED_NEVER;
		refuse(st, c->refused, tls);
		goto tail;
	}
	if (how & RED_MOVE_DEFER)
		conn_settle(c);
	pid_tgid = bpf_get_current_pid_tgid();
	data_fill(&s->ev, c, dir, len, pid_tgid);
	s->ev.syscall = s->call.nr;
	if (flip)
		s->ev.flags |= RED_DATA_FIRST;
	if (how & RED_MOVE_DIRECT)
		nonblock = *(volatile __u64 *)&s->nonblock;
	else
		nonblock = sock_nonblock(sk, 0);
	if (nonblock)
		s->ev.flags |= RED_DATA_NONBLOCK;
	if (s->call.kind == RED_BUF_NONE) {
		s->ev.flags |= RED_DATA_NOBUF;
		count(&st->nobuf, 1, tls);
	} else if (got < first) {
		s->ev.flags |= RED_DATA_READ_ERR;
		count(&st->read_err, 1, tls);
	} else {
		got = conn_want(c, d, slot, len, got);
	}
	BOUND(got, RED_CAP_MAX);
	if (red_cfg.propagate && dir == RED_DIR_IN && flip)
		conn_requested(c, slot, got, first_ever, !nonblock);
	/* Followed once, it is followed on, whatever mode its socket is in by then. */
	if (red_cfg.propagate && (red_prop_once || !nonblock || c->ask_end) && flip && !tls)
		conn_framed(c, slot, got, len);
	if (how & RED_MOVE_DEFER)
		s->ev.len = moved = got;
	s->ev.cap_len = got;
	if (tls && *(volatile __u64 *)&s->owner != pid_tgid)
		count(&st->dropped[RED_DROP_RACE], 1, tls);
	else
		emit(st, &s->ev.h, data_size(got), now, pid_tgid >> 32, RED_ROOM_DATA, tls);
tail:
	if (s->call.kind == RED_BUF_NONE)
		d->tail_ok = 0;
	else
		tail_update(d, s, slot, len, got);
count:
	if (moved)
		d->off += moved;
	if (how & RED_MOVE_DEFER)
		conn_defer(c, d->off - moved, len);
	d->last_ns = now;
	return 0;
}

#endif /* RED_MOVED_H */
