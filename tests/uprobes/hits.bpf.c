// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Counts, for each process, how often it called what is probed. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

enum { ENTRIES, RETURNS, OTHERS, KINDS };

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64); /* tgid << 32 | what */
	__type(value, __u64);
} hits SEC(".maps");

static __always_inline int hit(__u64 what)
{
	__u64 key = (bpf_get_current_pid_tgid() >> 32 << 32) | what, one = 1;
	__u64 *n = bpf_map_lookup_elem(&hits, &key);

	if (n)
		__sync_fetch_and_add(n, 1);
	else
		bpf_map_update_elem(&hits, &key, &one, BPF_NOEXIST);
	return 0;
}

SEC("uprobe")
int uprobe_write(void *ctx)
{
	return hit(ENTRIES);
}

SEC("uretprobe")
int uretprobe_any(void *ctx)
{
	return hit(RETURNS);
}

SEC("uprobe")
int uprobe_other(void *ctx)
{
	return hit(OTHERS);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
