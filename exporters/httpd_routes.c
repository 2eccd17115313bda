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

#define BODY_BLOCK 32768 /* of what is unpacked while it is sent */

static struct httpd_reply scrape_failed(struct httpd *h, int err)
{
	char why[200];

	atomic_fetch_add(&h->errors, 1);
	if (err == ENOSPC)
		snprintf(why, sizeof(why),
			 "answers that slow clients have not taken yet have the %zu bytes that "
			 "there "
			 "are for them\n",
			 h->config.max_bytes);
	else if (err == EFBIG)
		snprintf(why, sizeof(why), "the answer would take more than %zu bytes\n",
			 h->config.max_answer);
	else
		snprintf(why, sizeof(why), "no snapshot of the metrics: %s\n", strerror(err));
	return httpd_reply__text(err == ETIMEDOUT || err == EAGAIN || err == ENOSPC
					 ? MHD_HTTP_SERVICE_UNAVAILABLE
					 : MHD_HTTP_INTERNAL_SERVER_ERROR,
				 why);
}

static ssize_t read_body(void *body, uint64_t at, char *to, size_t max)
{
	size_t n = httpd_body__read(body, to, max);

	return n ? (ssize_t)n : MHD_CONTENT_READER_END_WITH_ERROR;
}

static struct MHD_Response *response_of(struct httpd_body *b)
{
	if (b->packed && !b->gzipped)
		return MHD_create_response_from_callback(b->len, BODY_BLOCK, read_body, b,
							 httpd_body__free);
	return MHD_create_response_from_buffer_with_free_callback_cls(b->data.len, b->data.p,
								      httpd_body__free, b);
}

static struct httpd_reply metrics_page(const struct httpd_exchange *e)
{
	const struct httpd_wish wish = { httpd__header(e->c, "Accept"),
					 httpd__header(e->c, "Accept-Encoding") };
	struct httpd_body *b = httpd_scrape__make(&e->h->scrape, &e->door->metrics, &wish);
	struct MHD_Response *r;

	if (!b)
		return scrape_failed(e->h, errno);
	r = response_of(b);
	if (!r) {
		httpd_body__free(b);
		return scrape_failed(e->h, ENOMEM);
	}
	atomic_fetch_add(&e->h->scrapes[b->format], 1);
	atomic_fetch_add(&e->h->bytes, b->len);
	MHD_add_response_header(r, "Content-Type", prom__content_type(b->format));
	MHD_add_response_header(r, "Vary", "Accept, Accept-Encoding");
	if (b->gzipped)
		MHD_add_response_header(r, "Content-Encoding", "gzip");
	return (struct httpd_reply){ MHD_HTTP_OK, r, false };
}

static struct httpd_reply health_page(const struct httpd_exchange *e)
{
	return httpd_reply__text(MHD_HTTP_OK, "ok\n");
}

static struct httpd_reply ready_page(const struct httpd_exchange *e)
{
	const struct httpd_config *c = &e->h->config;
	bool ready = !c->ready || c->ready(c->arg);

	return ready ? httpd_reply__text(MHD_HTTP_OK, "ok\n")
		     : httpd_reply__text(MHD_HTTP_SERVICE_UNAVAILABLE, "not ready\n");
}

static struct httpd_reply log_level_page(const struct httpd_exchange *e)
{
	struct httpd_change change = {
		.query = MHD_lookup_connection_value(e->c, MHD_GET_ARGUMENT_KIND, "level"),
		.body = { e->body, e->len },
	};
	char said[80];
	unsigned int status =
		httpd_admin__log_level(e->change ? &change : NULL, said, sizeof(said));

	return httpd_reply__text(status, said);
}

/* ---- routes ---- */

enum access {
	ACCESS_OPEN,    /* to all: probes of Kubernetes have no token, and the page has no data */
	ACCESS_TOKEN,   /* with the token, when one is configured */
	ACCESS_METRICS, /* the same; not for a page from elsewhere */
	ACCESS_API,     /* the same; without a token from this machine only */
	ACCESS_ADMIN,   /* with the token, which must be, from this machine */
};

static struct httpd_reply front_page(const struct httpd_exchange *e);

