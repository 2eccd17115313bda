/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which requests a process is serving, and what their trace context is: so that a
 * request that it sends meanwhile can carry it on (propagate.h). Only with
 * --propagate; without it the verifier removes all of this.
 *
 * A request is open from its first byte (conn_moved) until user space says that it
 * was answered, the next request arrives on its connection, or the connection goes.
 * So more may be believed open than are, never fewer; and a parent is named only
 * when it is the only one:
 *   THREAD  this thread read one open request, from a socket on which it waits
 *           (not an event loop's)
 *   SOLE    the process serves one request, has served no other since that began, and
 *           user space has found that this process calls this peer once per request
 *           (map `regular`)
 *
 * An open request's handle is its span id. A process and a thread each have a count
 * and the sum of the handles: when the count is one, the sum is the handle. The
 * count is raised before and lowered after the sum, so that a glance between them
 * sees too many, or a sum that is nobody's handle. Whoever closes early (its client has
 * gone) may still be at work: one that was not alone is not sole before all have closed,
 * and for a second nobody is, until when user space has heard of it and has withdrawn `regular`.
 */
#ifndef RED_CONTEXT_H
#define RED_CONTEXT_H

struct red_ctx {
	__u64 conn_id, off;
	__u64 trace_hi, trace_lo;
	__u32 tgid, tid;
	__u8 flags;    /* trace flags */
	__u8 foreign;  /* never a parent: of a context that is not read here, or not alone */
	__u8 blocking; /* its reader waits on its socket */
	__u8 by_tgid;  /* its process has counted it, */
	__u8 by_tid;   /* and its thread */
	__u8 pad[3];
};

struct red_serving {
	__u64 count;
	__u64 sum;
	__u64 crowd;  /* there were several since there was none */
	__u64 cut_ns; /* when the last that was closed early was; 0: never */
};

/* By handle. Sizes of these three: agent/loader_config.c. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct red_ctx);
} contexts SEC(".maps");

/* By tgid, and by tid with SERVING_THREAD. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct red_serving);
} serving SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct red_regular);
	__type(value, __u8);
} regular SEC(".maps");

struct red_prop_stat {
	__u64 n[RED_PROP__CNT];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct red_prop_stat);
} prop_stats SEC(".maps");

static __always_inline void prop_count(enum red_prop what)
{
	__u32 zero = 0;
	struct red_prop_stat *st = bpf_map_lookup_elem(&prop_stats, &zero);

	if (st)
		__sync_fetch_and_add(&st->n[what], 1);
}

/* When a request could not be counted last; 0: never. It may be served still, and so
 * nobody is said to be alone for as long as few requests take. */
__u64 red_serving_lost;

#define SERVING_LOST_NS 600000000000ULL

static __noinline int serving_lost(void)
{
	red_serving_lost = bpf_ktime_get_ns();
	prop_count(RED_PROP_NOT_COUNTED);
	return 0;
}

static __always_inline int serving_lost_lately(void)
{
	__u64 then = red_serving_lost;

	return then && bpf_ktime_get_ns() - then < SERVING_LOST_NS;
}

#define SERVING_THREAD (1ULL << 32)

/* Returns 1 when it is counted. */
static __noinline int serving_add(__u64 who, __u64 handle)
{
	struct red_serving *o = bpf_map_lookup_elem(&serving, &who), none = {};

	if (!o) {
		bpf_map_update_elem(&serving, &who, &none, BPF_NOEXIST);
		o = bpf_map_lookup_elem(&serving, &who);
	}
	if (!o)
		return 0;
	__sync_fetch_and_add(&o->count, 1);
	__sync_fetch_and_add(&o->sum, handle);
	if (*(volatile __u64 *)&o->count > 1)
		o->crowd = 1;
	return 1;
}

static __always_inline void serving_sub(__u64 who, __u64 handle, int early)
{
	struct red_serving *o = bpf_map_lookup_elem(&serving, &who);

	if (!o)
		return;
	if (early)
		*(volatile __u64 *)&o->cut_ns = bpf_ktime_get_ns(); /* before it is not counted */
	__sync_fetch_and_add(&o->sum, -handle);
	__sync_fetch_and_add(&o->count, -1);
	if (*(volatile __u64 *)&o->count)
		return;
	o->crowd = 0;
	if (*(volatile __u64 *)&o->count > 1) /* meanwhile */
		o->crowd = 1;
}

