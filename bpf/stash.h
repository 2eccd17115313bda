/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls that have begun and not returned: what their return probes need (hooks_kprobe.h). */
#ifndef RED_STASH_H
#define RED_STASH_H

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

/* It never returned: its return was missed, or its process was deselected meanwhile. */
static __always_inline void stash_thread_gone(__u32 tgid, __u32 tid)
{
	__u64 id = (__u64)tgid << 32 | tid, in = stash_key(id, RED_DIR_IN);
	__u64 out = stash_key(id, RED_DIR_OUT);

	bpf_map_delete_elem(&stash, &in);
	bpf_map_delete_elem(&stash, &out);
}

#endif /* RED_STASH_H */
