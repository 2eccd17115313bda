// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "httpd_routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"

/* Nothing from elsewhere, nothing inline, in nobody's frame: what was captured may be anything,
 * and even if a page took it for markup, nothing of it would run. */
#define CONTENT_POLICY                                                                             \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "          \
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "        \
	"require-trusted-types-for 'script'"

static const struct {
	const char *name, *value;
} every[] = {
	{ "X-Content-Type-Options", "nosniff" },
	{ "Referrer-Policy", "no-referrer" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	{ "Cross-Origin-Opener-Policy", "same-origin" },
	{ "Content-Security-Policy", CONTENT_POLICY },
};

struct httpd_reply httpd_reply__text(unsigned int status, const char *content)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(strlen(content), (void *)content,
								 MHD_RESPMEM_MUST_COPY);

	if (r)
		MHD_add_response_header(r, "Content-Type", "text/plain; charset=utf-8");
	return (struct httpd_reply){ status, r, false };
}

static struct httpd_reply json_error(unsigned int status, const char *sentence)
{
	struct MHD_Response *r = NULL;
	struct buf b = { 0 };

	api__error(&b, "%s", sentence);
	if (!b.err)
		r = MHD_create_response_from_buffer(b.len, b.p, MHD_RESPMEM_MUST_COPY);
	buf__free(&b);
	if (r)
		MHD_add_response_header(r, "Content-Type", "application/json");
	return (struct httpd_reply){ status, r, false };
}

struct httpd_reply httpd_reply__error(const struct httpd_exchange *e, unsigned int status,
				      const char *sentence)
{
	char line[256];

	if (api__owns(e->path))
		return json_error(status, sentence);
	snprintf(line, sizeof(line), "%s\n", sentence);
	return httpd_reply__text(status, line);
}

void httpd_reply__add_etag(struct MHD_Response *r, const struct httpd_etag *t)
{
	char text[HTTPD_ETAG_MAX];

	httpd_etag__write(t, text);
	MHD_add_response_header(r, "ETag", text);
	/* Kept, and asked for again each time. */
	MHD_add_response_header(r, "Cache-Control", "no-cache");
	MHD_add_response_header(r, "Vary", "Accept, Accept-Encoding");
}

struct httpd_reply httpd_reply__not_modified(const struct httpd_etag *t)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);

	if (r)
		httpd_reply__add_etag(r, t);
	return (struct httpd_reply){ MHD_HTTP_NOT_MODIFIED, r, true };
}

enum MHD_Result httpd_reply__send(struct MHD_Connection *c, struct httpd_reply r)
{
	enum MHD_Result result;

	if (!r.response)
		return MHD_NO;
	for (size_t i = 0; i < sizeof(every) / sizeof(every[0]); i++)
		MHD_add_response_header(r.response, every[i].name, every[i].value);
	if (!r.cached)
		MHD_add_response_header(r.response, "Cache-Control", "no-store");
	result = MHD_queue_response(c, r.status, r.response);
	MHD_destroy_response(r.response);
	return result;
}
