/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef RED_PROBER_INTERNAL_H
#define RED_PROBER_INTERNAL_H

#include <pthread.h>

#include "mmap_watch.h"
#include "proc_maps.h"
#include "prober.h"

#define PROBER_BUCKETS       1024
#define PROBER_PROBLEMS      128 /* remembered */
#define PROBER_DETACHERS     8
#define PROBER_DETACHERS_END 64 /* when redeye ends, somebody waits */

/* ---- prober_queue.c: from the loop to the worker --------------------------------------- */

/* A process, and what is to be done about it. */
struct prober_task {
	uint32_t tgid;
	bool selected; /* as the loop has it now */
	bool left;     /* it was let go of meanwhile */
	bool enter;    /* it was said to be selected */
	bool look;     /* at all that it maps */
	bool queued;
	struct prober_task *next;      /* in its hash bucket */
	struct prober_task *next_todo; /* in the queue */
};

struct prober_work {
	enum { PROBER_NOTHING, PROBER_PROCESS, PROBER_MAPPING } kind;
	struct prober_task task; /* a copy */
	struct mmap_record mapping;
};

struct prober_queue {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
	bool busy; /* the worker is at what it took last, or not ready for the first */
	uint32_t n_tasks, max_tasks;
	uint32_t n_todo;
	struct prober_task *buckets[PROBER_BUCKETS];
	struct prober_task *todo, **todo_end;
	struct mmap_record *maps; /* a ring */
	uint32_t max_maps, first_map, n_maps;
	uint64_t overflows, refused;
};

int prober_queue__init(struct prober_queue *q, uint32_t max_tasks, uint32_t max_maps);
void prober_queue__fini(struct prober_queue *q);
void prober_queue__selected(struct prober_queue *q, uint32_t tgid);
void prober_queue__left(struct prober_queue *q, uint32_t tgid);
void prober_queue__mapped(struct prober_queue *q, const struct mmap_record *r);
void prober_queue__look_at_all(struct prober_queue *q);
void prober_queue__stop(struct prober_queue *q);

bool prober_queue__empty(struct prober_queue *q);

/* Processes and mappings that are not done; mappings that found the queue full, processes that
 * found no place. */
void prober_queue__stats(struct prober_queue *q, uint32_t *waiting, uint64_t *overflows,
			 uint64_t *refused);

/* Waits for work until `until_ns`, then NOTHING. False: stop. */
bool prober_queue__next(struct prober_queue *q, uint64_t until_ns, struct prober_work *work);

/* ---- prober_detach.c: from the worker to the thread that closes links -------------------- */

struct detacher {
	pthread_t threads[PROBER_DETACHERS_END];
	int n_threads;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct probe_link *first, **end;
	uint64_t waiting, patience;
	bool stop, hold;
};

int detacher__init(struct detacher *d, uint64_t patience);
void detacher__fini(struct detacher *d); /* when all is closed */
void detacher__add(struct detacher *d, struct probe_link *link);
/* While probes are attached, which the kernel would have wait for each that is taken off,
 * none is; unless more than `patience` wait. */
void detacher__hold(struct detacher *d, bool on);
uint64_t detacher__waiting(struct detacher *d);

/* ---- prober_problems.c --------------------------------------------------------------------- */

struct problems {
	pthread_mutex_t lock;
	int event_fd;
	uint64_t total, told; /* that were new; of these, told to the loop */
	uint32_t n;
	struct prober_problem ring[PROBER_PROBLEMS]; /* number i is at i % PROBER_PROBLEMS */
};

int problems__init(struct problems *s);
void problems__fini(struct problems *s);
void problems__add(struct problems *s, const struct prober_problem *problem);
/* The next that the loop was not told of. */
bool problems__next(struct problems *s, struct prober_problem *out);
uint64_t problems__total(struct problems *s);
bool problems__at(struct problems *s, size_t i, struct prober_problem *out);

/* ---- prober.c ------------------------------------------------------------------------------ */

struct tls_scan;

struct prober {
	struct prober_config c;
	struct probe_ops given, ops; /* the second: complete, and with this as arg */
	struct probe_counts counts;
	struct prober_queue queue;
	struct detacher detacher;
	struct problems problems;
	struct mmap_watch *watch;
	struct tls_scan *scan; /* what the real ops use */
	char unwatched[128];
	int epoll_fd;
	pthread_t thread;
	bool started;
	struct probes *probes; /* the worker's */
	pthread_mutex_t stats_lock;
	struct probes_stats stats; /* a copy of the worker's */
	_Atomic uint64_t looks;
	uint64_t start_ticks; /* since boot, as /proc/PID/stat has it */
};

/* ---- prober_worker.c ------------------------------------------------------------------------- */

void *prober_worker(void *prober);
void prober_worker__problem(void *prober, uint32_t tgid, enum probe_failure reason, int fd,
			    const char *text);
bool prober_worker__confined(const struct prober *p, uint32_t tgid);
void prober_worker__again(void *prober, uint32_t tgid);

#endif /* RED_PROBER_INTERNAL_H */
