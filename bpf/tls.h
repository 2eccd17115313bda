/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * TLS: finding the connections that speak it, and the plaintext that belongs to them.
 *
 * The plaintext is where a process hands it to its TLS library: uprobes at the entry
 * and the return of the library's functions (tls_probes.h) say "this object moved n
 * bytes, they are there". What is missing is the connection. Two kinds of evidence
 * join an object and a socket; both want that what the socket carries looks like TLS:
 *
 *   - nested: the socket call was made inside of the object's call, by the same thread
 *     (or goroutine). So do libraries that are given a descriptor: OpenSSL in nginx or
 *     Python's ssl, GnuTLS, Go.
 *   - adjacent: a thread received ciphertext of a connection that no library is known
 *     for, and the very next thing that it did, no call of other sockets in between, was to
 *     let an object read or shake hands that no connection is known for. So do those
 *     that read the socket themselves and feed the library through memory: Node,
 *     asyncio. The first call of this kind is within the handshake.
 *
 * .NET receives on any thread of a pool and decrypts on any other, so there "adjacent"
 * would join strangers. But its shim has a function by which the library is fed, and
 * ciphertext is like no other: what begins as that which a connection has received is
 * that connection's, and the object that reads it next, on the same thread, too. In a
 * process with the shim (RED_TARGET_FED) nothing else but nested joins.
 *
 * rustls does no socket calls of its own either, and its objects move in memory before
 * they settle. There each read wants the adjacent receive again; a write whose object is
 * new is parked, and joined by the thread's next send, which follows at once.
 *
 * From then on the connection is the plaintext's: its offsets start at 0, it goes
 * through the same conn_moved() as any other, as `layer` 1. The socket's own bytes are
 * RED_DROP_CIPHERTEXT. An object found within another's call is the outer of two
 * layers, and the inner one's bytes are what counts: a new layer. When the connection
 * goes, so does the knowledge.
 *
 * When have bytes left? Where the socket call is inside, with it, or when the library's
 * call returns. A library that writes to memory takes 100 MB at once, and they leave for
 * minutes: there only what is copied counts at once, the rest waits, and counts
 * as the socket sends it (ciphertext is never shorter than its plaintext).
 *
 * Of the wire only the first record of each direction is copied, the hellos.
 *
 * Where the kernel can preempt a uprobe's program, another task on the same processor may
 * come to its scratch memory in between. So there are several places, each with the mark of
 * its owner: one that is taken is passed by. Taking one is no atomic step, therefore the
 * mark is compared last, and the record is dropped, and counted, if it is not ours.
 */
#ifndef RED_TLS_H
#define RED_TLS_H

#define RED_TARGETS_PROBED (RED_TARGET_TLS | RED_TARGET_GO | RED_TARGET_GO_STACK)

#define TLS_TURNS 8 /* of a connection whose library is not known until that is told */

/* Content types and versions of a record header, RFC 8446 section 5.1, RFC 5246 6.2.1. */
enum red_tls_record {
	TLS_CHANGE_CIPHER_SPEC = 20,
	TLS_HANDSHAKE = 22,
	TLS_APPLICATION_DATA = 23,
	TLS_RECORD_MAX = 16384 + 2048,
	TLS_HEADER = 5,
};

static __always_inline int is_record(const __u8 *p)
{
	__u32 size = p[3] << 8 | p[4];

	return p[0] >= TLS_CHANGE_CIPHER_SPEC && p[0] <= TLS_APPLICATION_DATA && p[1] == 3 &&
	       p[2] <= 3 && size && size <= TLS_RECORD_MAX;
}

/* Do the first bytes of this call look like TLS? If it is a hello that begins, it is
 * wanted. */
