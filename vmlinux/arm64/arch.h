/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* arm64: saved registers, and the numbers of the system calls that move bytes
 * (include/uapi/asm-generic/unistd.h). Compiled, not yet run: see docs/limits.md. */
#ifndef RED_ARCH_H
#define RED_ARCH_H

struct user_pt_regs {
	__u64 regs[31];
	__u64 sp, pc, pstate;
};

struct pt_regs {
	union {
		struct user_pt_regs user_regs;
		struct {
			u64 regs[31];
			u64 sp, pc, pstate;
		};
	};
	u64 orig_x0;
	s32 syscallno;
} __attribute__((preserve_access_index));

#define RED_REGS_NR(r)   ((r)->syscallno)
#define RED_REGS_ARG1(r) ((r)->orig_x0)
#define RED_REGS_ARG2(r) ((r)->regs[1])
#define RED_REGS_ARG3(r) ((r)->regs[2])
#define RED_REGS_ARG4(r) ((r)->regs[3])

/* The same where the pointer has no type (BPF_CORE_READ). */
#define RED_REGS_FIELD_NR   syscallno
#define RED_REGS_FIELD_ARG2 regs[1]
#define RED_REGS_FIELD_ARG3 regs[2]

/* As in x86/arch.h. Go on arm64 keeps the goroutine in R28 with either ABI. */
#define RED_REGS_SECOND(r) ((r)->regs[1])
#define RED_RET_SP         0
#define RED_GO_ARG1(r)     ((r)->regs[0])
#define RED_GO_ARG2(r)     ((r)->regs[1])
#define RED_GO_ARG3(r)     ((r)->regs[2])
#define RED_GO_RESULT(r)   ((r)->regs[0])
#define RED_GO_G(r)        ((r)->regs[28])
#define RED_GO_FIELD_G     regs[28]
#define RED_GO_STACK_ARGS  8
#define RED_GO_G_IN_TLS    0

#define RED_THREAD_SIZE 16384
#define RED_REGS_SIZE   336

#define RED_TS_COMPAT 0 /* compat tasks have their own numbers; not told apart */

enum red_syscall_nr {
	NR_read = 63,
	NR_write = 64,
	NR_readv = 65,
	NR_writev = 66,
	NR_sendfile = 71,
	NR_splice = 76,
	NR_sendto = 206,
	NR_recvfrom = 207,
	NR_sendmsg = 211,
	NR_recvmsg = 212,
	NR_recvmmsg = 243,
	NR_sendmmsg = 269,
};

#endif /* RED_ARCH_H */
