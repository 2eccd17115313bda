// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "live_internal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "log.h"
#include "select.h"

/* Before all processes are looked at: nobody slips through between. */
static void watch_listeners_and_cgroups(struct live *l, const struct options *o)
{
	int err = live__asks_cgroups(o) ? loader__watch_cgroups(l->loader) : 0;

	if (err)
		log__warn("moves to another cgroup are not seen: %s", strerror(-err));
	loader__set_ports(l->loader, &o->include, &o->exclude);
}

static void reload(struct live *l)
{
	const struct options *o;
	char why[128];

	/* What was answered counts, whoever is not watched any more; by the options of then. */
	live__drain(l);
	o = l->cfg.reload ? l->cfg.reload(l->cfg.arg) : NULL;
	if (!o)
		return;
	watch_listeners_and_cgroups(l, o);
	if (k8s__reload(l->k8s, o))
		log__warn("out of memory: other labels and annotations are not kept");
	if (!l->k8s && select__has_pods(&o->include))
		log__warn("pods are selected, but redeye was started without Kubernetes");
	procs__reselect(l->procs, &o->include, &o->exclude, &o->services);
	if (procs__check(l->procs, why, sizeof(why)))
		log__warn("%s", why);
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

int live_signals__watch(struct live *l)
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
