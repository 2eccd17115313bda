/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The uprobes on TLS libraries, attached by uprobes/prober.c; which function has which
 * is the table in uprobes/tls_functions.c. Context: the calling task, in some kernels
 * preemptible.
 *
 * The entry leaves the arguments with the thread, the return takes them. Functions of a
 * library that call each other, or one library used through another, show as inner
 * calls: further down the stack. Only the outer one counts. Entry and return may be
 * attached twice, for one process and for the file: the second finds nothing to do.
 */
#ifndef RED_TLS_PROBES_H
#define RED_TLS_PROBES_H

/* Since Linux 6.13 programs of this type have a stack of the processor's own, for it is taken
 * for granted that none of them is preempted by itself (bpf_enable_priv_stack() in the
 * verifier). Those of uprobes can be, since kernels are preemptible by default (7.0): the
 * other one's locals then overwrite ours. Programs with a tail call are left on the task's
 * stack, also with one that the verifier drops, because it is never made. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} nowhere SEC(".maps");

const volatile __u32 red_never = 0;

static __always_inline void own_stack(struct pt_regs *ctx)
{
	if (red_never)
		bpf_tail_call(ctx, &nowhere, 0);
}

/* ---- C: OpenSSL, BoringSSL, GnuTLS, NSPR ------------------------------------------- */

/* A call inside of another of the same thread. It is the same bytes again, wrapped by its
 * library or by another layer of TLS, and of no interest; but a write that a callback
 * makes in the middle of a read or a handshake is one of its own. Node does so when the
 * handshake is done. */
static __noinline int tls_enter_inner(struct pt_regs *ctx, struct red_tls_call *call, __u32 kind,
				      __u64 aux)
{
	__u64 buf = PT_REGS_PARM2(ctx);
	__u8 head[3] = {};

	if (!call || !kind_writes(kind) || kind_writes(call->kind) ||
	    (call->inner_obj && call->inner_sp > PT_REGS_SP(ctx)))
		return 0;
	bpf_probe_read_user(head, sizeof(head), (void *)buf);
	if (head[0] >= TLS_CHANGE_CIPHER_SPEC && head[0] <= TLS_APPLICATION_DATA && head[1] == 3)
		return 0;
	call->inner_obj = PT_REGS_PARM1(ctx);
	call->inner_buf = buf;
	call->inner_len = PT_REGS_PARM3(ctx);
	call->inner_aux = aux;
	call->inner_sp = PT_REGS_SP(ctx);
	call->inner_kind = kind;
	call->inner_nested = 0;
	return 0;
}

/* The thread's, made when it has none. */
static __always_inline struct red_tls_call *thread_call(__u64 id)
{
	struct red_tls_key key = { .who = id, .tgid = id >> 32 };
	struct red_tls_call *call = bpf_map_lookup_elem(&tls_calls, &key);

	if (call)
		return call;
	bpf_map_update_elem(&tls_calls, &key, &red_no_call, BPF_NOEXIST);
	call = bpf_map_lookup_elem(&tls_calls, &key);
	if (!call)
		tls_drop(RED_DROP_TLS_FULL);
	return call;
}

static __always_inline int is_inner(struct pt_regs *ctx, const struct red_tls_call *call)
{
	return call->obj && call->sp > PT_REGS_SP(ctx) && call->sp - PT_REGS_SP(ctx) < 1 << 20;
}

static __always_inline int tls_enter(struct pt_regs *ctx, __u32 kind, __u32 flags, __u64 aux)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct red_tls_call *call;

	if (!is_target(id >> 32))
		return 0;
	call = thread_call(id);
	if (!call)
		return 0;
	if (is_inner(ctx, call))
		return tls_enter_inner(ctx, call, kind, aux);
	call->obj = PT_REGS_PARM1(ctx);
	call->buf = PT_REGS_PARM2(ctx);
	call->len = PT_REGS_PARM3(ctx);
	call->aux = aux;
	call->sp = PT_REGS_SP(ctx);
	call->kind = kind;
	call->flags = flags;
	call->nested = 0;
	call->told = 0;
	if (kind_writes(kind)) /* what was not sent by now may never be */
		call->parked = 0;
	call->inner_obj = 0;
	return 0;
}

SEC("?uprobe")
int uprobe_tls_read(struct pt_regs *ctx)
{
	own_stack(ctx);
	return tls_enter(ctx, RED_TLS_READ, 0, 0);
}

