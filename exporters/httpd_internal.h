/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The parts of the HTTP server that know nothing of libmicrohttpd. */
#ifndef RED_HTTPD_INTERNAL_H
#define RED_HTTPD_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "buf.h"
#include "httpd.h"
#include "slice.h"

/* ---- httpd_listen.c ---- */

/* A listening socket, or -errno with a sentence in err; *port is the real one. */
int httpd_listen(const char *listen, uint16_t *port, char *err, size_t err_size);

/* ---- httpd_auth.c ---- */

struct httpd_auth;
struct httpd_auth *httpd_auth__new(const char *file, char *err, size_t err_size);
bool httpd_auth__allows(struct httpd_auth *a, const char *authorization);
void httpd_auth__free(struct httpd_auth *a); /* accepts NULL */
/* Reads a whole file of at most max bytes, with a NUL behind it; NULL with errno. */
char *httpd__read_file(const char *path, size_t max, size_t *len);

/* ---- httpd_conns.c ---- */

struct httpd_conns;
struct httpd_conn;
/* Takes fd over. On the accepting thread. */
typedef void (*httpd_accept_fn)(void *arg, int fd, const struct sockaddr *from, socklen_t len);

/* Takes listen_fd over, unless it returns NULL with errno. */
struct httpd_conns *httpd_conns__new(int listen_fd, unsigned int max, unsigned int deadline_s);
int httpd_conns__start(struct httpd_conns *c, httpd_accept_fn accepted, void *arg);
void httpd_conns__stop(struct httpd_conns *c); /* no more `accepted`; NULL is fine */
struct httpd_conn *httpd_conns__started(struct httpd_conns *c, int fd); /* NULL: not known */
void httpd_conns__request_done(struct httpd_conns *c, struct httpd_conn *conn);
/* Whose turn it is: ours, while an answer is being made. */
void httpd_conns__turn(struct httpd_conns *c, struct httpd_conn *conn, bool ours);
void httpd_conns__close(struct httpd_conns *c, struct httpd_conn *conn);
uint64_t httpd_conns__cut_off(struct httpd_conns *c);
void httpd_conns__free(struct httpd_conns *c); /* NULL is fine */

/* ---- httpd_scrape.c ---- */

struct httpd_scrape {
	const struct httpd_config *config;
	pthread_mutex_t lock;    /* of making an answer */
	atomic_size_t in_flight; /* bytes of answers not yet sent */
	atomic_bool stopping;
};

struct httpd_body {
	struct httpd_scrape *scrape;
	struct buf data;
	enum prom_format format;
	bool gzipped;
};

/* NULL with errno. accept and accept_encoding may be NULL. */
struct httpd_body *httpd_scrape__make(struct httpd_scrape *s, const char *accept,
				      const char *accept_encoding);
void httpd_body__free(void *body);

/* ---- httpd_admin.c ---- */

bool httpd_admin__is_loopback(const struct sockaddr *from);

struct httpd_change {
	const char *query; /* of the URL's argument; NULL: none */
	struct slice body;
};

/* Makes the change, if there is one. The status, and in text what is so now, or the error. */
unsigned int httpd_admin__log_level(const struct httpd_change *c, char *text, size_t size);

#endif /* RED_HTTPD_INTERNAL_H */
