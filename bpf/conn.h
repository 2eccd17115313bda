/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The connection state machine: what every backend feeds and nothing else
 * writes. A backend says "this socket moved n bytes in this direction, and the
 * bytes are there"; conn_io() decides whether they are worth a record.
 *
 * A connection is its `struct sock`, not a descriptor: dup, fork and passing
 * do not split it, reuse of a descriptor does not join two. The sock's address
 * is the key; because addresses are reused too, an identity word (the peer's
 * port, or the inode number of a UNIX socket) is compared at each event.
 *
 * What is copied. Each direction has a byte counter, the time of its last byte
 * and its last eight bytes. When the direction of traffic turns, a message
 * begins: from then on up to RED_HEAD_BUDGET bytes are wanted, until the empty
 * line that ends an HTTP/1 head has passed. After it bytes are only counted,
 * until the traffic turns again or a call begins like a message (a server that
 * answers pipelined requests one write each). When a second message follows
 * the first before the traffic turned, the connection is pipelined, and its
 * messages may share calls: from then on each call is copied, up to
 * RED_CAP_MAX bytes. Whatever this policy leaves out, the offsets tell user
 * space exactly how much it was.
 *
 * A connection that begins to speak HTTP/2 is told by its preface, and one that was open
 * before by its frames. From then on each call makes records of its frames (frames.h).
 *
 * User space can overrule it per connection (conn_poll): copy all, or nothing.
 */
#ifndef RED_CONN_H
#define RED_CONN_H

enum red_conn_flags {
	RED_CONN_OPENED = 1 << 0, /* user space has its RED_EV_OPEN */
	RED_CONN_PEER_FIN = 1 << 1,
	RED_CONN_PIPELINED = 1 << 2,
	RED_CONN_RESET = 1 << 3,  /* reset by the peer, not yet noticed by the process */
	RED_CONN_FRESH = 1 << 4,  /* seen from its first byte */
	RED_CONN_SERVER = 1 << 5, /* the peer asks (these two only with propagation) */
	RED_CONN_CLIENT = 1 << 6, /* opened by this process: whoever speaks first, it asks */
	RED_CONN_PROBED = 1 << 7, /* fresh, and its process had all probes then (tls.h) */
};

/* What is known of the bytes on the wire (tls.h). */
enum red_wire {
	RED_WIRE_TLS = 1 << 0,
	RED_WIRE_LATE = 1 << 1,  /* plaintext of this layer may have gone by unseen */
	RED_WIRE_TOLD = 1 << 2,  /* user space knows that no library was found */
	RED_WIRE_TAKEN = 1 << 3, /* rustls: its plaintext is seen before it is read */
	RED_WIRE_MOVES = 1 << 4, /* rustls: its object may move in memory */
};

/* What is known of the requests that come in (only with propagation). */
enum red_asked {
	RED_ASKED_INTERIM = 1 << 0, /* "HTTP/1.1 1xx" went out last: the request may go on */
	RED_ASKED_SHARED = 1 << 1,  /* one came in before the last was answered */
	RED_ASKED_CHUNKS = 1 << 2,  /* the chunks of one begin with the next byte */
};

/* What is known of one that speaks HTTP/2 (conn_frames.h). */
enum red_conn_frames {
	RED_FRAMES_NONBLOCK = 1 << 0, /* its socket was set so when that began */
	RED_FRAMES_NEW = 1 << 7,      /* no context stands for its requests yet */
};

struct red_conn_dir {
	__u64 off;     /* bytes so far */
	__u64 last_ns; /* time of the last one */
	__u64 tail;    /* last eight bytes, youngest highest */
	__u32 want;    /* head bytes still wanted; 0: count only */
	__u8 tail_ok;
	/* HTTP/2 (frames.h): is it known where in a frame the next byte is? Then either `left`
	 * bytes of payload are to come, of which `copy` are wanted, or a header, of which
	 * `head_len` bytes have come. */
	__u8 known;
	__u8 head_len;
	__u8 pad;
	__u32 left;
	__u32 copy;
	__u64 head;
};