__noinline int tls_sniff(__u64 sk, __u32 slot, __u64 len)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	struct red_conn *c = bpf_map_lookup_elem(&conns, &sk);
	__u64 got = len < 6 ? len : 6, dir = slot;
	__u32 size;
	__u8 *p;

	if (!s || !c || slot > RED_DIR_OUT || got < TLS_HEADER ||
	    (__u64)gather(slot, 0, 0, got) != got)
		return 0;
	p = s->data;
	size = p[3] << 8 | p[4];
	if (!is_record(p))
		return 0;
	BOUND(dir, 1);
	if (p[0] == TLS_HANDSHAKE && (got == TLS_HEADER || p[5] == 1 || p[5] == 2))
		c->hello[dir] = TLS_HEADER + size < RED_CAP_MAX ? TLS_HEADER + size : RED_CAP_MAX;
	else if (c->flags & RED_CONN_FRESH && !c->wire)
		return 0;
	return 1;
}

/* ---- joining --------------------------------------------------------------------- */

enum red_join {
	RED_JOIN_LATE = 1 << 0,  /* not within the handshake */
	RED_JOIN_MOVED = 1 << 1, /* the object of a joined connection may have moved */
};

__noinline int tls_join(__u64 sk, __u64 obj, __u32 tgid, __u32 how)
{
	struct red_tls_key key = { .who = obj, .tgid = tgid };
	struct red_conn *c = bpf_map_lookup_elem(&conns, &sk);
	struct red_tls_conn o = { .sk = sk };
	int same;

	if (!c || !(c->wire & RED_WIRE_TLS))
		return 0;
	same = c->layer && c->tls_obj == obj; /* in another process: it was forked since */
	if (same && c->tls_tgid == tgid)
		return 0;
	o.conn_id = c->id;
	if (bpf_map_update_elem(&tls_objs, &key, &o, BPF_ANY))
		return 0;
	if (c->tls_obj)
		tls_obj_forget(c->tls_obj, c->tls_tgid, c->id);
	c->tls_obj = obj;
	c->tls_tgid = tgid;
	if (how & RED_JOIN_MOVED)
		c->wire |= RED_WIRE_MOVES;
	if (same || (c->layer && how & RED_JOIN_MOVED))
		return 0;
	c->layer++;
	c->wire &= ~RED_WIRE_LATE;
	if (how & RED_JOIN_LATE || !(c->flags & RED_CONN_PROBED))
		c->wire |= RED_WIRE_LATE;
	__builtin_memset(c->d, 0, sizeof(c->d));
	c->written = c->sent = 0;
	c->ask_end = RED_NEVER;
	c->last_dir = 2;
	c->mode = RED_POLL_MODE_AUTO;
	c->flags &= ~RED_CONN_PIPELINED;
	c->asked = 0;
	return 0;
}

/* The goroutine that makes this system call. */
static __always_inline __u64 current_goroutine(__u32 target)
{
	struct task_struct *t = (struct task_struct *)bpf_get_current_task();
	__u64 g = 0;

	if (RED_GO_G_IN_TLS && target & RED_TARGET_GO_STACK) {
		__u64 fs = BPF_CORE_READ(t, thread.fsbase);

		bpf_probe_read_user(&g, sizeof(g), (void *)(fs - 8));
		return g;
	}
	return BPF_CORE_READ(current_regs(), RED_GO_FIELD_G);
}

/* The call that this task is in, or its last; 0: none is known. */
static __noinline struct red_tls_call *current_call(__u32 target, __u64 id)
{
	struct red_tls_key key = { .who = id, .tgid = id >> 32 };

	if (target & (RED_TARGET_GO | RED_TARGET_GO_STACK)) {
		struct red_tls_key go = { .tgid = id >> 32, .goroutine = 1 };
		struct red_tls_call *call;

		go.who = current_goroutine(target);
		call = bpf_map_lookup_elem(&tls_calls, &go);
		if (call || !(target & RED_TARGET_TLS))
			return call;
	}
	return bpf_map_lookup_elem(&tls_calls, &key);
}

/* Is this socket call made from below that function's frame? One that was left
 * without a return (longjmp, an exception) is not under way any more. */
