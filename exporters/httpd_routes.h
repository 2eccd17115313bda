/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Between the server's life (httpd.c) and its answers (httpd_routes.c, and what that calls). */
#ifndef RED_HTTPD_ROUTES_H
#define RED_HTTPD_ROUTES_H

#include <microhttpd.h>

#include "httpd_internal.h"

struct httpd;

/* Where clients come in. */
struct httpd_door {
	struct httpd *h;
	struct MHD_Daemon *daemon; /* NULL: closed */
	struct httpd_conns *conns;
	bool local;                       /* the UNIX socket */
	struct httpd_budget metrics, api; /* of their answers */
	atomic_uint streams;              /* of events, begun */
};

struct httpd {
	struct httpd_config config; /* strings in it belong to the caller: not used after _new */
	struct httpd_scrape scrape;
	struct httpd_auth *auth; /* NULL: open to all */
	struct httpd_door tcp, local;
	struct httpd_unix *socket;
	uint16_t port;
	bool on_loopback;         /* TCP: other machines cannot connect */
	pthread_mutex_t api_lock; /* of making an answer of the API */
	atomic_uint_fast64_t scrapes[PROM_FORMATS], bytes, refused, errors;
	atomic_bool starting;
	char start_error[160]; /* the last thing libmicrohttpd said while it started */
};

#define HTTPD_CHANGE_MAX 1024 /* bytes of a change's body */

/* One request, from its head to its answer. */
struct httpd_exchange {
	struct httpd *h;
	struct httpd_door *door;
	struct MHD_Connection *c;
	const char *path;
	bool head;   /* HEAD: only that of the answer is sent */
	bool change; /* PUT */
	size_t len;  /* of the body, which may be longer than what is kept */
	char body[HTTPD_CHANGE_MAX];
};

struct httpd_reply {
	unsigned int status;
	struct MHD_Response *response; /* NULL: no memory */
	bool cached;                   /* has its own Cache-Control */
};

/* The place of a connection among those of its door. */
static inline struct httpd_conn *httpd__conn(struct MHD_Connection *c)
{
	return MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static inline const char *httpd__header(struct MHD_Connection *c, const char *name)
{
	return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

/* ---- httpd_reply.c ---- */

struct httpd_reply httpd_reply__text(unsigned int status, const char *content);
/* A sentence, without a line end: of the API in JSON, else as it is. */
struct httpd_reply httpd_reply__error(const struct httpd_exchange *e, unsigned int status,
				      const char *sentence);
struct httpd_reply httpd_reply__not_modified(const struct httpd_etag *t);
void httpd_reply__add_etag(struct MHD_Response *r, const struct httpd_etag *t);
/* With what every answer has. */
enum MHD_Result httpd_reply__send(struct MHD_Connection *c, struct httpd_reply r);

/* ---- httpd_api.c ---- */

struct httpd_reply httpd_api__page(const struct httpd_exchange *e);

/* ---- httpd_page.c ---- */

bool httpd_page__has(const char *path);
struct httpd_reply httpd_page__page(const struct httpd_exchange *e);

/* ---- httpd_routes.c ---- */

/* libmicrohttpd's callback. *exchange is what it keeps for the request. */
enum MHD_Result httpd_routes__request(struct httpd_door *door, struct MHD_Connection *c,
				      const char *path, const char *method, const char *body,
				      size_t *body_len, void **exchange);
void httpd_routes__done(void *exchange); /* accepts NULL */

#endif /* RED_HTTPD_ROUTES_H */