struct red_conn {
	__u64 id;
	__u64 ident;
	__u64 sk; /* its key: where a socket's pointer is not a number to the verifier, this is */
	struct red_conn_dir d[2];
	__u32 tgid;
	__u8 last_dir;    /* enum red_dir, 2 at first */
	__u8 mode;        /* enum red_poll_cmd: AUTO, NONE, ALL or FRAMES */
	__u8 flags;       /* enum red_conn_flags */
	__u8 asks_head;   /* these five: conn_framed() */
	__u8 awaits;      /* the answer has not begun */
	__u8 chunked;     /* the answer is */
	__u8 wire;        /* enum red_wire */
	__u8 turns;       /* of the wire, while its library is not known */
	__u16 layer;      /* whose bytes d[] counts: 0 the wire's, n the n-th TLS object's */
	__u16 data_cap;   /* HTTP/2: how many bytes of DATA are wanted */
	__u64 ctx;        /* handle of the request being served (context.h), or 0 */
	__u64 ask_end;    /* where the last request ends, */
	__u64 answer_end; /* and of a client the answer; NEVER: not known, for good */
	/* The rest is tls.h's. */
	__u64 tls_obj;     /* the TLS object that is joined, in process tls_tgid; 0: gone */
	__u32 wire_off[2]; /* bytes of TLS, modulo 2^32 */
	__u32 hello[2];    /* of these, from where it stands, still to be copied */
	__u64 written;     /* plaintext that waits for its socket ends here, as an offset */
	__u64 sent;        /* and so much of it has left */
	__u32 tls_tgid;
	__u8 frames;  /* enum red_conn_frames */
	__u8 refused; /* enum red_drop: why user space has not its RED_EV_OPEN */
	__u8 over;    /* TCP has ended; the process may still read what had come */
	__u8 asked;   /* enum red_asked */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct red_conn);
} conns SEC(".maps");

/* Connection numbers: CPU in the high bits, then a counter that only this CPU
 * advances. Never zero, never reused. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} conn_seq SEC(".maps");

/* Kernel memory is read directly where the pointer carries a type (tp_btf,
 * fentry, or after bpf_rdonly_cast), else by a helper at 20-45 ns a read. */
#define RED_READ(direct, p, field) ((direct) ? (p)->field : BPF_CORE_READ(p, field))

struct socket_alloc {
	struct socket socket;
	struct inode vfs_inode;
} __attribute__((preserve_access_index));

static __always_inline __u64 sock_ino(struct sock *sk)
{
	struct socket *so = BPF_CORE_READ(sk, sk_socket);

	if (!so)
		return 0;
	return BPF_CORE_READ((struct socket_alloc *)so, vfs_inode.i_ino);
}

/* Tells two sockets apart that live at the same address one after the other. */
static __always_inline __u64 sock_ident(struct sock *sk, int direct)
{
	__u16 family = RED_READ(direct, sk, __sk_common.skc_family);

	if (family == AF_UNIX)
		return sock_ino(sk) << 8 | AF_UNIX;
	/* Not the local port: a reset takes it away while the process still reads. */
	return (__u64)RED_READ(direct, sk, __sk_common.skc_dport) << 16 | family;
}

/* Has its process closed it? The kernel may go on to send what was written. */
static __always_inline int sock_closed(struct sock *sk)
{
	return !BPF_CORE_READ(sk, sk_socket);
}

static __always_inline int sock_gone(struct sock *sk, __u64 ident)
{
	return sock_ident(sk, 0) != ident || sock_closed(sk);
}

/* Is it a stream that belongs to a process? Sockets of the kernel itself (NFS,
 * iSCSI) have no file; their calls run inside somebody's write(2). */
static __always_inline int sock_is_stream(struct sock *sk, __u16 family)
{
	__u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);
	struct socket *so = BPF_CORE_READ(sk, sk_socket);

	if (family != AF_INET && family != AF_INET6 && family != AF_UNIX)
		return 0;
	if (BPF_CORE_READ(sk, sk_type) != SOCK_STREAM || !so || !BPF_CORE_READ(so, file))
		return 0;
	return family == AF_UNIX || (state != TCP_CLOSE && state != TCP_LISTEN);
}

