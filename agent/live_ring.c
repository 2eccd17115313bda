// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The ring is read when the kernel wakes us, and for a while after that every
 * ten milliseconds, because the kernel does not wake us for each record
 * (bpf/maps.h). An idle agent sleeps.
 */
#include "live_internal.h"

#include "log.h"
#include "ring.h"

#define ACTIVE_NS 100000000ull /* keep polling so long after the last record */
#define POLL_NS   10000000ull
#define UPKEEP_NS 1000000000ull
#define SHORT_NS  10000000000ull
#define BATCH     20000 /* records, then the loop looks at everything else */

static void on_record(void *arg, const void *record, size_t size)
{
	struct live *l = arg;

	if (l->cfg.tap)
		l->cfg.tap(l->cfg.arg, record, size);
	pipeline__record(l->pipeline, record, size);
}

void live_ring__read(struct live *l)
{
	if (ring__read(l->ring, BATCH, on_record, l))
		l->active_until_ns = mono_ns() + ACTIVE_NS;
}

static void on_ring(void *arg)
{
	struct live *l = arg;

	live_ring__read(l);
	/* Under load we are here all the time, and the tick must have its turn. */
	loop__arm_sooner(l->loop, l->poll_timer, mono_ns() + POLL_NS);
}

/* The backlog of this moment, not what arrives while we read it. */
void live__drain(struct live *l)
{
	uint64_t used = ring__used(l->ring), before, now;

	while (used) {
		before = pipeline__stat(l->pipeline)->bytes;
		live_ring__read(l);
		now = pipeline__stat(l->pipeline)->bytes;
		if (now == before)
			break;
		used -= now - before < used ? now - before : used;
	}
}

static uint64_t on_poll_timer(void *arg, uint64_t now_ns)
{
	struct live *l = arg;
	uint64_t next;

	live_ring__read(l);
	if (l->propagate)
		propagate__tick(l->propagate, now_ns);
	next = pipeline__tick(l->pipeline, now_ns);
	/* When idle, the kernel wakes us for the first record. */
	return now_ns < l->active_until_ns ? now_ns + POLL_NS : next;
}

/* A lost FORK or EXEC would be a process never seen: look for it. */
static void check_lost(struct live *l)
{
	struct red_stat st;

	loader__stat(l->loader, RED_HOOK_PROC, &st);
	if (st.dropped[RED_DROP_RING_FULL] == l->lost_proc_records)
		return;
	l->lost_proc_records = st.dropped[RED_DROP_RING_FULL];
	log__warn("process events were lost, looking at all processes again");
	procs__scan(l->procs);
}

static void tell_memory_short(struct live *l)
{
	uint64_t now = mono_ns();

	if (!l->cfg.memory_short || now < l->short_until_ns)
		return;
	l->cfg.memory_short(l->cfg.arg);
	l->short_until_ns = now + SHORT_NS;
}

static void check_memory(struct live *l)
{
	bool was_full = l->memory.full;

	if (!memory_guard__check(&l->memory) && !was_full)
		return;
	if (l->memory.full)
		tell_memory_short(l);
	pipeline__set_full(l->pipeline, l->memory.full);
	if (memory_guard__over(&l->memory))
		pipeline__give_up(l->pipeline);
	if (l->memory.full && !was_full)
		log__warn("memory limit reached (%llu of %llu bytes): nothing new is kept",
			  (unsigned long long)l->memory.resident_bytes,
			  (unsigned long long)l->memory.limit_bytes);
}

static void check_propagation(struct live *l)
{
	if (l->propagate && !propagate__check(l->propagate))
		log__error("propagation is off from now on: %s", propagate__why(l->propagate));
}

static void check_processors(struct live *l)
{
	if (l->prober)
		prober__tick(l->prober);
}

static uint64_t on_upkeep(void *arg, uint64_t now_ns)
{
	check_lost(arg);
	check_memory(arg);
	check_propagation(arg);
	check_processors(arg);
	return now_ns + UPKEEP_NS;
}

int live_ring__new(struct live *l)
{
	uint64_t size;
	int err, fd;

	l->ring = loader__ring(l->loader, &size, &fd);
	err = loop__watch(l->loop, fd, on_ring, l);
	if (err)
		return err;
	l->poll_timer = loop__timer(l->loop, mono_ns() + POLL_NS, on_poll_timer, l);
	loop__timer(l->loop, mono_ns() + UPKEEP_NS, on_upkeep, l);
	return 0;
}
