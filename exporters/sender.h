/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One thread for each destination: asks for request bodies, sends them, keeps them while
 * the collector is away. sender.c has the rules.
 */
#ifndef RED_SENDER_H
#define RED_SENDER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "otlp_client.h"

struct spool;

/* Where the bodies come from; all of it is called on the sender's thread. */
struct sender_ops {
	/* The next body into an empty buffer. Waits at most timeout_ms, less when stopped. 1:
	 * body and *items are set; 0: none in time; -errno. */
	int (*next)(void *arg, int timeout_ms, struct buf *body, uint32_t *items);
	/* Of the last body: delivered or kept (true), or dropped and counted. May be NULL. */
	void (*outcome)(void *arg, bool delivered_or_kept);
	/* The collector went away, or is back: meanwhile, what is not on disk is what a crash
	 * would lose, so bodies should come soon. May be NULL. */
	void (*away)(void *arg, bool away);
	/* No more bodies after those that are ready now. */
	bool (*stopped)(void *arg);
};

/* How a body is sent: otlp_client__post, or a test's. */
struct sender_transport {
	void (*post)(void *transport, const struct otlp_request *r, struct otlp_outcome *out);
	void (*free)(void *transport); /* may be NULL */
};

struct sender_config {
	const char *name;  /* "traces": for the log and the thread; lives as long */
	const char *where; /* the endpoint, for the log; the same */
	const struct sender_ops *ops;
	void *arg;
	enum otlp_encoding encoding; /* of the bodies that `next` gives */
	const struct sender_transport *transport;
	void *transport_arg;
	struct spool *spool;                     /* NULL: none */
	uint64_t memory_bytes;                   /* kept where the disk is not; 0: 4 MiB */
	uint64_t backoff_min_ns, backoff_max_ns; /* 0: 1 s, 30 s */
};

enum sender_drop {
	SENDER_DROP_PERMANENT = 0,   /* refused for good */
	SENDER_DROP_TOO_LARGE = 1,   /* for a request */
	SENDER_DROP_SPOOL_FULL = 2,  /* the oldest on disk, to keep its limit */
	SENDER_DROP_SPOOL_ERROR = 3, /* could not be written to disk, then the memory was full */
	SENDER_DROP_CORRUPT = 4,     /* could not be read back */
	SENDER_DROP_QUEUE_FULL = 5,  /* the oldest in memory, without a spool */
	SENDER_DROP_STOPPED = 6,     /* in memory at the end */
	SENDER_DROP__CNT = 7,
};

/* Written by the sender's thread, read by any. When it is at rest (between two bodies):
 * taken + recovered == delivered + rejected + dropped + spool + memory, in items. */
struct sender_stats {
	_Atomic uint64_t taken_items, recovered_items; /* from next; from an earlier run's disk */
	_Atomic uint64_t delivered_items;
	_Atomic uint64_t rejected_items; /* of a request that was taken otherwise */
	_Atomic uint64_t dropped_items[SENDER_DROP__CNT];
	_Atomic uint64_t spool_items, spool_bytes, memory_items, memory_bytes; /* waiting now */
	_Atomic uint64_t requests[OTLP_RESULT__CNT];
	_Atomic uint64_t sent_bytes;
	_Atomic uint64_t failed_next; /* -errno of next */
	/* Places in the spool's files that were skipped; what the system refused; files in its
	 * folder that are not its own, and stay. */
	_Atomic uint64_t spool_damaged, spool_failed, spool_foreign;
	_Atomic bool away;
};

struct sender;

/* Starts the thread. Transport and spool are the sender's from now on, also when it fails:
 * NULL and errno. */
struct sender *sender__new(const struct sender_config *c);
/* Asks the thread to end, as ops->stopped does. Any thread; returns at once. */
void sender__stop(struct sender *s);
/* Stops it and waits for the end: at most 0.7 s, if `next` returns when stopped. What was not
 * sent is on disk. The statistics are final then. */
void sender__join(struct sender *s);
void sender__free(struct sender *s); /* joins first; accepts NULL */
const struct sender_stats *sender__stats(const struct sender *s);
const char *sender_drop__name(enum sender_drop why); /* "spool_full" */

/* ---- sender_otlp.c ---- */

struct sender_setup {
	const char *name;               /* "traces"; also the spool's folder; lives as long */
	struct otlp_endpoint *endpoint; /* its content is taken over */
	const struct sender_ops *ops;
	void *arg;
	const char *spool_dir; /* NULL or "none": no spool */
	uint64_t spool_limit_bytes;
	uint8_t signal; /* enum otlp_signal */
};

/* A sender with an otlp_client, and a spool where that is possible; if not, it says why in the log
 * and goes on without. NULL and a sentence in err: no libcurl, no memory. */
struct sender *sender__for_endpoint(const struct sender_setup *c, char *err, size_t err_size);

#endif /* RED_SENDER_H */
