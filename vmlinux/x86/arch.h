/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* x86-64: saved registers, and the numbers of the system calls that move bytes
 * (arch/x86/entry/syscalls/syscall_64.tbl). */
#ifndef RED_ARCH_H
#define RED_ARCH_H

struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip,
		cs, flags, sp, ss;
} __attribute__((preserve_access_index));

#define RED_REGS_NR(r)   ((r)->orig_ax)
#define RED_REGS_ARG1(r) ((r)->di)
#define RED_REGS_ARG2(r) ((r)->si)
#define RED_REGS_ARG3(r) ((r)->dx)
#define RED_REGS_ARG4(r) ((r)->r10)

/* The same where the pointer has no type (BPF_CORE_READ). */
#define RED_REGS_FIELD_NR   orig_ax
#define RED_REGS_FIELD_ARG2 si
#define RED_REGS_FIELD_ARG3 dx

/* Where the registers of a system call lie on the task's kernel stack, for
 * kernels without bpf_task_pt_regs (before 5.15). */
#define RED_THREAD_SIZE 16384
#define RED_REGS_SIZE   (21 * 8)

/* thread_info.status of a task inside a 32-bit system call: its numbers and
 * arguments are another table. */
#define RED_TS_COMPAT 0x0002

enum red_syscall_nr {
	NR_read = 0,
	NR_write = 1,
	NR_readv = 19,
	NR_writev = 20,
	NR_sendfile = 40,
	NR_sendto = 44,
	NR_recvfrom = 45,
	NR_sendmsg = 46,
	NR_recvmsg = 47,
	NR_splice = 275,
	NR_recvmmsg = 299,
	NR_sendmmsg = 307,
};

#endif /* RED_ARCH_H */
