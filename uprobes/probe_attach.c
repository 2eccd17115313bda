// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "probe_attach.h"

#include <errno.h>
#include <stdlib.h>

uint64_t probe_counts__open(struct probe_counts *c)
{
	uint64_t detached = atomic_load(&c->detached);

	return atomic_load(&c->attached) - detached;
}

void probe_link__close(struct probe_link *link)
{
	link->ops->detach(link->ops->arg, link->handle);
	atomic_fetch_add(&link->counts->detached, 1);
	free(link);
}

static int attach_one(struct probe_batch *b, const struct probe_ops *ops, struct probe_counts *c,
		      const struct probe_site *s, int pid, int fd)
{
	struct bpf_program *prog = ops->program(ops->arg, s->program);
	struct probe_link *link;

	if (!prog) {
		b->refused++;
		return -ENOTSUP;
	}
	link = calloc(1, sizeof(*link));
	if (!link)
		return -ENOMEM;
	errno = 0;
	link->handle = ops->attach(ops->arg, prog, pid, fd, s->offset, s->ret);
	if (!link->handle) {
		free(link);
		return errno ? -errno : -EINVAL;
	}
	link->ops = ops;
	link->counts = c;
	link->next = b->links;
	b->links = link;
	b->n++;
	atomic_fetch_add(&c->attached, 1);
	return 0;
}

void probe_attach__all(struct probe_batch *b, const struct probe_ops *ops, struct probe_counts *c,
		       const struct probe_plan *plan, int pid, int fd)
{
	bool have[PROBE_SITES_MAX] = { false };

	*b = (struct probe_batch){ 0 };
	for (size_t i = 0; i < plan->n && i < PROBE_SITES_MAX && b->err != -ESRCH; i++) {
		uint32_t refused = b->refused;
		int err = attach_one(b, ops, c, &plan->sites[i], pid, fd);

		have[i] = !err;
		if (!err || b->refused > refused)
			continue;
		b->failed++;
		b->err = b->err ? b->err : err;
		if (err == -ESRCH)
			b->err = err;
	}
	b->usable = probe_plan__usable(plan, have);
}
