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
	const struct uprobe_program *prog = ops->program(ops->arg, s->program);
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

/* Sites of a function are its ends, then its entry. Where the next one begins. */
static size_t behind_function(const struct probe_plan *plan, size_t i)
{
	while (i < plan->n && !plan->sites[i].role)
		i++;
	return i < plan->n ? i + 1 : i;
}

static void drop_until(struct probe_batch *b, const struct probe_link *before)
{
	struct probe_link *link;

	while ((link = b->links) != before) {
		b->links = link->next;
		b->n--;
		link->next = b->dropped;
		b->dropped = link;
	}
}

/* All of it or nothing: of a call whose end is missed the entry must not be seen. */
static bool attach_function(struct probe_batch *b, const struct probe_ops *ops,
			    struct probe_counts *c, const struct probe_site *s, size_t n, int pid,
			    int fd)
{
	const struct probe_link *before = b->links;
	uint32_t refused = b->refused;
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = attach_one(b, ops, c, &s[i], pid, fd);
	if (!err)
		return true;
	drop_until(b, before);
	if (b->refused > refused)
		return false;
	b->failed++;
	if (!b->err || err == -ESRCH)
		b->err = err;
	return false;
}

static bool has_programs(const struct probe_ops *ops, const struct probe_site *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!ops->program(ops->arg, s[i].program))
			return false;
	return true;
}

/* The kinds that lack programs of their minimum. Nothing of them is attached: reads alone would
 * be requests that nobody answers, until the last probe is gone again. */
static uint32_t without_programs(const struct probe_ops *ops, const struct probe_plan *plan)
{
	bool have[PROBE_SITES_MAX] = { false };
	size_t i, end;

	for (i = 0; i < plan->n && i < PROBE_SITES_MAX; i = end) {
		end = behind_function(plan, i);
		have[end - 1] = has_programs(ops, &plan->sites[i], end - i);
	}
	return probe_plan__usable(plan, NULL) & ~probe_plan__usable(plan, have);
}

void probe_attach__all(struct probe_batch *b, const struct probe_ops *ops, struct probe_counts *c,
		       const struct probe_plan *plan, int pid, int fd)
{
	uint32_t useless = without_programs(ops, plan);
	bool have[PROBE_SITES_MAX] = { false };
	size_t i, end;

	*b = (struct probe_batch){ 0 };
	for (i = 0; i < plan->n && i < PROBE_SITES_MAX && b->err != -ESRCH; i = end) {
		end = behind_function(plan, i);
		if (!(useless & 1u << plan->sites[end - 1].kind))
			have[end - 1] =
				attach_function(b, ops, c, &plan->sites[i], end - i, pid, fd);
	}
	b->usable = probe_plan__usable(plan, have);
}
