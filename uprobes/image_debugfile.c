// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A separate debug file, found by build id (GDB manual, "Debugging Information in Separate
 * Files"). A build id is what a file says of itself, and where the functions of an image are
 * decides where breakpoints are put into it, for all who map it: so the file must be one that
 * only root could have put there.
 */
#include "image_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "regular.h"

static bool is_roots(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && st.st_uid == 0 && !(st.st_mode & (S_IWGRP | S_IWOTH));
}

int debugfile__open(const struct image *img)
{
	char path[64 + sizeof(img->build_id)];
	int fd;

	if (img->root_fd < 0 || strlen(img->build_id) < 4)
		return -ENOENT;
	snprintf(path, sizeof(path), "usr/lib/debug/.build-id/%.2s/%s.debug", img->build_id,
		 img->build_id + 2);
	fd = regular__open_in(img->root_fd, path);
	if (fd < 0 || is_roots(fd))
		return fd;
	close(fd);
	return -EACCES;
}