static __always_inline int call_goes_on(const struct red_tls_call *call)
{
	__u64 sp;

	if (!call->sp)
		return 1; /* a goroutine: its stack may move */
	sp = BPF_CORE_READ(current_regs(), sp);
	return sp < call->sp && call->sp - sp < 1 << 20;
}

/* Of .NET, which since 6 names its threads ".NET TP Worker": where the shim is linked into
 * the program its functions have no names, and nothing may join rather than strangers. */
static __always_inline int is_dotnet_thread(void)
{
	__u32 name[4] = {};

	bpf_get_current_comm(name, sizeof(name));
	return name[0] == W4('.', 'N', 'E', 'T');
}

/* A thread's first receive of ciphertext, before any call of a library. */
__noinline int adjacent_begins(__u64 sk, __u64 conn_id, __u64 id)
{
	struct red_tls_key key = { .who = id, .tgid = id >> 32 };
	struct red_tls_call *call;

	bpf_map_update_elem(&tls_calls, &key, &red_no_call, BPF_NOEXIST);
	call = bpf_map_lookup_elem(&tls_calls, &key);
	if (call) {
		call->last_sk = sk;
		call->last_id = conn_id;
	}
	return 0;
}

static __always_inline void call_adjacent(struct red_tls_call *call, const struct red_conn *c,
					  __u32 how, __u64 id)
{
	int candidate = (how & 1) == RED_DIR_IN && c->wire & RED_WIRE_TLS &&
			(!c->layer || how & RED_TARGET_RUSTLS << 8) && !is_dotnet_thread();

	if (!call) {
		if (candidate)
			adjacent_begins(c->sk, c->id, id);
		return;
	}
	/* An answer in between (a session ticket) changes nothing. */
	if (candidate || call->last_id != c->id)
		call->last_sk = candidate ? c->sk : 0;
	call->last_id = c->id;
}

/* A connection whose library is not known has received ciphertext, which will be fed to the
 * object that is wanted: a record from its header on, or only what is behind that. Behind
 * an answer to CONNECT it may be the first that is TLS. The same on two connections, which
 * peers can do, tells nothing of either. */
__noinline int fed_came(__u64 sk, __u32 slot, __u64 len, __u32 tgid)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	struct red_conn *c = bpf_map_lookup_elem(&conns, &sk);
	struct red_tls_came came = {}, *other;
	struct red_tls_head *head;
	__u64 got, skip;

	if (!s || !c || slot != RED_DIR_IN || c->layer || len < RED_FED_LEAST)
		return 0;
	if ((!(c->wire & RED_WIRE_TLS) && c->turns == TLS_TURNS) ||
	    gather(slot, 0, 0, TLS_HEADER) != TLS_HEADER)
		return 0;
	skip = is_record(s->data) ? TLS_HEADER : 0;
	if (!skip && !(c->wire & RED_WIRE_TLS))
		return 0;
	got = len - skip < RED_FED_BYTES ? len - skip : RED_FED_BYTES;
	head = (struct red_tls_head *)s->data;
	__builtin_memset(head, 0, sizeof(*head));
	if (got < RED_FED_LEAST || (__u64)gather(slot, 0, skip, got) != got)
		return 0;
	head->tgid = tgid;
	came.sk = sk;
	came.conn_id = c->id;
	other = bpf_map_lookup_elem(&tls_came, head);
	if (other && other->conn_id != c->id)
		came.conn_id = 0;
	bpf_map_update_elem(&tls_came, head, &came, BPF_ANY);
	return 0;
}

/* Is the object joined to another connection than this? Then what goes on inside of its
 * call is somebody else's: a callback that talks to others. Not if that one was closed: its
 * socket may have much to send yet, while the next object has the address of its own. */