static const struct route {
	const char *path; /* with a '/' at its end: all below it too */
	struct httpd_reply (*page)(const struct httpd_exchange *e);
	enum access access;
	bool changes; /* takes PUT */
	const char *help;
} routes[] = {
	{ "/", front_page, ACCESS_OPEN, false, "the page, in a browser; this list" },
	{ "/api/", httpd_api__page, ACCESS_API, false, "JSON: see /api/v1/" },
	{ "/metrics", metrics_page, ACCESS_METRICS, false,
	  "Prometheus: text, OpenMetrics, protobuf" },
	{ "/healthz", health_page, ACCESS_OPEN, false, "200 while the process lives" },
	{ "/readyz", ready_page, ACCESS_OPEN, false, "200 when it observes, 503 before" },
	{ "/admin/log-level", log_level_page, ACCESS_ADMIN, true,
	  "GET, PUT: error, warn, info or debug; needs the token" },
};

#define N_ROUTES (sizeof(routes) / sizeof(routes[0]))

static const struct route page_file = { .page = httpd_page__page, .access = ACCESS_OPEN };

static struct httpd_reply list_page(const struct httpd_exchange *e)
{
	char list[800];
	int n = snprintf(list, sizeof(list), "redeye " REDEYE_VERSION "\n\n");

	for (size_t i = 0; i < N_ROUTES && n < (int)sizeof(list); i++)
		n += snprintf(list + n, sizeof(list) - (size_t)n, "%-18s %s\n", routes[i].path,
			      routes[i].help);
	return httpd_reply__text(MHD_HTTP_OK, list);
}

/* ---- who may ---- */

static struct httpd_reply refuse(const struct httpd_exchange *e)
{
	struct httpd_reply r =
		httpd_reply__error(e, MHD_HTTP_UNAUTHORIZED, "a bearer token is needed");

	atomic_fetch_add(&e->h->refused, 1);
	if (r.response)
		MHD_add_response_header(r.response, "WWW-Authenticate", "Bearer realm=\"redeye\"");
	return r;
}

static struct httpd_reply forbid(const struct httpd_exchange *e, const char *why)
{
	atomic_fetch_add(&e->h->refused, 1);
	return httpd_reply__error(e, MHD_HTTP_FORBIDDEN, why);
}

static struct httpd_reply wrong_method(const struct httpd_exchange *e, const struct route *r)
{
	struct httpd_reply reply =
		httpd_reply__error(e, MHD_HTTP_METHOD_NOT_ALLOWED,
				   r->changes ? "only GET, HEAD and PUT" : "only GET and HEAD");

	if (reply.response)
		MHD_add_response_header(reply.response, "Allow",
					r->changes ? "GET, HEAD, PUT" : "GET, HEAD");
	return reply;
}

static bool is_local(const struct httpd_exchange *e)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(e->c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	return e->door->local ||
	       (info && info->client_addr && httpd_admin__is_loopback(info->client_addr));
}

static bool has_token(const struct httpd_exchange *e)
{
	return httpd_auth__allows(e->h->auth, httpd__header(e->c, "Authorization"));
}

/* Why not, or NULL. plain_host: a name that means us may be one of a page's own. */
static const char *host_forbids(const struct httpd_exchange *e, bool plain_host)
{
	if (plain_host && !e->h->auth && !e->door->local &&
	    !httpd_origin__is_plain_host(httpd__header(e->c, "Host")))
		return "without a bearer token only by an address or localhost";
	return NULL;
}

static const char *origin_forbids(const struct httpd_exchange *e, bool plain_host)
{
	if (!httpd_origin__is_same(httpd__header(e->c, "Host"), httpd__header(e->c, "Origin"),
				   httpd__header(e->c, "Sec-Fetch-Site")))
		return "not for pages of another origin";
	return host_forbids(e, plain_host);
}

/* A link that somebody follows: the page with the link cannot read what comes. */
static bool is_followed_link(const struct httpd_exchange *e)
{
	const char *mode = httpd__header(e->c, "Sec-Fetch-Mode");

	return mode && !strcmp(mode, "navigate") && !httpd__header(e->c, "Origin");
}

/* Where other machines may scrape they do so by whatever name we have there. What names no host
 * is no browser. */
static const char *metrics_forbids(const struct httpd_exchange *e)
{
	bool by_name = e->h->on_loopback && httpd__header(e->c, "Host");

	if (is_followed_link(e))
		return host_forbids(e, by_name);
	return origin_forbids(e, by_name);
}

