// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "otlp_client_gzip.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

/* Spans repeat their keys: the fastest level takes most of it, for a third of the time of
 * zlib's default. */
#define LEVEL Z_BEST_SPEED

#define GZIP_WINDOW (MAX_WBITS + 16) /* zlib: a gzip head instead of its own */
#define MEM_LEVEL   8                /* zlib's default */

struct otlp_gzip {
	z_stream stream;
};

struct otlp_gzip *otlp_gzip__new(void)
{
	struct otlp_gzip *z = calloc(1, sizeof(*z));

	if (z && deflateInit2(&z->stream, LEVEL, Z_DEFLATED, GZIP_WINDOW, MEM_LEVEL,
			      Z_DEFAULT_STRATEGY) != Z_OK) {
		free(z);
		return NULL;
	}
	return z;
}

void otlp_gzip__free(struct otlp_gzip *z)
{
	if (!z)
		return;
	deflateEnd(&z->stream);
	free(z);
}

int otlp_gzip__pack(struct otlp_gzip *z, const void *p, size_t len, struct buf *to)
{
	size_t bound = deflateBound(&z->stream, len);
	void *room;

	buf__reset(to);
	room = buf__room(to, bound);
	if (!room || deflateReset(&z->stream) != Z_OK)
		return -ENOMEM;
	z->stream.next_in = (Bytef *)p; /* zlib only reads it */
	z->stream.avail_in = len;
	z->stream.next_out = room;
	z->stream.avail_out = bound;
	if (deflate(&z->stream, Z_FINISH) != Z_STREAM_END)
		return -EIO;
	to->len = bound - z->stream.avail_out;
	return 0;
}
