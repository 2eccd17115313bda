// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The files of redeye's page (page.h). There is no data in them: they are for everybody. */
#include "httpd_routes.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "page.h"

static bool find(const char *path, struct page_file *f)
{
	return *path == '/' && page__find(path[1] ? path + 1 : "index.html", f);
}

bool httpd_page__has(const char *path)
{
	return find(path, &(struct page_file){ 0 });
}

static struct MHD_Response *plain(const struct page_file *f)
{
	return MHD_create_response_from_buffer(f->len, (void *)f->data, MHD_RESPMEM_PERSISTENT);
}

/* NULL also when it is not worth it. */
static struct MHD_Response *packed(const struct page_file *f)
{
	struct buf in = { .p = (char *)f->data, .len = f->len }, out = { 0 };
	struct MHD_Response *r;

	if (f->len < HTTPD_GZIP_LEAST || httpd_gzip(&in, &out)) {
		buf__free(&out);
		return NULL;
	}
	r = MHD_create_response_from_buffer(out.len, out.p, MHD_RESPMEM_MUST_FREE);
	if (r)
		MHD_add_response_header(r, "Content-Encoding", "gzip");
	else
		buf__free(&out);
	return r;
}

struct httpd_reply httpd_page__page(const struct httpd_exchange *e)
{
	struct MHD_Response *r = NULL;
	struct page_file f = { 0 };
	struct httpd_etag tag;

	find(e->path, &f);
	tag = (struct httpd_etag){ .content = hash_bytes(f.data, f.len) };
	if (httpd_etag__matches(&tag, httpd__header(e->c, "If-None-Match")))
		return httpd_reply__not_modified(&tag);
	if (prom__accepts_gzip(httpd__header(e->c, "Accept-Encoding")))
		r = packed(&f);
	if (!r)
		r = plain(&f);
	if (r) {
		MHD_add_response_header(r, "Content-Type", f.type);
		httpd_reply__add_etag(r, &tag);
	}
	return (struct httpd_reply){ MHD_HTTP_OK, r, true };
}
