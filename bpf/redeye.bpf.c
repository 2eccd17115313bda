// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * redeye's BPF programs: thin shims that name a hook and call the state
 * machine. Read in this order: redeye.h (the records), maps.h (configuration,
 * accounting), share.h (the ring), capture.h (where the bytes are), conn.h and moved.h (what a call
 * is worth), frames.h and conn_frames.h (and one of HTTP/2), tls.h (plaintext and its
 * socket), io.h, this file (which hook, in what context, what it misses), tls_probes.h
 * (the uprobes), process.h (life and death).
 *
 * Four backends see the same calls:
 *   sock     sock_send_length, sock_recv_length tracepoints   Linux 6.3+
 *   fentry   fexit on the TCP and UNIX send and receive functions
 *   kprobe   kprobe + kretprobe on the same functions
 *   syscall  the sys_exit tracepoint, for all system calls
 * User space attaches one of them, the connection state tracepoint, and the
 * process tracepoints. All are optional: what the kernel refuses costs only
 * its own feature (agent/loader.c).
 *
 * Every program asks is_target() before it touches anything else.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "redeye.h"
#include "maps.h"
#include "share.h"
#include "capture.h"
#include "header.h"
#include "context.h"
#include "frames.h"
#include "tls_objects.h"
#include "conn.h"
#include "conn_frames.h"
#include "moved.h"
#include "tls.h"
#include "io.h"
#include "tls_probes.h"
#include "propagate.h"
#include "process.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/* Turns an address into a typed pointer that may be read directly (6.2+). */
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;

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

	if (ret == -EAGAIN || !sk)
		return 0;
	id = bpf_get_current_pid_tgid();
	target = target_of(id >> 32);
	if (!target)
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
	if (dir == RED_DIR_IN && msg_flags & MSG_TRUNC)
		s->call.kind = RED_BUF_NONE;
	conn_io(sk, direct, dir, ret, s, st, id, target);
	return 0;
}

/* ---- sock: at the end of sock_sendmsg and sock_recvmsg, task context -------
 * Sees every socket call incl. read, write, sendfile and splice (6.5+) and
 * io_uring; the last three without payload. No cost for other system calls. */

SEC("?tp_btf/sock_send_length")
int BPF_PROG(tp_sock_send, struct sock *sk, int ret, int flags)
{
	return sock_moved(sk, 1, RED_DIR_OUT, ret, 0);
}

SEC("?tp_btf/sock_recv_length")
int BPF_PROG(tp_sock_recv, struct sock *sk, int ret, int flags)
{
	return sock_moved(sk, 1, RED_DIR_IN, ret, flags);
}

/* Since 7.0 a task may be preempted within a tracepoint. A raw tracepoint program
 * that another task then starts on the same processor is not run, and the call it
 * should have seen is lost. A perf tracepoint keeps the processor, which costs
 * some 50 ns more: there these take the place of the two above. */

#define TYPED(ptr, type) ((struct type *)bpf_rdonly_cast(ptr, bpf_core_type_id_kernel(struct type)))

SEC("?tp/sock/sock_send_length")
int perf_sock_send(struct trace_event_raw_sock_msg_length *ctx)
{
	if (!bpf_rdonly_cast)
		return 0;
	return sock_moved(TYPED(ctx->sk, sock), 1, RED_DIR_OUT, ctx->ret, 0);
}

SEC("?tp/sock/sock_recv_length")
int perf_sock_recv(struct trace_event_raw_sock_msg_length *ctx)
{
	if (!bpf_rdonly_cast)
		return 0;
	return sock_moved(TYPED(ctx->sk, sock), 1, RED_DIR_IN, ctx->ret, ctx->flags);
}

/* ---- fentry: at the return of the protocol's own functions, task context ----
 * tcp_recvmsg lost an argument in 5.19 and another in 7.x, so the result moved;
 * which form it is comes from BTF. sendpage is how sendfile sends before 6.5. */

SEC("?fexit/tcp_sendmsg")
int BPF_PROG(fexit_tcp_sendmsg, struct sock *sk, struct msghdr *msg, unsigned long size, int ret)
{
	return sock_moved(sk, 1, RED_DIR_OUT, ret, 0);
}

