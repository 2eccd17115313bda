/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Writing a traceparent header into requests that selected processes send: the one
 * part of redeye that changes traffic. Only with --propagate.
 *
 * A connection that a selected process opens is marked when it connects
 * (prop_sockops) and put into a sockhash when it is established. From then on
 * prop_msg sees each send of it before TCP does, and may put bytes in. It touches a
 * send only when everything says that a request begins exactly there:
 *
 *   - TCP's own write_seq says that this byte is the connection's first, or the
 *     first behind the last request's Content-Length. What went past prop_msg
 *     (splice, a race, an error) moves write_seq too, and is noticed; nothing is
 *     added up here that could come apart from the truth.
 *   - The send holds one whole head, with a request line of a known method, every
 *     line ended by CR LF, at most one Content-Length, and nothing behind it but its
 *     own body.
 *   - The last request was answered, and redeye's count of bytes says the same as
 *     TCP's.
 *
 * Where that ends being so (a head in pieces, chunks, Expect, Upgrade, TLS, anything
 * else than HTTP/1), the socket is dead: never touched again, and taken out of the
 * sockhash if that is still possible. Body bytes are never looked at.
 *
 * The kernel's part (bpf_msg_push_data, net/ipv4/tcp_bpf.c) reports to the process
 * how much it sent by subtracting what is left of the lengthened message. That is
 * right once the inserted bytes are out, and wrong when TCP takes fewer bytes than
 * those before and in the header. So a send is touched only when nothing is unsent
 * and the socket has room, when the kernel always takes that much (sock_is_ready).
 *
 * In 6.12.75 to 6.12.107, and in 6.18, FIONREAD answers 0 for a socket in a sockhash,
 * which stalls nginx (kernel commit 929e30f93125 counts only what a verdict program
 * had queued). There `red_prop_once` is set, by the canary (agent/propagate_canary.c):
 * the socket leaves the sockhash in the middle of its first send, before that can be
 * answered. No program but sock_ops may delete from a sockhash since 6.10, so it is
 * done where TCP asks sock_ops, within the same send, how long the header options
 * are. Only the first request of a connection can carry a header then. A server that
 * speaks first takes its connection out by the same way, before its bytes can be read.
 *
 * Whoever waits in a receive on a socket in a sockhash gets EAGAIN for what else ends the
 * wait, on every kernel: a signal, a reset, another thread's shutdown (tcp_bpf_recvmsg waits
 * once). So sockets that are not in non-blocking mode leave as with red_prop_once.
 *
 * prop_msg runs in the sending task with the socket locked, but can be preempted: its
 * scratch memory has an owner, written first and compared last.
 */
#ifndef RED_PROPAGATE_H
#define RED_PROPAGATE_H

/* Least room in an empty send buffer: three small packets and what they cost. */
#define RED_SNDBUF_MIN 16384

/* What of a send TCP takes at once, however little memory there is: its first segment, in which
 * there are TCP's options too. */
#define RED_MSS_MIN     536
#define RED_OPTIONS_MAX 40
#define RED_LINE_MAX    2048

#define RED_BODY_MAX (1U << 30)
#define RED_PULL_MAX 8192

/* Looks at a send, when another task takes the scratch memory away each time. */
#define RED_RACES_MAX 3

struct red_prop_sock {
	__u64 cookie;   /* key in the sockhash, and of the connection's id */
	__u32 next_seq; /* where the next request would begin */
	__u32 first_seq;
	__u32 inserted; /* bytes, so far */
	__u32 line_seq; /* end of the last inserted header */
	__u8 dead;
	__u8 ran;     /* prop_msg has seen a send */
	__u8 used;    /* a header was inserted last */
	__u8 cb;      /* callback flags that we set */
	__u32 tgid;   /* that connected */
	__u8 armed;   /* in the sockhash */
	__u8 leaves;  /* the sockhash, within each send */
	__u8 watched; /* sock_ops is asked about it */
	__u8 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct red_prop_sock);
} prop_socks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u32);
} prop_hash SEC(".maps");

__u32 red_prop_off; /* enum red_prop_off: touch nothing any more */

/* ---- which sockets ------------------------------------------------------------------- */

