// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "regular.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Looked at first, opened second: to open a device or a FIFO is to do something. */
static int reopen(int handle)
{
	struct stat st;
	char self[32];
	int fd;

	if (handle < 0)
		return -errno;
	fd = fstat(handle, &st) ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
	if (!fd) {
		snprintf(self, sizeof(self), "/proc/self/fd/%d", handle);
		fd = open(self, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		fd = fd < 0 ? -errno : fd;
	}
	close(handle);
	return fd;
}

int regular__open(const char *path)
{
	return reopen(open(path, O_PATH | O_CLOEXEC));
}

int regular__open_in(int root_fd, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	return reopen(syscall(SYS_openat2, root_fd, path, &how, sizeof(how)));
}
