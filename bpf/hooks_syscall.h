/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The syscall backend: at the exit of every system call of every process. Works on any kernel with
 * BTF and taxes each system call by 50-75 ns. From the descriptor through the task's file table to
 * the sock; blind to io_uring, whose calls never return through here. */
#ifndef RED_HOOKS_SYSCALL_H
#define RED_HOOKS_SYSCALL_H

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
	if (!sk || flags & MSG_ERRQUEUE)
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
	if (dir < 0 || task_is_compat())
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

#endif /* RED_HOOKS_SYSCALL_H */
