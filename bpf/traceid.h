/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The trace and span ids of a request that redeye gives ids to: a keyed function
 * of where it is: the connection, and the TLS layer and offset of its first byte in
 * its direction. So the BPF programs, which write them into requests (propagate.h),
 * and user space, which writes them into spans, come to the same ids without a
 * word between them, and a replay, whose key is zero, gives the same every time.
 *
 * The key is drawn at each start; conn_id is never reused before the next. The
 * mixer is the finalizer of MurmurHash3 (Appleby, public domain), which passes
 * avalanche tests: ids are unique and even, not secret.
 */
#ifndef RED_TRACEID_H
#define RED_TRACEID_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

struct red_trace_key {
	__u64 k[2];
};

enum red_id_kind {
	RED_ID_SPAN = 1,
	RED_ID_TRACE_HI = 2,
	RED_ID_TRACE_LO = 3,
};

static inline __attribute__((always_inline)) __u64 red_mix(__u64 x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	x ^= x >> 33;
	return x;
}

/* Offsets begin anew with each layer (struct red_ev_data). On the wire it is the offset. */
static inline __attribute__((always_inline)) __u64 red_place(__u16 layer, __u64 off)
{
	return (__u64)layer << 48 | off;
}

/* Never zero. Its bytes are, the highest first, those of the id. */
static inline __attribute__((always_inline)) __u64
red_id(const struct red_trace_key *key, __u64 conn_id, __u64 place, enum red_id_kind kind)
{
	__u64 x = red_mix(conn_id ^ key->k[0]);

	x = red_mix(x ^ place ^ key->k[1]);
	x = red_mix(x + kind * 0x9e3779b97f4a7c15ULL);
	return x ? x : 1;
}

#endif /* RED_TRACEID_H */
