// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The listening socket in the file system. It appears at its path listening and with its mode,
 * because it is bound next to it and linked or renamed there: nobody finds one that refuses
 * although its owner lives, which is how a stale one is told. Two that replace a stale one at the
 * same moment both believe to have it; the later one does.
 *
 * At the end only what we put there is removed: whoever replaced it has another inode. A folder
 * of /run that is missing is made (/run/redeye, where no service manager did); /run is empty after
 * each boot, so that it is no mistake that it is not there.
 */
#include "httpd_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct httpd_unix {
	dev_t dev;
	ino_t ino;
	bool own_folder; /* made here */
	char path[];
};

/* Zero, or -ENAMETOOLONG. */
static int set_address(struct sockaddr_un *a, const char *path)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(a->sun_path))
		return -ENAMETOOLONG;
	strcpy(a->sun_path, path);
	return 0;
}

static int connect_to(const char *path)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;
	struct sockaddr_un a;

	if (fd < 0)
		return -errno;
	err = set_address(&a, path);
	if (!err && connect(fd, (struct sockaddr *)&a, sizeof(a)))
		err = -errno;
	close(fd);
	return err;
}

/* What is at the path: 0: a socket that nobody has any more. */
static int is_stale(const char *path)
{
	struct stat st;
	int err;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	err = connect_to(path);
	/* EAGAIN: its queue is full. */
	return err == -ECONNREFUSED || err == -ENOENT ? 0
	       : err && err != -EAGAIN                ? err
						      : -EADDRINUSE;
}

/* The mode is the inode's from the beginning: bind takes it from the descriptor. */
static int bind_at(int fd, const char *path)
{
	struct sockaddr_un a;
	int err = set_address(&a, path);

	if (err)
		return err;
	unlink(path);
	if (fchmod(fd, 0600) || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 128))
		return -errno;
	return 0;
}

static int put_in_place(const char *from, const char *to)
{
	int err;

	if (!link(from, to))
		return unlink(from) ? -errno : 0;
	if (errno != EEXIST)
		return -errno;
	err = is_stale(to);
	if (err)
		return err;
	return rename(from, to) ? -errno : 0;
}

/* True when it worked. */
static bool with_folder(const char *path, bool (*fn)(const char *folder))
{
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path || slash - path >= (ptrdiff_t)sizeof(folder))
		return false;
	memcpy(folder, path, slash - path);
	folder[slash - path] = '\0';
	return fn(folder);
}

static bool make_folder(const char *folder)
{
	return !strncmp(folder, "/run/", 5) && !mkdir(folder, 0755);
}

static bool remove_folder(const char *folder)
{
	return !rmdir(folder);
}

static int open_at(struct httpd_unix *u, int *fd)
{
	char aside[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct stat st;
	int err;

	if (snprintf(aside, sizeof(aside), "%s.%d", u->path, getpid()) >= (int)sizeof(aside))
		return -ENAMETOOLONG;
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return -errno;
	u->own_folder = with_folder(u->path, make_folder);
	err = bind_at(*fd, aside);
	if (!err && lstat(aside, &st))
		err = -errno;
	if (!err)
		err = put_in_place(aside, u->path);
	if (!err) {
		u->dev = st.st_dev;
		u->ino = st.st_ino;
		return 0;
	}
	unlink(aside);
	if (u->own_folder)
		with_folder(u->path, remove_folder);
	close(*fd);
	return err;
}

static void say(const char *path, int err, char *text, size_t size)
{
	const char *why = err == -EADDRINUSE ? "another process serves there"
			  : err == -ENOTSOCK ? "there is a file that is no socket"
					     : strerror(-err);

	snprintf(text, size, "cannot listen on %s: %s", path, why);
}

struct httpd_unix *httpd_unix__new(const char *path, int *fd, char *err, size_t err_size)
{
	struct httpd_unix *u = calloc(1, sizeof(*u) + strlen(path) + 1);
	int e = -ENOMEM;

	if (u) {
		strcpy(u->path, path);
		e = open_at(u, fd);
	}
	if (!e)
		return u;
	say(path, e, err, err_size);
	free(u);
	errno = -e;
	return NULL;
}

void httpd_unix__free(struct httpd_unix *u)
{
	struct stat st;

	if (!u)
		return;
	if (!lstat(u->path, &st) && st.st_dev == u->dev && st.st_ino == u->ino)
		unlink(u->path);
	if (u->own_folder) /* unless somebody else has something there now */
		with_folder(u->path, remove_folder);
	free(u);
}
