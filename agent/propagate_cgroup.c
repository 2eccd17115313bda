// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where cgroup v2 is, in this mount namespace. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "propagate_internal.h"

/* "ID PARENT MAJ:MIN ROOT MOUNT ... - TYPE ..." */
static bool is_cgroup2(const char *line, char mount[256])
{
	const char *dash = strstr(line, " - cgroup2 ");

	return dash && sscanf(line, "%*s %*s %*s %*s %255s", mount) == 1;
}

static int find_mount(char mount[256])
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[1024];
	bool found = false;

	if (!f)
		return -errno;
	while (!found && fgets(line, sizeof(line), f))
		found = is_cgroup2(line, mount);
	fclose(f);
	return found ? 0 : -ENOENT;
}

static int own_path(char *path, size_t size)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[1024];
	int err = -ENOENT;

	if (!f)
		return -errno;
	while (err && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "0::", 3))
			continue;
		line[strcspn(line, "\n")] = 0;
		err = (size_t)snprintf(path, size, "%s", line + 3) < size ? 0 : -ENAMETOOLONG;
	}
	fclose(f);
	return err;
}

/* `path` below the mount point, or "" when it is a directory of another hierarchy. */
static const char *below_mount(const char *path, const char *mount)
{
	size_t n = strlen(mount);

	if (!strncmp(path, mount, n) && (!path[n] || path[n] == '/'))
		return path + n;
	return strncmp(path, "/sys/fs/cgroup/", 15) ? path : path + 14;
}

int cgroup__dir(char *dir, size_t size, const char *path)
{
	char mount[256], own[1024], procs[1300];
	int err = find_mount(mount);

	if (!err && !*path) {
		err = own_path(own, sizeof(own));
		path = own;
	}
	if (err)
		return err;
	path = below_mount(path, mount);
	if ((size_t)snprintf(dir, size, "%s%s%s", mount, *path == '/' ? "" : "/", path) >= size)
		return -ENAMETOOLONG;
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", dir);
	return access(procs, F_OK) ? -errno : 0;
}
