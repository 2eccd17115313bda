// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * /proc/PID/map_files/START-END leads to the file that is mapped there, even when it was
 * deleted or replaced. To follow it takes CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE. Without
 * them there is /proc/PID/root and the path below it, of which no link leads out, and which
 * is believed when maps says the same device and inode of it.
 *
 * maps and stat do not name devices alike on every file system (btrfs, overlayfs). So where
 * they differ the file is mapped here, and this process's own maps say how the kernel
 * names it.
 */
#include "proc_maps.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "regular.h"

#define LINE_MAX_BYTES (4096 * 4 + 128) /* a path, all of it escaped, and what is before */

/* ---- reading ------------------------------------------------------------------------ */

/* "start-end perms offset major:minor inode   path" */
static bool parse_line(char *line, struct map_entry *m)
{
	char perms[8];
	int path = 0;

	line[strcspn(line, "\n")] = 0;
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %*x %" SCNx32 ":%" SCNx32 " %" SCNu64 " %n",
		   &m->start, &m->end, perms, &m->dev_major, &m->dev_minor, &m->inode, &path) != 6)
		return false;
	m->executable = strlen(perms) > 2 && perms[2] == 'x';
	m->path = line + path;
	return true;
}

static bool same_file(const struct map_entry *a, const struct map_entry *b)
{
	return a->inode == b->inode && a->dev_major == b->dev_major && a->dev_minor == b->dev_minor;
}

static int each_mapping(const char *proc_root, uint32_t tgid,
			int (*fn)(void *arg, const struct map_entry *m), void *arg)
{
	char line[LINE_MAX_BYTES];
	struct map_entry m;
	int rc = 0;
	FILE *f;

	snprintf(line, sizeof(line), "%s/%u/maps", proc_root, tgid);
	f = fopen(line, "re");
	if (!f)
		return errno == ENOENT ? -ESRCH : -errno;
	while (!rc && fgets(line, sizeof(line), f))
		if (parse_line(line, &m))
			rc = fn(arg, &m);
	if (!rc && ferror(f))
		rc = -ESRCH;
	fclose(f);
	return rc;
}

struct executables {
	int (*fn)(void *arg, const struct map_entry *m);
	void *arg;
	struct map_entry last;
};

static int executable_only(void *arg, const struct map_entry *m)
{
	struct executables *e = arg;

	if (!m->executable || !m->inode || same_file(m, &e->last))
		return 0;
	e->last = *m;
	return e->fn(e->arg, m);
}

int proc_maps__each(const char *proc_root, uint32_t tgid,
		    int (*fn)(void *arg, const struct map_entry *m), void *arg)
{
	struct executables e = { .fn = fn, .arg = arg };

	return each_mapping(proc_root, tgid, executable_only, &e);
}

/* ---- opening ------------------------------------------------------------------------ */

struct own {
	const struct map_entry *want;
	uint64_t start;
	bool same;
};

static int find_own(void *arg, const struct map_entry *m)
{
	struct own *o = arg;

	if (o->start < m->start || o->start >= m->end)
		return 0;
	o->same = same_file(m, o->want);
	return 1;
}

static bool maps_as(int fd, const struct map_entry *want)
{
	size_t page = sysconf(_SC_PAGESIZE);
	void *p = mmap(NULL, page, PROT_READ, MAP_PRIVATE, fd, 0);
	struct own o = { .want = want, .start = (uintptr_t)p };

	if (p == MAP_FAILED)
		return false;
	each_mapping("/proc", getpid(), find_own, &o);
	munmap(p, page);
	return o.same;
}

static bool is_mapped_file(int fd, const struct map_entry *m)
{
	struct stat st;

	if (fstat(fd, &st))
		return false;
	if (st.st_ino == m->inode && major(st.st_dev) == m->dev_major &&
	    minor(st.st_dev) == m->dev_minor)
		return true;
	return maps_as(fd, m);
}

static int open_by_path(const char *proc_root, uint32_t tgid, const struct map_entry *m)
{
	char path[4096];
	int root, fd;

	if (!m->path || *m->path != '/')
		return -EACCES;
	snprintf(path, sizeof(path), "%s/%u/root", proc_root, tgid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = root < 0 ? -errno : regular__open_in(root, m->path);
	if (root >= 0)
		close(root);
	if (fd >= 0 && is_mapped_file(fd, m))
		return fd;
	if (fd >= 0)
		close(fd);
	return fd == -ESRCH || fd == -EINVAL ? fd : -EACCES;
}

int proc_maps__open(const char *proc_root, uint32_t tgid, const struct map_entry *m)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%u/map_files/%" PRIx64 "-%" PRIx64, proc_root, tgid,
		 m->start, m->end);
	fd = regular__open(path);
	return fd == -EPERM || fd == -EACCES ? open_by_path(proc_root, tgid, m) : fd;
}
