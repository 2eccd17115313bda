// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "live_internal.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "live_probes.h"
#include "log.h"
#include "return_trial.h"
#include "sampler.h"
#include "self_builder.h"
#include "selfmetrics.h"
#include "shares.h"
#include "skeleton.h"
#include "trace_context.h"
#include "uprobe_link.h"

#define PROBES_NS     3000000000ull /* at the start, probes are waited for so long */
#define PODS_NS       3000000000ull /* at the start, the pods of this node are waited for so long */
#define RESET_ON_FORK 1             /* SCHED_FLAG_RESET_ON_FORK */

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
		.series_ns = l->cfg.series_ns,
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

static bool reads_w3c(const struct options *o)
{
	size_t i;

	for (i = 0; i < o->propagators.n; i++)
		if (trace_context__formats(o->propagators.v[i]) & TRACE_W3C)
			return true;
	return false;
}

static int new_loader(struct live *l, char *err, size_t err_size)
{
	const struct options *o = l->options;
	struct sampler sampler;
	struct loader_config c = {
		.backend = o->backend,
		.max_connections = o->max_connections,
		.ring_bytes = o->ring_bytes,
		.include = &o->include,
		.exclude = &o->exclude,
		.watch_cgroups = live__asks_cgroups(o),
		.bpf_stats = o->bpf_stats,
		.tls = o->tls,
		.trace_key = l->trace_key,
		.propagate = o->propagate,
		.reads_w3c = reads_w3c(o),
		.debug_header = o->debug_header,
	};

	sampler__init(&sampler, o->sampler, o->sampler_arg);
	c.sample_parent = sampler.parent_based;
	c.sample_threshold = sampler.threshold;
	l->loader = loader__new(&c, err, err_size);
	if (!l->loader)
		return -errno;
	skeleton__unneeded();
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
		loader__load_uprobes(l->loader);
	l->returns_kill = l->options->tls && !return_trial__survived();
	privileges__give_up(l->options, &l->privileges);
}

static int new_prober(struct live *l, char *err, size_t err_size)
{
	if (!l->options->tls)
		return 0;
	l->prober =
		live_probes__new(l->loader, l->options, l->returns_kill, l->loop, err, err_size);
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
	rc = l->loop ? live_signals__watch(l) : -errno;
	if (rc)
		goto out;
	rc = live_processes__new_k8s(l, err, err_size);
	if (rc)
		goto out;
	rc = live_processes__new(l, err, err_size);
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
	rc = live_ring__new(l);
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
	shares__free(l->shares);
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
	struct self_builder b = { .start_unix_ns = l->start_unix_ns };
	uint64_t now, mono_now;
	struct metrics *m;

	live__drain(l);
	/* Of one moment: from one to the other is how times of records become times of day. */
	now = unix_ns();
	mono_now = mono_ns();
	m = b.m = metrics__new(now);
	if (!m)
		return NULL;
	agg__snapshot(pipeline__agg(l->pipeline), m, now, mono_now);
	selfmetrics__add(m, l->pipeline, l->procs, l->loader, &l->memory, l->start_unix_ns);
	shares__metrics(l->shares, &b);
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
		live_ring__read(l);
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
