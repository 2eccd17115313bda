// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A pid in the rules means the process that had it when the rules were set, not whoever gets
 * the number next. One that was nobody's then is nobody's for good. */
#include "procs_internal.h"

#include <stdlib.h>

#define NOBODY UINT64_MAX

/* NULL: not known, the numbers alone must do. */
static uint64_t *starts_of(const struct procs *p, const struct selection *s)
{
	uint64_t *starts = p->live && s->n_pids ? calloc(s->n_pids, sizeof(*starts)) : NULL;
	struct procfs_stat st;

	for (size_t i = 0; starts && i < s->n_pids; i++)
		starts[i] = procfs__stat(&p->fs, s->pids[i], &st) < 0 ? NOBODY : st.start_time;
	return starts;
}

void procs_pids__set(struct procs *p)
{
	procs_pids__free(p);
	p->include_starts = starts_of(p, p->c.include);
	p->exclude_starts = starts_of(p, p->c.exclude);
}

void procs_pids__free(struct procs *p)
{
	free(p->include_starts);
	free(p->exclude_starts);
}

static bool is_one_of(const struct selection *s, const uint64_t *starts, uint32_t tgid,
		      uint64_t start_time)
{
	for (size_t i = 0; i < s->n_pids; i++) {
		if (s->pids[i] == tgid)
			return !starts || starts[i] == start_time;
	}
	return false;
}

bool procs_pids__includes(const struct procs *p, uint32_t tgid, uint64_t start_time)
{
	return is_one_of(p->c.include, p->include_starts, tgid, start_time);
}

bool procs_pids__excludes(const struct procs *p, uint32_t tgid, uint64_t start_time)
{
	return is_one_of(p->c.exclude, p->exclude_starts, tgid, start_time);
}
