// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "httpd_internal.h"

#include <errno.h>

/* An answer is asked for again every few seconds; it is worth little time. Level 1 still makes
 * a tenth of it. */
#define GZIP_LEVEL  1
#define GZIP_WINDOW (15 + 16) /* + 16: gzip's head instead of zlib's */

/* ---- in ---- */

int httpd_packer__begin(struct httpd_packer *p, struct buf *out)
{
	*p = (struct httpd_packer){ .out = out };
	if (deflateInit2(&p->z, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) == Z_OK)
		return 0;
	p->out = NULL;
	return -ENOMEM;
}

static size_t room(const struct buf *b)
{
	return (b->max && b->max < b->cap ? b->max : b->cap) - b->len;
}

static uInt at_most(size_t len)
{
	return len < UINT32_MAX ? (uInt)len : UINT32_MAX;
}

/* Until the input is used up, or, to finish, all is written. */
static int pack(struct httpd_packer *p, int flush)
{
	struct buf *out = p->out;
	uInt space;
	int rc;

	do {
		p->z.next_out = buf__room(out, 1);
		if (!p->z.next_out)
			return out->err;
		p->z.avail_out = space = at_most(room(out));
		rc = deflate(&p->z, flush);
		if (rc == Z_STREAM_ERROR)
			return -ENOMEM;
		out->len += space - p->z.avail_out;
	} while (flush == Z_FINISH ? rc != Z_STREAM_END : !p->z.avail_out);
	return 0;
}

int httpd_packer__add(struct httpd_packer *p, const void *data, size_t len)
{
	if (len > UINT32_MAX)
		return -ENOSPC;
	p->z.next_in = (Bytef *)data;
	p->z.avail_in = (uInt)len;
	return pack(p, Z_NO_FLUSH);
}

int httpd_packer__finish(struct httpd_packer *p)
{
	p->z.avail_in = 0;
	return pack(p, Z_FINISH);
}

void httpd_packer__free(struct httpd_packer *p)
{
	if (p->out)
		deflateEnd(&p->z);
	p->out = NULL;
}

int httpd_gzip(const struct buf *in, struct buf *out)
{
	struct httpd_packer p;
	int err = httpd_packer__begin(&p, out);

	if (!err)
		buf__room(out, deflateBound(&p.z, in->len));
	if (!err)
		err = httpd_packer__add(&p, in->p, in->len);
	if (!err)
		err = httpd_packer__finish(&p);
	httpd_packer__free(&p);
	return err;
}

/* ---- and out again ---- */

int httpd_unpacker__begin(struct httpd_unpacker *u, const struct buf *in)
{
	*u = (struct httpd_unpacker){ .z = { .next_in = (Bytef *)in->p,
					     .avail_in = at_most(in->len) } };
	u->begun = inflateInit2(&u->z, GZIP_WINDOW) == Z_OK;
	return u->begun ? 0 : -ENOMEM;
}

size_t httpd_unpacker__read(struct httpd_unpacker *u, char *to, size_t max)
{
	uInt space = at_most(max);

	u->z.next_out = (Bytef *)to;
	u->z.avail_out = space;
	inflate(&u->z, Z_NO_FLUSH);
	return space - u->z.avail_out;
}

void httpd_unpacker__free(struct httpd_unpacker *u)
{
	if (u->begun)
		inflateEnd(&u->z);
	u->begun = false;
}
