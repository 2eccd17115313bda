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

/* At a function's entry and return: System V ABI (bpf_tracing.h has its arguments), and
 * Go's, with and without registers (go/src/cmd/compile/abi-internal.md). There the
 * goroutine is in R14; before 1.17 it is in thread-local storage, at FS - 8. */
#define RED_REGS_SECOND(r) ((r)->dx) /* of a pair that is returned */
#define RED_RET_SP         8         /* a return takes so much off the stack */
#define RED_GO_ARG1(r)     ((r)->ax)
#define RED_GO_ARG2(r)     ((r)->bx)
#define RED_GO_ARG3(r)     ((r)->cx)
#define RED_GO_RESULT(r)   ((r)->ax)
#define RED_GO_G(r)        ((r)->r14)
#define RED_GO_FIELD_G     r14
#define RED_GO_STACK_ARGS  8
#define RED_GO_G_IN_TLS    1

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