/* What a socket in the sockhash sends goes by here and not by tcp_sendmsg
 * (propagate.h); what it receives still comes by tcp_recvmsg. */
SEC("?fexit/tcp_bpf_sendmsg")
int BPF_PROG(fexit_tcp_bpf_sendmsg, struct sock *sk, struct msghdr *msg, unsigned long size,
	     int ret)
{
	return sock_moved(sk, 1, RED_DIR_OUT, ret, 0);
}

SEC("?fexit/tcp_bpf_sendpage")
int BPF_PROG(fexit_tcp_bpf_sendpage, struct sock *sk, void *page, int offset, unsigned long size,
	     int flags, int ret)
{
	return sock_moved(sk, 1, RED_DIR_OUT, ret, 0);
}

SEC("?fexit/tcp_recvmsg")
int fexit_tcp_recvmsg(unsigned long long *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];

	if (red_cfg.recvmsg_nargs == 6)
		return sock_moved(sk, 1, RED_DIR_IN, (int)ctx[6], (int)ctx[4]);
	if (red_cfg.recvmsg_nargs == 5)
		return sock_moved(sk, 1, RED_DIR_IN, (int)ctx[5], (int)ctx[3]);
	return sock_moved(sk, 1, RED_DIR_IN, (int)ctx[4], (int)ctx[3]);
}

SEC("?fexit/tcp_sendpage")
int BPF_PROG(fexit_tcp_sendpage, struct sock *sk, void *page, int offset, unsigned long size,
	     int flags, int ret)
{
	return sock_moved(sk, 1, RED_DIR_OUT, ret, 0);
}

SEC("?fexit/tcp_splice_read")
int BPF_PROG(fexit_tcp_splice_read, struct socket *so, void *ppos, void *pipe, unsigned long len,
	     unsigned int flags, long ret)
{
	return sock_moved(so->sk, 1, RED_DIR_IN, ret, 0);
}

SEC("?fexit/unix_stream_sendmsg")
int BPF_PROG(fexit_unix_sendmsg, struct socket *so, struct msghdr *msg, unsigned long len, int ret)
{
	return sock_moved(so->sk, 1, RED_DIR_OUT, ret, 0);
}

SEC("?fexit/unix_stream_recvmsg")
int BPF_PROG(fexit_unix_recvmsg, struct socket *so, struct msghdr *msg, unsigned long len,
	     int flags, int ret)
{
	return sock_moved(so->sk, 1, RED_DIR_IN, ret, flags);
}

SEC("?fexit/unix_stream_sendpage")
int BPF_PROG(fexit_unix_sendpage, struct socket *so, void *page, int offset, unsigned long size,
	     int flags, int ret)
{
	return sock_moved(so->sk, 1, RED_DIR_OUT, ret, 0);
}

/* ---- kprobe: the same functions, entry and return ---------------------------
 * A return probe sees no arguments: the entry leaves them in a stash, by task
 * and direction. A return for which the kernel had no probe instance left (more
 * threads than agent/kretprobe.c can ask for) is missed, and counted at the next
 * entry. Calls under way when the probes are attached are not seen: the first
 * message on a connection whose receive was already waiting. */

struct red_stash {
	__u64 sk;
	__u32 flags;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct red_stash);
} stash SEC(".maps");

/* A thread id fits 22 bits, so the direction can sit in the top bit. */
static __always_inline __u64 stash_key(__u64 id, int dir)
{
	return id | (__u64)dir << 63;
}

static __always_inline int stash_put(struct sock *sk, int dir, int flags)
{
	__u64 id = bpf_get_current_pid_tgid(), key = stash_key(id, dir);
	struct red_stash v = { .sk = (__u64)sk, .flags = flags };
	struct red_stat *st = stat_of(hook_of(dir));

	if (!is_target(id >> 32) || !st)
		return 0;
	if (bpf_map_lookup_elem(&stash, &key)) { /* the last call never returned here */
		st->observed++;
		drop(st, RED_DROP_MISSED);
	}
	if (bpf_map_update_elem(&stash, &key, &v, BPF_ANY)) {
		st->observed++;
		drop(st, RED_DROP_STASH_FULL);
	}
	return 0;
}