SEC("?uprobe")
int uprobe_tls_write(struct pt_regs *ctx)
{
	own_stack(ctx);
	return tls_enter(ctx, RED_TLS_WRITE, 0, 0);
}

SEC("?uprobe")
int uprobe_tls_read_ex(struct pt_regs *ctx)
{
	own_stack(ctx);
	return tls_enter(ctx, RED_TLS_READ_EX, 0, PT_REGS_PARM4(ctx));
}

/* OpenSSL's ssl_read_internal(), which SSL_read and SSL_read_ex are made of: where it is
 * known, it has the probes of both (uprobes/tls_inner.c). */
SEC("?uprobe")
int uprobe_tls_read_inner(struct pt_regs *ctx)
{
	own_stack(ctx);
	return tls_enter(ctx, RED_TLS_READ_INNER, 0, PT_REGS_PARM4(ctx));
}

SEC("?uprobe")
int uprobe_tls_write_ex(struct pt_regs *ctx)
{
	own_stack(ctx);
	return tls_enter(ctx, RED_TLS_WRITE_EX, 0, PT_REGS_PARM4(ctx));
}

SEC("?uprobe")
int uprobe_tls_write_ex2(struct pt_regs *ctx)
{
	own_stack(ctx);
	return tls_enter(ctx, RED_TLS_WRITE_EX, 0, PT_REGS_PARM5(ctx));
}

SEC("?uprobe")
int uprobe_tls_read_early(struct pt_regs *ctx)
{
	own_stack(ctx);
	return tls_enter(ctx, RED_TLS_READ_EARLY, 0, PT_REGS_PARM4(ctx));
}

SEC("?uprobe")
int uprobe_tls_send_early(struct pt_regs *ctx)
{
	own_stack(ctx);
	return tls_enter(ctx, RED_TLS_SEND_EARLY, 0, 0);
}

SEC("?uprobe")
int uprobe_tls_sendfile(struct pt_regs *ctx)
{
	own_stack(ctx);
	return tls_enter(ctx, RED_TLS_SENDFILE, 0, 0);
}

SEC("?uprobe")
int uprobe_tls_handshake(struct pt_regs *ctx)
{
	own_stack(ctx);
	return tls_enter(ctx, RED_TLS_OTHER, 0, 0);
}

SEC("?uprobe")
int uprobe_tls_shutdown(struct pt_regs *ctx)
{
	own_stack(ctx);
	return tls_enter(ctx, RED_TLS_SHUTDOWN, 0, 0);
}

/* NSPR's functions are for all descriptors, TLS or not. */
SEC("?uprobe")
int uprobe_nspr_read(struct pt_regs *ctx)
{
	own_stack(ctx);
	return tls_enter(ctx, RED_TLS_READ, RED_TLS_STRICT, 0);
}

SEC("?uprobe")
int uprobe_nspr_write(struct pt_regs *ctx)
{
	own_stack(ctx);
	return tls_enter(ctx, RED_TLS_WRITE, RED_TLS_STRICT, 0);
}

#define PR_MSG_PEEK 2

SEC("?uprobe")
int uprobe_nspr_recv(struct pt_regs *ctx)
{
	__u32 kind = PT_REGS_PARM4(ctx) & PR_MSG_PEEK ? RED_TLS_OTHER : RED_TLS_READ;

	own_stack(ctx);
	return tls_enter(ctx, kind, RED_TLS_STRICT, 0);
}

/* rustls: PlaintextSink::write(&mut self, &[u8]), ::write_vectored(&mut self, &[IoSlice]). */
SEC("?uprobe")
int uprobe_rustls_write(struct pt_regs *ctx)
{
	own_stack(ctx);
	return tls_enter(ctx, RED_TLS_RUST_WRITE, 0, 0);
}

SEC("?uprobe")
int uprobe_rustls_writev(struct pt_regs *ctx)
{
	own_stack(ctx);
	return tls_enter(ctx, RED_TLS_RUST_WRITEV, 0, 0);
}

/* Before 0.23: Reader::read(&mut self, &mut [u8]). The Reader is on the stack; what it
 * points to is in the connection, so far behind its beginning. Were it elsewhere, reads
 * and writes would look like two objects, which is slower, not wrong. */
#define RUSTLS_RECEIVED_PLAINTEXT 0x48

