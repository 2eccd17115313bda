// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A file, or a FIFO or device in its place.
 *
 * A link is followed only when it belongs to root or to the user that redeye
 * runs as: /dev/stderr and links of the administrator are meant, those that
 * somebody plants in a directory of his are not.
 *
 * Whether the path still leads to the open file is asked at most once a second,
 * and before a rotation, which must not move a file that is not ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access_log_internal.h"
#include "loop.h"

#define SECOND_NS 1000000000ull

struct file_sink {
	struct access_log_sink base;
	struct access_log_stream stream;
	uint64_t max_bytes, size; /* of this file; a FIFO has none */
	uint32_t backups;
	dev_t dev;
	ino_t ino;
	uint64_t checked_ns;     /* when the path was looked at */
	uint64_t not_rotated_ns; /* when that failed; tried again a second later */
	char path[];
};

/* ---- opening -------------------------------------------------------------------------- */

static bool is_link_of_ours(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && S_ISLNK(st.st_mode) &&
	       (st.st_uid == 0 || st.st_uid == geteuid());
}

static int open_path(const char *path)
{
	int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	int fd = open(path, flags | O_NOFOLLOW, 0640);

	if (fd < 0 && errno == ELOOP && is_link_of_ours(path))
		fd = open(path, flags, 0640);
	return fd < 0 ? -errno : fd;
}

static int open_file(struct file_sink *s)
{
	int fd = open_path(s->path), err = 0;
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st))
		err = -errno;
	else if (S_ISBLK(st.st_mode)) /* nobody means that */
		err = -EINVAL;
	if (err) {
		close(fd);
		return err;
	}
	access_log_stream__open(&s->stream, (struct outlet){ .fd = fd, .type = st.st_mode });
	s->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	s->checked_ns = mono_ns();
	return 0;
}

static int open_anew(struct file_sink *s)
{
	access_log_stream__close(&s->stream);
	return open_file(s);
}

/* Whether the path leads elsewhere now, or nowhere. */
static bool was_moved(struct file_sink *s)
{
	struct stat st;

	s->checked_ns = mono_ns();
	return stat(s->path, &st) || st.st_dev != s->dev || st.st_ino != s->ino;
}

static int ensure_open(struct file_sink *s)
{
	if (s->stream.to.fd < 0)
		return open_file(s);
	if (mono_ns() - s->checked_ns < SECOND_NS || !was_moved(s))
		return 0;
	return open_anew(s);
}

/* ---- rotation ------------------------------------------------------------------------- */

/* Moves name.i to name.i+1, name itself being number 0. What is not there is no error. */
static int move_up(int dir, const char *name, uint32_t i)
{
	size_t size = strlen(name) + sizeof(".4294967295");
	char from[size], to[size];

	snprintf(from, size, i ? "%s.%u" : "%s", name, i);
	snprintf(to, size, "%s.%u", name, i + 1);
	return renameat(dir, from, dir, to) && errno != ENOENT ? -errno : 0;
}

static int move_all(int dir, const char *name, uint32_t backups)
{
	int err = 0;

	if (!backups)
		return unlinkat(dir, name, 0) ? -errno : 0;
	for (uint32_t i = backups; i-- && !err;)
		err = move_up(dir, name, i);
	return err;
}

static int move_ours(const struct file_sink *s, int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	if (st.st_dev != s->dev || st.st_ino != s->ino)
		return -ESTALE;
	return move_all(dir, name, s->backups);
}

/* Who owns a folder of the path may change where it leads at any moment: what is moved is
 * what one open folder has, and only when that is the file that we write. Cuts `real` in two. */
