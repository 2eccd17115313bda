/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the history*.c share.
 *
 *   event loop --history__span--> admission --span_queue--> thread --> rings of spans
 *   thread --config.snapshot--> names and their last values --differences--> frames
 *
 * What is between two snapshots is a frame: for each service a block, in it a row for each
 * series that was counted up. Frames are only appended and only dropped from the oldest,
 * a chunk at a time; there are two logs of them, of steps of one second and of ten.
 *
 * Owner of all but the admission: the thread. It changes things with `lock` held for
 * writing, so it reads them without; everybody else reads with `lock` held for reading.
 */
#ifndef RED_HISTORY_INTERNAL_H
#define RED_HISTORY_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "buf.h"
#include "history.h"
#include "metrics.h"
#include "span_queue.h"

/* ---- history_room.c: memory, within the limit ---------------------------------------- */

enum room_kind {
	ROOM_TABLES = 0, /* names, values, indexes */
	ROOM_FINE = 1,
	ROOM_COARSE = 2,
	ROOM_SPANS = 3,
	ROOM_WATCHES = 4,
	ROOM__CNT = 5,
};

/* Zeroed. When the limit is reached frames go, the oldest first; NULL: none is left, or no
 * memory. The thread, or whoever has the lock for writing. */
void *room__alloc(struct history *h, enum room_kind kind, size_t bytes);
void *room__resize(struct history *h, enum room_kind kind, void *p, size_t from, size_t to);
void room__free(struct history *h, enum room_kind kind, void *p, size_t bytes);
uint64_t room__used(const struct history *h); /* any thread */
/* Until no more than the limit is used, or no frame is left. */
void room__keep_limit(struct history *h);

struct chunk {
	struct chunk *next; /* the next younger one */
	uint32_t used;      /* of data */
	uint32_t part;      /* frames: where the last part begins */
	uint32_t last;      /* frames: its time */
	_Alignas(8) uint8_t data[];
};

struct chunks {
	enum room_kind room;
	struct chunk *oldest, *newest;
	uint32_t n;
};

/* A new newest one with `least` bytes of room; NULL: no room, or they would never fit. */
struct chunk *chunks__add(struct history *h, struct chunks *l, size_t least);
void chunks__drop_oldest(struct history *h, struct chunks *l);
uint32_t chunk__size(const struct history *h); /* of data */

/* ---- history_table.c: a hash table whose members have small numbers ------------------- */

struct node {
	struct node *next; /* in its bucket */
	uint64_t hash;
	uint32_t id;
};

struct table_of { /* numbers are used again when their node has gone */
	struct node **buckets, **by_id;
	uint32_t n_buckets, n, n_ids, ids_size, free_below; /* no free number is below it */
};

int table_of__add(struct history *h, struct table_of *t,
		  struct node *n); /* hash is set; or -ENOMEM */
void table_of__remove(struct table_of *t, struct node *n);
void table_of__free(struct history *h, struct table_of *t);

static inline struct node *table_of__first(const struct table_of *t, uint64_t hash)
{
	return t->n_buckets ? t->buckets[hash & (t->n_buckets - 1)] : NULL;
}

/* ---- history_names.c: services, their routes, the series of these --------------------- */

struct hservice {
	struct node node;
	uint32_t refs; /* of routes, spans, endpoints */
	uint32_t bytes;
	double in_flight;
	struct hseries *first, *last; /* by number */
	const char *name, *namespace; /* behind it */
};

/* What history_name has but the status, and how slow it is of late. */
struct hroute {
	struct node node;
	struct hservice *service;
	struct hseries *series;
	uint32_t n_series, bytes;
	uint64_t slow_ns;         /* p99 of the last minutes; 0: not known */
	uint32_t *recent;         /* RECENT_BUCKETS, see history_slow.c; NULL: too few requests */
	struct history_name name; /* but for service and status; its text is behind it */
};

/* A histogram at some moment, in HISTORY_BUCKETS. Modulo 2^32 and 2^64, so that
 * differences are right whatever was subtracted before. */
struct past {
	uint64_t count, sum_us;
	uint16_t from, n; /* buckets outside are 0 */
	uint32_t *buckets;
};

enum resolution { FINE = 0, COARSE = 1, RESOLUTIONS = 2 };

struct hseries {
	struct node node;
	struct hroute *route;
	struct hseries *next_in_route, *prev_in_service, *next_in_service;
	uint64_t start_unix_ns;
	uint64_t count;   /* as it was last seen */
	uint32_t seen;    /* the last snapshot that had it */
	uint32_t counted; /* begin of the last step with a row of it; 0: none */
	uint32_t bytes;
	int8_t scale;  /* of what was seen, at most 3 */
	uint8_t class; /* enum history_class */
	bool error, is_new;
	struct past past[RESOLUTIONS];
	const struct metric_hist *now; /* during a step */
	uint64_t now_start_unix_ns;
	const char *status; /* NULL: none; behind it, as is the rest of its key */
	uint32_t key_len;
	char key[];
};

