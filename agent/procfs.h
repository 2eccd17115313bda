/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What /proc says about a process. Everything here is bounded, and everything
 * read is hostile: a process chooses its own name, arguments and environment,
 * and may vanish between two reads. That is never an error, only "not there".
 */
#ifndef RED_PROCFS_H
#define RED_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCFS_EXE_MAX     4096         /* a readlink of /proc gives a page at most */
#define PROCFS_CGROUP_MAX  16384        /* v1: a dozen lines */
#define PROCFS_ENVIRON_MAX (256 * 1024) /* a larger environment is looked at so far */
#define PROCFS_FDS_MAX     65536        /* descriptors looked at, lowest first */

struct procfs {
	int fd; /* of the root directory; -1: there is no /proc (replay) */
};

int procfs__open(struct procfs *fs, const char *root); /* "": no /proc at all */
void procfs__close(struct procfs *fs);

struct procfs_stat {
	uint32_t ppid;
	bool kthread;
	uint64_t start_time; /* ticks since boot: with the pid, a process's identity */
	char comm[16];
};

/* -ESRCH also for a process that is only waiting for its parent to reap it. */
int procfs__stat(const struct procfs *fs, uint32_t tgid, struct procfs_stat *st);

/* At most size - 1 bytes and a NUL; the length, or -errno. */
ssize_t procfs__read(const struct procfs *fs, uint32_t tgid, const char *name, char *buf,
		     size_t size);
int procfs__exe(const struct procfs *fs, uint32_t tgid, char buf[PROCFS_EXE_MAX]);
uint64_t procfs__netns(const struct procfs *fs, uint32_t tgid); /* inode, 0 unknown */
uint32_t procfs__tgid(const struct procfs *fs, uint32_t tid);   /* 0 no such thread */

/* Iterators: until the callback returns other than 0, which they return. They
 * return -errno when nothing could be read. */
int procfs__each_process(const struct procfs *fs, int (*cb)(void *arg, uint32_t tgid), void *arg);
int procfs__each_socket(const struct procfs *fs, uint32_t tgid,
			int (*cb)(void *arg, uint64_t inode), void *arg);
/* The TCP listeners of the process's network namespace. */
int procfs__each_listener(const struct procfs *fs, uint32_t tgid,
			  int (*cb)(void *arg, uint16_t port, uint64_t inode), void *arg);

#endif /* RED_PROCFS_H */
