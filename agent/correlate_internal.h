/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the correlate*.c files share.
 *
 *   correlate.c        who is believed in what order; ids; the head decision
 *   correlate_open.c   the requests that are open, and how they are found
 *   correlate_habit.c  what requests of a kind usually send
 *   correlate_inject.c  what the kernel side is told, and tells
 */
#ifndef RED_CORRELATE_INTERNAL_H
#define RED_CORRELATE_INTERNAL_H

#include <string.h>

#include "conn.h"
#include "correlate.h"
#include "hash.h"

#define PROCESS_BUCKETS 256
#define OPEN_BUCKETS    1024
#define THREAD_BUCKETS  8192
#define HABITS          8192
#define HABIT_WAYS      8
#define HABIT_CALLEES   4
#define HABIT_RUNS      16
#define OWN_THREAD_RUNS 512
#define INJECTIONS      1024
#define INJECTION_WAYS  4
#define REGULARS        8192 /* bpf/context.h has room for as many */
#define REGULAR_WAYS    8
#define PEERS           16384
#define PEER_WAYS       8
#define BACKGROUND_NS   600000000000ull
#define LOOSE_NS        30000000000ull
#define REQUEST_ID_MIN  8 /* shorter ones are hardly unique */

struct correlate_process {
	struct correlate_process *next;
	uint32_t tgid;
	uint32_t n_open;
	bool opaque;
	/* Does each of its threads serve one request at a time, from the first byte to the
	 * answer's? So far, for so many that were not served alone. */
	bool shares_threads;
	uint32_t own_thread_runs;
	uint32_t n_regulars;
	uint64_t loose_until_ns; /* what nobody waits for any more may still be served */
	struct request *open;    /* served now, the youngest first */
};

/* What the requests of one kind usually send. */
struct habit {
	uint64_t kind; /* hash of service, method and path; 0: free */
	uint64_t turn; /* of its last lesson */
	struct {
		uint64_t peer; /* 0: free */
		uint32_t cnt;  /* requests sent to it, each time */
		uint32_t runs; /* times in a row */
	} callees[HABIT_CALLEES];
};

/* Somebody to whom a service also sends on its own account. */
struct background {
	uint64_t peer;
	uint64_t until_ns;
};

/* A context that was written into a request. */
struct injection {
	uint64_t conn_id, off; /* 0: free */
	uint64_t parent_conn_id, parent_off;
	uint64_t trace_hi, trace_lo;
	uint64_t ts_ns; /* before the request's first byte went out */
	uint8_t flags;
	bool by_thread; /* the thread told the parent */
};

/* A habit that the kernel side knows of. */
struct regular {
	struct correlate_process *process; /* NULL: free */
	uint64_t turn;                     /* of its last call */
	uint8_t addr[16];
	uint16_t port;
};

struct correlate {
	struct correlate_config cfg;
	struct correlate_stats stats;
	struct correlate_process *processes[PROCESS_BUCKETS];
	uint32_t n_processes; /* opaque ones included */
	struct request *threads[THREAD_BUCKETS];
	struct request *contexts[OPEN_BUCKETS];
	struct request *request_ids[OPEN_BUCKETS];
	struct request *connections[2][OPEN_BUCKETS]; /* by enum span_kind */
	uint64_t turn; /* of the tables below: who had none for the longest gives way */
	struct injection injections[INJECTIONS / INJECTION_WAYS][INJECTION_WAYS];
	struct regular regulars[REGULARS / REGULAR_WAYS][REGULAR_WAYS];
	struct habit habits[HABITS / HABIT_WAYS][HABIT_WAYS];
	struct background background[PEERS / PEER_WAYS][PEER_WAYS];
};

/* ---- correlate_open.c ---- */
/* A server request is being served from now on, and no more. */
void open__serve(struct correlate *c, struct request *r);
void open__served(struct correlate *c, struct request *r, uint64_t now_ns);
struct correlate_process *open__process(const struct correlate *c, uint32_t tgid);
void open__free(struct correlate *c);
/* The one request that is served and might be the parent of this one; NULL: none, or several. */
struct request *open__by_thread(struct correlate *c, const struct request *r);
struct request *open__by_context(struct correlate *c, const struct request *r);
struct request *open__by_request_id(struct correlate *c, const struct request *r);
/* The same request at the connection's other end. */
struct request *open__other_end(struct correlate *c, const struct request *r);
void open__add_end(struct correlate *c, struct request *r);
void open__remove_end(struct correlate *c, struct request *r);

struct request *open__find(struct correlate *c, uint32_t tgid, uint64_t conn_id, uint64_t place);

/* ---- correlate_inject.c ---- */
bool inject__take(struct correlate *c, const struct request *r, struct injection *out);
/* The parent of a client request of `p` was known by habit, or it might have been and was not. */
void inject__habit(struct correlate *c, struct correlate_process *p, const struct conn *conn,
		   bool known);
/* A process has ended, or is forgotten: the kernel side is to know of no habit of its. */
void inject__forget(struct correlate *c, struct correlate_process *p);

/* ---- correlate_habit.c ---- */
struct request *habit__sole(struct correlate *c, const struct request *r);
/* A server request ends that was served alone. */
void habit__learn(struct correlate *c, const struct request *server);

#endif /* RED_CORRELATE_INTERNAL_H */
