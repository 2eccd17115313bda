/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kprobe backend: the functions of hooks_fentry.h, entry and return.
 *
 * A return probe sees no arguments: the entry leaves them in a stash, by task and direction. A
 * return for which the kernel had no probe instance left (more threads than agent/kretprobe.c can
 * ask for) is missed, and counted at the next entry. Calls under way when the probes are attached
 * are not seen: the first message on a connection whose receive was already waiting.
 *
 * On every kernel, also one of real time, these run with preemption disabled: trace_call_bpf()
 * wants it, and whoever calls it has seen to it. So the scratch is one program's alone.
 */
#ifndef RED_HOOKS_KPROBE_H
#define RED_HOOKS_KPROBE_H

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

#endif /* RED_HOOKS_KPROBE_H */
