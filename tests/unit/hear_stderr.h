/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is logged. */
#ifndef RED_TEST_HEAR_STDERR_H
#define RED_TEST_HEAR_STDERR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

static int saved_stderr, pipe_fds[2];
static char said[65536];

/* Between these two, standard error is a pipe; what was written is then in `said`. */
static inline void listen_to_stderr(void)
{
	assert_int_equal(pipe2(pipe_fds, O_NONBLOCK), 0);
	saved_stderr = dup(STDERR_FILENO);
	dup2(pipe_fds[1], STDERR_FILENO);
}

static inline const char *what_was_said(void)
{
	ssize_t n, len = 0;

	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(pipe_fds[1]);
	while ((n = read(pipe_fds[0], said + len, sizeof(said) - 1 - len)) > 0)
		len += n;
	close(pipe_fds[0]);
	said[len] = '\0';
	return said;
}

#endif /* RED_TEST_HEAR_STDERR_H */