static __always_inline void map_ipv4(__u8 *to, __be32 from)
{
	__builtin_memset(to, 0, 10);
	to[10] = to[11] = 0xff;
	__builtin_memcpy(to + 12, &from, 4);
}

static __always_inline void open_addrs(struct red_ev_open *ev, struct sock *sk)
{
	ev->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	ev->remote_port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (ev->family == AF_INET) {
		map_ipv4(ev->local_addr, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
		map_ipv4(ev->remote_addr, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	} else {
		BPF_CORE_READ_INTO(&ev->local_addr, sk,
				   __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8);
		BPF_CORE_READ_INTO(&ev->remote_addr, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr8);
	}
}

/* Tells user space what the connection is; tried again with the next record
 * when the ring had no room. Its own record is made where the caller's will be, which
 * begins behind this: the stack has little room, below all that calls. Global, as is
 * all that is rare: verified once, not with every way that leads here. */
__noinline int conn_announce(__u64 key, __u32 slot, __u64 now)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	struct red_conn *c = bpf_map_lookup_elem(&conns, &key);
	struct red_stat *st = stat_of(RED_HOOK_STATE);
	struct sock *sk = (struct sock *)key;
	struct red_ev_open *ev;

	if (!st || !c || !s)
		return -1;
	count(&st->observed, 1, 1);
	ev = (struct red_ev_open *)&s->ev;
	__builtin_memset(ev, 0, sizeof(*ev));
	ev->h.kind = RED_EV_OPEN;
	ev->conn_id = c->id;
	ev->sk = key;
	ev->tgid = c->tgid;
	ev->established = !!(c->flags & RED_CONN_FRESH);
	ev->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	ev->type = SOCK_STREAM;
	if (ev->family == AF_UNIX) {
		ev->ino = sock_ino(sk);
	} else {
		ev->ino = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
		open_addrs(ev, sk);
	}
	c->refused = emit(st, &ev->h, sizeof(*ev), now, c->tgid, RED_ROOM_DATA, 1);
	if (c->refused)
		return -1;
	c->flags |= RED_CONN_OPENED;
	return 0;
}

/* Has a TCP connection moved nothing but the `n` bytes of this call so far? What
 * the process read and wrote is in the sequence numbers, give or take SYN and
 * FIN. UNIX sockets do not count. */
static __always_inline int sock_is_fresh(struct sock *sk, __u16 family, __u64 n)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	__u64 read, written;

	if (family == AF_UNIX)
		return 0;
	read = BPF_CORE_READ(tp, bytes_received) -
	       (__u32)(BPF_CORE_READ(tp, rcv_nxt) - BPF_CORE_READ(tp, copied_seq));
	written = BPF_CORE_READ(tp, bytes_acked) +
		  (__u32)(BPF_CORE_READ(tp, write_seq) - BPF_CORE_READ(tp, snd_una));
	return (__s64)(read + written - n) <= 2;
}

/* What has come and was not read, of TCP; the peer's FIN, which is one, is nothing. */
static __always_inline __u32 sock_unread(struct sock *sk)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	__u32 n = BPF_CORE_READ(tp, rcv_nxt) - BPF_CORE_READ(tp, copied_seq);

	return n > 1 ? n : 0;
}

/* `c` is where it is put together. */
static __always_inline enum red_drop conn_insert(struct red_conn *c, struct sock *sk, __u64 id,
						 __u64 ident, __u32 tgid, __u64 n)
{
	__u64 key = (__u64)sk;
	long err;

	__builtin_memset(c, 0, sizeof(*c));
	c->id = id;
	c->ident = ident;
	c->sk = key;
	c->tgid = tgid;
	c->last_dir = 2;
	c->mode = RED_POLL_MODE_AUTO;
	c->data_cap = RED_DATA_CAP;
	if (sock_is_fresh(sk, ident & 0xff, n))
		c->flags |= RED_CONN_FRESH;
	err = bpf_map_update_elem(&conns, &key, c, BPF_NOEXIST);
	if (!err)
		__sync_fetch_and_add(&red_conns_cnt, 1);
	else if (err != -EEXIST) /* another thread uses the same socket for the first time */
		return RED_DROP_CONNS_FULL;
	return RED_DROP__CNT;
}

