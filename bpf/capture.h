/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where the bytes of a call are, and copying the wanted part of them.
 *
 * Every backend learns of a send or receive when it has just happened, in the
 * context of the task that made the system call. The task's saved user
 * registers still hold the call's arguments, so the buffer is found from them:
 * no hook at the entry, no stash. That is true for the calls listed in
 * call_decode(). Others move bytes without a user buffer of this task
 * (sendfile, splice, io_uring, callers inside the kernel) and are counted
 * without payload.
 *
 * Each copy costs 70-90 ns whatever its size up to 256 bytes, so a message is
 * read in at most two steps: a first look, and the rest only when the head did
 * not end in it or another message follows it (conn.h).
 */
#ifndef RED_CAPTURE_H
#define RED_CAPTURE_H

enum red_buf_kind {
	RED_BUF_NONE = 0,
	RED_BUF_PLAIN = 1, /* ptr, len */
	RED_BUF_IOVEC = 2, /* ptr to struct iovec[n] */
};

struct red_call {
	__u64 ptr;
	__u64 n;
	__u16 nr;
	__u16 kind;
	__u32 index; /* message of a sendmmsg or recvmmsg */
};

#define RED_IOVS 8

struct red_iovec {
	__u64 base;
	__u64 len;
};

/* struct user_msghdr and struct mmsghdr of the 64-bit ABI. */
struct red_msghdr {
	__u64 name;
	__u32 namelen;
	__u32 pad;
	struct red_iovec *iov;
	__u64 iovlen;
	__u64 control, controllen;
	__u64 flags;
};

struct red_mmsghdr {
	struct red_msghdr hdr;
	__u32 len;
	__u32 pad;
};

enum red_head_flags {
	RED_HEAD_ODD = 1 << 0,    /* not what a careful sender writes: nothing is certain */
	RED_HEAD_LENGTH = 1 << 1, /* Content-Length, in `body` */
	RED_HEAD_CHUNKED = 1 << 2,
	RED_HEAD_EXPECT = 1 << 3,
	RED_HEAD_UPGRADE = 1 << 4,
	RED_HEAD_TRACE = 1 << 5,  /* traceparent, its value at `trace` */
	RED_HEAD_TRACES = 1 << 6, /* several */
	RED_HEAD_B3 = 1 << 7,
	RED_HEAD_DEBUG = 1 << 8, /* the debug header, with the value true */
	RED_HEAD_STATE = 1 << 9, /* tracestate */
};

/* What head_scan() finds, see header.h. Offsets within the message. */
struct red_head {
	__u32 len;  /* of the head, its empty line included; 0: it goes on */
	__u32 line; /* of the first line */
	__u32 body;
	__u32 trace;
	__u32 flags; /* enum red_head_flags */
	__u32 pad;
};

/* A walk over the frames of a call (frames.h). */
struct red_walk {
	__u64 at, end; /* of the call: where it is, and how long that is */
	__u64 now;     /* when the call returned */
	/* The record. */
	__u64 from;  /* of the call: where it begins */
	__u64 piece; /* of its data: the last piece's header */
	__u64 out;   /* and the end of what was taken; behind it is what was */
	__u64 have;  /* read ahead, so many bytes */
	__u64 ahead; /* how many to read next */
	__u64 skip;  /* left out behind the last piece */
	__u64 muted; /* enum red_drop: not written, user space does not know of the connection */
	/* The position, as in struct red_conn_dir. */
	__u64 known, left, copy, head_len;
	__u64 data_cap;
	__u8 head[16];
	/* The vector that is read, where it begins in the call, which are in `iov`. */
	__u64 vec, vec_at, batch;
};

/* One per CPU and hook: a record under construction. Programs of one hook do
 * not nest, because none of them can be preempted (fentry is not offered where it could),
 * those of different hooks may, hence not one per CPU. The payload area is twice the largest
 * record: offset and length are bounded each by itself, which the verifier can follow. */
struct red_scratch {
	struct red_ev_data ev;
	__u8 data[2 * RED_CAP_MAX];
	struct red_call call;
	__u64 walk_done, walk_past; /* gather_iov */
	struct red_walk walk;
	struct red_iovec iov[RED_IOVS];
	struct red_head head;
	__u64 hex;   /* head_hex */
	__u64 owner; /* propagate.h, tls.h */
	__u64 sk;    /* tls.h, so is the next */
	__u64 plain;
	__u64 nonblock; /* io.h */
};