/* What a point of a snapshot is called. */
struct point_name {
	struct history_name name;
	uint8_t class;
	bool error;
	struct buf key; /* what else tells series apart */
	char peer[320], status[16];
};

struct hservice *hservice__intern(struct history *h, const char *name, const char *namespace);
void hservice__unref(struct history *h, struct hservice *s);
const struct hservice *hservice__find(const struct history *h, const char *name,
				      const char *namespace);
const struct hroute *hroute__find(const struct history *h, const struct history_name *name);
/* 0; -ENOMEM: no room. *out is found, or made (then is_new is set). */
int hseries__get(struct history *h, const struct point_name *p, struct hseries **out);
void hseries__forget(struct history *h, struct hseries *s);
/* Forgets those that no snapshot and no frame has. */
void hseries__expire(struct history *h);
void hseries__forget_all(struct history *h);

/* ---- history_bucket.c ---- */

enum { BUCKET_SCALE = 3, BUCKET_FIRST = -160 /* index at that scale of bucket 0 */ };

/* Where a bucket of a coarser scale is counted: see history_bucket.c. */
uint32_t bucket__of(int64_t index, int scale);
uint32_t bucket__regroup(uint32_t bucket, int scale);

/* ---- history_past.c: differences of cumulative values ---------------------------------- */

/* What was added in one step; buckets outside of [from, to) are unset. */
struct delta {
	uint64_t count, sum_us;
	uint32_t from, to;
	uint32_t buckets[HISTORY_BUCKETS];
};

/* Brings past[FINE] to what s->now has and says what that adds. -ENOMEM: nothing changed. */
int past__advance(struct history *h, struct hseries *s, struct delta *out);
/* Brings past[COARSE] to past[FINE] and says what that adds. */
void past__catch_up(struct hseries *s, struct delta *out);
void past__free(struct history *h, struct past *p);

/* ---- history_frames.c: the logs ---------------------------------------------------------- */

struct frames {
	struct chunks chunks;
	uint32_t step;
	uint32_t from, end; /* what is whole: [from, end), in seconds */
};

enum { BLOCK_MAX = 4096, ROW_MAX = 2048 };

/* Rows of one service, to be appended at once; ids ascend. */
struct block {
	uint32_t service, last_id, len;
	uint8_t data[BLOCK_MAX + ROW_MAX];
};

static inline bool block__full(const struct block *b)
{
	return b->len > BLOCK_MAX;
}

void block__begin(struct block *b, uint32_t service);
void block__row(struct block *b, uint32_t series, const struct delta *d);
/* Without room the step is lost, and `from` says so. */
void frames__append(struct history *h, struct frames *f, uint32_t time, const struct block *b);
void frames__drop_oldest(struct history *h, struct frames *f);
void frames__drop_before(struct history *h, struct frames *f, uint32_t time);
void frames__clear(struct history *h, struct frames *f);

/* Who is added up in a query, by number. */
struct frame_target {
	struct history_dist *dist; /* NULL: not wanted */
	bool error;
};

struct frame_query {
	const uint8_t *services;            /* wanted, by number */
	const struct frame_target *targets; /* of series */
	/* Before a step's rows and, when not NULL, for each row that is wanted. */
	void (*step)(struct frame_query *q, uint32_t time);
	void (*row)(struct frame_query *q, uint32_t series, uint64_t count);
	/* NULL, or one for all targets, instead of theirs */
	struct history_dist *sum;
	void *arg;
};

void frames__read(const struct frames *f, uint32_t from, uint32_t to, struct frame_query *q);

/* Which logs a range is read from. */
struct plan {
	struct history_range range; /* cut to what there is */
	uint32_t step;
	uint32_t n;
	struct {
		const struct frames *frames;
		uint32_t from, to;
	} piece[3];
};

/* fine: prefer the finer steps where there are both; else what is read faster. */
void plan__make(const struct history *h, struct history_range r, bool fine, struct plan *p);
void plan__read(const struct plan *p, struct frame_query *q);

/* ---- history_match.c ---- */

