// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a uprobe costs by itself: the trap, with a BPF program that does nothing.
 *
 * Functions of this very process are called with and without a probe on them, so nobody
 * else meets it. What a trap costs depends on the instruction that it takes the place of:
 * a few kinds (push, call, jump, nop) the kernel carries out itself, all others are
 * executed out of line with a second trap behind them. So each kind is measured.
 *
 * A line of JSON: by the way of attaching, kind of probe and instruction, ns a call on top
 * of the call; the median of rounds, the least and the greatest. x86-64 and arm64.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CALLS  800
#define ROUNDS 15
#define WARM   100

#define ATTACH_TYPE_MULTI 48 /* BPF_TRACE_UPROBE_MULTI, Linux 6.6 */
#define MULTI_RETURN      1

/* ---- functions to probe -------------------------------------------------------------- */

#define FUNCTION(name, body)                                                                       \
	__asm__(".text\n.p2align 4\n.globl " #name "\n.type " #name ", @function\n" #name          \
		":\n" body "\n.size " #name ", .-" #name "\n");                                    \
	void name(void)

#ifdef __x86_64__
FUNCTION(trap_push, "push %rbp\nmov %rsp, %rbp\npop %rbp\nret");
FUNCTION(trap_stack, "sub $0x18, %rsp\nadd $0x18, %rsp\nret");
FUNCTION(trap_ret, "ret");
#define EMULATED "push"
#define STEPPED  "sub, %rsp"
#else
FUNCTION(trap_push, "nop\nret");
FUNCTION(trap_stack, "sub sp, sp, #0x20\nadd sp, sp, #0x20\nret");
FUNCTION(trap_ret, "ret");
#define EMULATED "nop"
#define STEPPED  "sub sp"
#endif

struct kind {
	const char *name, *insn;
	void (*function)(void);
	bool ret;
};

static const struct kind kinds[] = {
	{ "entry_emulated", EMULATED, trap_push, false },
	{ "entry_stepped", STEPPED, trap_stack, false },
	{ "ret_instruction", "ret", trap_ret, false },
	{ "return_emulated", EMULATED, trap_push, true },
	{ "return_stepped", STEPPED, trap_stack, true },
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* ---- probes ---------------------------------------------------------------------------- */

/* Where the function is in /proc/self/exe; -1: nowhere. */
static int64_t offset_of(void (*function)(void))
{
	uint64_t at = (uintptr_t)function, from, to, offset;
	FILE *f = fopen("/proc/self/maps", "re");
	int64_t found = -1;
	char line[512];

	while (f && found < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx %*s %lx", &from, &to, &offset) == 3 && at >= from &&
		    at < to)
			found = at - from + offset;
	if (f)
		fclose(f);
	return found;
}

static int empty_program(bool multi)
{
	LIBBPF_OPTS(bpf_prog_load_opts, o, .expected_attach_type = multi ? ATTACH_TYPE_MULTI : 0);
	static const struct bpf_insn exit_0[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "GPL", exit_0, 2, &o);
}

static int uprobe_type(void)
{
	FILE *f = fopen("/sys/bus/event_source/devices/uprobe/type", "re");
	int type = -1;

	if (f && fscanf(f, "%d", &type) != 1)
		type = -1;
	if (f)
		fclose(f);
	return type;
}

static int attach_perf(int prog, uint64_t offset, bool ret)
{
	struct perf_event_attr a = {
		.type = uprobe_type(),
		.size = sizeof(a),
		.config = ret,
		.config1 = (uintptr_t) "/proc/self/exe",
		.config2 = offset,
	};
	int fd = syscall(SYS_perf_event_open, &a, getpid(), -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd >= 0 && !ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog) &&
	    !ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int attach_multi(int prog, uint64_t offset, bool ret)
{
	unsigned long offsets[1] = { offset };
	struct {
		uint32_t prog_fd, target_fd, attach_type, pad;
		uint64_t path, offsets, ref_ctr_offsets, cookies;
		uint32_t cnt, flags, pid, pad2;
	} a = {
		.prog_fd = prog,
		.attach_type = ATTACH_TYPE_MULTI,
		.path = (uintptr_t) "/proc/self/exe",
		.offsets = (uintptr_t)offsets,
		.cnt = 1,
		.flags = ret ? MULTI_RETURN : 0,
		.pid = getpid(),
	};

	return syscall(SYS_bpf, BPF_LINK_CREATE, &a, sizeof(a));
}

/* ---- measuring --------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static double call_ns(void (*function)(void), int calls)
{
	uint64_t start = now_ns();

	for (int i = 0; i < calls; i++)
		function();
	return (double)(now_ns() - start) / calls;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(const char *way, const struct kind *k, double bare, bool *first)
{
	double found[ROUNDS];

	call_ns(k->function, WARM);
	for (int i = 0; i < ROUNDS; i++)
		found[i] = call_ns(k->function, CALLS) - bare;
	qsort(found, ROUNDS, sizeof(*found), by_value);
	printf("%s{\"way\": \"%s\", \"kind\": \"%s\", \"instruction\": \"%s\", \"ns\": %.0f, "
	       "\"min\": %.0f, \"max\": %.0f}",
	       *first ? "" : ", ", way, k->name, k->insn, found[ROUNDS / 2], found[0],
	       found[ROUNDS - 1]);
	*first = false;
}

static void measure_way(const char *way, bool multi, bool *first)
{
	int prog = empty_program(multi);

	for (size_t i = 0; i < N_KINDS && prog >= 0; i++) {
		double bare = call_ns(kinds[i].function, 500 * CALLS);
		int64_t offset = offset_of(kinds[i].function);
		int fd = offset < 0 ? -1
			 : multi    ? attach_multi(prog, offset, kinds[i].ret)
				    : attach_perf(prog, offset, kinds[i].ret);

		if (fd < 0)
			break;
		measure(way, &kinds[i], bare, first);
		close(fd);
	}
	if (prog >= 0)
		close(prog);
}

int main(void)
{
	bool first = true;

	printf("[");
	measure_way("perf", false, &first);
	measure_way("multi", true, &first);
	printf("]\n");
	return first ? 1 : 0;
}