SEC("?uprobe")
int uprobe_rustls_read(struct pt_regs *ctx)
{
	__u64 id = bpf_get_current_pid_tgid(), obj = 0;
	struct red_tls_key key = { .who = id, .tgid = id >> 32 };
	struct red_tls_call *call;

	own_stack(ctx);
	tls_enter(ctx, RED_TLS_RUST_READ, 0, 0);
	call = bpf_map_lookup_elem(&tls_calls, &key);
	if (!call || call->sp != PT_REGS_SP(ctx) || call->kind != RED_TLS_RUST_READ)
		return 0;
	bpf_probe_read_user(&obj, sizeof(obj), (void *)PT_REGS_PARM1(ctx));
	call->obj = obj - RUSTLS_RECEIVED_PLAINTEXT;
	return 0;
}

/* Since 0.23: CommonState::take_received_plaintext(&mut self, Payload), which takes it
 * all. A payload is a Vec's capacity (or a mark), pointer, length. */
SEC("?uprobe")
int uprobe_rustls_take(struct pt_regs *ctx)
{
	__u64 id = bpf_get_current_pid_tgid(), payload[3] = {};
	struct red_tls_key key = { .who = id, .tgid = id >> 32 };
	struct red_tls_frame done = {};
	struct red_tls_call *call;

	own_stack(ctx);
	if (!is_target(id >> 32) ||
	    bpf_probe_read_user(payload, sizeof(payload), (void *)PT_REGS_PARM2(ctx)) ||
	    !payload[2] || payload[2] > 0x7fffffff)
		return 0;
	done.obj = PT_REGS_PARM1(ctx);
	done.buf = payload[1];
	done.kind = RED_TLS_RUST_READ;
	call = bpf_map_lookup_elem(&tls_calls, &key);
	rust_adopt(call, done.obj, id >> 32, RED_WIRE_TAKEN);
	tls_moved_in(&done, payload[2]);
	return 0;
}

/* .NET's CryptoNative_BioWrite(BIO *, const void *, int): the same method goes on to let the
 * object of that BIO read it, on this thread. No such bytes came, or they came to two:
 * nothing is known. */
SEC("?uprobe")
int uprobe_tls_feed(struct pt_regs *ctx)
{
	__u64 id = bpf_get_current_pid_tgid(), n = (__u32)PT_REGS_PARM3(ctx);
	__u64 record = PT_REGS_PARM2(ctx);
	struct red_tls_head head = { .tgid = id >> 32 };
	struct red_tls_came *came;
	struct red_tls_call *call;
	struct red_conn *c;

	own_stack(ctx);
	if (!is_target(id >> 32))
		return 0;
	call = thread_call(id);
	if (!call || is_inner(ctx, call))
		return 0;
	call->last_sk = 0;
	if (n < TLS_HEADER + RED_FED_LEAST)
		return 0;
	n -= TLS_HEADER;
	BOUND(n, RED_FED_BYTES);
	if (bpf_probe_read_user(head.bytes, n, (void *)(record + TLS_HEADER)))
		return 0;
	came = bpf_map_lookup_elem(&tls_came, &head);
	if (!came || !came->conn_id)
		return 0;
	call->last_sk = came->sk;
	call->last_id = came->conn_id;
	bpf_map_delete_elem(&tls_came, &head);
	c = bpf_map_lookup_elem(&conns, &call->last_sk);
	if (c && c->id == call->last_id)
		c->wire |= RED_WIRE_TLS;
	return 0;
}

/* The next object may have this one's address, if this was its last owner. */
SEC("?uprobe")
int uprobe_tls_free(struct pt_regs *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct red_tls_key key = { .who = PT_REGS_PARM1(ctx), .tgid = id >> 32 };
	struct red_tls_conn *o;

	own_stack(ctx);
	if (!is_target(id >> 32))
		return 0;
	o = bpf_map_lookup_elem(&tls_objs, &key);
	if (o)
		o->released = 1;
	return 0;
}

static __always_inline void call_frame(const struct red_tls_call *call, struct red_tls_frame *f)
{
	f->obj = call->obj;
	f->buf = call->buf;
	f->len = call->len;
	f->aux = call->aux;
	f->kind = call->kind;
	f->flags = call->flags;
	f->nested = call->nested;
	f->told = call->told;
}

