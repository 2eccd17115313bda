/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the BPF side is told before it is loaded: the sizes of its maps, and its constants. */
#ifndef RED_LOADER_CONFIG_H
#define RED_LOADER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend.h"
#include "redeye.h"

struct btf;
struct redeye_bpf;

struct loader_config {
	enum backend_id backend; /* AUTO: the first that loads and attaches */
	uint32_t max_connections;
	uint64_t ring_bytes;
	const struct selection *include, *exclude; /* see loader__set_ports; NULL: no ports */
	bool watch_cgroups; /* a move to another cgroup may select a process */
	bool bpf_stats;     /* have the kernel time each program, while we run */
	bool tls;           /* look for TLS; load the uprobes' programs, when they are asked for */
	struct red_trace_key trace_key;
	bool propagate;            /* load what propagate.c attaches */
	bool sample_parent;        /* what a parent decided about sampling stands */
	uint64_t sample_threshold; /* see red_config */
	bool reads_w3c;            /* traceparent is among what is read of requests */
	const char *debug_header;  /* NULL: none; at most 31 characters are of use */
};

/* Of an object that is open and not yet loaded; btf: the kernel's. */
void loader_config__apply(const struct loader_config *c, const struct btf *btf,
			  struct redeye_bpf *s);

#endif /* RED_LOADER_CONFIG_H */