/* In the task that connects, before the first packet. */
static __always_inline void sockops_connect(struct bpf_sock_ops *ops)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct bpf_sock *sk = ops->sk;
	struct red_prop_sock *st;
	struct tcp_sock *tp;

	if (!is_target(t->tgid) || !sk || red_prop_off)
		return;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp || (bpf_core_field_exists(tp->is_mptcp) && tp->is_mptcp))
		return;
	if (BPF_CORE_READ_BITFIELD(tp, repair)) /* restored, as by CRIU: not a new one */
		return;
	st = bpf_sk_storage_get(&prop_socks, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!st)
		return;
	st->cookie = bpf_get_socket_cookie(ops);
	st->tgid = t->tgid;
}

/* Another program may have set some of these flags for its own use: they stay. */
static __always_inline void sockops_watch(struct bpf_sock_ops *ops, struct red_prop_sock *st,
					  __u32 flags)
{
	__u32 now = ops->bpf_sock_ops_cb_flags;

	st->cb = flags & ~now;
	st->watched = 1;
	bpf_sock_ops_cb_flags_set(ops, now | flags);
}

static __always_inline void sockops_unwatch(struct bpf_sock_ops *ops, struct red_prop_sock *st)
{
	bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags & ~(__u32)st->cb);
	st->watched = 0;
}

static __always_inline void sockops_remove(struct bpf_sock_ops *ops, struct red_prop_sock *st)
{
	__u64 key = st->cookie;

	st->armed = 0;
	if (!bpf_map_delete_elem(&prop_hash, &key))
		prop_count(RED_PROP_REMOVED);
}

/* Out of it for good. */
static __always_inline void sockops_end(struct bpf_sock_ops *ops, struct red_prop_sock *st)
{
	sockops_remove(ops, st);
	st->dead = 1;
	sockops_unwatch(ops, st);
}

/* The connection as conn.h knows it, before anything moved: so that it is known which
 * side asks, though the server may speak first. */
static __always_inline void sockops_conn(struct red_prop_sock *st, struct tcp_sock *tp)
{
	struct sock *sk = (struct sock *)tp;
	__u64 key = (__u64)sk;
	struct red_conn *c = bpf_map_lookup_elem(&conns, &key), fresh;

	if (c)
		conn_forget(c, key);
	conn_insert(&fresh, sk, 1ULL << 62 | st->cookie, sock_ident(sk, 1), st->tgid, 0);
	c = bpf_map_lookup_elem(&conns, &key);
	if (!c)
		return;
	c->flags |= RED_CONN_CLIENT;
	if (target_of(st->tgid) & RED_TARGET_READY && c->flags & RED_CONN_FRESH)
		c->flags |= RED_CONN_PROBED; /* as conn_io() has it */
}

/* Of SO_ZEROCOPY: the kernel would tell the process of more sends than it made. */
static __always_inline int sock_zerocopy(struct tcp_sock *tp)
{
	return ((struct sock *)tp)->__sk_common.skc_flags >>
		       bpf_core_enum_value(enum sock_flags___red, SOCK_ZEROCOPY___red) &
	       1;
}

/* Before the task can send. */
static __always_inline void sockops_established(struct bpf_sock_ops *ops, struct bpf_sock *sk,
						struct red_prop_sock *st)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	__u32 flags = BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG;
	__u64 key = st->cookie;

	if (!tp || st->first_seq || red_prop_off || sock_zerocopy(tp))
		return;
	if (BPF_CORE_READ_BITFIELD(tp, syn_data)) /* a request has left already */
		return;
	st->first_seq = st->next_seq = tp->write_seq;
	sockops_conn(st, tp);
	st->leaves = red_prop_once;
	if (red_prop_once)
		flags |= BPF_SOCK_OPS_PARSE_ALL_HDR_OPT_CB_FLAG;
	if (bpf_sock_hash_update(ops, &prop_hash, &key, BPF_NOEXIST)) {
		st->dead = 1; /* and no callbacks: never taken in again */
		prop_count(RED_PROP_HASH_FULL);
		return;
	}
	st->armed = 1;
	sockops_watch(ops, st, flags);
	prop_count(RED_PROP_SOCKETS);
}

/* Within each send, and for each packet. From the first send on we know what it is; one that
 * leaves must be out as soon as anything was sent. */
static __always_inline void sockops_sending(struct bpf_sock_ops *ops, struct bpf_sock *sk,
					    struct red_prop_sock *st)
{
	struct tcp_sock *tp;

