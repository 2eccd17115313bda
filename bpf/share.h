/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The ring, and who may write how much into it when its reader falls behind.
 *
 * As long as half of it is free nobody is asked anything. From there on until three quarters
 * are free again, an episode, what each service writes is added up, and a service may not have
 * written more than is left: of what was free when the episode began one that floods takes a
 * half, two take a third each, n a (n+1)th, and as much remains for each that comes next. So
 * nothing has to be known of how many there are (Choudhury and Hahne, "Dynamic queue length
 * thresholds for shared-memory packet switches"). The reader gives room back to all.
 *
 * It is the service and not the process that has a share: who forks a hundred workers is not
 * a hundred tenants. User space says which processes are which service (`share_of`, through
 * target_set); children are their parent's until it says otherwise. Those that it has not
 * looked at yet share one.
 *
 * An eighth of the ring is not for data at all. Of that, one half is for the end of
 * connections, of which there are no more than were announced, and the last for the life
 * of processes, so that user space goes on to know whom it watches.
 */
#ifndef RED_SHARE_H
#define RED_SHARE_H

__u64 red_last_wake_ns; /* when the reader was last woken */
__u64 red_episode;      /* how many there were */
__u32 red_contested;    /* 1: one goes on */

/* By tgid, the place in `shares`; deleted when the process ends. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u32);
} share_of SEC(".maps");

/* User space maps it, as it does `stats`. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, RED_SHARES);
	__type(key, __u32);
	__type(value, struct red_share);
} shares SEC(".maps");

/* What a record is, for the room that it may have. */
enum red_room {
	RED_ROOM_DATA = 0,  /* has a share */
	RED_ROOM_STATE = 1, /* has none, but counts, as does the next */
	RED_ROOM_PROC = 2,
};

static __always_inline __u64 room_end(__u32 room)
{
	if (room == RED_ROOM_PROC)
		return red_cfg.ring_bytes;
	return red_cfg.ring_bytes - red_cfg.ring_bytes / (room == RED_ROOM_DATA ? 8 : 16);
}

static __always_inline struct red_share *share_find(__u32 tgid)
{
	__u32 *known = bpf_map_lookup_elem(&share_of, &tgid), i = known ? *known : 0;
	struct red_share *s = bpf_map_lookup_elem(&shares, &i);

	if (s && s->episode != red_episode) {
		s->episode = red_episode;
		s->bytes = 0;
	}
	return s;
}

/* Is there room for a record of `size` bytes of process `tgid`, when `used` bytes of the ring
 * wait? Only asked when they may be too many. Returns why not; RED_DROP__CNT: there is. Two
 * processors that begin or end an episode at once forget some bytes, no more. */
__noinline int share_take(__u32 tgid, __u32 room, __u64 size, __u64 used)
{
	struct red_share *s;
	__u64 end = room_end(room);

	if (!red_contested) {
		red_episode++;
		red_contested = 1;
	} else if (used < red_cfg.ring_bytes / 4) {
		red_contested = 0;
		return RED_DROP__CNT;
	}
	s = share_find(tgid);
	if (!s || used + size > end)
		return RED_DROP_RING_FULL;
	if (room == RED_ROOM_DATA && used + size + s->bytes > end) {
		__sync_fetch_and_add(&s->refused, 1);
		return RED_DROP_SHARE;
	}
	__sync_fetch_and_add(&s->bytes, size);
	return RED_DROP__CNT;
}

/* Waking the reader costs more than a record. It is woken when nothing woke it
 * for a while, or when the ring fills; in between it polls by itself. */
static __always_inline __u64 wake_flags(__u64 now, __u64 used)
{
	__u64 age = now - red_last_wake_ns;

	if (age < red_cfg.wakeup_ns && (age < 1000000 || used < red_cfg.wakeup_bytes))
		return BPF_RB_NO_WAKEUP;
	red_last_wake_ns = now;
	return BPF_RB_FORCE_WAKEUP;
}

/* Writes a record of process `tgid`. 0, or why not (enum red_drop). */
static __always_inline int ring_put(void *record, __u64 size, __u32 tgid, __u32 room, __u64 used,
				    __u64 flags)
{
	int why;

	if (red_contested || used > red_cfg.ring_bytes / 2) {
		why = share_take(tgid, room, size, used);
		if (why != RED_DROP__CNT)
			return why;
	}
	return bpf_ringbuf_output(&ring, record, size, flags) ? RED_DROP_RING_FULL : 0;
}

/* A refused record, and why: only what ring_put() says. */
static __always_inline void refuse(struct red_stat *st, int why, int shared)
{
	if (why == RED_DROP_SHARE)
		count(&st->dropped[RED_DROP_SHARE], 1, shared);
	else
		count(&st->dropped[RED_DROP_RING_FULL], 1, shared);
}

/* Writes one record of process `tgid`, and accounts for it; `h` is its first member. Returns
 * 0 when the ring took it, else why not. */
static __always_inline int emit(struct red_stat *st, struct red_hdr *h, __u64 size, __u64 now,
				__u32 tgid, __u32 room, int shared)
{
	__u64 used = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
	int why;

	h->len = size;
	h->cpu = bpf_get_smp_processor_id();
	h->ts_ns = now;
	why = ring_put(h, size, tgid, room, used, wake_flags(now, used));
	if (why) {
		refuse(st, why, shared);
		return why;
	}
	count(&st->emitted, 1, shared);
	count(&st->bytes, size, shared);
	return 0;
}

/* ---- who is which service ---------------------------------------------------------- */

/* Another service has it, and may have it in the same episode. */
static __always_inline void share_begin(__u32 place)
{
	struct red_share *s = bpf_map_lookup_elem(&shares, &place);

	if (s)
		s->bytes = 0;
}

static __always_inline void share_inherit(__u32 child, __u32 parent)
{
	__u32 *known = bpf_map_lookup_elem(&share_of, &parent), i;

	if (!known)
		return;
	i = *known;
	bpf_map_update_elem(&share_of, &child, &i, BPF_ANY);
}

static __always_inline void share_forget(__u32 tgid)
{
	bpf_map_delete_elem(&share_of, &tgid);
}

#endif /* RED_SHARE_H */