/* Slots: enum red_dir, then propagate.h's, tls.h's. */
#define RED_SLOT_PROP 2
#define RED_SLOT_TLS  3 /* and as many as there may be at once */
#define RED_SLOTS_TLS 4

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RED_SLOT_TLS + RED_SLOTS_TLS);
	__type(key, __u32);
	__type(value, struct red_scratch);
} scratch SEC(".maps");

/* Position within a multi-message call, per task: the sock and trampoline
 * hooks fire once for each message, without saying which one it is. */
struct red_mmsg {
	__u64 vec;
	__u32 index;
	__u32 vlen;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, __u64);
	__type(value, struct red_mmsg);
} mmsgs SEC(".maps");

#define RED_MMSG_MAX 1024 /* UIO_MAXIOV: how many messages the kernel takes of a call */

__u32 red_mmsgs_used; /* there was such a call, since redeye started */

static __always_inline void call_msghdr(struct red_call *c, __u64 user)
{
	struct red_msghdr h;

	if (bpf_probe_read_user(&h, sizeof(h), (void *)user))
		return;
	c->kind = RED_BUF_IOVEC;
	c->ptr = (__u64)h.iov;
	c->n = h.iovlen;
}

/* A call of this task has ended before its last message: the next one begins at its first. */
__noinline int mmsg_over(__u64 id)
{
	return bpf_map_delete_elem(&mmsgs, &id);
}

/* The kernel handles the messages of one call in order and writes each one's
 * length back before it takes the next. A call that ends early is noticed where it does so
 * (mmsg_over), or by another vector or length of the next; one that ends by its timeout is not. */
static __always_inline void call_mmsg(struct red_call *c, __u64 vec, __u32 vlen)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct red_mmsg *m = bpf_map_lookup_elem(&mmsgs, &id);
	struct red_mmsg fresh = { .vec = vec, .vlen = vlen };
	__u32 i = 0;

	if (m && m->vec == vec && m->vlen == vlen)
		i = m->index;
	fresh.index = i + 1;
	if (fresh.index == vlen || fresh.index == RED_MMSG_MAX)
		bpf_map_delete_elem(&mmsgs, &id);
	else
		bpf_map_update_elem(&mmsgs, &id, &fresh, BPF_ANY);
	red_mmsgs_used = 1;
	call_msghdr(c, vec + (__u64)i * sizeof(struct red_mmsghdr));
}

/* From the arguments of system call `nr` to where its bytes are. The direction
 * is checked: a receive inside a write(2) is not what the registers speak of. */
static __always_inline void call_decode(struct red_call *c, int dir, __u64 nr, __u64 a2, __u64 a3)
{
	c->kind = RED_BUF_NONE;
	c->nr = nr;
	c->ptr = a2;
	c->n = a3;
	if (dir == RED_DIR_IN) {
		if (nr == NR_read || nr == NR_recvfrom)
			c->kind = RED_BUF_PLAIN;
		else if (nr == NR_readv)
			c->kind = RED_BUF_IOVEC;
		else if (nr == NR_recvmsg)
			call_msghdr(c, a2);
		else if (nr == NR_recvmmsg)
			call_mmsg(c, a2, a3);
	} else {
		if (nr == NR_write || nr == NR_sendto)
			c->kind = RED_BUF_PLAIN;
		else if (nr == NR_writev)
			c->kind = RED_BUF_IOVEC;
		else if (nr == NR_sendmsg)
			call_msghdr(c, a2);
		else if (nr == NR_sendmmsg)
			call_mmsg(c, a2, a3);
	}
}

/* The current task's saved registers, on its kernel stack; without a type. */
static __always_inline struct pt_regs *current_regs(void)
{
	struct task_struct *t;

	if (bpf_core_enum_value_exists(enum bpf_func_id___red, BPF_FUNC_task_pt_regs___red))
		return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	t = (struct task_struct *)bpf_get_current_task();
	return (void *)BPF_CORE_READ(t, stack) + RED_THREAD_SIZE - RED_REGS_SIZE;
}

/* Is it a call of a 32-bit process? Its numbers mean other calls. */
static __always_inline int task_is_compat(void)
{
	struct task_struct *t = (struct task_struct *)bpf_get_current_task();

	return RED_TS_COMPAT && BPF_CORE_READ(t, thread_info.status) & RED_TS_COMPAT;
}

