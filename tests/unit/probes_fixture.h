/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Processes that map files, for the tests of what is probed. */
#ifndef RED_TEST_PROBES_FIXTURE_H
#define RED_TEST_PROBES_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_probes.h"
#include "options.h"

#define SEC   1000000000ull
#define GRACE (30 * SEC)

static struct probe_counts counts;

static inline void on_problem(void *arg, uint32_t tgid, enum probe_failure reason, int fd,
			      const char *text)
{
	fake.problems++;
	fake.reason = reason;
	snprintf(fake.text, sizeof(fake.text), "%s", text);
}

#define AGAIN_FILES 40

/* What each process maps; all of that is looked at again. */
static struct again {
	struct probes *p;
	int fds[AGAIN_FILES];
	uint32_t tgids[AGAIN_FILES], n, looks;
} again;

static inline void on_again(void *arg, uint32_t tgid)
{
	again.looks++;
	for (uint32_t i = 0; i < again.n; i++)
		if (again.tgids[i] == tgid)
			probes__map(again.p, tgid, again.fds[i], 0);
}

static inline struct probes *make_for(int scope, uint32_t max_files)
{
	struct probes_config c = {
		.scope = scope,
		.per_file = 8,
		.max_links = 1000,
		.max_files = max_files,
		.max_processes = 2000,
		.grace_ns = GRACE,
		.ops = &fake_ops,
		.counts = &counts,
		.problem = on_problem,
		.again = on_again,
	};

	fake_reset();
	counts = (struct probe_counts){ 0 };
	return probes__new(&c);
}

static inline struct probes *make(int scope)
{
	return make_for(scope, 16);
}

/* All that was attached is detached at the end. */
static inline void done(struct probes *p, int fd)
{
	probes__free(p);
	assert_int_equal(fake.open, 0);
	assert_int_equal(counts.attached, counts.detached);
	close(fd);
}

static inline void enter(struct probes *p, uint32_t tgid, int fd, uint64_t now)
{
	assert_int_equal(probes__enter(p, tgid, 0, now), 0);
	assert_int_equal(probes__map(p, tgid, fd, now), 0);
	probes__ready(p, tgid);
}

static inline void done_again(struct probes *p)
{
	while (again.n)
		close(again.fds[--again.n]);
	done(p, -1);
	again = (struct again){ 0 };
}

#endif /* RED_TEST_PROBES_FIXTURE_H */