static __always_inline int stash_take(int dir, __s64 ret)
{
	__u64 id = bpf_get_current_pid_tgid(), key = stash_key(id, dir);
	struct red_stash *v, got;

	if (!is_target(id >> 32))
		return 0;
	v = bpf_map_lookup_elem(&stash, &key);
	if (!v)
		return 0;
	got = *v;
	bpf_map_delete_elem(&stash, &key);
	return sock_moved((struct sock *)got.sk, 0, dir, ret, got.flags);
}

SEC("?kprobe/tcp_sendmsg")
int BPF_KPROBE(kprobe_tcp_sendmsg, struct sock *sk)
{
	return stash_put(sk, RED_DIR_OUT, 0);
}

SEC("?kretprobe/tcp_sendmsg")
int BPF_KRETPROBE(kretprobe_tcp_sendmsg, int ret)
{
	return stash_take(RED_DIR_OUT, ret);
}

SEC("?kprobe/tcp_bpf_sendmsg")
int BPF_KPROBE(kprobe_tcp_bpf_sendmsg, struct sock *sk)
{
	return stash_put(sk, RED_DIR_OUT, 0);
}

SEC("?kretprobe/tcp_bpf_sendmsg")
int BPF_KRETPROBE(kretprobe_tcp_bpf_sendmsg, int ret)
{
	return stash_take(RED_DIR_OUT, ret);
}

SEC("?kprobe/tcp_bpf_sendpage")
int BPF_KPROBE(kprobe_tcp_bpf_sendpage, struct sock *sk)
{
	return stash_put(sk, RED_DIR_OUT, 0);
}

SEC("?kretprobe/tcp_bpf_sendpage")
int BPF_KRETPROBE(kretprobe_tcp_bpf_sendpage, int ret)
{
	return stash_take(RED_DIR_OUT, ret);
}

SEC("?kprobe/tcp_recvmsg")
int BPF_KPROBE(kprobe_tcp_recvmsg, struct sock *sk, void *msg, unsigned long len, int a4, int a5)
{
	return stash_put(sk, RED_DIR_IN, red_cfg.recvmsg_nargs == 6 ? a5 : a4);
}

SEC("?kretprobe/tcp_recvmsg")
int BPF_KRETPROBE(kretprobe_tcp_recvmsg, int ret)
{
	return stash_take(RED_DIR_IN, ret);
}

SEC("?kprobe/tcp_sendpage")
int BPF_KPROBE(kprobe_tcp_sendpage, struct sock *sk)
{
	return stash_put(sk, RED_DIR_OUT, 0);
}

SEC("?kretprobe/tcp_sendpage")
int BPF_KRETPROBE(kretprobe_tcp_sendpage, int ret)
{
	return stash_take(RED_DIR_OUT, ret);
}

SEC("?kprobe/tcp_splice_read")
int BPF_KPROBE(kprobe_tcp_splice_read, struct socket *so)
{
	return stash_put(BPF_CORE_READ(so, sk), RED_DIR_IN, 0);
}

SEC("?kretprobe/tcp_splice_read")
int BPF_KRETPROBE(kretprobe_tcp_splice_read, long ret)
{
	return stash_take(RED_DIR_IN, ret);
}

SEC("?kprobe/unix_stream_sendmsg")
int BPF_KPROBE(kprobe_unix_sendmsg, struct socket *so)
{
	return stash_put(BPF_CORE_READ(so, sk), RED_DIR_OUT, 0);
}

SEC("?kretprobe/unix_stream_sendmsg")
int BPF_KRETPROBE(kretprobe_unix_sendmsg, int ret)
{
	return stash_take(RED_DIR_OUT, ret);
}

SEC("?kprobe/unix_stream_recvmsg")
int BPF_KPROBE(kprobe_unix_recvmsg, struct socket *so, void *msg, unsigned long len, int flags)
{
	return stash_put(BPF_CORE_READ(so, sk), RED_DIR_IN, flags);
}

SEC("?kretprobe/unix_stream_recvmsg")
int BPF_KRETPROBE(kretprobe_unix_recvmsg, int ret)
{
	return stash_take(RED_DIR_IN, ret);
}

SEC("?kprobe/unix_stream_sendpage")
int BPF_KPROBE(kprobe_unix_sendpage, struct socket *so)
{
	return stash_put(BPF_CORE_READ(so, sk), RED_DIR_OUT, 0);
}

