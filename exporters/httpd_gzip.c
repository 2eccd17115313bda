// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "httpd_internal.h"

#include <errno.h>
#include <zlib.h>

/* An answer is asked for again every few seconds; it is worth little time. Level 1 still makes
 * a tenth of it. */
#define GZIP_LEVEL  1
#define GZIP_WINDOW (15 + 16) /* + 16: gzip's head instead of zlib's */

int httpd_gzip(const struct buf *in, struct buf *out)
{
	z_stream z = { .next_in = (Bytef *)in->p, .avail_in = (uInt)in->len };
	uLong bound;
	int err = 0;

	if (in->len > UINT32_MAX ||
	    deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	bound = deflateBound(&z, in->len);
	z.next_out = buf__room(out, bound);
	z.avail_out = (uInt)bound;
	if (!z.next_out || deflate(&z, Z_FINISH) != Z_STREAM_END)
		err = -ENOMEM;
	else
		out->len += z.total_out;
	deflateEnd(&z);
	return err;
}