/* In scratch `slot`, for want of stack: nothing of the call was read yet. Returns enum red_drop,
 * RED_DROP__CNT: it is there. */
__noinline int conn_create(__u64 key, __u64 ident, __u32 tgid, __u64 n, __u32 slot)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	struct sock *sk = (struct sock *)key;
	__u32 zero = 0;
	__u64 id, *seq = bpf_map_lookup_elem(&conn_seq, &zero);

	if (!sock_is_stream(sk, ident & 0xff) || !seq || !s)
		return RED_DROP_NOT_STREAM;
	id = (__u64)(bpf_get_smp_processor_id() + 1) << 40 | ++*seq;
	return conn_insert((struct red_conn *)s->data, sk, id, ident, tgid, n);
}

/* It answers no more. `early`: perhaps without having answered. */
static __always_inline void conn_served(struct red_conn *c, int early)
{
	__u64 ctx = c->ctx;

	c->ctx = 0; /* first: another may begin meanwhile */
	if (red_cfg.propagate && ctx)
		context_end(ctx, early);
}

/* Should a request be open now that it ends, has it been cut short? An answer that has begun is as
 * a rule whole, and user space has only not said so yet. */
static __always_inline int conn_cut(const struct red_conn *c)
{
	return c->last_dir == RED_DIR_IN || c->asked & (RED_ASKED_INTERIM | RED_ASKED_SHARED) ||
	       c->mode == RED_POLL_MODE_FRAMES || c->flags & RED_CONN_RESET;
}

static __always_inline void conn_forget(struct red_conn *c, __u64 key)
{
	conn_served(c, conn_cut(c));
	if (red_cfg.tls && c->tls_obj)
		tls_obj_forget(c->tls_obj, c->tls_tgid, c->id);
	if (!bpf_map_delete_elem(&conns, &key))
		__sync_fetch_and_add(&red_conns_cnt, -1);
}

/* Has it written what has not left, and does not count yet? */
static __always_inline int conn_waits(const struct red_conn *c)
{
	return c->d[RED_DIR_OUT].off < c->written;
}

static __always_inline void state_fill(struct red_ev_state *ev, struct red_conn *c, __u16 kind)
{
	ev->h.kind = kind;
	ev->conn_id = c->id;
	ev->off[RED_DIR_IN] = c->d[RED_DIR_IN].off;
	ev->off[RED_DIR_OUT] = c->d[RED_DIR_OUT].off;
	ev->last_ns[RED_DIR_IN] = c->d[RED_DIR_IN].last_ns;
	ev->last_ns[RED_DIR_OUT] = c->d[RED_DIR_OUT].last_ns;
	__builtin_memcpy(ev->tail[RED_DIR_IN], &c->d[RED_DIR_IN].tail, 8);
	__builtin_memcpy(ev->tail[RED_DIR_OUT], &c->d[RED_DIR_OUT].tail, 8);
	ev->tgid = c->tgid;
	ev->layer = c->layer;
	if (c->d[RED_DIR_IN].tail_ok)
		ev->flags |= RED_STATE_TAIL_IN;
	if (c->d[RED_DIR_OUT].tail_ok && !conn_waits(c))
		ev->flags |= RED_STATE_TAIL_OUT;
	if (c->flags & RED_CONN_PEER_FIN)
		ev->flags |= RED_STATE_PEER;
	if (c->flags & RED_CONN_RESET)
		ev->flags |= RED_STATE_RESET;
	if (c->over)
		ev->flags |= RED_STATE_OVER;
}

