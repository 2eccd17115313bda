// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The bearer token. It is read again whenever its file changes, so that a token
 * can be replaced without a restart. A file that has gone away, is empty or too
 * long lets nobody in until it is right again.
 */
#include "httpd_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN_MAX 4096

struct httpd_auth {
	pthread_mutex_t lock;
	struct timespec mtime; /* with size and inode: what the token was read from */
	off_t size;
	ino_t inode;
	size_t len; /* of the token; 0: nobody gets in */
	char token[TOKEN_MAX + 1];
	char path[];
};

static ssize_t read_all(int fd, char *p, size_t max)
{
	size_t len = 0;
	ssize_t n;

	while (len < max && (n = read(fd, p + len, max - len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

char *httpd__read_file(const char *path, size_t max, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	char *p = malloc(max + 2);
	ssize_t n = -1;

	if (fd < 0 || !p)
		err = errno;
	else if ((n = read_all(fd, p, max + 1)) < 0)
		err = errno;
	else if ((size_t)n > max)
		err = EFBIG;
	if (fd >= 0)
		close(fd);
	if (err) {
		free(p);
		errno = err;
		return NULL;
	}
	p[n] = '\0';
	*len = (size_t)n;
	return p;
}

/* Takes the token out of the file; 0 or -errno, and then there is no token. */
static int load(struct httpd_auth *a)
{
	size_t len = 0;
	char *p = httpd__read_file(a->path, TOKEN_MAX, &len);

	a->len = 0;
	if (!p)
		return -errno;
	while (len && strchr(" \t\r\n", p[len - 1]))
		len--;
	memcpy(a->token, p, len);
	a->len = len;
	explicit_bzero(p, len);
	free(p);
	return 0;
}

/* The state of the file before it is read: a change in between is seen next time. */
static int reload_if_changed(struct httpd_auth *a)
{
	struct stat st;
	int err;

	if (stat(a->path, &st)) {
		a->len = 0;
		a->inode = 0;
		return -errno;
	}
	if (st.st_mtim.tv_sec == a->mtime.tv_sec && st.st_mtim.tv_nsec == a->mtime.tv_nsec &&
	    st.st_size == a->size && st.st_ino == a->inode)
		return 0;
	a->mtime = st.st_mtim;
	a->size = st.st_size;
	a->inode = st.st_ino;
	err = load(a);
	if (err) /* tried again, though it may not change once it can be read */
		a->inode = 0;
	return err;
}

struct httpd_auth *httpd_auth__new(const char *file, char *err, size_t err_size)
{
	struct httpd_auth *a = calloc(1, sizeof(*a) + strlen(file) + 1);
	int e;

	if (!a) {
		snprintf(err, err_size, "cannot read token file %s: %s", file, strerror(ENOMEM));
		errno = ENOMEM;
		return NULL;
	}
	strcpy(a->path, file);
	pthread_mutex_init(&a->lock, NULL);
	e = reload_if_changed(a);
	if (e)
		snprintf(err, err_size, "cannot read token file %s: %s", file, strerror(-e));
	else if (!a->len)
		snprintf(err, err_size, "token file %s is empty", file);
	if (e || !a->len) {
		httpd_auth__free(a);
		errno = e ? -e : EINVAL;
		return NULL;
	}
	return a;
}

/* Takes as long for a wrong token as for the right one, whatever they have in common;
 * only the lengths show. */
static bool equal_in_constant_time(const char *want, size_t want_len, const char *got,
				   size_t got_len)
{
	volatile unsigned char differ = want_len != got_len;

	for (size_t i = 0; i < got_len; i++)
		differ |= (unsigned char)(got[i] ^ want[i % want_len]);
	return !differ;
}

bool httpd_auth__allows(struct httpd_auth *a, const char *authorization)
{
	static const char scheme[] = "Bearer ";
	bool allowed = false;
	const char *got;

	if (!authorization || strncasecmp(authorization, scheme, strlen(scheme)) != 0)
		return false;
	got = authorization + strlen(scheme);
	got += strspn(got, " ");
	pthread_mutex_lock(&a->lock);
	if (reload_if_changed(a) == 0 && a->len)
		allowed = equal_in_constant_time(a->token, a->len, got, strlen(got));
	pthread_mutex_unlock(&a->lock);
	return allowed;
}

void httpd_auth__free(struct httpd_auth *a)
{
	if (!a)
		return;
	explicit_bzero(a->token, sizeof(a->token));
	pthread_mutex_destroy(&a->lock);
	free(a);
}