bool match__service(const struct history_filter *f, const struct hservice *s);
bool match__route(const struct history_filter *f, const struct hroute *r);
bool match__status(const char *filter, const char *status, enum history_class class, bool error);
enum history_class class__of_http(int64_t status);
enum history_class class__of_rpc(const char *status);
enum history_class class__of_op(bool error);
/* "host:port", "[v6]:port", "host"; NULL when the host is not known. */
const char *peer__name(char *room, size_t size, struct slice host, uint16_t port);
/* A span of the service. from_ns and to_ns are left to the caller. */
bool match__span(const struct history_span_filter *f, const struct span *s, const char *service,
		 const char *namespace);
/* What its route is called. Points into s and into *peer. */
void span__name(const struct span *s, const char *service, const char *namespace, char peer[320],
		char route[512], struct history_name *out);

/* ---- history_arena.c: what results consist of ---- */

struct arena_block;
struct result_arena {
	struct arena_block *blocks;
};

struct result_arena *result_arena__new(void);
void *result_arena__alloc(struct result_arena *a, size_t bytes);       /* aligned to 8; or NULL */
const char *result_arena__text(struct result_arena *a, const char *s); /* NULL stays NULL */
void result_arena__free(struct result_arena *a);                       /* accepts NULL */

/* ---- history_admit.c: the event loop --------------------------------------------------- */

enum {
	ADMIT_ORDINARY = 500, /* spans a second at most, about: half of it at least */
	ADMIT_ERRORS = 200,
	ADMIT_SLOW = 100,
	ADMIT_RARE = 100,
	ADMIT_FOLLOWED = 200, /* of traces that have one of the above */
	ADMIT_SLOTS = 4096,
	ADMIT_WAYS = 4, /* slots that a series may have */
	ADMIT_WANTED = 1024,
};

struct admit_slot {                   /* a series whose spans came here; free when none was taken */
	uint32_t tag : 24, since : 8; /* the second in which it got this place */
	uint32_t max_us, second, taken;
};

struct admit {
	uint64_t seed; /* so that nobody can choose ids for what is to be kept, or for one bucket */
	uint32_t second;
	uint64_t mask;    /* taken: those whose hash has none of these bits */
	uint32_t offered; /* this second */
	uint32_t ordinary, errors, slow, rare, followed; /* taken this second */
	uint32_t rare_after; /* seconds without a span until a series is rare */
	struct admit_slot *slots;
	uint64_t *wanted; /* hashes of traces to be followed */
};

bool admit__span(struct admit *a, const struct span *s);
void admit__second(struct admit *a, uint32_t second);

/* ---- history_spans.c ---------------------------------------------------------------------- */

enum span_ring { RING_ORDINARY = 0, RING_SLOW = 1, RING_ERRORS = 2, RINGS = 3 };

/* A span, compact; its text is behind it. See history_record.c. */
struct record {
	struct record *next, **link; /* in its bucket of the index */
	uint32_t bytes, service;
	int64_t unix_minus_mono_ns;
	uint64_t start_ns, request_end_ns, response_start_ns, end_ns;
	uint64_t conn_id, request_body_bytes, response_body_bytes;
	const char *method, *scheme, *protocol_version, *error_type;
	struct trace trace;
	uint32_t flags, tgid;
	uint16_t status, family, local_port, peer_port, host_port;
	uint8_t local_addr[16], peer_addr[16];
	uint8_t kind, detail, n_headers; /* detail: enum record_detail */
	uint16_t len[8];                 /* of its texts */
};

enum { RECORD_MAX = 16384 };

enum record_detail { DETAIL_NONE = 0, DETAIL_RPC = 1, DETAIL_OP = 2 };

union record_details {
	struct span_rpc rpc;
	struct span_op op;
};

/* The space it takes, and writing it there. */
size_t record__bytes(const struct history_config *c, const struct span *s);
void record__write(struct record *r, const struct history_config *c, const struct span *s,
		   int64_t unix_minus_mono_ns);
/* A span whose texts stay in the record; `details` is where its own are put. */
void record__read(const struct record *r, struct span *s, union record_details *details);

static inline int64_t record__start(const struct record *r)
{
	return (int64_t)r->start_ns + r->unix_minus_mono_ns;
}

static inline uint64_t record__duration(const struct record *r)
{
	return r->end_ns > r->start_ns ? r->end_ns - r->start_ns : 0;
}

struct span_store {
	struct chunks rings[RINGS];
	struct record **index; /* by trace id */
	uint32_t n_index;
	uint32_t n;
};

int span_store__init(struct history *h);
void span_store__free(struct history *h);
void span_store__add(struct history *h, const struct span *s, int64_t unix_minus_mono_ns);
void span_store__keep_limit(struct history *h); /* after the limit was lowered */
/* The bucket that has all spans of a trace, and perhaps others. */
const struct record *span_store__bucket(const struct history *h, const uint8_t trace_id[16]);
uint64_t trace__hash(uint64_t seed, const uint8_t trace_id[16]);
/* Deep copy into the arena; 0 or -ENOMEM. */
int record__copy(const struct record *r, const char *service, const char *namespace,
		 struct result_arena *a, struct history_span *out);

