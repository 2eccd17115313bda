// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* In which order a new configuration is taken over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "../../agent/live_signals.c"

/* ---- what is around it ----------------------------------------------------------------- */

static char said[256];

static void say(const char *what)
{
	strcat(said, what);
}

void live__drain(struct live *l)
{
	say("drain ");
}

int loader__watch_cgroups(struct loader *l)
{
	return 0;
}

void loader__set_ports(struct loader *l, const struct selection *include,
		       const struct selection *exclude)
{
	say("ports ");
}

int k8s__reload(struct k8s *k, const struct options *o)
{
	say("k8s ");
	return 0;
}

int procs__reselect(struct procs *p, const struct selection *include,
		    const struct selection *exclude, const struct str_list *services)
{
	say("procs ");
	return 0;
}

int procs__check(const struct procs *p, char *err, size_t size)
{
	return 0;
}

void propagate__reselect(struct propagate *p, const struct selection *include)
{
}

static struct options fresh = { .log_level = LOG_LEVEL_ERROR };

static const struct options *read_options(void *arg)
{
	say("read ");
	return arg;
}

/* ---- cases --------------------------------------------------------------------------------- */

/* What is in the ring is of the options of before, which need not outlive the new ones. */
static void the_ring_is_read_first(void **state)
{
	struct live l = { .cfg = { .reload = read_options, .arg = &fresh } };

	said[0] = 0;
	reload(&l);
	assert_string_equal(said, "drain read ports k8s procs ");
	assert_ptr_equal(l.options, &fresh);
}

static void those_that_are_wrong_change_nothing(void **state)
{
	static const struct options before;
	struct live l = { .cfg.reload = read_options, .options = &before };

	said[0] = 0;
	reload(&l);
	assert_string_equal(said, "drain read ");
	assert_ptr_equal(l.options, &before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_ring_is_read_first),
		cmocka_unit_test(those_that_are_wrong_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
