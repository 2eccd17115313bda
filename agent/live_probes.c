// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "live_probes.h"

#include <errno.h>

#include "loader.h"
#include "log.h"
#include "loop.h"
#include "options.h"
#include "prober.h"

static const struct uprobe_program *program(void *arg, const char *name)
{
	return loader__uprobe(arg, name);
}

static int mark(void *arg, uint32_t tgid, uint32_t flags)
{
	return loader__mark(arg, tgid, flags);
}

static void problem(void *arg, const struct prober_problem *p)
{
	if (p->path[0])
		log__warn("TLS of %s (%s) is not seen: %s", p->path, p->process, p->text);
	else
		log__warn("TLS of %s is not seen: %s", p->process, p->text);
}

static void on_word(void *arg)
{
	prober__read(arg);
}

struct prober *live_probes__new(struct loader *loader, const struct options *o, bool returns_kill,
				struct loop *loop, char *err, size_t err_size)
{
	struct prober_config c = {
		.scope = o->uprobe_scope,
		.signatures = o->tls_signatures,
		.returns_kill = returns_kill,
		.problem = problem,
	};
	struct probe_ops ops = { .program = program, .mark = mark, .arg = loader };
	struct prober *p = prober__new(&c, &ops, err, err_size);
	int rc;

	if (!p)
		return NULL;
	if (returns_kill)
		log__warn(
			"TLS of processes under seccomp filters is not seen: this kernel would end "
			"them at a return probe");
	if (prober__unwatched(p))
		log__warn("libraries that are loaded later are not seen: %s", prober__unwatched(p));
	rc = loop__watch(loop, prober__fd(p), on_word, p);
	if (!rc)
		return p;
	prober__free(p);
	errno = -rc;
	return NULL;
}