static __noinline int tls_elsewhere(__u64 obj, __u32 tgid, __u64 conn_id)
{
	struct red_tls_key key = { .who = obj, .tgid = tgid };
	struct red_tls_conn *o = bpf_map_lookup_elem(&tls_objs, &key);
	struct red_conn *c;
	__u64 sk;

	if (!o || o->conn_id == conn_id || o->released)
		return 0;
	sk = o->sk;
	c = bpf_map_lookup_elem(&conns, &sk);
	return c && c->id == o->conn_id && !sock_gone((struct sock *)sk, c->ident);
}

/* ---- the wire ---------------------------------------------------------------------- */

static __always_inline int wants_sniff(const struct red_conn *c, int nested)
{
	if (c->wire & RED_WIRE_TLS)
		return 0;
	if (nested || c->last_dir > RED_DIR_OUT)
		return 1;
	return !(c->flags & RED_CONN_FRESH) && c->turns < TLS_TURNS;
}

/* A record with what the scratch holds of the wire, `got` bytes. */
__noinline int wire_emit(__u64 sk, __u32 slot, __u64 len, __u64 got)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	struct red_conn *c = bpf_map_lookup_elem(&conns, &sk);
	__u64 now = bpf_ktime_get_ns(), dir = slot;
	struct red_stat *st;

	st = stat_of(slot == RED_DIR_IN ? RED_HOOK_RECV : RED_HOOK_SEND);
	if (!s || !c || !st)
		return 0;
	BOUND(dir, 1);
	if (!(c->flags & RED_CONN_OPENED)) {
		refuse(st, c->refused, 0);
		return 0;
	}
	data_fill(&s->ev, c, dir, len, bpf_get_current_pid_tgid());
	s->ev.flags = RED_DATA_HELLO | (got ? 0 : RED_DATA_NOBUF);
	s->ev.layer = 0;
	s->ev.syscall = s->call.nr;
	s->ev.off = c->wire_off[dir] - (__u32)len;
	s->ev.other_off = c->wire_off[!dir];
	BOUND(got, RED_CAP_MAX);
	s->ev.cap_len = got;
	emit(st, &s->ev.h, sizeof(s->ev) + got, now, s->ev.tgid, RED_ROOM_DATA, 0);
	return 1;
}

/* The hello's bytes in this call; 1 when a record was made, or could not be. */
static __always_inline int wire_hello(struct red_conn *c, __u32 dir, __u64 len)
{
	__u64 want = c->hello[dir], got;

	if (!want)
		return 0;
	if (want > len)
		want = len;
	BOUND(want, RED_CAP_MAX);
	got = gather(dir, 0, 0, want);
	c->hello[dir] = got == want ? c->hello[dir] - got : 0;
	if (!got)
		return 0;
	wire_emit(c->sk, dir, len, got);
	return 1;
}

/* Nothing but ciphertext goes by: user space is told, once. */
static __always_inline int wire_unseen(struct red_conn *c, __u32 dir, __u64 len)
{
	if (c->layer || c->wire & RED_WIRE_TOLD || c->turns < TLS_TURNS)
		return 0;
	c->wire |= RED_WIRE_TOLD;
	wire_emit(c->sk, dir, len, 0);
	return 1;
}

/* Plaintext leaves with the ciphertext. */
static __always_inline void wire_sent(struct red_conn *c, __u64 len)
{
	struct red_conn_dir *d = &c->d[RED_DIR_OUT];
	__u64 written = c->written, sent = c->sent;

	if (sent >= written)
		return;
	sent = sent + len < written ? sent + len : written;
	c->sent = sent;
	if (d->off < sent)
		d->off = sent;
	d->last_ns = bpf_ktime_get_ns();
}

#define WIRE_HOW(dir, target) ((dir) | (target) << 8)

static __always_inline int kind_buffer(__u32 kind)
{
	if (kind == RED_TLS_SENDFILE)
		return RED_BUF_NONE;
	return kind == RED_TLS_RUST_WRITEV ? RED_BUF_IOVEC : RED_BUF_PLAIN;
}