	if (!st->watched)
		return;
	if (st->ran && st->dead) {
		sockops_end(ops, st);
	} else if (!st->leaves) {
		if (st->ran) /* it stays: no need to be asked again */
			sockops_unwatch(ops, st);
	} else if (st->armed) {
		tp = bpf_skc_to_tcp_sock(sk);
		if (st->ran || !tp || tp->write_seq != st->next_seq)
			sockops_remove(ops, st);
	}
}

/* Only with red_prop_once: a packet has come, before it can be read. */
static __always_inline void sockops_received(struct bpf_sock_ops *ops, struct red_prop_sock *st)
{
	__u64 header = ops->skb_data_end - ops->skb_data;

	if (red_prop_once && st->watched && st->armed && ops->skb_len > header)
		sockops_end(ops, st);
}

/* All TCP connections of the cgroup come by here when they connect and when they are
 * established; the rest only for marked ones. */
SEC("?sockops")
int prop_sockops(struct bpf_sock_ops *ops)
{
	struct red_prop_sock *st;
	struct bpf_sock *sk;
	__u32 op = ops->op;

	if (op == BPF_SOCK_OPS_TCP_CONNECT_CB) {
		sockops_connect(ops);
		return 1;
	}
	if (op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB && op != BPF_SOCK_OPS_HDR_OPT_LEN_CB &&
	    op != BPF_SOCK_OPS_PARSE_HDR_OPT_CB)
		return 1;
	sk = ops->sk;
	st = sk ? bpf_sk_storage_get(&prop_socks, sk, 0, 0) : 0;
	if (!st)
		return 1;
	if (op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
		sockops_established(ops, sk, st);
	else if (op == BPF_SOCK_OPS_HDR_OPT_LEN_CB)
		sockops_sending(ops, sk, st);
	else
		sockops_received(ops, st);
	return 1;
}

/* ---- what is being sent --------------------------------------------------------------- */

/* Looks at the send's first bytes. 0 and *h when it is one whole request, else the reason. */
static __noinline int msg_request(struct sk_msg_md *msg, struct red_head *h)
{
	__u32 slot = RED_SLOT_PROP, size = msg->size;
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	__u64 n = msg->data_end - msg->data, me = bpf_get_current_pid_tgid();
	int request;

	if (!s || !h)
		return RED_PROP_RACE;
	if (n < size && n < RED_CAP_MAX) {
		if (bpf_msg_pull_data(msg, 0, size < RED_CAP_MAX ? size : RED_CAP_MAX, 0))
			return RED_PROP_SPLIT;
		n = msg->data_end - msg->data;
	}
	*(volatile __u64 *)&s->owner = me;
	BOUND(n, RED_CAP_MAX);
	if (n < 16 || bpf_probe_read_kernel(s->data, n, msg->data))
		return RED_PROP_NOT_HTTP;
	head_scan(slot, n);
	__builtin_memcpy(h, &s->head, sizeof(*h));
	request = is_request_line(s, h->line);
	if (!request && !h->line && method_len(*(__u64 *)&s->data[0]))
		return RED_PROP_SPLIT;
	if (*(volatile __u64 *)&s->owner != me)
		return RED_PROP_RACE;
	if (!request)
		return RED_PROP_NOT_HTTP;
	if (!h->len)
		return RED_PROP_SPLIT;
	if (h->flags & RED_HEAD_ODD || (h->flags & RED_HEAD_CHUNKED && h->flags & RED_HEAD_LENGTH))
		return RED_PROP_ODD;
	if (h->flags & RED_HEAD_UPGRADE)
		return RED_PROP_TUNNEL;
	if (!(h->flags & RED_HEAD_CHUNKED) && size - h->len > h->body)
		return RED_PROP_PIPELINED;
	return 0;
}

/* ---- the header ------------------------------------------------------------------------ */

/* Eight hexadecimal digits of `v`, as they stand in memory. */
static __always_inline __u64 hex8(__u32 v)
{
	__u64 x = v, tens;

	x = (x << 16 | x) & 0x0000ffff0000ffffULL;
	x = (x << 8 | x) & 0x00ff00ff00ff00ffULL;
	x = (x << 4 | x) & 0x0f0f0f0f0f0f0f0fULL;
	tens = (x + REP8(6)) >> 4 & REP8(1);
	return __builtin_bswap64(x + REP8('0') + tens * ('a' - '0' - 10));
}

struct red_line {
	__u64 name[2];
	__u64 trace[4];
	__u8 rest[22]; /* '-', the parent id, '-', flags, CR LF */
	__u8 pad[2];
};

static __always_inline void line_fill(struct red_line *l, const struct red_ev_inject *ev,
				      __u64 span)
{
	__u64 hi = hex8(span >> 32), lo = hex8(span);

	l->name[0] = W8('t', 'r', 'a', 'c', 'e', 'p', 'a', 'r');
	l->name[1] = W8('e', 'n', 't', ':', ' ', '0', '0', '-');
	l->trace[0] = hex8(ev->trace_hi >> 32);
	l->trace[1] = hex8(ev->trace_hi);
	l->trace[2] = hex8(ev->trace_lo >> 32);
	l->trace[3] = hex8(ev->trace_lo);
	l->rest[0] = l->rest[17] = '-';
	__builtin_memcpy(l->rest + 1, &hi, 8);
	__builtin_memcpy(l->rest + 9, &lo, 8);
	l->rest[18] = '0';
	l->rest[19] = '0' + (ev->flags & 3);
	l->rest[20] = '\r';
	l->rest[21] = '\n';
}

/* 0, or why not. Once the bytes are in, they are written, taken out again, or the send
 * fails: the stream stays whole in each case. */
static __noinline int msg_insert(struct sk_msg_md *msg, __u32 at, const struct red_line *l)
{
	void *data;

	if (!l || bpf_msg_push_data(msg, at, RED_INSERT, 0))
		return RED_PROP_PUSH_FAILED;
	if (!bpf_msg_pull_data(msg, at, at + RED_INSERT, 0)) {
		data = msg->data;
		if (data + RED_INSERT <= msg->data_end) {
			__builtin_memcpy(data, l, RED_INSERT);
			/* In one piece again, or TCP sends three packets. */
			if (msg->size <= RED_PULL_MAX)
				bpf_msg_pull_data(msg, 0, msg->size, 0);
			return 0;
		}
	}
	red_prop_off = RED_PROP_OFF_PUSH;
	return bpf_msg_pop_data(msg, at, RED_INSERT, 0) ? -1 : RED_PROP_PUSH_FAILED;
}

/* ---- deciding ---------------------------------------------------------------------------- */

/* Is TCP sure to take a send's first line, and what is put behind it? They fit into a segment,
 * nothing waits, there is room, and the connection is open both ways; the socket is locked, so
 * that stays so. */
static __always_inline int sock_is_ready(struct sock *sk, __u32 line)
{
	__u32 mss = ((struct tcp_sock *)sk)->mss_cache;

	return line <= RED_LINE_MAX && mss >= RED_MSS_MIN &&
	       line + RED_INSERT + RED_OPTIONS_MAX <= mss &&
	       sk->__sk_common.skc_state == TCP_ESTABLISHED && !sk->sk_err && !sk->sk_shutdown &&
	       !sk->sk_wmem_queued && sk->sk_sndbuf >= RED_SNDBUF_MIN;
}

static __always_inline void dead(struct red_prop_sock *st, enum red_prop why)
{
	st->dead = 1;
	prop_count(why);
}

/* Does a request begin at TCP's next byte? */
static __always_inline int at_request(struct red_prop_sock *st, __u32 seq)
{
	__s32 left = st->next_seq - seq;

	if (st->used && (__s32)(seq - st->line_seq) < 0) {
		red_prop_off = RED_PROP_OFF_BYTES;
		dead(st, RED_PROP_LOST);
	} else if (left < 0) {
		dead(st, RED_PROP_LOST);
	}
	st->used = 0;
	return left == 0 && !st->dead;
}

/* The connection; 0 if its counters do not agree, or it is not this side's turn. */
static __always_inline struct red_conn *msg_conn(struct sock *sk, __u32 sent, int *why)
{
	__u64 key = (__u64)sk;
	struct red_conn *c = bpf_map_lookup_elem(&conns, &key);

	*why = RED_PROP_UNKNOWN;
	if (!c || c->ident != sock_ident(sk, 1) || c->mode == RED_POLL_MODE_NONE ||
	    (c->flags & (RED_CONN_FRESH | RED_CONN_CLIENT)) != (RED_CONN_FRESH | RED_CONN_CLIENT) ||
	    (__u32)c->d[RED_DIR_OUT].off != sent)
		return 0;
	*why = RED_PROP_PIPELINED;
	if (sent && c->last_dir != RED_DIR_IN)
		return 0;
	return c;
}

static __always_inline void regular_key(struct red_regular *r, struct sock *sk, __u32 tgid)
{
	r->tgid = tgid;
	r->pad = 0;
	r->port = __builtin_bswap16(sk->__sk_common.skc_dport);
	if (sk->__sk_common.skc_family == AF_INET)
		map_ipv4(r->addr, sk->__sk_common.skc_daddr);
	else
		BPF_CORE_READ_INTO(&r->addr, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr8);
}

/* Whose child the request at `off` of `c` is. 0, or why it must not be said. */
static __always_inline int msg_context(struct red_ev_inject *ev, struct sock *sk,
				       struct red_conn *c, __u64 id)
{
	struct red_ctx x = { .conn_id = c->id, .off = c->d[RED_DIR_OUT].off };
	struct red_regular to;
	int how;

	ev->h.kind = RED_EV_INJECT;
	ev->h.len = sizeof(*ev);
	ev->conn_id = x.conn_id;
	ev->off = x.off;
	ev->tgid = id >> 32;
	ev->tid = id;
	regular_key(&to, sk, id >> 32);
	how = context_parent(id, &to, &x);
	if (how < 0)
		return RED_PROP_FOREIGN;
	if (how == RED_LINK_NONE) {
		context_root(&x);
	} else {
		ev->parent_conn_id = x.conn_id;
		ev->parent_off = x.off;
	}
	ev->link = how;
	ev->trace_hi = x.trace_hi;
	ev->trace_lo = x.trace_lo;
	ev->flags = x.flags;
	return 0;
}

/* Wakes nobody: the send's own record follows. */
static __always_inline int inject_emit(struct red_ev_inject *ev, __u32 room)
{
	__u64 used = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);

	ev->h.cpu = bpf_get_smp_processor_id();
	ev->h.ts_ns = bpf_ktime_get_ns();
	return ring_put(ev, sizeof(*ev), ev->tgid, room, used, BPF_RB_NO_WAKEUP);
}