/* A connection that user space never heard of ends as silently. */
__noinline int conn_report(__u64 key, __u32 hook, __u32 kind, __u32 dir_flags)
{
	struct red_stat *st = stat_of(hook);
	struct red_conn *c = bpf_map_lookup_elem(&conns, &key);
	struct red_ev_state ev = {};

	if (!st || !c || !(c->flags & RED_CONN_OPENED))
		return 0;
	count(&st->observed, 1, 1);
	state_fill(&ev, c, kind);
	ev.dir = dir_flags & 0xff;
	ev.flags |= dir_flags >> 8;
	emit(st, &ev.h, sizeof(ev), bpf_ktime_get_ns(), c->tgid, RED_ROOM_STATE, 1);
	return 0;
}

#define RED_REPORT(dir, flags) ((dir) | (flags) << 8)

/* ---- what a call is worth -------------------------------------------------- */

/* Newlines `m` of a word behind one with newlines `prev`: the high bit of each
 * byte that is a newline with another one or two bytes before it. */
static __always_inline __u64 empty_lines(__u64 m, __u64 prev)
{
	return m & (m << 16 | prev >> 48 | m << 8 | prev >> 56);
}

/* Finds the first empty line ("\n\r\n" or "\n\n") in the first `len` bytes of
 * scratch `slot`, at most 512; `tail` is what came before. Returns the offset
 * behind it, 0 if there is none. A line of one character passes for an empty
 * one: HTTP has none. Most words hold no newline at all, so four are asked
 * together; what lies behind `len` is stale, and discounted at the end. */
__noinline int head_end(__u32 slot, __u64 len, __u64 tail)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	__u64 prev = newlines(tail), i;

	if (!s)
		return 0;
	for (i = 0; i < 512; i += 32) {
		__u64 *w = (__u64 *)&s->data[i], m[4], hit, at;
		int k;

		if (i >= len)
			break;
		m[0] = newlines(w[0]);
		m[1] = newlines(w[1]);
		m[2] = newlines(w[2]);
		m[3] = newlines(w[3]);
		if (!(m[0] | m[1] | m[2] | m[3])) {
			prev = 0;
			continue;
		}
#pragma unroll
		for (k = 0; k < 4; k++) {
			hit = empty_lines(m[k], k ? m[k - 1] : prev);
			if (hit) {
				at = i + 8 * k + first_byte(hit) + 1;
				return at <= len ? at : 0;
			}
		}
		prev = m[3];
	}
	return 0;
}

/* As many bytes as like_message() looks at. */
#define RED_MESSAGE_MIN 12

/* Do the `n` > 0 bytes at `at` begin an HTTP/1 message, "HTTP/1." or "GET /"? A
 * few bytes that could are taken for one: some servers read the first byte of
 * the next request by itself, while they still answer the last. A wrong guess
 * costs a copy, never a wrong transaction: user space knows where it is. */
__noinline int like_message(__u32 slot, __u64 at, __u64 n)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	__u64 i;
	__u8 *p;

	if (!s)
		return 0;
	BOUND(at, 512);
	p = &s->data[at];
	if (n > 4 && p[0] == 'H' && p[1] == 'T' && p[2] == 'T' && p[3] == 'P' && p[4] == '/')
		return 1;
	for (i = 0; i < RED_MESSAGE_MIN; i++) {
		if (i >= n)
			return 1;
		if (p[i] == ' ')
			return i >= 3 && (i + 1 >= n || p[i + 1] == '/' || p[i + 1] == 'h' ||
					  p[i + 1] == '*');
		if ((__u8)(p[i] - 'A') >= 26)
			return 0;
	}
	return 0;
}

/* Keeps the last eight bytes of a direction. Runs after the record is out: it
 * reuses the scratch when the call's end was not captured. */
static __always_inline void tail_update(struct red_conn_dir *d, struct red_scratch *s, __u32 slot,
					__u64 len, __u64 got)
{
	__u64 w, at;

	if (len < 8) {
		if (got != len || !d->tail_ok)
			d->tail = 0;
		d->tail_ok = got == len;
		w = *(__u64 *)&s->data[0];
		if (len)
			d->tail = d->tail >> (8 * len) | w << (64 - 8 * len);
		return;
	}
	/* Not as a comparison: old verifiers would conclude bounds that contradict each other. */
	w = got ^ len;
	asm volatile("" : "+r"(w));
	if (!w) {
		at = got - 8;
	} else {
		d->tail_ok = 0;
		if (gather(slot, 0, len - 8, 8) != 8)
			return;
		at = 0;
	}
	BOUND(at, RED_CAP_MAX);
	d->tail = *(__u64 *)&s->data[at];
	d->tail_ok = 1;
}

