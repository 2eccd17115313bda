/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Request bodies that wait for their collector on disk: first in, first out, bounded, kept
 * over restarts. spool.c says how and what for. Used by one thread, the sender's.
 */
#ifndef RED_SPOOL_H
#define RED_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define SPOOL_BODY_MAX (64u << 20)

struct spool_config {
	const char *dir;        /* of all signals; made when it is not there */
	const char *name;       /* its folder in there: "traces" */
	uint8_t signal;         /* frames of another one are not read */
	uint64_t limit_bytes;   /* on disk; the oldest goes first */
	uint64_t segment_bytes; /* 0: a part of the limit */
};

struct spool_frame {
	uint8_t encoding; /* enum otlp_encoding */
	uint32_t items;
};

enum spool_drop {
	SPOOL_DROP_FULL = 0,    /* the oldest, to keep the limit */
	SPOOL_DROP_CORRUPT = 1, /* could not be read back */
	SPOOL_DROP__CNT = 2,
};

/* recovered + appended == acked + dropped + pending, at any time, in items. What is so
 * damaged that its count is lost, is in no item count but in `corrupt_cnt`. */
struct spool_stats {
	uint64_t recovered_items; /* found by spool__open */
	uint64_t appended_items, acked_items;
	uint64_t dropped_items[SPOOL_DROP__CNT];
	uint64_t pending_items;
	uint64_t bytes;       /* on disk */
	uint64_t corrupt_cnt; /* places where something was skipped */
	uint64_t foreign_cnt; /* files in the folder that are not redeye's; left alone */
	uint64_t error_cnt; /* system calls that failed; a failed append is the caller's to count */
};

struct spool;

/* NULL and a sentence in err: no folder, not safe, used by another redeye. */
struct spool *spool__open(const struct spool_config *c, char *err, size_t err_size);
void spool__close(struct spool *s); /* accepts NULL; what is pending stays */

/* 0; -EMSGSIZE: larger than the spool may become; -ENOSPC, -EROFS, -EIO ...: not now. */
int spool__append(struct spool *s, const struct spool_frame *f, const void *body, size_t len);

/* The oldest body, the same until spool__ack. 1; 0: the spool is empty; -ENOMEM. */
int spool__peek(struct spool *s, struct spool_frame *f, struct buf *body);
/* Done with what the last spool__peek gave; nothing when an append has dropped it since. */
void spool__ack(struct spool *s);

const struct spool_stats *spool__stats(const struct spool *s);

#endif /* RED_SPOOL_H */