/* The request is whole and begins here. Returns what became of it, -1: to be dropped. */
static __noinline int msg_touch(struct sk_msg_md *msg, struct sock *sk, struct red_prop_sock *st,
				__u32 seq, __u32 line)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct red_ev_inject ev = {};
	struct red_line l = {};
	struct red_conn *c;
	int why = 0;

	if (!st || !sk)
		return RED_PROP_UNKNOWN;
	if (!sock_is_ready(sk, line))
		return RED_PROP_BUSY;
	c = msg_conn(sk, seq - st->first_seq - st->inserted, &why);
	if (!c)
		return why;
	why = msg_context(&ev, sk, c, id);
	if (why)
		return why;
	line_fill(&l, &ev, id_of(ev.conn_id, ev.off, RED_ID_SPAN));
	if (inject_emit(&ev, RED_ROOM_DATA))
		return RED_PROP_RING_FULL;
	why = msg_insert(msg, line, &l);
	if (why) {
		ev.undone = 1;
		inject_emit(&ev, RED_ROOM_STATE);
		return why;
	}
	st->inserted += RED_INSERT;
	st->next_seq += RED_INSERT;
	st->line_seq = seq + line + RED_INSERT;
	st->used = 1;
	return RED_PROP_INJECTED;
}

/* A send at the place of a request. Returns 1 when it has to fail. */
static __always_inline int msg_at_request(struct sk_msg_md *msg, struct tcp_sock *tp,
					  struct red_prop_sock *st)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 seq = tp->write_seq;
	int why = RED_PROP_RACE, i;
	struct red_head h = {};

	if (!is_target(id >> 32) || sock_zerocopy(tp)) {
		dead(st, RED_PROP_NOT_SELECTED);
		return 0;
	}
	for (i = 0; i < RED_RACES_MAX && why == RED_PROP_RACE; i++)
		why = msg_request(msg, &h);
	if (why) {
		dead(st, why);
		return 0;
	}
	st->next_seq = seq + h.len + h.body;
	if (h.flags & (RED_HEAD_CHUNKED | RED_HEAD_EXPECT) || h.body > RED_BODY_MAX)
		st->dead = 1; /* but this head may still be touched */
	if (h.flags & (RED_HEAD_TRACE | RED_HEAD_B3))
		why = RED_PROP_HAS_CONTEXT;
	else
		why = msg_touch(msg, (struct sock *)tp, st, seq, h.line);
	prop_count(why < 0 ? RED_PROP_PUSH_FAILED : why);
	return why < 0;
}

