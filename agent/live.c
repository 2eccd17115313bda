// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The ring is read when the kernel wakes us, and for a while after that every
 * ten milliseconds, because the kernel does not wake us for each record
 * (bpf/maps.h). An idle agent sleeps.
 */
#include "live.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "k8s.h"
#include "live_probes.h"
#include "log.h"
#include "memory.h"
#include "privileges.h"
#include "prober.h"
#include "propagate.h"
#include "recording.h"
#include "ring.h"
#include "sampler.h"
#include "select.h"
#include "self_builder.h"
#include "selfmetrics.h"
#include "service.h"
#include "uprobe_link.h"

#define ACTIVE_NS     100000000ull /* keep polling so long after the last record */
#define POLL_NS       10000000ull
#define UPKEEP_NS     1000000000ull
#define PROBES_NS     3000000000ull /* at the start, probes are waited for so long */
#define SHORT_NS      10000000000ull
#define PODS_NS       3000000000ull /* at the start, the pods of this node are waited for so long */
#define RESCAN_NS     2000000000ull /* between two looks at who is in which pod */
#define RESET_ON_FORK 1             /* SCHED_FLAG_RESET_ON_FORK */
#define BATCH         20000         /* records, then the loop looks at everything else */

struct live {
	struct live_config cfg;
	const struct options *options;
	struct loop *loop;
	struct loader *loader;
	struct procs *procs;
	struct pipeline *pipeline;
	struct propagate *propagate; /* NULL: not asked for */
	struct prober *prober;       /* NULL: no TLS */
	struct k8s *k8s;             /* NULL: no Kubernetes */
	int rescan_timer;
	uint64_t scanned_ns;
	struct red_trace_key trace_key;
	struct ring *ring;
	uint64_t active_until_ns;
	uint64_t lost_proc_records;
	struct memory_guard memory;
	struct privileges privileges;
	uint64_t short_until_ns; /* who keeps memory was told, and has time to give some back */
	uint64_t start_unix_ns;
	int poll_timer;
	int signal_fd;
};

/* ---- ring ---------------------------------------------------------------------------- */

static void on_record(void *arg, const void *record, size_t size)
{
	struct live *l = arg;

	if (l->cfg.tap)
		l->cfg.tap(l->cfg.arg, record, size);
	pipeline__record(l->pipeline, record, size);
}

static void read_ring(struct live *l)
{
	if (ring__read(l->ring, BATCH, on_record, l))
		l->active_until_ns = mono_ns() + ACTIVE_NS;
}

static void on_ring(void *arg)
{
	struct live *l = arg;

	read_ring(l);
	loop__arm(l->loop, l->poll_timer, mono_ns() + POLL_NS);
}