static int move_real(const struct file_sink *s, char *real)
{
	char *name = strrchr(real, '/') + 1;
	int dir, err;

	name[-1] = '\0';
	dir = open(*real ? real : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	err = move_ours(s, dir, name);
	close(dir);
	return err;
}

static int rotate(struct file_sink *s)
{
	char *real;
	int err;

	if (was_moved(s))
		return open_anew(s);
	real = realpath(s->path, NULL); /* a link stays, and what it leads to is moved */
	err = real ? move_real(s, real) : -errno;
	free(real);
	if (err)
		return err;
	atomic_fetch_add_explicit(&s->base.counts->rotations, 1, memory_order_relaxed);
	return open_anew(s);
}

/* A file that cannot be moved grows on: its lines are worth more than its bound. */
static int rotate_or_grow(struct file_sink *s)
{
	uint64_t now = mono_ns();
	int err;

	if (s->not_rotated_ns && now - s->not_rotated_ns < SECOND_NS)
		return 0;
	err = rotate(s);
	s->not_rotated_ns = err ? now : 0;
	return err && s->stream.to.fd < 0 ? err : 0;
}

static bool is_full(const struct file_sink *s, uint64_t more)
{
	return s->max_bytes && S_ISREG(s->stream.to.type) && s->size + more > s->max_bytes;
}

/* ---- writing -------------------------------------------------------------------------- */

/* Up to which line the file takes them; `next` when not even one. */
static uint32_t that_fit(const struct file_sink *s, const struct access_log_lines *l, uint32_t next)
{
	uint32_t start = access_log_lines__start(l, next), end = l->n;

	while (end > next && is_full(s, l->end[end - 1] - start))
		end--;
	return end;
}

static int write_some(struct file_sink *s, const struct access_log_lines *l, uint32_t *next,
		      uint64_t until_ns)
{
	uint32_t start = access_log_lines__start(l, *next), end = that_fit(s, l, *next);
	int err;

	if (end == *next && s->size) {
		err = rotate_or_grow(s);
		if (err)
			return err;
		end = s->not_rotated_ns ? l->n : that_fit(s, l, *next);
	}
	if (end == *next) /* larger than a whole file may be */
		end++;
	start = access_log_lines__start(l, *next);
	err = access_log_stream__write(&s->stream, l, next, end, until_ns);
	s->size += access_log_lines__start(l, *next) - start;
	return err;
}

static int write_lines(struct access_log_sink *sink, const struct access_log_lines *l,
		       uint64_t until_ns)
{
	struct file_sink *s = (struct file_sink *)sink;
	uint32_t next = 0;
	int err = ensure_open(s);

	while (!err && next < l->n)
		err = write_some(s, l, &next, until_ns);
	access_log_counts__drop(sink->counts, l->n - next, err);
	if (err && err != -EAGAIN)
		access_log_stream__close(&s->stream); /* the next lines try anew */
	return err;
}

/* ---- life ----------------------------------------------------------------------------- */

static void reopen(struct access_log_sink *sink)
{
	open_anew((struct file_sink *)sink); /* failed: the next lines try again, and say why */
}

/* What time may mend: a FIFO without a reader, a disk without room. */
static bool may_come(int err)
{
	return !err || err == -ENXIO || err == -ENOSPC || err == -EDQUOT;
}

static struct access_log_sink *new (const char *to, const struct access_log_config *c,
				    struct access_log_counts *counts)
{
	struct file_sink *s = calloc(1, sizeof(*s) + strlen(to) + 1);
	int err;

	if (!s)
		return NULL;
	strcpy(s->path, to);
	s->base.counts = counts;
	s->max_bytes = c->max_bytes;
	s->backups = c->backups;
	access_log_stream__init(&s->stream, counts);
	err = open_file(s);
	if (!may_come(err)) {
		free(s);
		errno = -err;
		return NULL;
	}
	return &s->base;
}

static void free_sink(struct access_log_sink *sink)
{
	struct file_sink *s = (struct file_sink *)sink;

	access_log_stream__close(&s->stream);
	free(s);
}

const struct access_log_sink_type access_log_file = {
	.new = new,
	.write = write_lines,
	.reopen = reopen,
	.free = free_sink,
};
