// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loop.h"

static int open_again(int fd)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

int outlet__open(struct outlet *o, int fd)
{
	struct stat st;
	bool can_block;

	*o = (struct outlet){ .fd = -1 };
	if (fstat(fd, &st))
		return -errno;
	can_block = S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode);
	if (can_block)
		o->fd = open_again(fd);
	o->blocking = can_block && o->fd < 0;
	if (o->fd < 0)
		o->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	o->type = st.st_mode;
	return o->fd < 0 ? -errno : 0;
}

void outlet__close(struct outlet *o)
{
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
}

bool outlet__wait_for(int fd, uint64_t until_ns)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	uint64_t now = mono_ns();
	int n;

	do {
		n = poll(&p, 1, now < until_ns ? (int)((until_ns - now) / 1000000 + 1) : 0);
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

ssize_t outlet__put(const struct outlet *o, const char *p, size_t len)
{
	ssize_t n;

	if (o->blocking) { /* with so little, a pipe that is writable does not block */
		len = len < PIPE_BUF ? len : PIPE_BUF;
		if (!outlet__wait_for(o->fd, 0))
			return -EAGAIN;
	}
	do {
		n = S_ISSOCK(o->type) ? send(o->fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT)
				      : write(o->fd, p, len);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}
