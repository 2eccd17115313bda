/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the spool share. */
#ifndef RED_SPOOL_INTERNAL_H
#define RED_SPOOL_INTERNAL_H

#include <stdbool.h>

#include "spool.h"

#define SPOOL_MAGIC        0x50536472 /* "rdSP" */
#define SPOOL_VERSION      1
#define SPOOL_SEGMENTS_MAX 4096
#define SPOOL_WINDOW       (32u << 10)

/* In front of each body. In the byte order of the machine: a spool does not travel. */
struct spool_head {
	uint32_t magic;
	uint8_t version, signal, encoding, zero;
	uint32_t items;
	uint32_t len;
	uint32_t body_crc; /* both begin with the segment's salt */
	uint32_t head_crc; /* of all the above */
};

_Static_assert(sizeof(struct spool_head) == 24, "a file format");

struct spool_segment {
	uint64_t seq;
	uint32_t salt;
	uint64_t size;  /* as far as it is known to be written */
	uint64_t items; /* pending in it */
};

/* How far has been acknowledged: all before `off` of segment `seq`. */
struct spool_position {
	uint32_t magic;
	uint32_t salt; /* the segment's */
	uint64_t seq, off;
	uint32_t zero;
	uint32_t crc;
};

_Static_assert(sizeof(struct spool_position) == 32, "a file format");

/* A segment as it is read: one window that moves forward. */
struct spool_reader {
	int fd; /* -1: none */
	uint32_t salt;
	uint8_t signal;
	uint64_t off; /* of the window */
	size_t len;
	uint8_t window[SPOOL_WINDOW];
};

struct spool {
	int dir_fd, lock_fd, position_fd;
	int write_fd; /* of the last segment; -1: the next append begins one */
	uint8_t signal;
	uint64_t limit_bytes, segment_bytes;
	uint64_t next_seq;
	struct spool_segment *segments; /* oldest first */
	size_t n_segments, cap_segments;
	uint64_t read_off; /* in the first segment */
	struct spool_reader reader;
	bool peeked; /* a frame was given out: */
	uint64_t peeked_end;
	uint32_t peeked_items;
	struct spool_stats stats;
};

/* ---- spool_dir.c ---- */

#define SPOOL_NAME_SIZE 32

void spool__segment_name(const struct spool_segment *seg, char name[SPOOL_NAME_SIZE]);
/* Folder, lock, position file and the list of segments. 0, or -errno and a sentence. */
int spool__open_dir(struct spool *s, const struct spool_config *c, struct spool_position *pos,
		    char *err, size_t err_size);
void spool__write_position(struct spool *s);
int spool__add_segment(struct spool *s, const struct spool_segment *seg); /* 0, -ENOMEM */
int spool__create_segment(struct spool *s, struct spool_segment *seg); /* a descriptor or -errno */
void spool__unlink_segment(struct spool *s, const struct spool_segment *seg);

/* ---- spool_read.c ---- */

uint32_t spool__crc(uint32_t salt, const void *p, size_t len);
int spool_reader__open(struct spool_reader *r, const struct spool *s,
		       const struct spool_segment *seg);
void spool_reader__close(struct spool_reader *r);
/* The first frame at *off or behind whose head is whole: *off is moved to it, *skipped says
 * whether anything lay between. False: none. */
bool spool_reader__find(struct spool_reader *r, uint64_t *off, struct spool_head *h, bool *skipped);
/* Its body. 0, -EBADMSG, -ENOMEM. */
int spool_reader__body(struct spool_reader *r, uint64_t off, const struct spool_head *h,
		       struct buf *body);

#endif /* RED_SPOOL_INTERNAL_H */
