/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Maps, configuration and accounting shared by all programs. Sizes marked 1
 * are set by user space before load (agent/loader.c). */
#ifndef RED_MAPS_H
#define RED_MAPS_H

const volatile struct red_config red_cfg = {};

/* Selected processes, one byte (enum red_target) a tgid, 64 to an element. An array index costs
 * 4 ns where a hash look-up costs 30; bytes, because setting a bit would need
 * an atomic OR, which BPF has only since 5.12. Written by fork, exit and listen,
 * and by user space through target_set. */
struct red_targets {
	__u8 on[64];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct red_targets);
} targets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

/* A row for each CPU, of an element for each hook. User space maps it: while a process
 * looks a map up by a system call, the kernel runs no program of a perf tracepoint or
 * kprobe on that processor (bpf_disable_instrumentation), also for those that take
 * the processor from it meanwhile; what they do then would be lost. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct red_stat);
} stats SEC(".maps");

__u32 red_conns_cnt; /* entries of `conns`, which user space need not count */

__u8 red_ports[65536 / 8]; /* listening on one of these makes a target */

/* With propagation: sockets leave the sockhash at each send (propagate.h). */
__u32 red_prop_once;
__u32 red_prop_leaves; /* there is one that does, with or without it */

static __always_inline struct red_stat *stat_of(__u32 hook)
{
	__u32 i = bpf_get_smp_processor_id() * RED_HOOK__CNT + hook;

	return bpf_map_lookup_elem(&stats, &i);
}

static __always_inline __u8 *target_byte(__u32 tgid)
{
	__u32 i = tgid >> 6;
	struct red_targets *t = bpf_map_lookup_elem(&targets, &i);

	return t ? &t->on[tgid & 63] : 0;
}

/* enum red_target; 0: not selected. */
static __always_inline __u32 target_of(__u32 tgid)
{
	__u8 *on = target_byte(tgid);

	return on && *on & RED_TARGET_ON ? *on : 0;
}

static __always_inline int is_target(__u32 tgid)
{
	return target_of(tgid);
}

/* Since 6.0 uprobe programs can be preempted, by others and by those of sockets, on
 * the same processor: what both count, in rows STATE and TLS, takes an atomic. */
static __always_inline void count(__u64 *n, __u64 by, int shared)
{
	if (shared)
		__sync_fetch_and_add(n, by);
	else
		*n += by;
}

static __always_inline void drop(struct red_stat *st, enum red_drop why)
{
	st->dropped[why]++;
}

#endif /* RED_MAPS_H */
