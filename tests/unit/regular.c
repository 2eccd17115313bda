// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "fake_proc.h"
#include "regular.h"

static const char *in_root(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

static void only_regular_files_are_opened(void **state)
{
	assert_int_equal(regular__open("/dev/null"), -EINVAL);
	assert_int_equal(regular__open("/"), -EINVAL);
	assert_int_equal(regular__open("/nowhere"), -ENOENT);
	assert_int_equal(mkfifo(in_root("fifo"), 0600), 0);
	assert_int_equal(regular__open(in_root("fifo")), -EINVAL); /* and does not wait */
}

/* Whose owner has 45 s to give it up. */
static void a_lease_is_not_waited_for(void **state)
{
	const char *path = in_root("leased");
	int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600), again;

	signal(SIGIO, SIG_IGN);
	if (fcntl(fd, F_SETLEASE, F_WRLCK)) {
		print_message("no leases here\n");
		skip();
	}
	assert_int_equal(regular__open(path), -EWOULDBLOCK);
	assert_int_equal(fcntl(fd, F_SETLEASE, F_UNLCK), 0);
	again = regular__open(path);
	assert_true(again >= 0);
	close(again);
	close(fd);
}

/* A container's absolute links are about the container. */
static void no_link_leads_out(void **state)
{
	static const struct {
		const char *target;
		int err; /* 0: it is opened */
	} cases[] = {
		{ "/file", 0 },
		{ "../../file", 0 },
		{ "/etc/passwd", -ENOENT },
		{ "../../../../../../etc/passwd", -ENOENT },
		{ "/pipe", -EINVAL },
		{ "/link", -ELOOP },
	};
	int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC), fd;

	fd = open(in_root("file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(root_fd >= 0 && fd >= 0);
	close(fd);
	assert_int_equal(mkfifo(in_root("pipe"), 0600), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(symlink(cases[i].target, in_root("link")), 0);
		fd = regular__open_in(root_fd, "/link");
		if (fd >= 0 ? cases[i].err : fd != cases[i].err)
			fail_msg("%s: %d", cases[i].target, fd);
		close(fd);
		unlink(in_root("link"));
	}
	close(root_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_regular_files_are_opened),
		cmocka_unit_test(a_lease_is_not_waited_for),
		cmocka_unit_test(no_link_leads_out),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
