/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The files that a process executes from, and how to open the very file that it mapped:
 * not what is now at its path, which may be another one.
 */
#ifndef RED_PROC_MAPS_H
#define RED_PROC_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_entry {
	uint64_t start, end;
	uint32_t dev_major, dev_minor; /* as maps says, which may not be what stat says */
	uint64_t inode;
	bool executable;
	const char *path; /* as in maps, "" where it is not known; until the callback returns */
};

/* Calls fn for each executable mapping of a file; of several of one file that follow each
 * other, for the first. Until fn returns other than 0, which it returns. -errno when there
 * is nothing to read: -ESRCH for a process that is gone. */
int proc_maps__each(const char *proc_root, uint32_t tgid,
		    int (*fn)(void *arg, const struct map_entry *m), void *arg);

/* A descriptor to read from, or -errno: -ENOENT also for a mapping that is gone, -EACCES
 * when only its path could be used, and that is another file, -EINVAL for no regular file.
 * A mapping without a path (of an mmap record) is one that map_files must have. */
int proc_maps__open(const char *proc_root, uint32_t tgid, const struct map_entry *m);

#endif /* RED_PROC_MAPS_H */
