// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PF_KTHREAD       0x00200000
#define TCP_STATE_LISTEN 0x0a

/* ---- files ---- */

int procfs__open(struct procfs *fs, const char *root)
{
	fs->fd = -1;
	if (!*root)
		return 0;
	fs->fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fs->fd < 0 ? -errno : 0;
}

void procfs__close(struct procfs *fs)
{
	if (fs->fd >= 0)
		close(fs->fd);
	fs->fd = -1;
}

static int open_file(const struct procfs *fs, uint32_t tgid, const char *name, int flags)
{
	char path[64];
	int fd;

	if (fs->fd < 0)
		return -ENOENT;
	snprintf(path, sizeof(path), "%u/%s", tgid, name);
	fd = openat(fs->fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);
	return fd < 0 ? -errno : fd;
}

ssize_t procfs__read(const struct procfs *fs, uint32_t tgid, const char *name, char *buf,
		     size_t size)
{
	int fd = open_file(fs, tgid, name, 0);
	size_t len = 0;
	ssize_t n = 0;

	buf[0] = 0;
	if (fd < 0)
		return fd;
	while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += n;
	if (n < 0 && !len)
		n = -errno;
	close(fd);
	buf[len] = 0;
	return len ? (ssize_t)len : n;
}

/* Field by field behind the name, which may hold spaces and parentheses. */
int procfs__stat(const struct procfs *fs, uint32_t tgid, struct procfs_stat *st)
{
	unsigned long long start;
	unsigned int ppid, flags;
	char buf[1024], *open, *end, state;
	long threads;

	*st = (struct procfs_stat){ 0 };
	if (procfs__read(fs, tgid, "stat", buf, sizeof(buf)) <= 0)
		return -ESRCH;
	open = strchr(buf, '(');
	end = strrchr(buf, ')');
	if (!open || !end || end < open ||
	    sscanf(end + 1,
		   " %c %u %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld %*d %llu",
		   &state, &ppid, &flags, &threads, &start) != 5)
		return -ESRCH;
	if (strchr("ZXx", state) && threads <= 1)
		return -ESRCH;
	st->ppid = ppid;
	st->kthread = flags & PF_KTHREAD;
	st->start_time = start;
	*end = 0;
	snprintf(st->comm, sizeof(st->comm), "%s", open + 1);
	return 0;
}

static ssize_t read_link(const struct procfs *fs, uint32_t tgid, const char *name, char *buf,
			 size_t size)
{
	char path[64];
	ssize_t n;

	buf[0] = 0;
	if (fs->fd < 0)
		return -ENOENT;
	snprintf(path, sizeof(path), "%u/%s", tgid, name);
	n = readlinkat(fs->fd, path, buf, size - 1);
	if (n < 0)
		return -errno;
	buf[n] = 0;
	return n;
}

int procfs__exe(const struct procfs *fs, uint32_t tgid, char buf[PROCFS_EXE_MAX])
{
	static const char deleted[] = " (deleted)";
	ssize_t n = read_link(fs, tgid, "exe", buf, PROCFS_EXE_MAX);
	size_t tail = sizeof(deleted) - 1;

	if (n < 0)
		return n;
	if ((size_t)n > tail && !strcmp(buf + n - tail, deleted))
		buf[n - tail] = 0;
	return 0;
}

/* "name:[inode]" */
static uint64_t link_inode(const char *link, const char *name)
{
	size_t n = strlen(name);

	return strncmp(link, name, n) ? 0 : strtoull(link + n, NULL, 10);
}

uint64_t procfs__netns(const struct procfs *fs, uint32_t tgid)
{
	char link[64];

	return read_link(fs, tgid, "ns/net", link, sizeof(link)) < 0 ? 0
								     : link_inode(link, "net:[");
}

uint32_t procfs__tgid(const struct procfs *fs, uint32_t tid)
{
	char buf[4096];
	const char *line;

	if (procfs__read(fs, tid, "status", buf, sizeof(buf)) <= 0)
		return 0;
	line = strstr(buf, "\nTgid:");
	return line ? strtoul(line + 6, NULL, 10) : 0;
}

/* ---- iterators ---- */

static DIR *open_dir(int fd)
{
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d && fd >= 0)
		close(fd);
	return d;
}

int procfs__each_process(const struct procfs *fs, int (*cb)(void *arg, uint32_t tgid), void *arg)
{
	struct dirent *e;
	int rc = 0;
	DIR *d;

	d = open_dir(fs->fd < 0 ? -1 : openat(fs->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (!d)
		return -ENOENT;
	while (!rc && (e = readdir(d))) {
		char *end;
		unsigned long pid = strtoul(e->d_name, &end, 10);

		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && !*end && pid <= UINT32_MAX)
			rc = cb(arg, pid);
	}
	closedir(d);
	return rc;
}

int procfs__each_socket(const struct procfs *fs, uint32_t tgid,
			int (*cb)(void *arg, uint64_t inode), void *arg)
{
	DIR *d = open_dir(open_file(fs, tgid, "fd", O_DIRECTORY));
	struct dirent *e;
	int rc = 0;

	if (!d)
		return -ENOENT;
	for (int i = 0; !rc && i < PROCFS_FDS_MAX && (e = readdir(d)); i++) {
		char link[64];
		ssize_t n = readlinkat(dirfd(d), e->d_name, link, sizeof(link) - 1);
		uint64_t inode;

		if (n <= 0)
			continue;
		link[n] = 0;
		inode = link_inode(link, "socket:[");
		if (inode)
			rc = cb(arg, inode);
	}
	closedir(d);
	return rc;
}

/* The kernel lists the listeners first: the table ends, for us, at the first
 * other socket, and a hundred thousand connections cost nothing. */
static int each_listener_in(FILE *f, int (*cb)(void *arg, uint16_t port, uint64_t inode), void *arg)
{
	char line[512];
	int rc = 0;

	if (!fgets(line, sizeof(line), f))
		return 0;
	while (!rc && fgets(line, sizeof(line), f)) {
		unsigned int port, state;
		unsigned long long inode;

		if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*u %*u %llu", &port,
			   &state, &inode) != 3)
			continue;
		if (state != TCP_STATE_LISTEN)
			break;
		if (port <= UINT16_MAX && inode)
			rc = cb(arg, port, inode);
	}
	return rc;
}

int procfs__each_listener(const struct procfs *fs, uint32_t tgid,
			  int (*cb)(void *arg, uint16_t port, uint64_t inode), void *arg)
{
	static const char *const tables[] = { "net/tcp", "net/tcp6" };
	int rc = 0, opened = 0;

	for (size_t i = 0; !rc && i < 2; i++) {
		int fd = open_file(fs, tgid, tables[i], 0);
		FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

		if (!f) {
			if (fd >= 0)
				close(fd);
			continue;
		}
		opened++;
		rc = each_listener_in(f, cb, arg);
		fclose(f);
	}
	return opened ? rc : -ENOENT;
}
