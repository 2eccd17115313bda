/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The parts of the HTTP server that know nothing of libmicrohttpd. */
#ifndef RED_HTTPD_INTERNAL_H
#define RED_HTTPD_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <zlib.h>

#include "buf.h"
#include "httpd.h"
#include "slice.h"

/* ---- httpd_listen.c ---- */

/* A listening socket, or -errno with a sentence in err; *port is the real one. */
int httpd_listen(const char *listen, uint16_t *port, char *err, size_t err_size);

/* ---- httpd_unix.c ---- */

struct httpd_unix;
/* A listening socket in *fd; the rest is for its removal. NULL with errno and a sentence. */
struct httpd_unix *httpd_unix__new(const char *path, int *fd, char *err, size_t err_size);
void httpd_unix__free(struct httpd_unix *u); /* removes it, if it is still ours; accepts NULL */

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

struct httpd_conns_config {
	unsigned int max;
	unsigned int deadline_s; /* for a request */
	unsigned int stall_s;    /* for one piece of a stream */
};

/* Takes listen_fd over, unless it returns NULL with errno. */
struct httpd_conns *httpd_conns__new(int listen_fd, const struct httpd_conns_config *c);
int httpd_conns__start(struct httpd_conns *c, httpd_accept_fn accepted, void *arg);
void httpd_conns__stop(struct httpd_conns *c); /* no more `accepted`; NULL is fine */
struct httpd_conn *httpd_conns__started(struct httpd_conns *c, int fd); /* NULL: not known */
void httpd_conns__request_done(struct httpd_conns *c, struct httpd_conn *conn);
/* Whose turn it is: ours, while an answer is being made. */
void httpd_conns__turn(struct httpd_conns *c, struct httpd_conn *conn, bool ours);
/* Its answer has no end: from now on each turn of the client has a deadline of its own. */
void httpd_conns__streams(struct httpd_conns *c, struct httpd_conn *conn);
void httpd_conns__close(struct httpd_conns *c, struct httpd_conn *conn);
uint64_t httpd_conns__cut_off(struct httpd_conns *c); /* NULL is fine */
void httpd_conns__free(struct httpd_conns *c);        /* NULL is fine */

/* ---- httpd_gzip.c ---- */

#define HTTPD_GZIP_LEAST 1024 /* a shorter body fits in one packet anyway */
int httpd_gzip(const struct buf *in, struct buf *out); /* appends; 0, or out->err */

/* The same of what comes in pieces. Does not move once it has begun. */
struct httpd_packer {
	z_stream z;
	struct buf *out; /* NULL: not begun */
};

int httpd_packer__begin(struct httpd_packer *p, struct buf *out);            /* 0 or -ENOMEM */
int httpd_packer__add(struct httpd_packer *p, const void *data, size_t len); /* 0, or out->err */
int httpd_packer__finish(struct httpd_packer *p);                            /* the same */
void httpd_packer__free(struct httpd_packer *p); /* accepts a zeroed one; out stays */

/* What was packed, piece by piece. Does not move either. */
struct httpd_unpacker {
	z_stream z;
	bool begun;
};

int httpd_unpacker__begin(struct httpd_unpacker *u, const struct buf *in);   /* 0 or -ENOMEM */
size_t httpd_unpacker__read(struct httpd_unpacker *u, char *to, size_t max); /* 0: it failed */
void httpd_unpacker__free(struct httpd_unpacker *u); /* accepts a zeroed one */

/* ---- httpd_origin.c: what a browser says about who asks; all may be NULL ---- */

/* An address or "localhost", with or without a port. */
bool httpd_origin__is_plain_host(const char *host);
/* Not for a page of another origin. */
bool httpd_origin__is_same(const char *host, const char *origin, const char *fetch_site);

/* ---- httpd_etag.c ---- */

/* Of an answer: what it was made from (0: not known), and its bytes (0: not yet made). */
struct httpd_etag {
	uint64_t generation, content;
};

#define HTTPD_ETAG_MAX 40
void httpd_etag__write(const struct httpd_etag *t, char text[HTTPD_ETAG_MAX]);
/* Does the client have it? if_none_match may be NULL. */
bool httpd_etag__matches(const struct httpd_etag *t, const char *if_none_match);

/* ---- httpd_budget.c: bytes of answers that wait in slow connections ---- */

struct httpd_budget {
	size_t max;
	atomic_size_t waiting;
};

bool httpd_budget__is_spent(const struct httpd_budget *b);
/* 0 or -ENOSPC. An answer that is larger than all of it is taken when no other waits. */
int httpd_budget__take(struct httpd_budget *b, size_t len);
void httpd_budget__give_back(struct httpd_budget *b, size_t len);

/* ---- httpd_scrape.c ---- */

struct httpd_scrape {
	const struct httpd_config *config;
	pthread_mutex_t lock; /* of making an answer */
	atomic_bool stopping;
};

struct httpd_body {
	struct httpd_budget *budget;
	struct buf data; /* as it is kept */
	bool packed;     /* data is gzip, as of all that is long, whatever the client takes */
	size_t len;      /* as it is sent */
	bool gzipped;    /* it is sent as it is kept, packed */
	enum prom_format format;
	struct httpd_unpacker unpacker; /* begun: it is sent by httpd_body__read */
};

/* What the client said it takes; all may be NULL. */
struct httpd_wish {
	const char *accept, *accept_encoding;
};

/* NULL with errno: EFBIG: would take more than max_answer; ENOSPC: others wait in the budget. */
struct httpd_body *httpd_scrape__make(struct httpd_scrape *s, struct httpd_budget *budget,
				      const struct httpd_wish *wish);
/* The next bytes of one that is packed and not gzipped. 0: no memory. */
size_t httpd_body__read(struct httpd_body *b, char *to, size_t max);
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
