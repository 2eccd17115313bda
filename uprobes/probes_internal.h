/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef RED_PROBES_INTERNAL_H
#define RED_PROBES_INTERNAL_H

#include <time.h>

#include "probes.h"

#define PROBES_BUCKETS  1024
#define PROBES_FILES    8192          /* buckets of files, of which there are 20,480 at most */
#define PROBES_OTHERS   4             /* times as many files may be known that have no plan */
#define PROBES_SHARE    8             /* one process has at most an eighth of what there is */
#define PROBES_AGAIN_NS 1000000000ull /* between looks whether there is room now */

struct process;

/* An inode may be used again for another file, and a file may be written over: size and
 * time of change tell those apart. */
struct file_key {
	uint64_t dev, inode, size;
	int64_t mtime_s, mtime_ns;
};

struct probe_file {
	struct file_key key;
	struct probe_file *next;                /* in its hash bucket */
	struct probe_file *of_inode;            /* the next in by_inode */
	struct probe_file *lru_prev, *lru_next; /* of its group, or NULL: it is in use */
	struct probe_file *same; /* it is that one, through another mount (probe_twin.c) */
	uint32_t twins;          /* of which this is `same` */
	struct probe_plan *plan; /* NULL: nothing of interest */
	struct probe_use *uses;
	uint32_t n_uses;
	uint32_t left_cnt; /* users that left since left_since_ns */
	uint64_t left_since_ns;
	struct probe_link *links; /* for all processes */
	uint32_t holders;         /* uses with links of their own, and 1 for `links` */
	uint64_t idle_ns;         /* since when there has been no user, with `links` */
	bool refused;             /* not for all processes: the kernel did not take it */
	bool told;                /* of it there was a problem */
};

/* Files with a plan, or those without: so many have none that they would push the others out. */
struct file_group {
	uint32_t n, max;
	struct probe_file unused; /* list head: those that may go, the last used first */
};

/* A process uses a file that is of interest. */
struct probe_use {
	struct process *process;
	struct probe_file *file;
	struct probe_use *of_process, *of_file; /* the next ones */
	struct probe_link *links;               /* for this process */
};

struct process {
	uint32_t tgid;
	uint32_t kinds; /* of all its files */
	uint64_t identity;
	struct process *next;
	struct probe_use *uses;
	uint32_t n_uses;
	uint32_t wants;     /* links, for the least of what found no room; 0: nothing did */
	bool wants_file;    /* a file found no room in the table */
	bool waits_for_nss; /* NSPR was seen, NSS was not */
	bool young;         /* it was not there when we started */
	bool news;          /* probes of which the kernel side was not told that they are all */
};

struct probes {
	struct probes_config c;
	struct probes_stats st;
	uint64_t due_ns;   /* when files without users are to be let go */
	uint64_t again_ns; /* when to see whether there is room for those that want it */
	bool wanting;      /* there may be some */
	struct process *processes[PROBES_BUCKETS];
	struct file_group others, planned;
	struct probe_file *files[PROBES_FILES];
	struct probe_file *by_inode[PROBES_BUCKETS]; /* those with a plan */
};

static inline uint64_t probes__now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* ---- probe_file.c ---- */

void probe_file__init(struct probes *p);
/* The entry of an open file, read if it is new. NULL and errno. */
struct probe_file *probe_file__get(struct probes *p, int fd);
void probe_file__free_all(struct probes *p);
/* Is there a place for another? */
bool probe_file__room(const struct probes *p);
/* Its use begins or has ended: while there is one it does not make way, after that as the last. */
void probe_file__touch(struct probes *p, struct probe_file *f);
/* The list that a file with this key and a plan is in; also those that differ by device only. */
struct probe_file **probe_file__by_inode(struct probes *p, const struct file_key *key);

/* ---- probe_twin.c ---- */

/* The file that stands for an open one: itself, or one that is probed for all, and is the same. */
struct probe_file *probe_twin__of(struct probes *p, struct probe_file *f, int fd);
/* A file has been probed for all: has a process looked at again for each that may be the same, so
 * that probe_twin__of can find out. Not that process, which is being looked at. */
void probe_twin__tell(struct probes *p, const struct probe_file *f, const struct process *but);

/* ---- probe_scope.c ---- */

/* Probes for a use that is new, by whatever scope is right now. 0 or -errno: -ENOSPC when
 * there may be room later, -EDQUOT when the process has its share. */
int probe_scope__attach(struct probes *p, struct probe_use *use, int fd, uint64_t now_ns);
/* Would the process survive them? 0: any one. */
bool probe_scope__may_return(const struct probes *p, const struct probe_file *f, uint32_t tgid);
/* Can so many links be had? */
bool probe_scope__room(const struct probes *p, uint32_t links);
/* Of a use, or of the file itself. */
void probe_scope__release(struct probes *p, struct probe_file *f, struct probe_link **links);

/* Says it once for each file. */
void probe_scope__problem(struct probes *p, struct probe_file *file, uint32_t tgid,
			  enum probe_failure reason, int fd, const char *text);

#endif /* RED_PROBES_INTERNAL_H */
