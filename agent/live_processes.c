// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who is watched: the kernel side, the prober and a recording are told. */
#include "live_internal.h"

#include <errno.h>
#include <unistd.h>

#include "log.h"
#include "shares.h"

#define RESCAN_NS 2000000000ull /* between two looks at who is in which pod */

static int set_target(void *arg, uint32_t tgid, bool on)
{
	static struct log_limit limit = LOG_LIMIT(1, 60);
	struct live *l = arg;
	int err = loader__set_target(l->loader, tgid, on);

	if (err && on)
		log__limited(&limit, LOG_LEVEL_WARN,
			     "process %u cannot be watched: kernel.pid_max was lower when redeye "
			     "started",
			     tgid);
	if (!l->prober || err)
		return err;
	if (on)
		prober__selected(l->prober, tgid);
	else
		prober__left(l->prober, tgid);
	return 0;
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

static uint32_t set_share(void *arg, uint32_t tgid, uint32_t had, const struct service *s)
{
	struct live *l = arg;
	uint32_t share = shares__move(l->shares, had, s);

	if (share)
		loader__set_share(l->loader, tgid, shares__place(share));
	return share;
}

static uint64_t share_refused(void *arg, uint32_t place)
{
	struct live *l = arg;

	return loader__share_refused(l->loader, place);
}

static void share_begin(void *arg, uint32_t place)
{
	struct live *l = arg;

	loader__begin_share(l->loader, place);
}

static void dropped(void *arg, uint32_t tgid)
{
	struct live *l = arg;

	if (l->pipeline)
		pipeline__drop_process(l->pipeline, tgid);
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

	live__drain(l); /* what was answered counts, whoever is not watched any more */
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

int live_processes__new_k8s(struct live *l, char *err, size_t err_size)
{
	int rc = k8s__new(&l->k8s, l->options, err, err_size);

	if (rc || !l->k8s)
		return rc;
	l->rescan_timer = loop__timer(l->loop, UINT64_MAX, on_rescan, l);
	return loop__watch(l->loop, k8s__fd(l->k8s), on_pods, l);
}

int live_processes__new(struct live *l, char *err, size_t err_size)
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
			.set_share = set_share,
			.dropped = dropped,
			.is_own = is_own,
			.arg = l,
		},
	};
	struct shares_ops shares = { .refused = share_refused, .begin = share_begin, .arg = l };

	l->shares = shares__new(&shares);
	l->procs = l->shares ? procs__new(&c) : NULL;
	if (!l->procs)
		return -errno;
	return procs__check(l->procs, err, err_size);
}
