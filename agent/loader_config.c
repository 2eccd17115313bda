// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "loader_config.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "skeleton.h"

#define SERVING_MIN 131072

static uint32_t recvmsg_nargs(const struct btf *btf)
{
	const struct btf_type *t;
	int id = btf__find_by_name_kind(btf, "tcp_recvmsg", BTF_KIND_FUNC);

	if (id <= 0)
		return 5;
	t = btf__type_by_id(btf, btf__type_by_id(btf, id)->type);
	return t ? btf_vlen(t) : 5;
}

static uint32_t pid_max(void)
{
	FILE *f = fopen("/proc/sys/kernel/pid_max", "re");
	unsigned int n = 4194304;

	if (f) {
		if (fscanf(f, "%u", &n) != 1)
			n = 4194304;
		fclose(f);
	}
	return n;
}

/* The name as the kernel side compares it: lower case, with colon, in words. */
static void set_debug_header(struct red_config *cfg, const char *name)
{
	size_t n = name ? strlen(name) : 0, i;

	if (!n || n >= sizeof(cfg->debug_name))
		return;
	memset(cfg->debug_mask, 0, sizeof(cfg->debug_mask));
	memset(cfg->debug_mask, 0xff, n + 1);
	for (i = 0; i <= n; i++)
		((char *)cfg->debug_name)[i] = (i < n ? name[i] : ':') | 0x20;
	cfg->debug_len = n + 1;
}

/* User space evicts; it needs to hear of a connection before the kernel is full. */
static uint32_t conns_max(const struct loader_config *c)
{
	return c->max_connections + c->max_connections / 8 + 64;
}

/* Processes and threads that have read requests, until they end. Since 6.1, as propagation
 * needs, programs of tracing may make elements when they are needed; before that the kernel
 * warns of it. */
static void set_serving(struct bpf_map *serving, const struct loader_config *c,
			const struct btf *btf)
{
	uint32_t n = 2 * c->max_connections;

	if (btf__find_by_name_kind(btf, "bpf_mem_alloc_init", BTF_KIND_FUNC) > 0) {
		bpf_map__set_map_flags(serving, BPF_F_NO_PREALLOC);
		n = n > SERVING_MIN ? n : SERVING_MIN;
	}
	bpf_map__set_max_entries(serving, n);
}

static void set_propagation(struct redeye_bpf *s, const struct loader_config *c,
			    const struct btf *btf)
{
	struct red_config *cfg = (struct red_config *)&s->rodata->red_cfg;

	cfg->trace_key = c->trace_key;
	if (!c->propagate) {
		/* Only its own programs name them, and these stay out. */
		bpf_map__set_autocreate(s->maps.prop_hash, false);
		bpf_map__set_autocreate(s->maps.prop_socks, false);
		return;
	}
	cfg->propagate = 1;
	cfg->reads_w3c = c->reads_w3c;
	cfg->sample_parent = c->sample_parent;
	cfg->sample_threshold = c->sample_threshold;
	set_debug_header(cfg, c->debug_header);
	bpf_map__set_max_entries(s->maps.contexts, conns_max(c));
	set_serving(s->maps.serving, c, btf);
	bpf_map__set_max_entries(s->maps.regular, 8192);
	bpf_map__set_max_entries(s->maps.prop_hash, c->max_connections);
}

/* One more than the highest number that a processor may have: "0-3,8". */
static int possible_cpus(void)
{
	FILE *f = fopen("/sys/devices/system/cpu/possible", "re");
	int last = 1023, n;

	if (!f)
		return last + 1;
	while (fscanf(f, "%d", &n) == 1) {
		last = n;
		fgetc(f); /* '-' or ',' */
	}
	fclose(f);
	return last + 1;
}

/* Each processor keeps up to 128 free entries of such a map to itself; where these are all, it
 * takes back what it gave out last. */
static uint32_t lru_entries(uint32_t n)
{
	uint32_t least = 256 * possible_cpus();

	return n < least ? least : n;
}

void loader_config__apply(const struct loader_config *c, const struct btf *btf,
			  struct redeye_bpf *s)
{
	bpf_map__set_max_entries(s->maps.targets, pid_max() / 64 + 1);
	bpf_map__set_max_entries(s->maps.conns, conns_max(c));
	bpf_map__set_max_entries(s->maps.ring, c->ring_bytes);
	bpf_map__set_max_entries(s->maps.stats, possible_cpus() * RED_HOOK__CNT);
	s->rodata->red_cfg.own_tgid = getpid();
	s->rodata->red_cfg.first_read = 512;
	s->rodata->red_cfg.ring_bytes = c->ring_bytes;
	s->rodata->red_cfg.wakeup_bytes = c->ring_bytes / 4;
	s->rodata->red_cfg.wakeup_ns = 10 * 1000 * 1000;
	s->rodata->red_cfg.recvmsg_nargs = recvmsg_nargs(btf);
	set_propagation(s, c, btf);
	if (!c->tls)
		return;
	s->rodata->red_cfg.tls = 1;
	/* One object a connection; one call under way each, and of each thread the last. */
	bpf_map__set_max_entries(s->maps.tls_objs, c->max_connections);
	bpf_map__set_max_entries(s->maps.tls_calls, lru_entries(2 * c->max_connections));
	/* Between a receive and what comes next. */
	bpf_map__set_max_entries(s->maps.tls_came, lru_entries(c->max_connections / 4));
}
