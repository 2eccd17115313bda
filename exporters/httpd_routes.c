// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Paths and their answers. A further one is a row in the table: who may ask, and
 * whether it can be changed. Bodies are read to their end, whatever they are, so
 * that the connection can be kept; only those of changes are looked at.
 */
#include "httpd_routes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX 1024 /* of a change */

/* One request, from its head to its answer. */
struct exchange {
	struct httpd *h;
	struct MHD_Connection *c;
	bool change; /* PUT */
	size_t len;  /* of the body, which may be longer than what is kept */
	char body[BODY_MAX];
};

/* ---- answers ---- */

struct reply {
	unsigned int status;
	struct MHD_Response *response;
};

static struct reply text(unsigned int status, const char *content)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(strlen(content), (void *)content,
								 MHD_RESPMEM_MUST_COPY);

	if (r)
		MHD_add_response_header(r, "Content-Type", "text/plain; charset=utf-8");
	return (struct reply){ status, r };
}

static const char *header(struct MHD_Connection *c, const char *name)
{
	return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

static struct reply scrape_failed(struct httpd *h, int err)
{
	char why[200];

	atomic_fetch_add(&h->errors, 1);
	if (err == ENOSPC)
		snprintf(why, sizeof(why),
			 "the answer would pass the limit of %zu bytes for answers\n",
			 h->config.max_bytes);
	else
		snprintf(why, sizeof(why), "no snapshot of the metrics: %s\n", strerror(err));
	return text(err == ETIMEDOUT || err == EAGAIN || err == ENOSPC
			    ? MHD_HTTP_SERVICE_UNAVAILABLE
			    : MHD_HTTP_INTERNAL_SERVER_ERROR,
		    why);
}

static struct reply metrics_page(const struct exchange *e)
{
	struct httpd_body *b = httpd_scrape__make(&e->h->scrape, header(e->c, "Accept"),
						  header(e->c, "Accept-Encoding"));
	struct MHD_Response *r;

	if (!b)
		return scrape_failed(e->h, errno);
	r = MHD_create_response_from_buffer_with_free_callback_cls(b->data.len, b->data.p,
								   httpd_body__free, b);
	if (!r) {
		httpd_body__free(b);
		return scrape_failed(e->h, ENOMEM);
	}
	atomic_fetch_add(&e->h->scrapes[b->format], 1);
	atomic_fetch_add(&e->h->bytes, b->data.len);
	MHD_add_response_header(r, "Content-Type", prom__content_type(b->format));
	MHD_add_response_header(r, "Vary", "Accept, Accept-Encoding");
	if (b->gzipped)
		MHD_add_response_header(r, "Content-Encoding", "gzip");
	return (struct reply){ MHD_HTTP_OK, r };
}

static struct reply health_page(const struct exchange *e)
{
	return text(MHD_HTTP_OK, "ok\n");
}

static struct reply ready_page(const struct exchange *e)
{
	const struct httpd_config *c = &e->h->config;
	bool ready = !c->ready || c->ready(c->arg);

	return ready ? text(MHD_HTTP_OK, "ok\n")
		     : text(MHD_HTTP_SERVICE_UNAVAILABLE, "not ready\n");
}

static struct reply log_level_page(const struct exchange *e)
{
	struct httpd_change change = {
		.query = MHD_lookup_connection_value(e->c, MHD_GET_ARGUMENT_KIND, "level"),
		.body = { e->body, e->len },
	};
	char said[80];
	unsigned int status =
		httpd_admin__log_level(e->change ? &change : NULL, said, sizeof(said));

	return text(status, said);
}

/* ---- routes ---- */

enum access {
	ACCESS_OPEN,  /* to all: probes of Kubernetes have no token */
	ACCESS_TOKEN, /* with the token, when one is configured */
	ACCESS_ADMIN, /* with the token, which must be, from this machine */
};

static struct reply index_page(const struct exchange *e);

static const struct route {
	const char *path;
	struct reply (*page)(const struct exchange *e);
	enum access access;
	bool changes; /* takes PUT */
	const char *help;
} routes[] = {
	{ "/", index_page, ACCESS_TOKEN, false, "this list" },
	{ "/metrics", metrics_page, ACCESS_TOKEN, false,
	  "Prometheus: text, OpenMetrics, protobuf" },
	{ "/healthz", health_page, ACCESS_OPEN, false, "200 while the process lives" },
	{ "/readyz", ready_page, ACCESS_OPEN, false, "200 when it observes, 503 before" },
	{ "/admin/log-level", log_level_page, ACCESS_ADMIN, true,
	  "GET, PUT: error, warn, info or debug; needs the token" },
};

#define N_ROUTES (sizeof(routes) / sizeof(routes[0]))

static struct reply index_page(const struct exchange *e)
{
	char list[800];
	int n = snprintf(list, sizeof(list), "redeye " REDEYE_VERSION "\n\n");

	for (size_t i = 0; i < N_ROUTES && n < (int)sizeof(list); i++)
		n += snprintf(list + n, sizeof(list) - (size_t)n, "%-18s %s\n", routes[i].path,
			      routes[i].help);
	return text(MHD_HTTP_OK, list);
}

/* ---- who may ---- */

static struct reply refuse(struct httpd *h)
{
	struct reply r = text(MHD_HTTP_UNAUTHORIZED, "a bearer token is needed\n");

	atomic_fetch_add(&h->refused, 1);
	if (r.response)
		MHD_add_response_header(r.response, "WWW-Authenticate", "Bearer realm=\"redeye\"");
	return r;
}

static struct reply forbid(struct httpd *h, const char *why)
{
	atomic_fetch_add(&h->refused, 1);
	return text(MHD_HTTP_FORBIDDEN, why);
}

static struct reply wrong_method(const struct route *r)
{
	struct reply reply = text(MHD_HTTP_METHOD_NOT_ALLOWED,
				  r->changes ? "only GET, HEAD and PUT\n" : "only GET and HEAD\n");

	if (reply.response)
		MHD_add_response_header(reply.response, "Allow",
					r->changes ? "GET, HEAD, PUT" : "GET, HEAD");
	return reply;
}

static bool is_local(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	return info && info->client_addr && httpd_admin__is_loopback(info->client_addr);
}

/* Gives the refusal in *out and returns false, unless the client may. */
static bool may_ask(const struct exchange *e, enum access access, struct reply *out)
{
	struct httpd *h = e->h;

	if (access == ACCESS_ADMIN && !h->auth)
		*out = forbid(h, "only with a bearer token: see option listen-token-file\n");
	else if (access == ACCESS_ADMIN && !h->config.admin_remote && !is_local(e->c))
		*out = forbid(h, "only from this machine: see option admin-remote\n");
	else if (access != ACCESS_OPEN && h->auth &&
		 !httpd_auth__allows(h->auth, header(e->c, "Authorization")))
		*out = refuse(h);
	else
		return true;
	return false;
}

static const struct route *route_of(const char *path)
{
	for (size_t i = 0; i < N_ROUTES; i++) {
		if (!strcmp(routes[i].path, path))
			return &routes[i];
	}
	return NULL;
}

static struct reply answer(struct exchange *e, const char *path, const char *method)
{
	const struct route *r = route_of(path);
	struct reply refusal;

	if (!r)
		return text(MHD_HTTP_NOT_FOUND, "not found\n");
	e->change = r->changes && !strcmp(method, "PUT");
	if (!e->change && strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return wrong_method(r);
	if (!may_ask(e, r->access, &refusal))
		return refusal;
	if (e->change && e->len > BODY_MAX)
		return text(MHD_HTTP_CONTENT_TOO_LARGE, "the body is longer than 1024 bytes\n");
	return r->page(e);
}

/* ---- the exchange ---- */

static void keep(struct exchange *e, const char *piece, size_t len)
{
	if (e->len < BODY_MAX)
		memcpy(e->body + e->len, piece, len < BODY_MAX - e->len ? len : BODY_MAX - e->len);
	e->len += len;
}

static enum MHD_Result reply_with(struct MHD_Connection *c, struct reply r)
{
	enum MHD_Result result;

	if (!r.response)
		return MHD_NO;
	MHD_add_response_header(r.response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(r.response, "Cache-Control", "no-store");
	result = MHD_queue_response(c, r.status, r.response);
	MHD_destroy_response(r.response);
	return result;
}

/* Called once for the head, for each piece of a body, and at the end. */
enum MHD_Result httpd_routes__request(void *httpd, struct MHD_Connection *c, const char *path,
				      const char *method, const char *version, const char *body,
				      size_t *body_len, void **exchange)
{
	struct exchange *e = *exchange;

	if (!e) {
		*exchange = e = calloc(1, sizeof(*e));
		if (!e)
			return MHD_NO;
		e->h = httpd;
		e->c = c;
		return MHD_YES;
	}
	if (*body_len) {
		keep(e, body, *body_len);
		*body_len = 0;
		return MHD_YES;
	}
	return reply_with(c, answer(e, path, method));
}

void httpd_routes__done(void *exchange)
{
	free(exchange);
}