/* Read as the volatile that it is: to the compiler a plain constant would be its zeros. */
static __always_inline __u64 id_of(__u64 conn_id, __u64 off, enum red_id_kind kind)
{
	struct red_trace_key key = { { red_cfg.trace_key.k[0], red_cfg.trace_key.k[1] } };

	return red_id(&key, conn_id, off, kind);
}

/* A ratio decides, by what a parent's tracestate may bring (agent/sampler.c): not read here. */
static __always_inline int state_decides(void)
{
	return !red_cfg.sample_parent && red_cfg.sample_threshold &&
	       red_cfg.sample_threshold < 1ULL << 56;
}

/* W3C Trace Context: the right-most seven bytes decide, a threshold of 0 takes all. */
static __always_inline __u8 sampled(__u64 trace_lo)
{
	return (trace_lo & 0x00ffffffffffffffULL) >= red_cfg.sample_threshold;
}

static __always_inline void context_root(struct red_ctx *x)
{
	x->trace_hi = id_of(x->conn_id, x->off, RED_ID_TRACE_HI);
	x->trace_lo = id_of(x->conn_id, x->off, RED_ID_TRACE_LO);
	x->flags = 2 | sampled(x->trace_lo);
}

/* traceparent: 00-<32>-<16>-<2>; a later version may go on behind a dash. Returns 1
 * when it is one. */
static __noinline int context_parse(struct red_ctx *x, __u32 slot, __u64 at)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	__u32 flags;
	__u8 *p;

	if (!s || !x)
		return 0;
	at = value_at(s, at);
	BOUND(at, RED_CAP_MAX);
	p = &s->data[at];
	if (nibble(p[0]) > 15 || nibble(p[1]) > 15)
		return 0;
	if (p[2] != '-' || p[35] != '-' || p[52] != '-' || (p[0] == 'f' && p[1] == 'f'))
		return 0;
	if (p[55] != '\r' && (p[55] != '-' || (p[0] == '0' && p[1] == '0')))
		return 0;
	if (!head_hex(slot, at + 36) || !s->hex || !head_hex(slot, at + 3))
		return 0;
	x->trace_hi = s->hex;
	if (!head_hex(slot, at + 19) || !(s->hex | x->trace_hi))
		return 0;
	x->trace_lo = s->hex;
	flags = nibble(p[54]);
	if (nibble(p[53]) > 15 || flags > 15)
		return 0;
	x->flags = flags & 3;
	return 1;
}

static __always_inline void context_read(struct red_ctx *x, __u32 slot, __u64 got)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	x->foreign = 1;
	if (!s)
		return;
	head_scan(slot, got);
	if (!s->head.len || !is_request_line(s, s->head.line) ||
	    s->head.flags & (RED_HEAD_ODD | RED_HEAD_B3 | RED_HEAD_TRACES))
		return;
	if (!(s->head.flags & RED_HEAD_TRACE))
		context_root(x);
	else if (!red_cfg.reads_w3c || !context_parse(x, slot, s->head.trace))
		return;
	else if (s->head.flags & RED_HEAD_STATE && state_decides())
		return;
	else if (!red_cfg.sample_parent)
		x->flags = (x->flags & 2) | sampled(x->trace_lo);
	if (s->head.flags & RED_HEAD_DEBUG)
		x->flags |= 1;
	x->foreign = 0;
}

static __always_inline void context_uncount(const struct red_ctx *x, __u64 handle, int early)
{
	if (x->by_tgid)
		serving_sub(x->tgid, handle, early);
	if (x->by_tid)
		serving_sub(x->tid | SERVING_THREAD, handle, 0);
}

