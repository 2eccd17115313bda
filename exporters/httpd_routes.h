/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Between the server's life (httpd.c) and its answers (httpd_routes.c). */
#ifndef RED_HTTPD_ROUTES_H
#define RED_HTTPD_ROUTES_H

#include <microhttpd.h>

#include "httpd_internal.h"

struct httpd {
	struct httpd_config config; /* strings in it belong to the caller: not used after _new */
	struct httpd_scrape scrape;
	struct httpd_auth *auth; /* NULL: open to all */
	struct httpd_conns *conns;
	struct MHD_Daemon *daemon;
	uint16_t port;
	atomic_uint_fast64_t scrapes[PROM_FORMATS], bytes, refused, errors;
	atomic_bool starting;
	char start_error[160]; /* the last thing libmicrohttpd said while it started */
};

/* libmicrohttpd's callback. *exchange is what it keeps for the request. */
enum MHD_Result httpd_routes__request(void *httpd, struct MHD_Connection *c, const char *path,
				      const char *method, const char *version, const char *body,
				      size_t *body_len, void **exchange);
void httpd_routes__done(void *exchange); /* accepts NULL */

#endif /* RED_HTTPD_ROUTES_H */