/* Where the plaintext of a call is: `n` bytes, or for a vector `len` pieces. */
static __always_inline void place_call(struct red_scratch *s, __u32 kind, __u64 buf, __u64 len,
				       __u64 n)
{
	s->call.kind = kind_buffer(kind);
	s->call.ptr = buf;
	s->call.n = s->call.kind == RED_BUF_IOVEC ? len : n;
	s->call.nr = 0xffff;
}

/* A call of a TLS library that is of no use. */
static __always_inline void tls_drop(enum red_drop why)
{
	struct red_stat *st = stat_of(RED_HOOK_TLS);

	if (!st)
		return;
	count(&st->observed, 1, 1);
	count(&st->dropped[why], 1, 1);
}

/* A record has no more plaintext, and at least so much around it: header and tag. */
#define TLS_PLAINTEXT_MAX 16384
#define TLS_AROUND        21

/* Is this send all of what the call around it writes? Then it is told now: the answer may
 * be here, or the process gone, before that call returns. More than one record, or one
 * that is not sent whole, waits for the return, which says how much it was. */
static __always_inline int wire_is_write(const struct red_tls_call *call, const struct red_conn *c,
					 __u64 len)
{
	return (call->kind == RED_TLS_WRITE || call->kind == RED_TLS_WRITE_EX) && !call->told &&
	       !call->inner_obj && c->layer && c->tls_obj == call->obj &&
	       call->len - 1 < TLS_PLAINTEXT_MAX && len >= call->len + TLS_AROUND;
}

/* A library whose handshake nobody asked for makes it within its first write. */
static __noinline int wire_is_data(__u32 slot)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	return s && gather(slot, 0, 0, TLS_HEADER) == TLS_HEADER &&
	       s->data[0] == TLS_APPLICATION_DATA;
}

static __noinline int wire_tell(struct red_tls_call *call)
{
	__u32 slot = RED_DIR_OUT;
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	if (!s || !call)
		return 0;
	call->told = 1;
	s->plain = call->len;
	place_call(s, call->kind, call->buf, call->len, call->len);
	return 1;
}

enum red_wire_result {
	RED_WIRE_PLAIN = 0,  /* conn_moved()'s to look at */
	RED_WIRE_DONE = 1,   /* nothing is left to do */
	RED_WIRE_PARKED = 2, /* what was parked is in the scratch, for conn_moved() */
};

/* A send, behind a write that waits for its socket: puts what was written in the place
 * of what was sent. */
static __noinline int wire_parked(struct red_tls_call *call, struct red_conn *c, __u64 sk, __u64 id)
{
	__u32 slot = RED_DIR_OUT;
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	if (!s || !c || !call)
		return 0;
	tls_join(sk, call->parked, id >> 32, RED_JOIN_MOVED);
	call->parked = 0;
	if (!c->layer) {
		tls_drop(RED_DROP_NOT_JOINED);
		return 0;
	}
	s->plain = call->n;
	place_call(s, call->kind, call->buf, call->len, call->n);
	return 1;
}

/* Is there anything for tls_wire() to find out? */
static __always_inline int tls_matters(const struct red_conn *c, __u32 target)
{
	return red_cfg.tls && (target & RED_TARGETS_PROBED || c->wire || wants_sniff(c, 0));
}

/* A socket moved bytes; socket and call are in scratch `how` & 1. Returns enum
 * red_wire_result. Global, not static: the verifier then checks it once. */