/* ---- history_slow.c: how slow the slowest hundredth of a route is ---- */

enum { RECENT_BUCKETS = HISTORY_BUCKETS / 4, SLOW_MIN = 100 };

void slow__count(struct history *h, struct hroute *r, const struct delta *d);
void slow__settle(struct hroute *r); /* after a step */
bool slow__is(const struct history *h, const struct span *s);

/* ---- history_endpoints.c: who serves where ---- */

struct endpoints {
	uint32_t n; /* of each; a power of two */
	struct endpoint *servers;
	struct peer_slot *peers;
};

int endpoints__init(struct history *h);
void endpoints__free(struct history *h);
void endpoints__learn(struct history *h, const struct span *s, struct hservice *service);
const struct hservice *endpoints__resolve(const struct history *h, const char *peer);

/* ---- history_watch.c ---- */

/* Offers the batch to those who watch spans; `lost` spans more were not even in one. */
void watches__batch(struct history *h, const struct span_batch *b, uint64_t lost);
void watches__tick(struct history *h);

/* ---- history_rows.c ---- */

enum { HISTORY_BY_PEER = HISTORY_BY_STATUS + 1 }; /* service, namespace, peer; of clients */
struct history_rows *rows__make(struct history *h, const struct history_filter *f,
				struct history_range r, int by, uint32_t n_spark);

/* ---- history.c ----------------------------------------------------------------------------- */

/* A flag of spans in the queue: for who watches only. */
#define SPAN_NOT_KEPT (1u << 31)

enum { HISTORY_QUEUE = 4096, HISTORY_QUEUE_WATCHED = 3072 /* what is for who watches gets */ };

struct history {
	struct history_config cfg;
	_Atomic uint64_t limit; /* now */
	uint64_t limit_min;     /* it never goes below */
	uint64_t limit_at_ns;   /* when it grew, or was to shrink */
	uint32_t grow_seconds;  /* from then on until it grows */
	bool grew;              /* since it was to shrink */
	uint32_t chunk_bytes;
	_Atomic uint64_t room[ROOM__CNT];

	pthread_rwlock_t lock;
	uint64_t begin_ns;     /* what a series has from before is not counted */
	uint32_t first_second; /* of the frames */
	uint32_t snapshot;     /* number of the last one */
	uint32_t full_in;      /* the snapshot in which no series more had room */
	uint32_t left_out_now;
	struct table_of services, routes, series;
	struct frames frames[RESOLUTIONS];
	struct span_store spans;
	struct endpoints endpoints;
	struct block block;
	struct delta delta;
	struct point_name point;
	uint64_t snapshot_offered, snapshot_at_ns; /* when the last one was taken */

	pthread_mutex_t watch_lock;
	pthread_cond_t watched;
	struct history_watch *watches;
	uint32_t n_watches;
	bool is_shut;
	_Atomic uint32_t span_watches;

	struct span_queue *queue;
	struct admit admit; /* the event loop's */
	_Atomic uint64_t offered, not_chosen, no_room, unwatched, queue_dropped;
	_Atomic uint64_t generation, series_left_out, steps, step_failures;
	_Atomic uint32_t n_series, n_spans, shrinks;
	uint64_t unwatched_told; /* of unwatched, to who watches */
	uint32_t shrunk;         /* of shrinks */

	pthread_t thread;
	bool has_thread;
	atomic_bool stop;
};

/* ---- history_step.c ---- */
/* The second that ends at unix_ns is over. m: the snapshot; NULL: nothing was counted. */
void history__step(struct history *h, const struct metrics *m, uint64_t unix_ns);
void history__begin_at(struct history *h, uint64_t unix_ns);
/* Forgets all series and what they counted. */
void history__begin_again(struct history *h);

/* For tests: without a thread, as if it had begun at this moment. */
struct history *history__bare(const struct history_config *c, uint64_t begin_unix_ns);
/* On the thread: does what history__shrink asked for; gives some back when it was long ago. */
void history__settle_limit(struct history *h, uint64_t now_ns);
/* What is in the queue, if anything; waits at most timeout_ms for it. */
void history__take_spans(struct history *h, int timeout_ms);

static inline struct hseries *hseries__by_id(const struct history *h, uint32_t id)
{
	return (struct hseries *)h->series.by_id[id];
}

#endif /* RED_HISTORY_INTERNAL_H */