SEC("?kretprobe/unix_stream_sendpage")
int BPF_KRETPROBE(kretprobe_unix_sendpage, int ret)
{
	return stash_take(RED_DIR_OUT, ret);
}

/* ---- syscall: at the exit of every system call of every process -------------
 * Works on any kernel with BTF and taxes each system call by 50-75 ns. From the
 * descriptor through the task's file table to the sock; blind to io_uring,
 * whose calls never return through here. */

/* The file behind a descriptor of the current task; 0 if there is none. */
static __always_inline struct file *fd_file(__u32 fd)
{
	struct task_struct *t = (struct task_struct *)bpf_get_current_task();
	struct fdtable *fdt = BPF_CORE_READ(t, files, fdt);
	struct file **files = BPF_CORE_READ(fdt, fd), *f = 0;

	if (fd < BPF_CORE_READ(fdt, max_fds))
		bpf_probe_read_kernel(&f, sizeof(f), files + fd);
	return f;
}

static __always_inline struct file *fd_file_direct(__u32 fd)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct fdtable *fdt = t->files->fdt;
	struct file *f = 0;

	if (fd < fdt->max_fds)
		bpf_probe_read_kernel(&f, sizeof(f), (void *)((__u64)fdt->fd + fd * 8ULL));
	return f;
}

static __always_inline struct sock *fd_sock_direct(__u32 fd)
{
	struct file *f = fd_file_direct(fd);
	struct socket *so;

	if (!f)
		return 0;
	f = TYPED(f, file);
	if ((f->f_inode->i_mode & S_IFMT) != S_IFSOCK)
		return 0;
	so = TYPED(f->private_data, socket);
	return so->sk;
}

