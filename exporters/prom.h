/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Prometheus exposition: a snapshot in, bytes out. No I/O and no state, so any
 * thread may call it. Where things are: prom.c negotiates and groups,
 * prom_names.c translates names, prom_labels.c labels, prom_text.c and
 * prom_proto.c write.
 */
#ifndef RED_PROM_H
#define RED_PROM_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct metrics;

enum prom_format {
	PROM_TEXT_0_0_4 = 0,
	PROM_OPENMETRICS_1 = 1,
	PROM_PROTOBUF = 2, /* the only one that carries native histograms */
};
#define PROM_FORMATS 3

enum prom_flags {
	PROM_NO_SCOPE = 1 << 0, /* no otel_scope_name, otel_scope_version on the series */
};

/* What an Accept header (NULL: there was none) asks for. Never fails: a client that
 * accepts nothing we have gets text 0.0.4, as with every Prometheus client library. */
enum prom_format prom__negotiate(const char *accept);
const char *prom__content_type(enum prom_format f);
/* Does this Accept-Encoding header (NULL: none) allow gzip? */
bool prom__accepts_gzip(const char *accept_encoding);

/* Appends the whole exposition to out. 0, or out->err (-ENOMEM, -ENOSPC). */
int prom__write_with(const struct metrics *m, enum prom_format f, unsigned int flags,
		     struct buf *out);

static inline int prom__write(const struct metrics *m, enum prom_format f, struct buf *out)
{
	return prom__write_with(m, f, 0, out);
}

/* Takes what comes next of an exposition. 0, or -errno: nothing more is made. */
typedef int (*prom_take_fn)(void *arg, const void *data, size_t len);

struct prom_sink {
	prom_take_fn take;
	void *arg;
	size_t max_piece; /* a family of protobuf is one piece, whatever its length */
};

/* The same bytes in pieces of some PROM_PIECE, so that nobody has to hold all of them. 0,
 * -ENOMEM, -ENOSPC (a piece would pass max_piece), or what take returned. */
#define PROM_PIECE ((size_t)64 << 10)
int prom__write_to(const struct metrics *m, enum prom_format f, unsigned int flags,
		   const struct prom_sink *sink);

#endif /* RED_PROM_H */