__noinline int tls_wire(__u32 how, __u64 len, __u64 id)
{
	__u32 slot = how & 1, target = how >> 8;
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	struct red_stat *st = stat_of(slot == RED_DIR_IN ? RED_HOOK_RECV : RED_HOOK_SEND);
	struct red_tls_call *call = 0;
	__u64 dir = how & 1;
	struct red_conn *c;
	__u64 key;
	int nested;

	if (!s || !st)
		return RED_WIRE_PLAIN;
	BOUND(dir, 1);
	key = s->sk;
	c = bpf_map_lookup_elem(&conns, &key);
	if (!c)
		return RED_WIRE_PLAIN;
	if (target & RED_TARGETS_PROBED)
		call = current_call(target, id);
	nested = call && call->obj && call_goes_on(call);
	if (wants_sniff(c, nested) && tls_sniff(key, dir, len))
		c->wire |= RED_WIRE_TLS;
	else if (c->wire & RED_WIRE_TLS && !c->wire_off[dir])
		tls_sniff(key, dir, len); /* for the hello */
	if (nested) {
		if (call->inner_obj)
			call->inner_nested = 1;
		call->nested = 1;
		if ((c->tls_obj != call->obj || c->tls_tgid != id >> 32) &&
		    !tls_elsewhere(call->obj, id >> 32, c->id))
			tls_join(key, call->obj, id >> 32, 0);
	} else if (target & RED_TARGET_FED) {
		fed_came(key, slot, len, id >> 32);
	} else if (target & RED_TARGET_TLS) {
		call_adjacent(call, c, how, id);
	}
	if (!(c->wire & RED_WIRE_TLS)) {
		if (c->last_dir != dir && c->turns < TLS_TURNS)
			c->turns++;
		return RED_WIRE_PLAIN;
	}
	if (!c->layer && c->last_dir != dir) {
		c->last_dir = dir;
		if (c->turns < TLS_TURNS)
			c->turns++;
	}
	if (dir == RED_DIR_OUT)
		wire_sent(c, len);
	if (!(c->flags & RED_CONN_OPENED))
		conn_announce(key, slot, bpf_ktime_get_ns());
	c->wire_off[dir] += len;
	if (dir == RED_DIR_OUT && call && call->parked && wire_parked(call, c, key, id))
		return RED_WIRE_PARKED;
	if (dir == RED_DIR_OUT && nested && wire_is_write(call, c, len) &&
	    (c->d[RED_DIR_OUT].off || wire_is_data(slot)) && wire_tell(call))
		return RED_WIRE_PARKED;
	if (!wire_hello(c, dir, len) && !wire_unseen(c, dir, len))
		drop(st, c->layer ? RED_DROP_CIPHERTEXT : RED_DROP_NOT_WANTED);
	return RED_WIRE_DONE;
}

/* ---- calls --------------------------------------------------------------------------- */

/* The connection of an object; 0: not known. */
static __always_inline struct red_conn *tls_conn(__u64 obj, __u32 tgid, __u64 *sk)
{
	struct red_tls_key key = { .who = obj, .tgid = tgid };
	struct red_tls_conn *o = bpf_map_lookup_elem(&tls_objs, &key);
	struct red_conn *c;

	if (!o)
		return 0;
	*sk = o->sk;
	c = bpf_map_lookup_elem(&conns, sk);
	if (c && c->id == o->conn_id)
		return c;
	bpf_map_delete_elem(&tls_objs, &key);
	return 0;
}

/* The connection whose ciphertext the thread has just received, for an object that has
 * none. A write is as good a sign only in the handshake: it can end it. */
static __noinline int tls_adopt(struct red_tls_call *call, __u64 obj, __u32 tgid, __u32 reads)
{
	struct red_conn *c;
	__u64 sk;

	if (!call || !call->last_sk)
		return 0;
	sk = call->last_sk;
	call->last_sk = 0;
	c = bpf_map_lookup_elem(&conns, &sk);
	if (!c || c->id != call->last_id || c->layer || (!reads && c->turns > 2))
		return 0;
	return tls_join(sk, obj, tgid, c->turns > 2 ? RED_JOIN_LATE : 0);
}

static __always_inline int kind_dir(__u32 kind)
{
	return kind == RED_TLS_READ || kind == RED_TLS_READ_EX || kind == RED_TLS_READ_EARLY ||
			       kind == RED_TLS_READ_INNER || kind == RED_TLS_RUST_READ
		       ? RED_DIR_IN
		       : RED_DIR_OUT;
}

