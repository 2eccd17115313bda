/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Files that other processes chose: nothing is opened that is not a regular file, and
 * nobody is waited for (a write lease holds up who opens for 45 s). A descriptor to read
 * from, or -errno: -EINVAL for what is no regular file, -EAGAIN for one under a lease.
 */
#ifndef RED_REGULAR_H
#define RED_REGULAR_H

int regular__open(const char *path);
/* Below a root directory (an O_PATH descriptor), out of which no link leads. -ENOSYS before
 * Linux 5.6. */
int regular__open_in(int root_fd, const char *path);

#endif /* RED_REGULAR_H */