static const char *api_forbids(const struct httpd_exchange *e)
{
	const char *why = origin_forbids(e, is_local(e));

	if (!why && !e->h->auth && !is_local(e))
		why = "from other machines only with a bearer token: see option "
		      "listen-token-file";
	return why;
}

static const char *admin_forbids(const struct httpd_exchange *e)
{
	if (!e->h->auth)
		return "only with a bearer token: see option listen-token-file";
	if (!e->h->config.admin_remote && !is_local(e))
		return "only from this machine: see option admin-remote";
	return NULL;
}

/* Gives the refusal in *out and returns false, unless the client may. */
static bool may_ask(const struct httpd_exchange *e, enum access access, struct httpd_reply *out)
{
	const char *why = access == ACCESS_ADMIN     ? admin_forbids(e)
			  : access == ACCESS_API     ? api_forbids(e)
			  : access == ACCESS_METRICS ? metrics_forbids(e)
						     : NULL;
	bool needs_token =
		e->h->auth && access != ACCESS_OPEN && (access == ACCESS_ADMIN || !e->door->local);

	if (why)
		*out = forbid(e, why);
	else if (needs_token && !has_token(e))
		*out = refuse(e);
	else
		return true;
	return false;
}

/* Who does not ask for HTML, as curl, wants to read. */
static struct httpd_reply front_page(const struct httpd_exchange *e)
{
	const char *accept = httpd__header(e->c, "Accept");
	struct httpd_reply r;

	if (accept && strstr(accept, "text/html"))
		return httpd_page__page(e);
	if (!may_ask(e, ACCESS_TOKEN, &r))
		return r;
	r = list_page(e);
	if (r.response)
		MHD_add_response_header(r.response, "Vary", "Accept");
	return r;
}

static bool is_at(const struct route *r, const char *path)
{
	size_t n = strlen(r->path);

	return !strcmp(r->path, path) ||
	       (n > 1 && r->path[n - 1] == '/' && !strncmp(r->path, path, n));
}

static const struct route *route_of(const char *path)
{
	for (size_t i = 0; i < N_ROUTES; i++) {
		if (is_at(&routes[i], path))
			return &routes[i];
	}
	return httpd_page__has(path) ? &page_file : NULL;
}

static struct httpd_reply answer(struct httpd_exchange *e, const char *method)
{
	const struct route *r = route_of(e->path);
	struct httpd_reply refusal;

	if (!r)
		return httpd_reply__error(e, MHD_HTTP_NOT_FOUND, "not found");
	e->change = r->changes && !strcmp(method, "PUT");
	if (!e->change && strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return wrong_method(e, r);
	if (!may_ask(e, r->access, &refusal))
		return refusal;
	if (e->change && e->len > HTTPD_CHANGE_MAX)
		return httpd_reply__text(MHD_HTTP_CONTENT_TOO_LARGE,
					 "the body is longer than 1024 bytes\n");
	return r->page(e);
}

/* ---- the exchange ---- */

static void keep(struct httpd_exchange *e, const char *piece, size_t len)
{
	if (e->len < HTTPD_CHANGE_MAX)
		memcpy(e->body + e->len, piece,
		       len < HTTPD_CHANGE_MAX - e->len ? len : HTTPD_CHANGE_MAX - e->len);
	e->len += len;
}

/* Called once for the head, for each piece of a body, and at the end. */
enum MHD_Result httpd_routes__request(struct httpd_door *door, struct MHD_Connection *c,
				      const char *path, const char *method, const char *body,
				      size_t *body_len, void **exchange)
{
	struct httpd_exchange *e = *exchange;

	if (!e) {
		*exchange = e = calloc(1, sizeof(*e));
		if (!e)
			return MHD_NO;
		e->h = door->h;
		e->door = door;
		e->c = c;
		return MHD_YES;
	}
	if (*body_len) {
		keep(e, body, *body_len);
		*body_len = 0;
		return MHD_YES;
	}
	e->path = path;
	e->head = !strcmp(method, "HEAD");
	return httpd_reply__send(c, answer(e, method));
}

void httpd_routes__done(void *exchange)
{
	free(exchange);
}
