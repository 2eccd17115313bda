// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The folder of a spool. It is opened once and everything in it is reached through that
 * descriptor, so that what was checked is what is used. Others must not be able to put
 * files there: a spool goes to the collector under redeye's name.
 */
#include "spool_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLAGS (O_NOFOLLOW | O_CLOEXEC)

/* Sequence number and salt: what was read from a name must give that name again. */
void spool__segment_name(const struct spool_segment *seg, char name[SPOOL_NAME_SIZE])
{
	snprintf(name, SPOOL_NAME_SIZE, "%016" PRIx64 "-%08" PRIx32 ".seg", seg->seq, seg->salt);
}

static bool parse_name(const char *name, struct spool_segment *seg)
{
	char again[SPOOL_NAME_SIZE];

	if (sscanf(name, "%16" SCNx64 "-%8" SCNx32 ".seg", &seg->seq, &seg->salt) != 2)
		return false;
	spool__segment_name(seg, again);
	return !strcmp(name, again);
}

/* ---- the folder ---- */

static void make_parents(const char *path)
{
	char *copy = strdup(path);

	for (char *slash = copy ? strchr(copy + 1, '/') : NULL; slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(copy, 0755); /* what fails here, fails again where it is reported */
		*slash = '/';
	}
	free(copy);
}

/* Nobody else writes there. 0 or -errno. */
static int check_private(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	return (st.st_uid != geteuid() && st.st_uid) || (st.st_mode & 022) ? -EPERM : 0;
}

static int open_folder(int at, const char *path, char *err, size_t err_size)
{
	int fd, rc;

	if (mkdirat(at, path, 0700) && errno != EEXIST)
		goto failed;
	fd = openat(at, path, O_RDONLY | O_DIRECTORY | FLAGS);
	if (fd < 0)
		goto failed;
	rc = check_private(fd);
	if (!rc)
		return fd;
	close(fd);
	snprintf(err, err_size, "%s: others may write to this folder, or own it", path);
	return rc;
failed:
	rc = -errno;
	snprintf(err, err_size, "%s: %s", path,
		 rc == -ELOOP || rc == -ENOTDIR ? "is not a folder, but a link or a file"
						: strerror(-rc));
	return rc;
}

static int take_lock(struct spool *s, const struct spool_config *c, char *err, size_t err_size)
{
	int rc;

	s->lock_fd = openat(s->dir_fd, "lock", O_RDWR | O_CREAT | FLAGS, 0600);
	if (s->lock_fd >= 0 && !flock(s->lock_fd, LOCK_EX | LOCK_NB))
		return 0;
	rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (rc == -EBUSY)
		snprintf(err, err_size, "%s/%s is in use by another redeye", c->dir, c->name);
	else
		snprintf(err, err_size, "%s/%s/lock: %s", c->dir, c->name, strerror(-rc));
	return rc;
}

/* ---- the position ---- */

static uint32_t position_crc(const struct spool_position *pos)
{
	return spool__crc(0, pos, offsetof(struct spool_position, crc));
}

/* Zeroes when there is none that is whole: then everything counts as unsent. */
static int open_position(struct spool *s, struct spool_position *pos)
{
	s->position_fd = openat(s->dir_fd, "position", O_RDWR | O_CREAT | FLAGS, 0600);
	if (s->position_fd < 0)
		return -errno;
	if (pread(s->position_fd, pos, sizeof(*pos), 0) != sizeof(*pos) ||
	    pos->magic != SPOOL_MAGIC || pos->crc != position_crc(pos))
		*pos = (struct spool_position){ 0 };
	return 0;
}

void spool__write_position(struct spool *s)
{
	struct spool_position pos = { .magic = SPOOL_MAGIC, .seq = s->next_seq };

	if (s->n_segments) {
		pos.seq = s->segments[0].seq;
		pos.salt = s->segments[0].salt;
		pos.off = s->read_off;
	}
	pos.crc = position_crc(&pos);
	if (pwrite(s->position_fd, &pos, sizeof(pos), 0) != sizeof(pos))
		s->stats.error_cnt++;
}

/* ---- segments ---- */

static bool is_ours(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..") || !strcmp(name, "lock") ||
	       !strcmp(name, "position");
}

int spool__add_segment(struct spool *s, const struct spool_segment *seg)
{
	size_t cap = s->cap_segments ? 2 * s->cap_segments : 16;
	void *p = s->segments;

	if (s->n_segments == s->cap_segments) {
		p = realloc(p, cap * sizeof(*seg));
		if (!p)
			return -ENOMEM;
		s->segments = p;
		s->cap_segments = cap;
	}
	s->segments[s->n_segments++] = *seg;
	return 0;
}

static int take_file(struct spool *s, const char *name)
{
	struct spool_segment seg = { 0 };
	struct stat st;

	if (!parse_name(name, &seg) || s->n_segments == SPOOL_SEGMENTS_MAX ||
	    fstatat(s->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode)) {
		s->stats.foreign_cnt++;
		return 0;
	}
	seg.size = st.st_size;
	return spool__add_segment(s, &seg);
}

static int by_seq(const void *a, const void *b)
{
	const struct spool_segment *x = a, *y = b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int list_segments(struct spool *s)
{
	int fd = openat(s->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir)
		return -errno;
	while (!rc && (entry = readdir(dir))) {
		if (!is_ours(entry->d_name))
			rc = take_file(s, entry->d_name);
	}
	closedir(dir);
	if (s->n_segments)
		qsort(s->segments, s->n_segments, sizeof(*s->segments), by_seq);
	return rc;
}

int spool__open_dir(struct spool *s, const struct spool_config *c, struct spool_position *pos,
		    char *err, size_t err_size)
{
	int root, rc;

	make_parents(c->dir);
	root = open_folder(AT_FDCWD, c->dir, err, err_size);
	if (root < 0)
		return root;
	s->dir_fd = open_folder(root, c->name, err, err_size);
	close(root);
	if (s->dir_fd < 0)
		return s->dir_fd;
	rc = take_lock(s, c, err, err_size);
	if (rc)
		return rc;
	rc = open_position(s, pos);
	rc = rc ? rc : list_segments(s);
	if (rc)
		snprintf(err, err_size, "%s/%s: %s", c->dir, c->name, strerror(-rc));
	return rc;
}

int spool__create_segment(struct spool *s, struct spool_segment *seg)
{
	char name[SPOOL_NAME_SIZE];
	int fd;

	*seg = (struct spool_segment){ .seq = s->next_seq };
	if (getrandom(&seg->salt, sizeof(seg->salt), 0) != sizeof(seg->salt))
		return -EIO;
	spool__segment_name(seg, name);
	fd = openat(s->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | FLAGS, 0600);
	return fd < 0 ? -errno : fd;
}

void spool__unlink_segment(struct spool *s, const struct spool_segment *seg)
{
	char name[SPOOL_NAME_SIZE];

	spool__segment_name(seg, name);
	if (unlinkat(s->dir_fd, name, 0) && errno != ENOENT)
		s->stats.error_cnt++;
}