/* The call that returns to `sp`, which is over with this. -1: none that is known. */
static __always_inline int call_take(struct red_tls_call *call, __u64 sp, struct red_tls_frame *f)
{
	if (!call->obj)
		return -1;
	if (call->inner_obj && call->inner_sp + RED_RET_SP == sp) {
		f->obj = call->inner_obj;
		f->buf = call->inner_buf;
		f->len = call->inner_len;
		f->aux = call->inner_aux;
		f->kind = call->inner_kind;
		f->flags = call->flags;
		f->nested = call->inner_nested;
		call->inner_obj = 0;
		return 1;
	}
	if (call->sp + RED_RET_SP != sp)
		return -1;
	call_frame(call, f);
	call->obj = 0;
	return 0;
}

/* Finds the connection of an object that has none, when the evidence is there. */
static __always_inline void call_adopt(struct red_tls_call *call, const struct red_tls_frame *f,
				       __u32 tgid, int inner, __u64 outer)
{
	if (inner && f->obj != outer)
		return;
	if (!call->last_sk || (!inner && f->nested) || tls_elsewhere(f->obj, tgid, 0))
		return;
	tls_adopt(call, f->obj, tgid, inner || kind_reads(f->kind));
}

SEC("?uretprobe")
int uretprobe_tls(struct pt_regs *ctx)
{
	__u64 id = bpf_get_current_pid_tgid(), outer, sk;
	struct red_tls_key key = { .who = id, .tgid = id >> 32 };
	__s64 n, ret = PT_REGS_RC(ctx);
	struct red_tls_frame f = {};
	struct red_tls_call *call;
	int inner, rust;

	own_stack(ctx);
	if (!is_target(id >> 32))
		return 0;
	call = bpf_map_lookup_elem(&tls_calls, &key);
	if (!call)
		return 0;
	outer = call->obj;
	inner = call_take(call, PT_REGS_SP(ctx), &f);
	if (inner < 0)
		return 0;
	n = call_bytes(&f, ret, RED_REGS_SECOND(ctx));
	rust = f.kind >= RED_TLS_RUST_READ;
	if (f.kind == RED_TLS_RUST_READ && (n <= 0 || rust_taken(call, f.obj, id >> 32)))
		return 0;
	if (f.kind == RED_TLS_RUST_READ)
		rust_adopt(call, f.obj, id >> 32, 0);
	else if (!rust)
		call_adopt(call, &f, id >> 32, inner, outer);
	if (!rust && !inner)
		call->last_sk = 0;
	if (n > 0 && f.kind > RED_TLS_RUST_READ && !tls_conn(f.obj, id >> 32, &sk)) {
		call->parked = f.obj;
		call->n = n;
		return 0;
	}
	if (n > 0 && !f.told)
		tls_moved(&f, n, !f.nested);
	else if ((f.kind == RED_TLS_READ || f.kind == RED_TLS_READ_INNER) && !(__s32)ret && f.len)
		tls_ended(f.obj, id >> 32, RED_DIR_IN);
	else if (f.kind == RED_TLS_SHUTDOWN && (__s32)ret >= 0)
		tls_ended(f.obj, id >> 32, RED_DIR_OUT);
	return 0;
}

/* ---- Go: crypto/tls -------------------------------------------------------------------
 * No uretprobe: the runtime moves stacks. A uprobe at each RET instruction is as good.
 * Calls belong to goroutines, which change threads. What is written is told at the
 * entry, when its connection is known already: another goroutine may read the answer
 * before this one returns. Nothing says that an object is gone; one whose connection was
 * closed is taken for the next at its address. */

#define RED_GO_STACK_HI 8 /* g.stack.hi, runtime/runtime2.go: the first two words are the stack */

struct go_args {
	__u64 g, depth, obj, buf, len;
};

static __always_inline __u64 go_goroutine(struct pt_regs *ctx, __u32 target)
{
	return target & RED_TARGET_GO_STACK ? current_goroutine(target) : RED_GO_G(ctx);
}

/* How deep in its goroutine's stack a function was called, wherever that stack is. At its RET it is
 * as deep as at its entry, so which call ends is known however often a probe of it runs. */
static __always_inline int go_depth(struct pt_regs *ctx, __u64 g, __u64 *depth)
{
	if (bpf_probe_read_user(depth, sizeof(*depth), (void *)(g + RED_GO_STACK_HI)))
		return -1;
	*depth -= PT_REGS_SP(ctx);
	return 0;
}