/* Counts it for this task. Returns its handle; 0: there was no room. */
static __always_inline __u64 context_add(struct red_ctx *x)
{
	__u64 handle = id_of(x->conn_id, x->off, RED_ID_SPAN);
	__u64 id = bpf_get_current_pid_tgid();
	long err;

	x->tgid = id >> 32;
	x->tid = id;
	x->by_tgid = serving_add(x->tgid, handle);
	x->by_tid = serving_add(x->tid | SERVING_THREAD, handle);
	if (!x->by_tgid || !x->by_tid)
		serving_lost();
	err = bpf_map_update_elem(&contexts, &handle, x, BPF_NOEXIST);
	if (!err)
		return handle;
	context_uncount(x, handle, 0);
	if (err == -EEXIST) /* by another thread, for the same connection */
		return handle;
	serving_lost();
	return 0;
}

/* The first `got` bytes of a request are in scratch `slot`, read by this task; none: its
 * context is not read. Returns as context_add(). */
static __noinline __u64 context_open(__u64 conn_id, __u64 off, __u32 slot, __u64 got,
				     __u32 blocking)
{
	struct red_ctx x = { .conn_id = conn_id, .off = off, .blocking = blocking };

	context_read(&x, slot, got);
	return context_add(&x);
}

/* One that is never read: where it is called there may be no stack left for context_read(). */
static __noinline __u64 context_open_foreign(__u64 conn_id, __u64 off)
{
	struct red_ctx x = { .conn_id = conn_id, .off = off, .foreign = 1 };

	return context_add(&x);
}

/* Of two that close the same, one deletes it, and that one counts. `early`: its handler may go
 * on. */
static __noinline int context_end(__u64 handle, int early)
{
	struct red_ctx *x = bpf_map_lookup_elem(&contexts, &handle), was;

	if (!x)
		return 0;
	was.tgid = x->tgid;
	was.tid = x->tid;
	was.by_tgid = x->by_tgid;
	was.by_tid = x->by_tid;
	if (bpf_map_delete_elem(&contexts, &handle))
		return 0;
	context_uncount(&was, handle, early);
	return 1;
}

static __always_inline int context_close(__u64 handle)
{
	return context_end(handle, 0);
}

/* Another request has come in with it: what is sent may be that one's. */
static __always_inline void context_shared(__u64 handle)
{
	struct red_ctx *x = bpf_map_lookup_elem(&contexts, &handle);

	if (x)
		x->foreign = 1;
}

/* A thread has ended. What it had read stays open for its process. */
static __always_inline void context_thread_gone(__u32 tid)
{
	__u64 who = tid | SERVING_THREAD;

	bpf_map_delete_elem(&serving, &who);
}

/* A process has ended. */
static __always_inline void context_process_gone(__u32 tgid)
{
	__u64 who = tgid;

	bpf_map_delete_elem(&serving, &who);
}

#define SERVING_CUT_NS 1000000000ULL

static __always_inline int serving_cut_lately(const struct red_serving *o)
{
	__u64 then = o->cut_ns;

	return then && bpf_ktime_get_ns() - then < SERVING_CUT_NS;
}

static __always_inline struct red_ctx *serving_one(__u64 who, int alone)
{
	struct red_serving *o = bpf_map_lookup_elem(&serving, &who);
	__u64 handle;

	if (!o || o->count != 1 || (alone && (o->crowd || serving_cut_lately(o))))
		return 0;
	handle = o->sum;
	return bpf_map_lookup_elem(&contexts, &handle);
}

/* What the request of task `id` to the peer in `to` is part of: *x, a copy, and how
 * that is known. -1: a parent there is, but of a context that is not read here. */
static __noinline int context_parent(__u64 id, struct red_regular *to, struct red_ctx *x)
{
	struct red_ctx *one = serving_one((__u32)id | SERVING_THREAD, 0);
	int how = RED_LINK_THREAD;

	if (!to || !x)
		return RED_LINK_NONE;
	if (!one || !one->blocking || one->tgid != id >> 32) {
		how = RED_LINK_SOLE;
		if (!bpf_map_lookup_elem(&regular, to))
			return RED_LINK_NONE;
		one = serving_one(id >> 32, 1);
	}
	if (!one || serving_lost_lately())
		return RED_LINK_NONE;
	if (one->foreign)
		return -1;
	*x = *one;
	return how;
}

#endif /* RED_CONTEXT_H */