static __always_inline int kind_writes(__u32 kind)
{
	return kind == RED_TLS_WRITE || kind == RED_TLS_WRITE_EX || kind == RED_TLS_SENDFILE ||
	       kind == RED_TLS_RUST_WRITE || kind == RED_TLS_RUST_WRITEV;
}

/* Does a call of this kind use up ciphertext that was received? */
static __always_inline int kind_reads(__u32 kind)
{
	return kind == RED_TLS_OTHER || kind_dir(kind) == RED_DIR_IN;
}

/* How many bytes of plaintext a call that returned `ret` (and `second`) has moved. */
static __always_inline __s64 call_bytes(const struct red_tls_frame *call, __s64 ret, __s64 second)
{
	__u64 n = 0;

	switch (call->kind) {
	case RED_TLS_READ:
	case RED_TLS_WRITE:
		return (__s32)ret;
	case RED_TLS_SENDFILE:
		return ret;
	case RED_TLS_READ_EX:
	case RED_TLS_READ_INNER:
	case RED_TLS_WRITE_EX:
		if ((__s32)ret != 1)
			return -1;
		break;
	case RED_TLS_READ_EARLY:
		if ((__s32)ret != 1 && (__s32)ret != 2)
			return -1;
		break;
	case RED_TLS_SEND_EARLY:
		return ret ? -1 : (__s64)call->len;
	case RED_TLS_RUST_READ:
	case RED_TLS_RUST_WRITE:
	case RED_TLS_RUST_WRITEV:
		return ret ? -1 : second;
	default:
		return -1;
	}
	bpf_probe_read_user(&n, sizeof(n), (void *)call->aux);
	return n ? n : -1;
}

/* With TLS in the kernel plaintext is what the socket takes. Backends that look at TCP's
 * functions do not see it pass there, so nothing that was written waits for that. */
static __always_inline int kernel_tls(__u64 sk)
{
	return !!BPF_CORE_READ((struct inet_connection_sock *)sk, icsk_ulp_ops);
}

/* Takes a place to work in: one that is nobody's, else one from whoever has it. */
static __noinline __u32 tls_slot(__u64 id)
{
	struct red_scratch *s;
	__u32 i, slot;

	for (i = 0; i <= RED_SLOTS_TLS; i++) {
		slot = RED_SLOT_TLS + (i < RED_SLOTS_TLS ? i : id & (RED_SLOTS_TLS - 1));
		s = bpf_map_lookup_elem(&scratch, &slot);
		if (!s || (*(volatile __u64 *)&s->owner && i < RED_SLOTS_TLS))
			continue;
		*(volatile __u64 *)&s->owner = id;
		break;
	}
	return slot;
}

#define TLS_HOW(call, defer) ((call)->kind | (call)->flags << 8 | (__u32) !!(defer) << 16)

static __always_inline void tls_release(struct red_scratch *s, __u64 id)
{
	if (*(volatile __u64 *)&s->owner == id)
		*(volatile __u64 *)&s->owner = 0;
}

/* Object `obj` of the current process moved n > 0 bytes of plaintext, in a call with `buf` and
 * `len`. Returns the scratch that it is in, when tls_frames() is to look at it. */
