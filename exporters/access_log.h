/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The access log: a JSON line for each request, see docs/access-log.md.
 *
 * The event loop copies spans into a bounded queue; a thread writes them. It may
 * wait for a receiver, never long and never at the loop's expense: what does not
 * go out is dropped and counted, whole lines only.
 */
#ifndef RED_ACCESS_LOG_H
#define RED_ACCESS_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "span.h"

struct access_log;

struct access_log_config {
	const char *to;       /* "stdout", "syslog", "syslog:PATH", or a file's path */
	uint64_t max_bytes;   /* begin a new file before one gets larger; 0: never */
	uint32_t backups;     /* files FILE.1 to FILE.N that are kept */
	bool query;           /* the query of URLs, too */
	bool rpc_message;     /* what an RPC's status says in words, too */
	uint32_t max_queue;   /* spans that wait; 0: 8,192 */
	uint32_t max_batch;   /* 0: 512 */
	uint64_t queue_bytes; /* memory of those that wait; 0: no bound */
};

enum access_log_drop {
	ACCESS_LOG_QUEUE_FULL = 0, /* the thread did not keep up, or no memory */
	ACCESS_LOG_BLOCKED = 1,    /* the receiver did not read */
	ACCESS_LOG_FAILED = 2,     /* an error: disk full, no such directory, no syslog */
	ACCESS_LOG_DROPS
};

extern const char *const access_log_drop_names[ACCESS_LOG_DROPS];

/* Since the start. At any quiet moment added == lines + all dropped + queued. */
struct access_log_stats {
	uint64_t added; /* spans that were given */
	uint64_t lines, bytes;
	uint64_t dropped[ACCESS_LOG_DROPS];
	uint64_t rotations;
	uint32_t queued; /* now */
};

/* NULL with errno and one sentence in err. A receiver that is not there yet (a FIFO's
 * reader, syslog) is no error; a file that cannot be opened is. */
struct access_log *access_log__new(const struct access_log_config *c, char *err, size_t err_size);
/* Writes what waits, for at most a second or so. Accepts NULL. */
void access_log__free(struct access_log *log);

/* ---- the event loop; none of them waits ---- */

void access_log__add(struct access_log *log, const struct span *s);
/* Hands over what has waited 100 ms. When to be called next; UINT64_MAX: nothing waits. To be
 * called every 100 ms while spans come, then a line appears within 200. */
uint64_t access_log__tick(struct access_log *log, uint64_t now_ns);
/* On SIGHUP: the file is opened anew, by the thread, within a quarter of a second. */
void access_log__reopen(struct access_log *log);

/* ---- any thread ---- */

void access_log__stats(const struct access_log *log, struct access_log_stats *out);

#endif /* RED_ACCESS_LOG_H */