/* The call of the current task, for hooks that are not given its registers. */
static __always_inline void call_current(struct red_call *c, int dir)
{
	c->kind = RED_BUF_NONE;
	c->nr = 0xffff;
	if (bpf_core_enum_value_exists(enum bpf_func_id___red, BPF_FUNC_task_pt_regs___red)) {
		struct task_struct *t = bpf_get_current_task_btf();
		struct pt_regs *r = (struct pt_regs *)bpf_task_pt_regs(t);

		if (RED_TS_COMPAT && (t->thread_info.status & RED_TS_COMPAT))
			return;
		call_decode(c, dir, RED_REGS_NR(r), RED_REGS_ARG2(r), RED_REGS_ARG3(r));
	} else {
		struct pt_regs *r;

		if (task_is_compat())
			return;
		r = current_regs();
		call_decode(c, dir, BPF_CORE_READ(r, RED_REGS_FIELD_NR),
			    BPF_CORE_READ(r, RED_REGS_FIELD_ARG2),
			    BPF_CORE_READ(r, RED_REGS_FIELD_ARG3));
	}
}

/* The compiler must not drop or move a bound that the verifier needs to see. */
#define BOUND(x, max)                                                                              \
	do {                                                                                       \
		asm volatile("" : "+r"(x));                                                        \
		if ((x) > (max))                                                                   \
			(x) = (max);                                                               \
	} while (0)

static __always_inline __u64 gather_plain(struct red_scratch *s, __u64 dst, __u64 skip, __u64 want)
{
	BOUND(dst, RED_CAP_MAX);
	BOUND(want, RED_CAP_MAX);
	if (bpf_probe_read_user(&s->data[dst], want, (void *)(s->call.ptr + skip)))
		return 0;
	return want;
}

/* The vectors of a call, at most RED_IOVS of them, with one read. */
static __always_inline int load_iov(struct red_scratch *s)
{
	__u64 n = s->call.n;

	BOUND(n, RED_IOVS);
	return bpf_probe_read_user(s->iov, n * sizeof(s->iov[0]), (void *)s->call.ptr);
}

/* `n` bytes of a message of sendmmsg left: is it the call's last, because it did not go as a whole?
 * Vectors behind the first RED_IOVS are not looked at. */
__noinline int mmsg_sent(__u32 slot, __u64 n)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	__u64 i, sum = 0;

	if (!s || s->call.kind != RED_BUF_IOVEC || load_iov(s))
		return 0;
	for (i = 0; i < RED_IOVS; i++) {
		if (i >= s->call.n)
			break;
		sum += s->iov[i].len;
	}
	return n < sum ? mmsg_over(bpf_get_current_pid_tgid()) : 0;
}

/* Where a walk over an iovec array stands is kept in the map, not in
 * registers: the verifier then sees the same unknown numbers in each round and
 * proves the round once instead of every path through all of them. */
static __always_inline __u64 gather_iov(struct red_scratch *s, __u64 dst, __u64 skip, __u64 want)
{
	__u64 i;

	s->walk_done = 0;
	s->walk_past = 0;
	if (load_iov(s))
		return 0;
	for (i = 0; i < RED_IOVS; i++) {
		__u64 from, len, to, done = s->walk_done, past = s->walk_past;
		struct red_iovec *v = &s->iov[i];

		if (i >= s->call.n || done >= want || v->len > 0x7fffffff)
			break;
		from = past < skip ? skip - past : 0;
		s->walk_past = past + v->len;
		if (from >= v->len)
			continue;
		len = v->len - from;
		if (len > want - done)
			len = want - done;
		to = dst + done;
		BOUND(len, RED_CAP_MAX);
		BOUND(to, RED_CAP_MAX);
		if (bpf_probe_read_user(&s->data[to], len, (void *)(v->base + from)))
			break;
		s->walk_done = done + len;
	}
	return s->walk_done;
}

/*
 * Copies bytes [skip, skip + want) of the call in scratch `slot` to its data +
 * dst; dst + want <= RED_CAP_MAX. Returns how many came: fewer when the buffer
 * is not readable or has too many vectors.
 *
 * Global, not static: the verifier then checks it once and not at every call.
 */
__noinline int gather(__u32 slot, __u64 dst, __u64 skip, __u64 want)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	if (!s)
		return 0;
	if (s->call.kind == RED_BUF_PLAIN)
		return gather_plain(s, dst, skip, want);
	if (s->call.kind == RED_BUF_IOVEC)
		return gather_iov(s, dst, skip, want);
	return 0;
}

#endif /* RED_CAPTURE_H */