static __always_inline int go_args(struct pt_regs *ctx, __u32 target, struct go_args *a)
{
	a->g = go_goroutine(ctx, target);
	if (go_depth(ctx, a->g, &a->depth))
		return -1;
	if (target & RED_TARGET_GO_STACK)
		return bpf_probe_read_user(&a->obj, 3 * sizeof(__u64),
					   (void *)(PT_REGS_SP(ctx) + RED_GO_STACK_ARGS));
	a->obj = RED_GO_ARG1(ctx);
	a->buf = RED_GO_ARG2(ctx);
	a->len = RED_GO_ARG3(ctx);
	return 0;
}

/* Returns the call when it is not inside another of the same goroutine. */
static __always_inline struct red_tls_call *go_enter(struct pt_regs *ctx, __u64 id, __u32 kind)
{
	struct red_tls_key key = { .tgid = id >> 32, .goroutine = 1 };
	struct red_tls_call *call;
	__u32 target = target_of(id >> 32);
	struct go_args a = {};

	if (!target || go_args(ctx, target, &a))
		return 0;
	key.who = a.g;
	call = bpf_map_lookup_elem(&tls_calls, &key);
	/* What was called from no deeper is not inside: the other was left without a return (a
	 * panic), or was of an earlier goroutine at this address. */
	if (call && a.depth > call->inner_sp && (call->obj != a.obj || call->aux != kind)) {
		call->inner_obj = a.obj;
		return 0;
	}
	/* A function whose stack has to grow begins anew, as above; what it writes was told. */
	if (call && call->kind == RED_TLS_OTHER && call->buf == a.buf && call->len == a.len)
		return 0;
	/* No function is called within itself: the end of that call was not seen. */
	bpf_map_update_elem(&tls_calls, &key, &red_no_call, BPF_ANY);
	call = bpf_map_lookup_elem(&tls_calls, &key);
	if (call) {
		call->obj = a.obj;
		call->buf = a.buf;
		call->len = a.len;
		call->aux = kind;
		call->inner_sp = a.depth;
		call->kind = kind;
		return call;
	}
	tls_drop(RED_DROP_TLS_FULL);
	return 0;
}

SEC("?uprobe")
int uprobe_go_read(struct pt_regs *ctx)
{
	own_stack(ctx);
	go_enter(ctx, bpf_get_current_pid_tgid(), RED_TLS_READ);
	return 0;
}

SEC("?uprobe")
int uprobe_go_handshake(struct pt_regs *ctx)
{
	own_stack(ctx);
	go_enter(ctx, bpf_get_current_pid_tgid(), RED_TLS_OTHER);
	return 0;
}

SEC("?uprobe")
int uprobe_go_write(struct pt_regs *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct red_tls_call *call = go_enter(ctx, id, RED_TLS_WRITE);
	struct red_tls_frame f = {};
	__u64 sk;

	own_stack(ctx);
	if (!call)
		return 0;
	call_frame(call, &f);
	if (!f.len || f.len > 0x7fffffff || !tls_conn(f.obj, id >> 32, &sk) ||
	    sock_closed((struct sock *)sk))
		return 0;
	call->kind = RED_TLS_OTHER;
	tls_moved_out(&f, f.len, 1);
	return 0;
}

SEC("?uprobe")
int uprobe_go_return(struct pt_regs *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct red_tls_key key = { .tgid = id >> 32, .goroutine = 1 };
	__u32 target = target_of(id >> 32);
	struct red_tls_frame f = {};
	struct red_tls_call *call;
	__s64 n = RED_GO_RESULT(ctx);
	__u64 depth;

	own_stack(ctx);
	if (!target)
		return 0;
	key.who = go_goroutine(ctx, target);
	call = bpf_map_lookup_elem(&tls_calls, &key);
	if (!call || go_depth(ctx, key.who, &depth))
		return 0;
	if (depth > call->inner_sp) {
		call->inner_obj = 0;
		return 0;
	}
	call_frame(call, &f);
	depth -= call->inner_sp;
	bpf_map_delete_elem(&tls_calls, &key);
	if (depth) /* of a call whose beginning was not seen, behind that one */
		return 0;
	if (target & RED_TARGET_GO_STACK && /* behind the receiver and a slice */
	    bpf_probe_read_user(&n, sizeof(n),
				(void *)(PT_REGS_SP(ctx) + RED_GO_STACK_ARGS + 4 * 8)))
		return 0;
	n = call_bytes(&f, n, 0);
	if (n > 0 && !f.told)
		tls_moved(&f, n, 0);
	return 0;
}

#endif /* RED_TLS_PROBES_H */