/* How many bytes of this call to send along, now that the scratch holds the
 * first `got` of `len`; fetches more when the head did not end there. */
static __always_inline __u64 conn_want(struct red_conn *c, struct red_conn_dir *d, __u32 slot,
				       __u64 len, __u64 got)
{
	__u64 end, more = len > RED_CAP_MAX ? RED_CAP_MAX : len;

	if (c->mode == RED_POLL_MODE_AUTO && !(c->flags & RED_CONN_PIPELINED)) {
		end = head_end(slot, got, d->tail);
		if (end) {
			d->want = 0;
			if (end >= got || !like_message(slot, end, got - end))
				return got;
			c->flags |= RED_CONN_PIPELINED;
		}
	}
	if (got < more)
		got += gather(slot, got, got, more - got);
	if (d->want)
		d->want = got < d->want ? d->want - got : 0;
	return got;
}

/* How much to look at before deciding. */
static __always_inline __u64 conn_first(const struct red_conn *c, const struct red_conn_dir *d,
					__u64 len)
{
	__u64 n = d->want ? red_cfg.first_read : 256;

	if (c->mode == RED_POLL_MODE_ALL || c->flags & RED_CONN_PIPELINED)
		n = RED_CAP_MAX;
	return len < n ? len : n;
}

static __always_inline void data_fill(struct red_ev_data *ev, struct red_conn *c, int dir,
				      __u32 len, __u64 pid_tgid)
{
	struct red_conn_dir *d = &c->d[dir], *o = &c->d[!dir];

	ev->h.kind = RED_EV_DATA;
	ev->conn_id = c->id;
	ev->off = d->off;
	ev->len = len;
	ev->tgid = pid_tgid >> 32;
	ev->tid = pid_tgid;
	ev->dir = dir;
	ev->layer = c->layer;
	ev->more = 0;
	ev->prev_ns = d->last_ns;
	ev->other_off = o->off;
	ev->other_ns = o->last_ns;
	__builtin_memcpy(ev->other_tail, &o->tail, 8);
	ev->flags = o->tail_ok && (dir || !conn_waits(c)) ? RED_DATA_TAIL_OK : 0;
	if (c->layer && c->wire & RED_WIRE_LATE)
		ev->flags |= RED_DATA_LATE;
}

/* Of a record with so many bytes behind it. Bounded by itself: what compilers add up before
 * they look at the bound is anything to old verifiers. */
static __always_inline __u64 data_size(__u64 got)
{
	__u64 size = sizeof(struct red_ev_data) + got;

	BOUND(size, sizeof(struct red_ev_data) + RED_CAP_MAX);
	return size;
}

/* Whoever set its socket so does not wait in this call, but elsewhere for many. */
static __always_inline int sock_nonblock(struct sock *sk, int direct)
{
	struct socket *so = RED_READ(direct, sk, sk_socket);
	struct file *f;

	if (!so)
		return 0;
	f = RED_READ(direct, so, file);
	return f && RED_READ(direct, f, f_flags) & O_NONBLOCK;
}

#define RED_NEVER (~0ULL)

/* Another request has come in before the last was answered: from here on nobody can tell
 * which of them is served. */
static __noinline int conn_shared(struct red_conn *c)
{
	if (!c || !c->ctx)
		return 0;
	c->flags |= RED_CONN_PIPELINED;
	c->asked |= RED_ASKED_SHARED;
	context_shared(c->ctx);
	return 0;
}

/* Bytes came in, and no request begins with them. Is the end of one among them? */
static __noinline int conn_continued(struct red_conn *c, __u32 len)
{
	if (c && c->ask_end < c->d[RED_DIR_IN].off + len)
		conn_shared(c);
	return 0;
}

/* Does a message follow the first empty line of the `got` bytes in scratch? A few bytes prove
 * nothing: they may be a body. */
