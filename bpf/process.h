/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The life of processes: what user space is told of it, and the hooks that see it. */
#ifndef RED_PROCESS_H
#define RED_PROCESS_H

struct red_exec {
	struct red_ev_proc ev;
	struct red_exec_text text;
	__u8 data[RED_EXEC_ARGS + RED_EXEC_ENV];
	__u64 owner;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct red_exec);
} execs SEC(".maps");

static __always_inline void proc_fill(struct red_ev_proc *ev, __u32 kind, __u32 tgid, __u32 other)
{
	ev->h.kind = kind;
	ev->h.cpu = bpf_get_smp_processor_id();
	ev->h.ts_ns = bpf_ktime_get_ns();
	ev->tgid = tgid;
	ev->other = other;
	bpf_get_current_comm(ev->comm, sizeof(ev->comm));
}

/* Rare and urgent: what a new process does next is captured only after user space
 * has looked at it. Returns 0, or why it was not written. */
static __always_inline int proc_put(struct red_stat *st, struct red_ev_proc *ev, __u64 size,
				    __u32 room)
{
	__u64 used = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
	int why;

	ev->h.len = size;
	why = ring_put(ev, size, ev->tgid, room, used, BPF_RB_FORCE_WAKEUP);
	if (why)
		return why;
	st->emitted++;
	st->bytes += size;
	return 0;
}

static __always_inline int proc_emit(struct red_stat *st, struct red_ev_proc *ev)
{
	int why = proc_put(st, ev, sizeof(*ev), RED_ROOM_PROC);

	if (why)
		refuse(st, why, 0);
	return 0;
}

static __noinline int proc_event(__u32 kind, __u32 tgid, __u32 other)
{
	struct red_stat *st = stat_of(RED_HOOK_PROC);
	struct red_ev_proc ev = {};

	if (!st)
		return 0;
	st->observed++;
	proc_fill(&ev, kind, tgid, other);
	return proc_emit(st, &ev);
}

/* Bytes of the process's own memory, [from, until), as many as there is room for. */
static __always_inline __u64 proc_text(void *to, __u64 from, __u64 until, __u64 room)
{
	__u64 n = until - from;

	if (from >= until)
		return 0;
	BOUND(n, room);
	return bpf_probe_read_user(to, n, (void *)from) ? 0 : n;
}

/* A target has begun another program. It may be gone before user space can look into
 * /proc, so the record holds what names its service; but when the ring fills, not more of it
 * than others leave. */
static __noinline int proc_exec(struct task_struct *p)
{
	struct red_stat *st = stat_of(RED_HOOK_PROC);
	__u64 id = bpf_get_current_pid_tgid(), args, env;
	struct mm_struct *mm = BPF_CORE_READ(p, mm);
	__u32 zero = 0;
	struct red_exec *x = bpf_map_lookup_elem(&execs, &zero);

	if (!st || !x || !mm)
		return 0;
	st->observed++;
	x->owner = id;
	proc_fill(&x->ev, RED_EV_EXEC, id >> 32, 0);
	args = proc_text(x->data, BPF_CORE_READ(mm, arg_start), BPF_CORE_READ(mm, arg_end),
			 RED_EXEC_ARGS);
	BOUND(args, RED_EXEC_ARGS);
	env = proc_text(&x->data[args], BPF_CORE_READ(mm, env_start), BPF_CORE_READ(mm, env_end),
			RED_EXEC_ENV);
	BOUND(env, RED_EXEC_ENV);
	x->text.args_len = args;
	x->text.env_len = env;
	x->text.pad = 0;
	if (*(volatile __u64 *)&x->owner != id) { /* preempted by another one */
		drop(st, RED_DROP_RACE);
		return 0;
	}
	if (!proc_put(st, &x->ev, sizeof(x->ev) + sizeof(x->text) + args + env, RED_ROOM_DATA))
		return 0;
	return proc_emit(st, &x->ev);
}

/* ---- hooks ---------------------------------------------------------------------- */

/* In the parent, before the child runs: it is born a target. */
SEC("?tp_btf/sched_process_fork")
int BPF_PROG(tp_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 tgid = child->tgid, target = target_of(parent->tgid);
	__u8 *on;

	if (tgid == (__u32)parent->tgid || !target)
		return 0;
	on = target_byte(tgid);
	if (on)
		*on = target & ~RED_TARGET_READY;
	share_inherit(tgid, parent->tgid);
	return proc_event(RED_EV_FORK, tgid, parent->tgid);
}

/* Every exec is told: any of them may match a glob. What was probed is not mapped any
 * more. */
SEC("?tp_btf/sched_process_exec")
int BPF_PROG(tp_exec, struct task_struct *p)
{
	__u8 *on = target_byte(p->tgid);

	if (on)
		*on &= RED_TARGET_ON;
	if (on && *on)
		return proc_exec(p);
	return proc_event(RED_EV_EXEC, p->tgid, 0);
}

/* For each thread; the process has ended with the last. */
SEC("?tp_btf/sched_process_exit")
int BPF_PROG(tp_exit, struct task_struct *p)
{
	__u32 tgid = p->tgid;
	__u8 *on = target_byte(tgid);

	/* Of threads that end together the first may find none alive, and clears *on. */
	if (red_cfg.stash)
		stash_thread_gone(tgid, p->pid);
	if (red_cfg.propagate)
		context_thread_gone(p->pid);
	if (red_cfg.propagate && p->signal->live.counter <= 0) /* also of what was a target once */
		context_process_gone(tgid);
	if (!on || !*on)
		return 0;
	if (*on & RED_TARGET_TLS)
		tls_thread_gone(tgid, p->pid);
	if (p->signal->live.counter > 0)
		return 0;
	*on = 0;
	proc_event(RED_EV_EXIT, tgid, p->exit_code);
	share_forget(tgid);
	return 0;
}

SEC("?tp_btf/cgroup_attach_task")
int BPF_PROG(tp_cgroup, struct cgroup *to, const char *path, struct task_struct *task)
{
	return proc_event(RED_EV_CGROUP, task->tgid, 0);
}

#endif /* RED_PROCESS_H */
