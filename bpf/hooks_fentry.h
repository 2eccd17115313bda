/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The fentry backend: at the return of the protocol's own functions, in the task's context.
 * tcp_recvmsg lost an argument in 5.19 and another in 7.x, so the result moved; which form it is
 * comes from BTF. sendpage is how sendfile sends before 6.5. */
#ifndef RED_HOOKS_FENTRY_H
#define RED_HOOKS_FENTRY_H

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

#endif /* RED_HOOKS_FENTRY_H */
