/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The BPF side as one object: chosen, loaded, attached, read, commanded.
 * Owned by the event loop; not thread-safe.
 */
#ifndef RED_LOADER_H
#define RED_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader_config.h"
#include "redeye.h"

struct bpf_program;
struct uprobe_program;
struct loader;

/*
 * Returns NULL with errno and one sentence in err. What the kernel refuses
 * besides the backend itself costs that feature only: see loader__missing.
 */
struct loader *loader__new(const struct loader_config *c, char *err, size_t err_size);
void loader__free(struct loader *l); /* accepts NULL */

const struct backend *loader__backend(const struct loader *l);

/* The i-th program that could not be had: name and reason. False at the end. */
bool loader__missing(const struct loader *l, size_t i, const char **prog, const char **why);

/* 0, or -ERANGE for a number that no process can have. */
int loader__set_target(struct loader *l, uint32_t tgid, bool on);

/* Adds flags (enum red_target, without ON) to what is known of a process, if it is a
 * target. Any thread. 0 or -ERANGE. */
int loader__mark(struct loader *l, uint32_t tgid, uint8_t flags);

/* Gives a process that is a target the share of the ring at `place` (shares.h). 0 or -ERANGE. */
int loader__set_share(struct loader *l, uint32_t tgid, uint32_t place);

/* What was written of the share at `place` is forgotten; what was refused is not. */
void loader__begin_share(struct loader *l, uint32_t place);

/* Records that were refused because the share at `place` was used up. */
uint64_t loader__share_refused(const struct loader *l, uint32_t place);

/* A uprobe's program, for others to attach; NULL when there is none or the kernel
 * refused it. The first call for a C library, for Go and for rustls takes some 0.1 s. Any
 * thread. */
const struct uprobe_program *loader__uprobe(struct loader *l, const char *name);

/* Loads all of them now. */
void loader__load_uprobes(struct loader *l);

/* Becoming a listener on a port that either names makes a target, and is told. So it is of an
 * excluded port: that is the only way to learn of it, and the caller takes the mark back. Either
 * may be NULL. */
void loader__set_ports(struct loader *l, const struct selection *include,
		       const struct selection *exclude);

/* From now on moves to another cgroup are told, as with loader_config.watch_cgroups. 0, also when
 * they were before, or -errno. */
int loader__watch_cgroups(struct loader *l);

/* Runs a command on a connection (enum red_poll_cmd), whose topmost layer the caller
 * takes for this one; data_cap is for RED_POLL_MODE_FRAMES. Returns 0, 1 when the socket
 * was found gone, -ENOENT when the kernel side does not know it. */
int loader__poll(struct loader *l, uint64_t sk, uint64_t conn_id, enum red_poll_cmd cmd,
		 uint16_t layer, uint16_t data_cap);

/* The request at `off` of what came in on this connection was answered (or will not
 * be): it is nobody's parent any more. Nothing without propagation. */
void loader__answered(struct loader *l, uint64_t sk, uint64_t conn_id, uint64_t off);

/* What propagate.c works with; -ENOTSUP when the kernel refused it, with the reason. */
struct loader_propagation {
	struct bpf_program *sockops, *rearm; /* rearm: NULL where the kernel refused it */
	int socks_fd, msg_fd, hash_fd, stats_fd, regular_fd;
	uint32_t *once;                  /* red_prop_once */
	const volatile uint32_t *leaves; /* red_prop_leaves */
	volatile uint32_t *off;          /* red_prop_off */
	volatile uint64_t *lost_ns;      /* red_serving_lost */
};
int loader__propagation(struct loader *l, struct loader_propagation *out, const char **why);

/* Sums the per-CPU accounting of one hook. */
void loader__stat(const struct loader *l, enum red_hook hook, struct red_stat *out);

struct loader_prog_stat {
	const char *name;
	uint64_t run_cnt;
	uint64_t run_ns;
	uint64_t recursion_misses; /* runs that the kernel left out */
	bool uprobe;               /* attached by the prober, where and if it is needed */
};

/* The i-th program that is attached, or may be; run figures are zero without bpf_stats. */
bool loader__prog_stat(const struct loader *l, size_t i, struct loader_prog_stat *out);

/* The ring, its size in bytes, and the descriptor that tells when to read it. */
struct ring *loader__ring(const struct loader *l, uint64_t *size, int *fd);

/* Entries in use of the connection map: counted by walking it, for self-metrics. */
uint32_t loader__conns_used(const struct loader *l, uint32_t *max);

/*
 * `redeye doctor`: tries one backend by really loading and attaching it, and
 * takes it down again. 0 when it works, with what the kernel refused besides in why, else
 * -errno with the reason.
 */
int loader__try(enum backend_id id, char *why, size_t why_size);

/* The same for uprobes, on a function of this program: 1 by a link to the file, 0 by a
 * perf event, or -errno. */
int loader__try_uprobes(char *why, size_t why_size);

#endif /* RED_LOADER_H */