static __always_inline int message_behind(__u32 slot, __u64 got, __u64 tail)
{
	__u64 end = (__u32)head_end(slot, got, tail);

	return end && end + RED_MESSAGE_MIN <= got && like_message(slot, end, got - end);
}

/* The first `got` of such bytes are in scratch: of use where the end is not known yet. At their
 * beginning a message is one only behind a head, or the line that ends chunks: methods may come
 * in pieces. */
static __noinline int conn_more(struct red_conn *c, __u32 slot, __u64 got, __u32 len)
{
	struct red_conn_dir *d;
	__u64 end = 0;

	if (!c || !c->ctx || c->ask_end != RED_NEVER)
		return 0;
	d = &c->d[RED_DIR_IN];
	if (c->asked & RED_ASKED_CHUNKS)
		end = (__u32)chunks_end(slot, 0, got, len);
	c->asked &= ~RED_ASKED_CHUNKS;
	if (end) {
		c->ask_end = d->off + end;
		return conn_continued(c, len);
	}
	if (got < RED_MESSAGE_MIN)
		return 0;
	if (((!d->want || d->tail >> 56 == '\n') && like_message(slot, 0, got)) ||
	    message_behind(slot, got, d->tail))
		conn_shared(c);
	return 0;
}

/* The `got` bytes of a request that are in scratch say where it ends, perhaps. */
static __always_inline void conn_asked(struct red_conn *c, struct red_scratch *s, __u32 slot,
				       __u64 got)
{
	struct red_head *h = &s->head;
	__u64 end = h->len + h->body;

	c->ask_end = RED_NEVER;
	c->asked &= RED_ASKED_SHARED;
	if (h->len && h->flags & RED_HEAD_CHUNKED) {
		end = (__u32)chunks_end(slot, h->len, got, s->ev.len);
		if (h->len == s->ev.len)
			c->asked |= RED_ASKED_CHUNKS;
	}
	if (h->len && end && !(h->flags & RED_HEAD_ODD)) {
		c->ask_end = c->d[RED_DIR_IN].off + end;
		conn_continued(c, s->ev.len);
	} else if (message_behind(slot, got, 0)) {
		conn_shared(c);
	}
}

/* Do the first `got` bytes begin a header of the PROXY protocol, of version 1 or 2? Servers alone
 * get them. */
static __always_inline int is_proxy_header(const struct red_scratch *s, __u64 got)
{
	const __u32 *w = (const __u32 *)s->data;

	if (got < RED_MESSAGE_MIN)
		return 0;
	if (w[0] == W4('P', 'R', 'O', 'X'))
		return s->data[4] == 'Y' && s->data[5] == ' ';
	return w[0] == W4('\r', '\n', '\r', '\n') && w[1] == W4('\0', '\r', '\n', 'Q') &&
	       w[2] == W4('U', 'I', 'T', '\n');
}

/* The first bytes of a message that came in: of a request, if the peer spoke first on a
 * connection that was seen from its first byte, or if it is one. A server that greets, whose
 * client's connection was open before or is a UNIX socket, asks for nothing. */
static __noinline int conn_requested(struct red_conn *c, __u32 slot, __u64 got, __u32 first,
				     __u32 blocking)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	int answer, fresh;

	if (!s || !c || c->flags & RED_CONN_CLIENT)
		return 0;
	answer = got >= 5 && *(__u32 *)&s->data[0] == W4('H', 'T', 'T', 'P') && s->data[4] == '/';
	fresh = c->flags & RED_CONN_FRESH;
	if (!answer && (fresh ? first : like_message(slot, 0, got) || is_proxy_header(s, got)))
		c->flags |= RED_CONN_SERVER;
	if (!(c->flags & RED_CONN_SERVER))
		return 0;
	if ((c->asked & (RED_ASKED_INTERIM | RED_ASKED_SHARED)) == RED_ASKED_INTERIM) {
		c->asked &= ~RED_ASKED_INTERIM;
		conn_continued(c, s->ev.len);
		return conn_more(c, slot, got, s->ev.len);
	}
	if (c->ctx)
		context_close(c->ctx);
	if (c->asked & RED_ASKED_SHARED)
		got = 0;
	c->ctx =
		context_open(c->id, red_place(c->layer, c->d[RED_DIR_IN].off), slot, got, blocking);
	if (*(volatile __u8 *)&c->mode == RED_POLL_MODE_NONE) /* since this call began */
		conn_served(c, 0);
	conn_asked(c, s, slot, got);
	return 0;
}

