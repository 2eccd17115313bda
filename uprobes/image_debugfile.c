// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A separate debug file, found by build id (GDB manual, "Debugging Information in Separate
 * Files"). The root that it is looked for in is a container's, perhaps: its links must not
 * lead out of it, and what is found must not be opened before it is known to be a file, as
 * to open a device can be to do something.
 */
#include "image_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_path(int root_fd, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

static int open_file(int path_fd)
{
	char self[32];
	struct stat st;
	int fd;

	if (fstat(path_fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", path_fd);
	fd = open(self, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int debugfile__open(const struct image *img)
{
	char path[64 + sizeof(img->build_id)];
	int path_fd, fd;

	if (img->root_fd < 0 || strlen(img->build_id) < 4)
		return -ENOENT;
	snprintf(path, sizeof(path), "usr/lib/debug/.build-id/%.2s/%s.debug", img->build_id,
		 img->build_id + 2);
	path_fd = open_path(img->root_fd, path);
	if (path_fd < 0)
		return path_fd;
	fd = open_file(path_fd);
	close(path_fd);
	return fd;
}
