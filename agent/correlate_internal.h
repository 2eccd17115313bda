/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the correlate*.c files share.
 *
 *   correlate.c        who is believed in what order; ids; the head decision
 *   correlate_open.c   the requests that are open, and how they are found
 *   correlate_habit.c  what requests of a kind usually send
 */
#ifndef RED_CORRELATE_INTERNAL_H
#define RED_CORRELATE_INTERNAL_H

#include <string.h>

#include "conn.h"
#include "correlate.h"

#define PROCESS_BUCKETS 256
#define OPEN_BUCKETS    1024
#define HABITS          4096
#define HABIT_CALLEES   4
#define HABIT_RUNS      16
#define PEERS           4096
#define PEER_WAYS       4
#define BACKGROUND_NS   600000000000ull
#define REQUEST_ID_MIN  8 /* shorter ones are hardly unique */

struct correlate_process {
	struct correlate_process *next;
	uint32_t tgid;
	uint32_t n_open;
	bool opaque;
	struct request *open; /* served now, the youngest first */
};

/* What the requests of one kind usually send. */
struct habit {
	uint64_t kind; /* hash of service, method and path; 0: free */
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

struct correlate {
	struct correlate_config cfg;
	struct correlate_stats stats;
	struct correlate_process *processes[PROCESS_BUCKETS];
	uint32_t n_processes; /* opaque ones included */
	struct request *threads[OPEN_BUCKETS];
	struct request *contexts[OPEN_BUCKETS];
	struct request *request_ids[OPEN_BUCKETS];
	struct request *connections[2][OPEN_BUCKETS]; /* by enum span_kind */
	struct habit habits[HABITS];
	struct background background[PEERS / PEER_WAYS][PEER_WAYS];
};

static inline uint64_t hash_bytes(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t w;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&w, p, 8);
		h = red_mix(h ^ w);
	}
	w = len;
	while (len--)
		w = w << 8 | *p++;
	return red_mix(h ^ w);
}

/* ---- correlate_open.c ---- */
/* A server request is being served from now on, and no more. */
void open__serve(struct correlate *c, struct request *r);
void open__served(struct correlate *c, struct request *r);
const struct correlate_process *open__process(const struct correlate *c, uint32_t tgid);
void open__free(struct correlate *c);
/* The one request that is served and might be the parent of this one; NULL: none, or several. */
struct request *open__by_thread(struct correlate *c, const struct request *r);
struct request *open__by_context(struct correlate *c, const struct request *r);
struct request *open__by_request_id(struct correlate *c, const struct request *r);
/* The same request at the connection's other end. */
struct request *open__other_end(struct correlate *c, const struct request *r);
void open__add_end(struct correlate *c, struct request *r);
void open__remove_end(struct correlate *c, struct request *r);

/* ---- correlate_habit.c ---- */
struct request *habit__sole(struct correlate *c, const struct request *r);
/* A server request ends that was served alone. */
void habit__learn(struct correlate *c, const struct request *server);

#endif /* RED_CORRELATE_INTERNAL_H */
