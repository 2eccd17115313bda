// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "held_log.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static int real = -1; /* standard error, while it is held */

/* A file that cannot grow: its bound. */
static int bounded_file(void)
{
	int fd = memfd_create("redeye-log", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || (!ftruncate(fd, HELD_LOG_MAX) && !fcntl(fd, F_ADD_SEALS, F_SEAL_GROW)))
		return fd;
	close(fd);
	return -1;
}

void held_log__begin(void)
{
	int fd = bounded_file();

	if (fd < 0)
		return;
	real = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (real >= 0)
		dup2(fd, STDERR_FILENO);
	close(fd);
}

void held_log__end(void)
{
	static char text[HELD_LOG_MAX];
	off_t len;
	ssize_t n;

	if (real < 0)
		return;
	len = lseek(STDERR_FILENO, 0, SEEK_CUR);
	n = len > 0 ? pread(STDERR_FILENO, text, len < HELD_LOG_MAX ? len : HELD_LOG_MAX, 0) : 0;
	dup2(real, STDERR_FILENO);
	close(real);
	real = -1;
	if (n > 0 && write(STDERR_FILENO, text, n) < 0)
		return; /* nobody to tell */
}
