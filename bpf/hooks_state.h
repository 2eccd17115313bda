/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Connection state: in any context, also softirq. Looked up by sock, so that no other connection
 * costs more than one hash look-up per state change. UNIX sockets have no such tracepoint:
 * conn_poll (commands.h). */
#ifndef RED_HOOKS_STATE_H
#define RED_HOOKS_STATE_H

static __always_inline __u32 close_flags(const struct sock *sk, int oldstate)
{
	int err = sk->sk_err;

	if (err == ECONNRESET || err == EPIPE)
		return RED_STATE_RESET;
	if (err == ETIMEDOUT)
		return RED_STATE_TIMEOUT;
	return oldstate == TCP_ESTABLISHED || oldstate == TCP_CLOSE_WAIT ? RED_STATE_LOCAL : 0;
}

/* Nothing more is written. The next connection's object may have this one's address,
 * before this one's socket is gone. */
static __always_inline void object_left(const struct red_conn *c)
{
	if (red_cfg.tls && c->wire & RED_WIRE_MOVES && c->tls_obj)
		tls_obj_forget(c->tls_obj, c->tls_tgid, c->id);
}

/* A socket at the address of one that was reset and whose end nobody saw: the process
 * closed it without another look. */
static __always_inline void state_reused(struct red_conn *c, __u64 key)
{
	conn_report(c->sk, RED_HOOK_STATE, RED_EV_CLOSE,
		    RED_REPORT(0, c->flags & RED_CONN_RESET ? RED_STATE_RESET : 0));
	conn_forget(c, key);
}

/* Both have said that they write no more: then TCP is over, however much the process still has to
 * read. When the peer says it last, the process may be reading just now: what comes meanwhile is
 * taken in at the end of its call, before that is seen. */
static __always_inline int is_still_read(const struct sock *sk, int oldstate)
{
	int peer_last =
		oldstate == TCP_FIN_WAIT1 || oldstate == TCP_FIN_WAIT2 || oldstate == TCP_CLOSING;

	if (!peer_last && oldstate != TCP_LAST_ACK)
		return 0;
	if (sk->sk_err || !BPF_CORE_READ(sk, sk_socket))
		return 0;
	return sock_unread((struct sock *)sk) || (peer_last && BPF_CORE_READ(sk, sk_lock.owned));
}

static __always_inline void state_changed(struct red_conn *c, const struct sock *sk, __u64 key,
					  int oldstate, int newstate)
{
	__u32 flags;

	switch (newstate) {
	case TCP_CLOSE_WAIT:
		c->flags |= RED_CONN_PEER_FIN;
		break;
	case TCP_FIN_WAIT1:
	case TCP_LAST_ACK:
		object_left(c);
		conn_report(c->sk, RED_HOOK_STATE, RED_EV_EOF,
			    RED_REPORT(RED_DIR_OUT, RED_STATE_LOCAL));
		break;
	case TCP_CLOSE:
		flags = close_flags(sk, oldstate);
		/* The peer's reset may leave bytes that the process still reads:
		 * the end is when the process sees it (conn_ended), or a poll does. */
		if (flags & RED_STATE_RESET && BPF_CORE_READ(sk, sk_socket)) {
			c->flags |= RED_CONN_RESET;
			object_left(c);
			conn_report(c->sk, RED_HOOK_STATE, RED_EV_EOF,
				    RED_REPORT(RED_DIR_IN, RED_STATE_RESET));
			break;
		}
		if (is_still_read(sk, oldstate)) { /* ended as above */
			c->flags |= RED_CONN_PEER_FIN;
			c->over = 1;
			conn_served(c, conn_cut(c));
			conn_report(c->sk, RED_HOOK_STATE, RED_EV_PROGRESS, RED_REPORT(0, 0));
			break;
		}
		conn_report(c->sk, RED_HOOK_STATE, RED_EV_CLOSE, RED_REPORT(0, flags));
		if (flags & (RED_STATE_RESET | RED_STATE_TIMEOUT))
			c->flags |= RED_CONN_RESET;
		conn_forget(c, key);
		break;
	}
}

/* listen(2) runs in its process, so the target is marked before a connection
 * can be accepted. */
static __always_inline void listening(const struct sock *sk)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u16 port = sk->__sk_common.skc_num;
	__u8 *on;

	if (!(red_ports[(port >> 3) & 8191] & 1 << (port & 7)) || tgid == red_cfg.own_tgid)
		return;
	on = target_byte(tgid);
	if (on)
		*on |= RED_TARGET_ON;
	proc_event(RED_EV_LISTEN, tgid, port);
}

/* Does another connection begin, in an object that has none yet? One that is accepted begins as its
 * listener's copy, whose state is that of the listener, until it is told that it is in SYN_RECV.
 * Not when it is established: with TCP Fast Open the first request may have been read by then. The
 * same state behind SYN_SENT is two that open one connection at once. Multipath TCP's is
 * established from the start in some kernels. */
static __always_inline int state_begins(int oldstate, int newstate)
{
	return newstate == TCP_SYN_SENT || (newstate == TCP_SYN_RECV && oldstate != TCP_SYN_SENT) ||
	       (newstate == TCP_ESTABLISHED && oldstate == TCP_LISTEN);
}

SEC("?tp_btf/inet_sock_set_state")
int BPF_PROG(tp_set_state, const struct sock *sk, int oldstate, int newstate)
{
	__u64 key = (__u64)sk;
	struct red_conn *c;
	int begins;

	if (newstate == TCP_LISTEN) {
		listening(sk);
		return 0;
	}
	begins = state_begins(oldstate, newstate);
	if (!begins && newstate != TCP_CLOSE_WAIT && newstate != TCP_FIN_WAIT1 &&
	    newstate != TCP_LAST_ACK && newstate != TCP_CLOSE)
		return 0;
	c = bpf_map_lookup_elem(&conns, &key);
	if (!c)
		return 0;
	if (begins)
		state_reused(c, key);
	else
		state_changed(c, sk, key, oldstate, newstate);
	return 0;
}

#endif /* RED_HOOKS_STATE_H */