/* A request of this process begins at the direction's offset, or its last goes on. */
static __always_inline void conn_asks(struct red_conn *c, struct red_scratch *s, __u32 slot,
				      __u64 got, __u64 len)
{
	__u64 off = c->d[RED_DIR_OUT].off, start = c->ask_end;
	struct red_head *h = &s->head;

	if (off < start)
		return;
	c->ask_end = RED_NEVER;
	c->awaits = 1;
	if (off > start)
		return;
	head_scan(slot, got);
	if (!h->len || !is_request_line(s, h->line) || (len > h->len && len - h->len > h->body) ||
	    h->flags & (RED_HEAD_ODD | RED_HEAD_CHUNKED | RED_HEAD_EXPECT | RED_HEAD_UPGRADE))
		return;
	c->asks_head = s->data[0] == 'H';
	c->ask_end = off + h->len + h->body;
}

/* An answer begins, if one is due. */
static __always_inline void conn_answered(struct red_conn *c, struct red_scratch *s, __u32 slot,
					  __u64 got)
{
	struct red_head *h = &s->head;
	__u64 off = c->d[RED_DIR_IN].off;
	__u32 status;

	if (!c->awaits) {
		if (off >= c->answer_end)
			c->ask_end = RED_NEVER; /* one that nobody asked for */
		return;
	}
	c->awaits = 0;
	c->chunked = 0;
	c->answer_end = RED_NEVER;
	head_scan(slot, got);
	status = *(__u32 *)&s->data[9] & 0xffffff;
	if (!h->len || h->flags & (RED_HEAD_ODD | RED_HEAD_UPGRADE) || (status & 0xff) == '1')
		return;
	if (c->asks_head || status == W4('2', '0', '4', 0) || status == W4('3', '0', '4', 0))
		c->answer_end = off + h->len;
	else if (h->flags & RED_HEAD_CHUNKED)
		c->chunked = !(h->flags & RED_HEAD_LENGTH);
	else if (h->flags & RED_HEAD_LENGTH)
		c->answer_end = off + h->len + h->body;
}

/* Where requests of this process and their answers end, as far as their heads say so
 * plainly: so that prop_rearm() knows an idle connection. The bytes are in scratch. */
static __noinline int conn_framed(struct red_conn *c, __u32 slot, __u64 got, __u64 len)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	if (!s || !c || !(c->flags & RED_CONN_CLIENT))
		return 0;
	if (slot == RED_DIR_OUT)
		conn_asks(c, s, slot, got, len);
	else
		conn_answered(c, s, slot, got);
	return 0;
}

/* How a call moved its bytes. */
enum red_move {
	RED_MOVE_DIRECT = 1 << 0, /* `sk` carries its type */
	RED_MOVE_TLS = 1 << 1,    /* plaintext, seen by a uprobe: it can be preempted */
	RED_MOVE_DEFER = 1 << 2,  /* what was written has yet to leave the socket (tls.h) */
};

/* Bytes that were written, but of which not all have left: those that are copied
 * count now, because what they begin must be known, the rest as the socket sends. The
 * thread that writes and the one that sends may be two, at the same time: so each only
 * moves its own end forward, and what the slower one overwrites comes right with the next. */
static __always_inline void conn_settle(struct red_conn *c)
{
	if (c->d[RED_DIR_OUT].off < c->written)
		c->d[RED_DIR_OUT].off = c->written;
}

/* `len` bytes behind `off`, or behind those that wait already. */
static __always_inline void conn_defer(struct red_conn *c, __u64 off, __u64 len)
{
	if (c->sent >= c->written)
		c->sent = c->written = off;
	c->written += len;
}

#endif /* RED_CONN_H */
