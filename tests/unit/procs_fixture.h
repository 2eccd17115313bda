/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Processes in a directory that looks like /proc, the records about them, and what procs.c
 * says of them to the kernel and to the recorder. */
#ifndef RED_TEST_PROCS_FIXTURE_H
#define RED_TEST_PROCS_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_proc.h"
#include "options.h"
#include "procs.h"
#include "redeye.h"
#include "select.h"
#include "service.h"
#include "strs.h"

#define SEC 1000000000ull
#define OWN 99

/* ---- processes ---- */

static inline void put_stat(uint32_t pid, const char *comm, char state, uint32_t ppid,
			    uint32_t flags, uint32_t start)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "%u (%s) %c %u 1 1 0 -1 %u 0 0 0 0 0 0 0 0 20 0 1 0 %u 0 0 0\n", pid, comm, state,
		 ppid, flags, start);
	put(pid, "stat", text);
}

static inline void born(uint32_t pid, uint32_t ppid, const char *exe)
{
	const char *base = strrchr(exe, '/');

	put_stat(pid, base ? base + 1 : exe, 'S', ppid, 0, 1000 + pid);
	put_link(pid, "exe", exe);
	put(pid, "cgroup", "0::/user.slice\n");
}

static inline void listens(uint32_t pid)
{
	put_link(pid, "ns/net", "net:[1]");
	put(pid, "net/tcp",
	    NET_HEAD NET_ROW("00000000", "0050", "0A", "80")
		    NET_ROW("00000000", "0016", "0A", "22"));
	put_link(pid, "fd/3", "socket:[80]");
}

/* ---- what procs.c says to the kernel and to the recorder ---- */

static uint8_t byte[1 << 22];
static uint32_t announced;             /* calls of `selected` */
static uint32_t last_announced;        /* and the tgid of the last */
static uint32_t n_dropped;             /* calls of `dropped` */
static uint32_t last_dropped;          /* and the tgid of the last */
static void (*on_byte)(uint32_t tgid); /* what happens just before the byte is set */

static uint32_t no_byte; /* the kernel side has none for this process */

static inline int set_target(void *arg, uint32_t tgid, bool on)
{
	if (on && on_byte)
		on_byte(tgid);
	if (tgid && tgid == no_byte)
		return -ERANGE;
	byte[tgid] = on;
	return 0;
}

static inline void selected(void *arg, uint32_t tgid, const struct proc *p)
{
	assert_non_null(p->service);
	announced++;
	last_announced = tgid;
}

/* The kernel side does not look at it any more. */
static inline void dropped(void *arg, uint32_t tgid)
{
	assert_int_equal(byte[tgid], 0);
	n_dropped++;
	last_dropped = tgid;
}

static inline int set_up(void **state)
{
	memset(byte, 0, sizeof(byte));
	announced = last_announced = 0;
	n_dropped = last_dropped = 0;
	on_byte = NULL;
	return make_root(state);
}

static inline struct procs *make_at(const char *proc_root, const struct selection *include,
				    const struct selection *exclude,
				    const struct str_list *services, uint32_t max)
{
	struct procs_config c = {
		.include = include,
		.exclude = exclude,
		.services = services,
		.own_tgid = OWN,
		.max_procs = max,
		.proc_root = proc_root,
		.ops = { .set_target = set_target, .selected = selected, .dropped = dropped },
	};
	struct procs *p = procs__new(&c);

	assert_non_null(p);
	return p;
}

static inline struct procs *make(const struct selection *include, const struct selection *exclude)
{
	return make_at(root, include, exclude, NULL, 0);
}

static uint64_t now = SEC;

static inline void event(struct procs *p, enum red_ev_kind kind, uint32_t tgid, uint32_t other)
{
	struct red_ev_proc ev = { .tgid = tgid, .other = other };

	ev.h = (struct red_hdr){ .len = sizeof(ev), .kind = kind, .ts_ns = ++now };
	memcpy(ev.comm, "comm-of-sixteen.", 16); /* not terminated */
	/* What the kernel side does by itself. */
	if (kind == RED_EV_FORK)
		byte[tgid] = byte[other];
	if (kind == RED_EV_LISTEN)
		byte[tgid] = 1;
	if (kind == RED_EV_EXIT)
		byte[tgid] = 0;
	procs__event(p, &ev);
}

static inline uint32_t reasons(struct procs *p, uint32_t tgid)
{
	const struct proc *proc = procs__find(p, tgid);

	/* The table and the kernel agree at any time. */
	assert_int_equal(byte[tgid], proc && proc->target);
	return proc && proc->target ? proc->reasons : 0;
}

static inline const char *name(struct procs *p, uint32_t tgid)
{
	return procs__service(p, tgid)->name;
}

/* ---- rules ---- */

#define PIDS(...)  .pids = (uint32_t[]){ __VA_ARGS__ }, .n_pids = N(((uint32_t[]){ __VA_ARGS__ }))
#define PORTS(...) .ports = (uint16_t[]){ __VA_ARGS__ }, .n_ports = N(((uint16_t[]){ __VA_ARGS__ }))

static const struct selection all = { .all = true };
static const struct selection none;
static const struct selection by_pid = { PIDS(10) };
static const struct selection by_exe = { .exes = STRS("/opt/*") };
static const struct selection by_cgroup = { .cgroups = STRS("/web") };
static const struct selection by_port = { PORTS(80) };

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, remove_root)

#endif /* RED_TEST_PROCS_FIXTURE_H */
