/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The sock backend: at the end of sock_sendmsg and sock_recvmsg, in the task's context. Sees every
 * socket call incl. read, write, sendfile and splice to a socket (6.5+) and io_uring; the last
 * three without payload. Does not see splice from a socket. No cost for other system calls. */
#ifndef RED_HOOKS_SOCK_H
#define RED_HOOKS_SOCK_H

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

#endif /* RED_HOOKS_SOCK_H */
