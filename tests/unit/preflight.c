// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is missing is said in one sentence; each case in a process of its own. */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "preflight.h"
#include "privileges.h"

#define BIT(c)    (1ull << (c))
#define SYS_ADMIN 21
#define PERFMON   38
#define BPF       39

static void need_root(void)
{
	if ((privileges__effective() & (BIT(SYS_ADMIN) | BIT(PERFMON) | BIT(BPF))) !=
	    (BIT(SYS_ADMIN) | BIT(PERFMON) | BIT(BPF))) {
		print_message("skipped: needs CAP_SYS_ADMIN, CAP_PERFMON and CAP_BPF\n");
		skip();
	}
}

/* The first words of what is said with these rights, in a child of this one. */
static void said(uint64_t keep, int (*before)(void), char *text, size_t size)
{
	int fd[2], status;
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	pid = fork();
	if (!pid) {
		char err[512] = "nothing";
		bool ok = (!before || !before()) && !privileges__keep(keep);
		int rc = ok ? preflight__check(err, sizeof(err)) : -ENOSYS;

		if (rc && rc != -EPERM)
			snprintf(err, sizeof(err), "status %d", rc);
		_exit(write(fd[1], err, strlen(err)) < 0);
	}
	close(fd[1]);
	memset(text, 0, size);
	assert_true(read(fd[0], text, size - 1) > 0);
	close(fd[0]);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static void takes_both_or_admin(void **state)
{
	static const struct {
		uint64_t keep;
		bool enough;
	} cases[] = {
		{ 0, false },        { BIT(BPF), false },      { BIT(PERFMON), false },
		{ ~BIT(BPF), true }, { BIT(SYS_ADMIN), true }, { BIT(BPF) | BIT(PERFMON), true },
		{ ~0ull, true },
	};
	char text[512];

	need_root();
	if (preflight__own_pidns()) {
		print_message("skipped: in a PID namespace of its own\n");
		skip();
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		said(cases[i].keep, NULL, text, sizeof(text));
		assert_string_equal(text, cases[i].enough ? "nothing"
							  : "watching takes root, or CAP_BPF and "
							    "CAP_PERFMON: see redeye doctor");
	}
}

/* The namespace is of the children: the one that goes on tells by its exit status. */
static int enter_pidns(void)
{
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWPID))
		return -errno;
	pid = fork();
	if (pid > 0) {
		waitpid(pid, &status, 0);
		_exit(status);
	}
	return pid < 0 ? -errno : 0;
}

static void refuses_other_numbers(void **state)
{
	char text[512];

	need_root();
	said(~0ull, enter_pidns, text, sizeof(text));
	assert_ptr_equal(strstr(text, "redeye is in a PID namespace of its own"), text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_both_or_admin),
		cmocka_unit_test(refuses_other_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