SEC("?sk_msg")
int prop_msg(struct sk_msg_md *msg)
{
	struct bpf_sock *sk = msg->sk;
	struct red_prop_sock *st;
	struct tcp_sock *tp;

	if (!sk)
		return SK_PASS;
	st = bpf_sk_storage_get(&prop_socks, sk, 0, 0);
	tp = bpf_skc_to_tcp_sock(sk);
	if (!st || !tp)
		return SK_PASS;
	if (!st->ran && !sock_nonblock((struct sock *)tp, 0))
		st->leaves = red_prop_leaves = 1;
	st->ran = 1;
	if (st->dead || red_prop_off || !at_request(st, tp->write_seq))
		return SK_PASS;
	return msg_at_request(msg, tp, st) ? SK_DROP : SK_PASS;
}

/* ---- taking sockets in again that left ------------------------------------------------- */

/* Has the last request been answered whole, and did nothing follow (conn.h)? */
static __always_inline int conn_is_idle(const struct red_conn *c)
{
	const struct red_conn_dir *in = &c->d[RED_DIR_IN];

	if (c->last_dir != RED_DIR_IN || c->awaits || c->ask_end != c->d[RED_DIR_OUT].off)
		return 0;
	if (c->chunked)
		return in->tail_ok &&
		       in->tail >> 8 == W8('\r', '\n', '0', '\r', '\n', '\r', '\n', 0);
	return c->answer_end == in->off;
}