static __always_inline struct sock *fd_sock(__u32 fd)
{
	struct file *f = fd_file(fd);
	struct socket *so;

	if (!f || (BPF_CORE_READ(f, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	so = BPF_CORE_READ(f, private_data);
	return BPF_CORE_READ(so, sk);
}

/* Direction of a system call that moves bytes of descriptor arg1, -1 if it is
 * none, and its MSG_ flags. */
static __always_inline int syscall_dir(__u64 nr)
{
	switch (nr) {
	case NR_read:
	case NR_readv:
	case NR_recvfrom:
	case NR_recvmsg:
	case NR_recvmmsg:
		return RED_DIR_IN;
	case NR_write:
	case NR_writev:
	case NR_sendto:
	case NR_sendmsg:
	case NR_sendmmsg:
	case NR_sendfile:
		return RED_DIR_OUT;
	case NR_splice:
		return 2;
	default:
		return -1;
	}
}

/* A multi-message call returns how many messages; the bytes are in their
 * headers. Messages behind the first are counted, not read: stream sockets
 * have no use for them, and nobody was seen to send HTTP so. */
static __noinline __s64 mmsg_bytes(__u64 vec, __s64 n)
{
	__s64 sum = 0;
	int i;

	for (i = 0; i < 16; i++) {
		__u32 len = 0;

		if (i >= n)
			break;
		bpf_probe_read_user(
			&len, sizeof(len),
			(void *)(vec + i * sizeof(struct red_mmsghdr) + sizeof(struct red_msghdr)));
		sum += len;
	}
	return sum;
}

/* A call that returned `ret`; descriptor and direction (the highest bit) in one. Number and
 * arguments are in the scratch of its direction. Global: there are two ways to it. */
__noinline int syscall_moved(__u32 dir_fd, __s64 ret, __u32 flags)
{
	int direct = !!bpf_rdonly_cast, dir = dir_fd >> 31;
	__u64 id = bpf_get_current_pid_tgid();
	__u32 slot = dir, fd = dir_fd & 0x7fffffff, target = target_of(id >> 32);
	struct red_stat *st = stat_of(hook_of(dir));
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	struct sock *sk;

	if (!st || !s)
		return 0;
	if (direct)
		sk = fd_sock_direct(fd);
	else
		sk = fd_sock(fd);
	if (!sk)
		return 0; /* a file or pipe: not ours, not counted */
	if (ret <= 0) {
		conn_ended(sk, dir, ret);
		return 0;
	}
	st->observed++;
	if (flags & MSG_PEEK) {
		drop(st, RED_DROP_PEEK);
		return 0;
	}
	if (s->call.nr == NR_recvmmsg || s->call.nr == NR_sendmmsg) {
		__u64 vec = s->call.ptr;

		ret = mmsg_bytes(vec, ret);
		s->call.kind = RED_BUF_NONE;
		call_msghdr(&s->call, vec);
	} else {
		call_decode(&s->call, dir, s->call.nr, s->call.ptr, s->call.n);
	}
	if (flags & MSG_TRUNC)
		s->call.kind = RED_BUF_NONE;
	if (direct)
		conn_io(TYPED(sk, sock), 1, dir, ret, s, st, id, target);
	else
		conn_io(sk, 0, dir, ret, s, st, id, target);
	return 0;
}

static __always_inline int syscall_tell(struct pt_regs *r, long ret, __u32 dir, __u32 fd)
{
	struct red_scratch *s = bpf_map_lookup_elem(&scratch, &dir);
	__u64 nr = RED_REGS_NR(r), flags = 0;

	if (!s)
		return 0;
	s->call.nr = nr;
	s->call.ptr = RED_REGS_ARG2(r);
	s->call.n = RED_REGS_ARG3(r);
	if (nr == NR_recvfrom)
		flags = RED_REGS_ARG4(r);
	else if (nr == NR_recvmsg)
		flags = RED_REGS_ARG3(r);
	return syscall_moved((fd & 0x7fffffff) | dir << 31, ret, flags);
}

static __always_inline int syscall_event(struct pt_regs *regs, long ret)
{
	__u64 nr;
	int dir;

	if (!is_target(bpf_get_current_pid_tgid() >> 32) || ret == -EAGAIN)
		return 0;
	nr = RED_REGS_NR(regs);
	dir = syscall_dir(nr);
	if (dir < 0)
		return 0;
	if (dir == 2) { /* splice(in, , out, ,): either end may be the socket */
		syscall_tell(regs, ret, RED_DIR_OUT, RED_REGS_ARG3(regs));
		dir = RED_DIR_IN;
	}
	return syscall_tell(regs, ret, dir, RED_REGS_ARG1(regs));
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(tp_sys_exit, struct pt_regs *regs, long ret)
{
	return syscall_event(regs, ret);
}

/* In its place since 7.0, as perf_sock_send is. */
SEC("?tp/raw_syscalls/sys_exit")
int perf_sys_exit(struct trace_event_raw_sys_exit *ctx)
{
	struct task_struct *t = bpf_get_current_task_btf();

	return syscall_event((struct pt_regs *)bpf_task_pt_regs(t), ctx->ret);
}

/* ---- connection state: any context, also softirq -----------------------------
 * Looked up by sock, so that no other connection costs more than one hash
 * look-up per state change. UNIX sockets have no such tracepoint: conn_poll. */

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
		conn_report(c->sk, RED_HOOK_STATE, RED_EV_CLOSE, RED_REPORT(0, flags));
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
	begins = newstate == TCP_SYN_SENT ||
		 (newstate == TCP_ESTABLISHED && oldstate == TCP_SYN_RECV);
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

/* ---- life cycle ---------------------------------------------------------------- */

/* In the parent, before the child runs: it is born a target. */
SEC("?tp_btf/sched_process_fork")
int BPF_PROG(tp_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 tgid = child->tgid, target = target_of(parent->tgid);
	__u8 *on;

	if (tgid == (__u32)parent->tgid || !target)
		return 0;
	on = target_byte(tgid);
	if (on)
		*on = target & ~RED_TARGET_READY;
	share_inherit(tgid, parent->tgid);
	return proc_event(RED_EV_FORK, tgid, parent->tgid);
}

/* Every exec is told: any of them may match a glob. What was probed is not mapped any
 * more. */
SEC("?tp_btf/sched_process_exec")
int BPF_PROG(tp_exec, struct task_struct *p)
{
	__u8 *on = target_byte(p->tgid);

	if (on)
		*on &= RED_TARGET_ON;
	if (on && *on)
		return proc_exec(p);
	return proc_event(RED_EV_EXEC, p->tgid, 0);
}

/* For each thread; the process has ended with the last. */
SEC("?tp_btf/sched_process_exit")
int BPF_PROG(tp_exit, struct task_struct *p)
{
	__u32 tgid = p->tgid;
	__u8 *on = target_byte(tgid);

	if (!on || !*on)
		return 0;
	if (red_cfg.propagate)
		context_thread_gone(p->pid);
	if (*on & RED_TARGET_TLS)
		tls_thread_gone(tgid, p->pid);
	if (p->signal->live.counter > 0)
		return 0;
	*on = 0;
	if (red_cfg.propagate)
		context_process_gone(tgid);
	proc_event(RED_EV_EXIT, tgid, p->exit_code);
	share_forget(tgid);
	return 0;
}

SEC("?tp_btf/cgroup_attach_task")
int BPF_PROG(tp_cgroup, struct cgroup *to, const char *path, struct task_struct *task)
{
	return proc_event(RED_EV_CGROUP, task->tgid, 0);
}

/* ---- commands from user space: run with BPF_PROG_TEST_RUN, attached nowhere ----
 * User space must not write the maps itself: updating an element would undo what
 * was counted, or which neighbour was marked, in the meantime. */

/* args: tgid, flags (enum red_target), share. Without RED_TARGET_ON they are added to those
 * of a process that is a target; none at all: it is no target any more. With a share (a place
 * in `shares`) but 0, it is only this that is set, of a target. */
SEC("?raw_tp")
int target_set(struct bpf_raw_tracepoint_args *ctx)
{
	__u8 *on = target_byte(ctx->args[0]), flags = ctx->args[1];
	__u32 tgid = ctx->args[0], share = ctx->args[2];

	if (!on)
		return 1;
	if (share) {
		if (*on & RED_TARGET_ON)
			bpf_map_update_elem(&share_of, &tgid, &share, BPF_ANY);
		return 0;
	}
	if (!flags)
		share_forget(tgid);
	if (!flags)
		*on = 0;
	else if (flags & RED_TARGET_ON || *on & RED_TARGET_ON)
		*on |= flags;
	return 0;
}

static __always_inline int sock_gone(struct sock *sk, __u64 ident)
{
	return sock_ident(sk, 0) != ident || !BPF_CORE_READ(sk, sk_socket);
}

/* args: sock address, connection id, enum red_poll_cmd, for some a place (red_place()):
 * a mode is for the layer that user space knew of, and where the place has an offset,
 * RED_POLL_MODE_FRAMES has the bytes of DATA that are wanted. */
SEC("?raw_tp")
int conn_poll(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 key = ctx->args[0];
	__u64 id = ctx->args[1], cmd = ctx->args[2];
	struct red_conn *c = bpf_map_lookup_elem(&conns, &key);
	__u32 reset;

	if (!c || c->id != id)
		return -1;
	switch (cmd) {
	case RED_POLL_REPORT:
		if (!sock_gone((struct sock *)key, c->ident)) {
			conn_report(c->sk, RED_HOOK_POLL, RED_EV_PROGRESS, RED_REPORT(0, 0));
			return 0;
		}
		reset = c->flags & RED_CONN_RESET ? RED_STATE_RESET : RED_STATE_LOCAL;
		conn_report(c->sk, RED_HOOK_POLL, RED_EV_CLOSE, RED_REPORT(0, reset));
		conn_forget(c, key);
		return 1;
	case RED_POLL_MODE_AUTO:
	case RED_POLL_MODE_NONE:
	case RED_POLL_MODE_ALL:
		if (red_place(c->layer, 0) != ctx->args[3])
			return 0;
		if (cmd == RED_POLL_MODE_AUTO)
			c->flags &= ~RED_CONN_PIPELINED;
		c->mode = cmd;
		c->d[0].known = c->d[1].known = 0;
		return 0;
	case RED_POLL_MODE_FRAMES:
		if (c->layer != ctx->args[3] >> 48)
			return 0;
		c->data_cap = ctx->args[3];
		if (c->mode != cmd)
			conn_frames_begin(c, key);
		return 0;
	case RED_POLL_FORGET:
		conn_forget(c, key);
		return 0;
	case RED_POLL_ANSWERED:
		if (red_cfg.propagate && !(c->flags & RED_CONN_PIPELINED))
			context_close(id_of(id, ctx->args[3], RED_ID_SPAN));
		return 0;
	}
	return -1;
}
