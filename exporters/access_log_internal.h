/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The parts of the access log. All run on its thread, but for the sinks' constructors. */
#ifndef RED_ACCESS_LOG_INTERNAL_H
#define RED_ACCESS_LOG_INTERNAL_H

#include <stdatomic.h>
#include <sys/types.h>

#include "access_log.h"
#include "outlet.h"

#define ACCESS_LOG_LINE   16384 /* bytes of a line at most, its newline included */
#define ACCESS_LOG_PREFIX 64    /* of what syslog wants before it */
#define ACCESS_LOG_ROOM   (ACCESS_LOG_LINE + ACCESS_LOG_PREFIX)
#define ACCESS_LOG_CHUNK  131072 /* bytes that are written at once */
#define ACCESS_LOG_LINES  512    /* and lines */

/* Whole lines, each with its newline, that are written together. */
struct access_log_lines {
	uint32_t n;
	uint32_t end[ACCESS_LOG_LINES]; /* offset behind each line */
	char text[ACCESS_LOG_CHUNK];
};

static inline uint32_t access_log_lines__start(const struct access_log_lines *l, uint32_t i)
{
	return i ? l->end[i - 1] : 0;
}

/* Written by the thread, read by any. */
struct access_log_counts {
	atomic_uint_fast64_t lines, bytes, rotations;
	atomic_uint_fast64_t dropped[ACCESS_LOG_DROPS];
};

/* By what kept the lines from going out, a -errno. */
void access_log_counts__drop(struct access_log_counts *c, uint32_t lines, int err);

/* ---- access_log_line.c ---- */

enum access_log_level { /* RFC 5424 severities */
			ACCESS_LOG_ERROR = 3,
			ACCESS_LOG_WARN = 4,
			ACCESS_LOG_INFO = 6,
};

/* What may hold secrets, and is written only when asked for. */
struct access_log_secrets {
	bool query, rpc_message;
};

enum access_log_level access_log_line__level(const struct span *s);
/* The length of the line that it wrote into room, newline included. */
size_t access_log_line__write(char room[ACCESS_LOG_LINE], const struct span *s,
			      int64_t unix_minus_mono_ns, const struct access_log_secrets *with);

/* ---- access_log_stream.c: bytes into a descriptor, whole lines or none ---- */

struct access_log_stream {
	struct access_log_counts *counts;
	struct outlet to; /* a regular file can be cut back to whole lines */
	bool stuck;       /* the receiver reads nothing: it is not waited for any more */
	size_t tail_len;
	char tail[ACCESS_LOG_ROOM]; /* the rest of a line of which a part went out */
};

void access_log_stream__init(struct access_log_stream *s, struct access_log_counts *counts);
void access_log_stream__open(struct access_log_stream *s, struct outlet to); /* takes it over */
void access_log_stream__close(struct access_log_stream *s);
/*
 * Lines from *next to before `end`; moves *next behind the last line that it took, and that
 * is then counted. Waits for a receiver until until_ns. 0, -EAGAIN, or another -errno.
 */
int access_log_stream__write(struct access_log_stream *s, const struct access_log_lines *l,
			     uint32_t *next, uint32_t end, uint64_t until_ns);

/* ---- sinks: where lines go ---- */

struct access_log_sink {
	const struct access_log_sink_type *type;
	struct access_log_counts *counts;
};

struct access_log_sink_type {
	const char *name; /* the option's value, or what is before its colon; NULL: any path */
	/* `to` is what is behind the colon, or the path. NULL with errno. */
	struct access_log_sink *(*new)(const char *to, const struct access_log_config *c,
				       struct access_log_counts *counts);
	/* Takes or drops all lines, and counts them. 0, or -errno of the first that was dropped. */
	int (*write)(struct access_log_sink *s, const struct access_log_lines *l,
		     uint64_t until_ns);
	void (*reopen)(struct access_log_sink *s); /* may be NULL */
	/* What comes before the line; at most ACCESS_LOG_PREFIX bytes. NULL: nothing. */
	size_t (*prefix)(struct access_log_sink *s, enum access_log_level level, char *room);
	void (*free)(struct access_log_sink *s);
};

extern const struct access_log_sink_type access_log_stdout, access_log_syslog, access_log_file;

#endif /* RED_ACCESS_LOG_INTERNAL_H */
