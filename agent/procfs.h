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
#define PROCFS_NAME_MAX    256          /* a name with its NUL */

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

/*
 * Names. The three functions below do no I/O; names come out as valid UTF-8
 * without control characters, at most 255 bytes, "" when there is none.
 */
struct procfs_name {
	char service[PROCFS_NAME_MAX];
	char namespace[PROCFS_NAME_MAX];
	char instance[PROCFS_NAME_MAX];
};

/* What is no UTF-8 becomes U+FFFD, control characters and outer spaces go. */
void procfs__clean(char out[PROCFS_NAME_MAX], const char *s, size_t len);

/* OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, percent-decoded. A broken
 * member of the list costs only itself, as in most SDKs. */
void procfs__name_from_environ(struct procfs_name *n, const char *env, size_t len);

/*
 * The name of the program, from the executable and the arguments:
 *
 *   native                       base name of the executable
 *   python3 dir/job.py           job        (also ruby, perl, php, lua, node, deno, bun, sh ...)
 *   python3 -m pkg.tool          pkg.tool
 *   gunicorn, uvicorn, flask ... the application's module: `uvicorn shop.api:app` -> shop.api,
 *                                without a last .wsgi or .asgi; else the server's name
 *   java -jar x.jar              x
 *   java a.b.Main                Main
 *   dotnet x.dll                 x
 *   interpreter without script   base name of the executable (sh -c, python3 -c, a REPL)
 *   interpreter whose process    the first word of the title, `puma 6.0 [x]` -> puma; for
 *   set a title                  `gunicorn: master [shop:app]` the module
 *
 * A base name loses the extension only when it is one of a script or archive.
 */
void procfs__name_from_program(char out[PROCFS_NAME_MAX], const char *exe, const char *cmdline,
			       size_t len);

#endif /* RED_PROCFS_H */
