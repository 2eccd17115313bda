/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The way in for all backends: from a socket call to the connection, and what is to be
 * done with it (conn.h, tls.h). */
#ifndef RED_IO_H
#define RED_IO_H

/* Turns an address into a typed pointer that may be read directly (6.2+). */
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;

#define TYPED(ptr, type) ((struct type *)bpf_rdonly_cast(ptr, bpf_core_type_id_kernel(struct type)))

/* Does a receive that gives nothing say so? Whoever asks for no bytes gets none, too. */
static __always_inline int is_at_end(struct sock *sk)
{
	if (!(BPF_CORE_READ(sk, sk_shutdown) & RCV_SHUTDOWN))
		return 0;
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_UNIX)
		return !BPF_CORE_READ(sk, sk_receive_queue.qlen);
	return !sock_unread(sk);
}

/* A call that moved nothing: the end of the stream, or an error that tells it. */
static __always_inline void conn_ended(struct sock *sk, int dir, __s64 ret)
{
	__u64 key = (__u64)sk;
	struct red_conn *c = bpf_map_lookup_elem(&conns, &key);

	if (!c || dir != RED_DIR_IN)
		return;
	if (ret == 0 && !(c->flags & RED_CONN_RESET)) {
		if (!is_at_end(sk))
			return;
		conn_report(c->sk, RED_HOOK_STATE, RED_EV_EOF, RED_REPORT(dir, RED_STATE_PEER));
		if (!c->over)
			return;
		conn_report(c->sk, RED_HOOK_STATE, RED_EV_CLOSE, RED_REPORT(dir, 0));
		conn_forget(c, key);
		return;
	}
	if (c->flags & RED_CONN_RESET || ret == -ECONNRESET) {
		conn_report(c->sk, RED_HOOK_STATE, RED_EV_CLOSE, RED_REPORT(dir, RED_STATE_RESET));
		c->flags |= RED_CONN_RESET;
		conn_forget(c, key);
	}
}

/*
 * The one entry for all backends: `sk` moved `ret` bytes in a direction
 * for the current task. The call is in the scratch of that direction.
 */
static __always_inline void conn_io(struct sock *sk, int direct, int dir, __s64 ret,
				    struct red_scratch *s, struct red_stat *st, __u64 pid_tgid,
				    __u32 target)
{
	__u64 key = (__u64)sk, ident = sock_ident(sk, direct);
	struct red_conn *c = bpf_map_lookup_elem(&conns, &key);
	int wire, frames;
	__u32 why;

	/* Early: on the way here it is one path to the verifier, and it searches all types for
	 * each pointer on each. */
	if (direct)
		*(volatile __u64 *)&s->nonblock = sock_nonblock(sk, 1);
	if (c && c->ident != ident) {
		conn_report(c->sk, RED_HOOK_STATE, RED_EV_CLOSE, RED_REPORT(0, 0));
		conn_forget(c, key);
		c = 0;
	}
	if (!c) {
		/* A typed pointer is no number to the verifier, until it has been in a map. */
		*(volatile __u64 *)&s->sk = key;
		why = conn_create(*(volatile __u64 *)&s->sk, ident, pid_tgid >> 32, ret, dir);
		if (why == RED_DROP_NOT_STREAM || why == RED_DROP_CONNS_FULL) {
			drop(st, why);
			if (red_cfg.propagate && why == RED_DROP_CONNS_FULL && dir == RED_DIR_IN)
				serving_lost(); /* of a request, perhaps */
			return;
		}
		c = bpf_map_lookup_elem(&conns, &key);
		if (!c) {
			drop(st, RED_DROP_CONNS_FULL);
			return;
		}
		if (target & RED_TARGET_READY && c->flags & RED_CONN_FRESH)
			c->flags |= RED_CONN_PROBED;
	}
	if (tls_matters(c, target)) {
		s->sk = key;
		wire = tls_wire(WIRE_HOW(dir, target), ret, pid_tgid);
		if (wire == RED_WIRE_DONE)
			return;
		if (wire == RED_WIRE_PARKED)
			ret = s->plain;
	}
	if (dir == RED_DIR_IN)
		frames = conn_moved(c, st, s, RED_DIR_IN, RED_DIR_IN, ret, sk, direct);
	else
		frames = conn_moved(c, st, s, RED_DIR_OUT, RED_DIR_OUT, ret, sk, direct);
	if (frames)
		conn_frames(c->sk, dir, dir, ret, 0);
}

static __always_inline __u32 hook_of(int dir)
{
	return dir == RED_DIR_IN ? RED_HOOK_RECV : RED_HOOK_SEND;
}

/* What all shims share once they hold a sock: filter, account, find the call.
 * `s->call` is taken from the task's registers. */
static __always_inline int sock_moved(struct sock *sk, int direct, int dir, __s64 ret,
				      int msg_flags)
{
	__u32 slot = dir, target;
	struct red_scratch *s;
	struct red_stat *st;
	__u64 id;

	if (ret == -EAGAIN && !red_mmsgs_used)
		return 0;
	id = bpf_get_current_pid_tgid();
	target = target_of(id >> 32);
	if (!target)
		return 0;
	if (ret <= 0 && red_mmsgs_used)
		mmsg_over(id);
	if (ret == -EAGAIN || !sk || msg_flags & MSG_ERRQUEUE) /* what was sent comes back */
		return 0;
	if (ret <= 0) {
		conn_ended(sk, dir, ret);
		return 0;
	}
	st = stat_of(hook_of(dir));
	s = bpf_map_lookup_elem(&scratch, &slot);
	if (!st || !s)
		return 0;
	st->observed++;
	if (dir == RED_DIR_IN && msg_flags & MSG_PEEK) {
		drop(st, RED_DROP_PEEK);
		return 0;
	}
	call_current(&s->call, dir);
	if (dir == RED_DIR_OUT && s->call.nr == NR_sendmmsg)
		mmsg_sent(RED_DIR_OUT, ret);
	if (dir == RED_DIR_IN && msg_flags & MSG_TRUNC)
		s->call.kind = RED_BUF_NONE;
	conn_io(sk, direct, dir, ret, s, st, id, target);
	return 0;
}

#endif /* RED_IO_H */