static __always_inline int tls_bytes(__u64 obj, __u64 buf, __u64 len, __u32 call, __u32 n, int dir)
{
	__u32 slot, kind = call & 0xff, how = RED_MOVE_TLS;
	__u64 id = bpf_get_current_pid_tgid(), sk = 0;
	struct red_stat *st = stat_of(RED_HOOK_TLS);
	struct red_scratch *s;
	struct red_conn *c;

	if (!st)
		return 0;
	c = tls_conn(obj, id >> 32, &sk);
	if (!c) {
		if (!(call & RED_TLS_STRICT << 8))
			tls_drop(RED_DROP_NOT_JOINED);
		return 0;
	}
	if (call >> 16 && dir == RED_DIR_OUT && !kernel_tls(sk))
		how |= RED_MOVE_DEFER;
	slot = tls_slot(id);
	s = bpf_map_lookup_elem(&scratch, &slot);
	if (!s)
		return 0;
	count(&st->observed, 1, 1);
	place_call(s, kind, buf, len, n);
	if (dir == RED_DIR_IN && c->last_dir != dir) {
		c->sent = c->written;
		conn_settle(c);
	}
	if (conn_moved(c, st, s, slot, dir, n, (struct sock *)sk, how)) {
		s->sk = sk;
		s->plain = how;
		return slot;
	}
	tls_release(s, id);
	return 0;
}

__noinline int tls_received(__u64 obj, __u64 buf, __u64 len, __u32 call, __u32 n)
{
	return tls_bytes(obj, buf, len, call, n, RED_DIR_IN);
}

__noinline int tls_sent(__u64 obj, __u64 buf, __u64 len, __u32 call, __u32 n)
{
	return tls_bytes(obj, buf, len, call, n, RED_DIR_OUT);
}

__noinline int tls_frames(__u32 slot, __u32 dir, __u32 n)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	if (!s)
		return 0;
	conn_frames(s->sk, slot, dir, n, s->plain);
	tls_release(s, bpf_get_current_pid_tgid());
	return 0;
}

static __always_inline void tls_moved_in(const struct red_tls_frame *call, __u32 n)
{
	__u32 slot = tls_received(call->obj, call->buf, call->len, TLS_HOW(call, 0), n);

	if (slot)
		tls_frames(slot, RED_DIR_IN, n);
}

static __always_inline void tls_moved_out(const struct red_tls_frame *call, __u32 n, int defer)
{
	__u32 slot = tls_sent(call->obj, call->buf, call->len, TLS_HOW(call, defer), n);

	if (slot)
		tls_frames(slot, RED_DIR_OUT, n);
}

static __always_inline void tls_moved(const struct red_tls_frame *call, __u32 n, int defer)
{
	if (kind_dir(call->kind) == RED_DIR_IN)
		tls_moved_in(call, n);
	else
		tls_moved_out(call, n, defer);
}

/* rustls: an object that reads is that of the receive just before. */
static __noinline int rust_adopt(struct red_tls_call *call, __u64 obj, __u32 tgid, __u32 wire)
{
	struct red_conn *c;
	__u64 sk;

	if (!call || !call->last_sk)
		return 0;
	sk = call->last_sk;
	c = bpf_map_lookup_elem(&conns, &sk);
	if (!c || c->id != call->last_id)
		return 0;
	c->wire |= wire;
	return tls_join(sk, obj, tgid, RED_JOIN_MOVED);
}

/* rustls, from 0.23 on: what is read now was seen when it was decrypted. The reader's
 * object is 8 bytes further there than before. */
static __always_inline int rust_taken(struct red_tls_call *call, __u64 obj, __u32 tgid)
{
	struct red_conn *c = 0;
	__u64 sk = call->last_sk;

	if (sk)
		c = bpf_map_lookup_elem(&conns, &sk);
	if (!c || c->id != call->last_id)
		c = tls_conn(obj - 8, tgid, &sk);
	return c && c->wire & RED_WIRE_TAKEN;
}

/* The peer has said that it sends no more, or this process has. */
__noinline int tls_ended(__u64 obj, __u32 tgid, __u32 dir)
{
	struct red_conn *c;
	__u64 sk;

	c = tls_conn(obj, tgid, &sk);
	if (!c)
		return 0;
	return conn_report(sk, RED_HOOK_STATE, RED_EV_EOF,
			   dir == RED_DIR_IN ? RED_REPORT(RED_DIR_IN, RED_STATE_PEER)
					     : RED_REPORT(RED_DIR_OUT, RED_STATE_LOCAL));
}

#endif /* RED_TLS_H */