/* Nothing unread, nothing unsent, and all that was sent is accounted for? */
static __always_inline int tcp_is_idle(struct tcp_sock *tp, const struct red_prop_sock *st,
				       const struct red_conn *c)
{
	return ((struct sock *)tp)->__sk_common.skc_state == TCP_ESTABLISHED &&
	       tp->rcv_nxt == tp->copied_seq && tp->snd_una == tp->write_seq &&
	       (__u32)c->ask_end == tp->write_seq - st->first_seq - st->inserted;
}

/* What an iterator over socket storage is given. */
struct red_iter_sk {
	void *meta;
	void *map;
	struct sock *sk;
	void *value;
};

/* Run by user space every few milliseconds, for each socket: the only kind of program
 * that may put an established one into a sockhash. The socket is not locked. Whoever
 * starts to send meanwhile is seen by the second look here, or sees `armed` in
 * sockops_sending(); each writes first and looks then. */
SEC("?iter/bpf_sk_storage_map")
int prop_rearm(struct red_iter_sk *ctx)
{
	struct red_prop_sock *st = ctx->value;
	struct sock *sk = ctx->sk;
	struct red_conn *c;
	struct tcp_sock *tp;
	__u64 key, cookie;

	if (!sk || !st || !st->leaves || red_prop_off || !st->watched || st->armed)
		return 0;
	if (!is_target(st->tgid)) /* nor is sock_ops where it was: nothing would take it out */
		return 0;
	key = (__u64)sk;
	c = bpf_map_lookup_elem(&conns, &key);
	tp = bpf_skc_to_tcp_sock(sk);
	cookie = st->cookie;
	if (!c || !tp || c->id != (1ULL << 62 | cookie) || !conn_is_idle(c) ||
	    !tcp_is_idle(tp, st, c))
		return 0;
	st->next_seq = st->first_seq + st->inserted + (__u32)c->ask_end;
	st->dead = st->ran = st->used = 0;
	st->armed = 1;
	if (bpf_map_update_elem(&prop_hash, &cookie, sk, BPF_NOEXIST)) {
		st->armed = 0;
		return 0;
	}
	if (tcp_is_idle(tp, st, c)) {
		prop_count(RED_PROP_SOCKETS);
		return 0;
	}
	st->armed = 0;
	bpf_map_delete_elem(&prop_hash, &cookie);
	return 0;
}

#endif /* RED_PROPAGATE_H */