/* The backlog of this moment, not what arrives while we read it. */
void live__drain(struct live *l)
{
	uint64_t used = ring__used(l->ring), before, now;

	while (used) {
		before = pipeline__stat(l->pipeline)->bytes;
		read_ring(l);
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

	read_ring(l);
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

	if (loader__stat(l->loader, RED_HOOK_PROC, &st) ||
	    st.dropped[RED_DROP_RING_FULL] == l->lost_proc_records)
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

/* ---- processes -------------------------------------------------------------------------- */

static void set_target(void *arg, uint32_t tgid, bool on)
{
	struct live *l = arg;

	loader__set_target(l->loader, tgid, on);
	if (!l->prober)
		return;
	if (on)
		prober__selected(l->prober, tgid);
	else
		prober__left(l->prober, tgid);
}

static void selected(void *arg, uint32_t tgid, const struct proc *p)
{
	struct live *l = arg;
	uint64_t buf[(sizeof(struct red_ev_process) + 4096 + 3 * 256) / 8];
	int n;

	log__debug("watching process %u (%s) as %s", tgid, p->exe, p->service->name);
	if (!l->cfg.tap)
		return;
	n = procs__describe(p, buf, sizeof(buf));
	if (n > 0)
		l->cfg.tap(l->cfg.arg, buf, n);
}

static bool is_own(void *arg, const struct container *c)
{
	struct live *l = arg;

	return k8s__is_own(l->k8s, c);
}

/* Pods have changed in a way that counts for who is watched: not each by itself. */
static uint64_t on_rescan(void *arg, uint64_t now_ns)
{
	struct live *l = arg;

	procs__scan(l->procs);
	l->scanned_ns = now_ns;
	return UINT64_MAX;
}

static void on_pods(void *arg)
{
	struct live *l = arg;
	unsigned int what = k8s__read(l->k8s);

	if (what & K8S_CHANGED)
		procs__pods_changed(l->procs);
	if (what & K8S_SELECTION)
		loop__arm(l->loop, l->rescan_timer, l->scanned_ns + RESCAN_NS);
}

static int new_k8s(struct live *l, char *err, size_t err_size)
{
	int rc = k8s__new(&l->k8s, l->options, err, err_size);

	if (rc || !l->k8s)
		return rc;
	l->rescan_timer = loop__timer(l->loop, UINT64_MAX, on_rescan, l);
	return loop__watch(l->loop, k8s__fd(l->k8s), on_pods, l);
}

static int new_procs(struct live *l, char *err, size_t err_size)
{
	struct procs_config c = {
		.include = &l->options->include,
		.exclude = &l->options->exclude,
		.services = &l->options->services,
		.pods = k8s__table(l->k8s),
		.naming = k8s__naming(l->k8s),
		.own_tgid = getpid(),
		.ops = {
			.set_target = set_target,
			.selected = selected,
			.is_own = is_own,
			.arg = l,
		},
	};

	l->procs = procs__new(&c);
	if (!l->procs)
		return -errno;
	return procs__check(l->procs, err, err_size);
}

/* ---- signals ------------------------------------------------------------------------------ */

static void reload(struct live *l)
{
	const struct options *o = l->cfg.reload ? l->cfg.reload(l->cfg.arg) : NULL;

	if (!o)
		return;
	loader__set_ports(l->loader, o->include.ports, o->include.n_ports);
	if (k8s__reload(l->k8s, o))
		log__warn("out of memory: other labels and annotations are not kept");
	if (!l->k8s && select__has_pods(&o->include))
		log__warn("pods are selected, but redeye was started without Kubernetes");
	procs__reselect(l->procs, &o->include, &o->exclude, &o->services);
	if (l->propagate)
		propagate__reselect(l->propagate, &o->include);
	log__init(o->log_level);
	l->options = o;
	log__info("configuration reloaded");
}

static void on_signal(void *arg)
{
	struct live *l = arg;
	struct signalfd_siginfo si;

	while (read(l->signal_fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGHUP)
			reload(l);
		else
			loop__stop(l->loop);
	}
}

static int watch_signals(struct live *l)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	/* Before any thread is started: all inherit it. */
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	l->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return l->signal_fd < 0 ? -errno : loop__watch(l->loop, l->signal_fd, on_signal, l);
}

/* struct sched_attr, which not all C libraries have, and new ones not beside the kernel's */
struct sched_parameters {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

/* A reader that waits for a processor behind those it watches loses records when
 * they need all of it. It takes little, but it takes it at once. Without the right
 * to (CAP_SYS_NICE) it stays as it is. Threads that this one starts do not have it. */
static void raise_priority(void)
{
	struct sched_parameters p = {
		.size = sizeof(p),
		.policy = SCHED_OTHER,
		.flags = RESET_ON_FORK,
		.nice = -10,
	};

	if (syscall(SYS_sched_setattr, 0, &p, 0))
		log__debug("scheduling priority not raised: %s", strerror(errno));
}

/* ---- life ------------------------------------------------------------------------------------ */

static int poll_conn(void *arg, const struct conn *c, enum red_poll_cmd cmd)
{
	struct live *l = arg;

	return loader__poll(l->loader, c->sk, c->id, cmd, c->layer, c->data_cap);
}

static void answered(void *arg, uint64_t sk, uint64_t conn_id, uint64_t off)
{
	struct live *l = arg;

	loader__answered(l->loader, sk, conn_id, off);
}

static void regular(void *arg, uint32_t tgid, const uint8_t addr[16], uint16_t port, bool on)
{
	struct live *l = arg;

	propagate__set_regular(l->propagate, tgid, addr, port, on);
}

static int new_pipeline(struct live *l)
{
	bool propagates = l->propagate && propagate__state(l->propagate) != PROPAGATE_OFF;
	struct pipeline_config c = {
		.options = l->options,
		.procs = l->procs,
		.poll = poll_conn,
		.poll_arg = l,
		.resource = l->cfg.resource,
		.traces = l->cfg.traces || propagates,
		.key = l->trace_key,
		.span = l->cfg.span,
		.kept = l->cfg.kept,
		.answered = propagates ? answered : NULL,
		.regular = propagates ? regular : NULL,
		.span_arg = l->cfg.arg,
		.queries = l->cfg.span && l->options->span_query,
		.k8s = l->k8s,
	};

	l->pipeline = pipeline__new(&c);
	return l->pipeline ? 0 : -errno;
}

static int new_loader(struct live *l, char *err, size_t err_size)
{
	const struct options *o = l->options;
	struct sampler sampler;
	struct loader_config c = {
		.backend = o->backend,
		.max_connections = o->max_connections,
		.ring_bytes = o->ring_bytes,
		.ports = o->include.ports,
		.n_ports = o->include.n_ports,
		.watch_cgroups = o->include.cgroups.n || o->exclude.cgroups.n,
		.bpf_stats = o->bpf_stats,
		.tls = o->tls,
		.trace_key = l->trace_key,
		.propagate = o->propagate,
		.debug_header = o->debug_header,
	};

	sampler__init(&sampler, o->sampler, o->sampler_arg);
	c.sample_parent = sampler.parent_based;
	c.sample_threshold = sampler.threshold;
	l->loader = loader__new(&c, err, err_size);
	return l->loader ? 0 : -errno;
}

static int new_ring(struct live *l)
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

/* Before anything is a target: the canary reads the ring empty. */
static int new_propagate(struct live *l)
{
	static const char *const ways[] = { "off", "on", "on for each connection's first request" };
	enum propagate_state state;
	const char *why;

	if (!l->options->propagate)
		return 0;
	l->propagate = propagate__new(l->loader, &l->options->include);
	if (!l->propagate)
		return -errno;
	state = propagate__state(l->propagate);
	why = propagate__why(l->propagate);
	if (state == PROPAGATE_EVERY)
		log__info("propagation is on");
	else
		log__warn("propagation is %s: %s", ways[state], why);
	return 0;
}

/* Programs are loaded and no thread is started: from here on as little as possible. */
static void give_up_privileges(struct live *l)
{
	raise_priority();
	/* Before 6.2 libbpf looks for a function in modules, which takes CAP_SYS_ADMIN. Newer
	 * kernels need not wait for these programs here. */
	if (l->options->tls && !uprobe_link__has_multi())
		loader__uprobe(l->loader, "");
	privileges__give_up(l->options, &l->privileges);
}

static int new_prober(struct live *l, char *err, size_t err_size)
{
	if (!l->options->tls)
		return 0;
	l->prober = live_probes__new(l->loader, l->options, l->loop, err, err_size);
	return l->prober ? 0 : -errno;
}

static void say_missing(const struct live *l)
{
	const char *prog, *why;
	size_t i;

	for (i = 0; loader__missing(l->loader, i, &prog, &why); i++)
		log__warn("the kernel refused %s (%s): its feature is off", prog, why);
}

struct live *live__new(const struct live_config *c, char *err, size_t err_size)
{
	struct live *l = calloc(1, sizeof(*l));
	int rc = -ENOMEM;

	err[0] = 0;
	if (!l)
		goto out;
	memory__init();
	l->cfg = *c;
	l->options = c->options;
	l->signal_fd = -1;
	l->start_unix_ns = unix_ns();
	l->memory.limit_bytes = c->options->memory_limit_bytes;
	if (getrandom(&l->trace_key, sizeof(l->trace_key), 0) != sizeof(l->trace_key)) {
		rc = -errno;
		goto out;
	}
	l->loop = loop__new();
	rc = l->loop ? watch_signals(l) : -errno;
	if (rc)
		goto out;
	rc = new_k8s(l, err, err_size);
	if (rc)
		goto out;
	rc = new_procs(l, err, err_size);
	if (rc)
		goto out;
	rc = new_loader(l, err, err_size);
	if (rc)
		goto out;
	rc = new_propagate(l);
	if (rc)
		goto out;
	give_up_privileges(l);
	rc = new_prober(l, err, err_size);
	if (rc)
		goto out;
	rc = new_pipeline(l);
	if (rc)
		goto out;
	rc = new_ring(l);
	if (rc)
		goto out;
	say_missing(l);
	if (!k8s__await(l->k8s, PODS_NS))
		log__warn("Kubernetes: the pods of this node are not known yet");
	/* Attached first, looked around second: nobody slips through between. */
	rc = procs__scan(l->procs);
out:
	if (!rc)
		return l;
	if (!err[0])
		snprintf(err, err_size, "%s", strerror(-rc));
	live__free(l);
	errno = -rc;
	return NULL;
}

void live__free(struct live *l)
{
	if (!l)
		return;
	pipeline__free(l->pipeline);
	procs__free(l->procs);
	propagate__free(l->propagate);
	prober__free(l->prober);
	k8s__free(l->k8s);
	loader__free(l->loader);
	loop__free(l->loop);
	if (l->signal_fd >= 0)
		close(l->signal_fd);
	free(l);
}

struct loop *live__loop(struct live *l)
{
	return l->loop;
}

struct loader *live__loader(struct live *l)
{
	return l->loader;
}

struct procs *live__procs(struct live *l)
{
	return l->procs;
}

const struct privileges *live__privileges(const struct live *l)
{
	return &l->privileges;
}

struct metrics *live__metrics(struct live *l)
{
	uint64_t now = unix_ns();
	struct metrics *m = metrics__new(now);
	struct self_builder b = { m, l->start_unix_ns };

	if (!m)
		return NULL;
	live__drain(l);
	agg__snapshot(pipeline__agg(l->pipeline), m, now, mono_ns());
	selfmetrics__add(m, l->pipeline, l->procs, l->loader, &l->memory, l->start_unix_ns);
	if (l->cfg.selfmetrics)
		l->cfg.selfmetrics(l->cfg.arg, &b);
	propagate__metrics(l->propagate, &b);
	prober__metrics(l->prober, &b);
	privileges__metrics(&l->privileges, &b);
	k8s__metrics(l->k8s, &b);
	if (metrics__ok(m))
		return m;
	metrics__put(m);
	return NULL;
}

void live__await_probes(struct live *l)
{
	uint64_t until = mono_ns() + PROBES_NS;
	struct pollfd fd = { .events = POLLIN };
	struct prober_stats st;

	if (!l->prober)
		return;
	fd.fd = prober__fd(l->prober);
	for (;;) {
		prober__stats(l->prober, &st);
		if (!st.waiting)
			return;
		if (mono_ns() > until)
			break;
		if (poll(&fd, 1, 5) > 0)
			prober__read(l->prober);
		read_ring(l);
	}
	log__warn("%u processes have no probes yet: their TLS is seen later", st.waiting);
}

static uint64_t on_duration(void *arg, uint64_t now_ns)
{
	loop__stop(arg);
	return UINT64_MAX;
}

int live__run(struct live *l)
{
	int err;

	if (l->options->duration_ns)
		loop__timer(l->loop, mono_ns() + l->options->duration_ns, on_duration, l->loop);
	err = loop__run(l->loop);
	live__drain(l);
	pipeline__flush(l->pipeline);
	return err;
}
