/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The HTTP server that Prometheus, probes, browsers and redeye's own commands talk to, over
 * libmicrohttpd.
 *
 *   GET /metrics   exposition in the format that Accept asks for, gzip if allowed
 *   GET /healthz   200 "ok" as long as the process lives
 *   GET /readyz    200 or 503
 *   GET /          redeye's page for who accepts text/html, else a list of these
 *   GET /api/v1/   docs/api.md
 *   GET, PUT /admin/log-level   see docs/admin.md; only with a token
 *
 * It listens on TCP, on a UNIX socket, or on both; each has its own places for clients, bytes
 * of answers that wait and streams of events, so that those of one cannot lock out those of the
 * other. Whoever may open the UNIX socket needs no token but for /admin/.
 *
 * Every connection has a thread of its own, so that a client that stalls delays
 * nobody, and everything a client can make the server hold is bounded:
 * connections, their input, how long one may take over a request, and the bytes
 * of answers that are not sent yet. Requests for /metrics are answered one at a
 * time until their bytes are made; sending them does not count.
 */
#ifndef RED_HTTPD_H
#define RED_HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prom.h"

struct api;
struct metrics;
struct httpd;

/* Strings are copied. 0 stands for the default. */
struct httpd_config {
	/* "127.0.0.1:9464", "[::1]:9464", ":9464" (all addresses); NULL: not on TCP */
	const char *listen;
	const char *tls_cert, *tls_key; /* PEM files; NULL or "": no TLS */
	const char *token_file;         /* its content guards what has data; NULL or "": open */
	bool admin_remote;              /* /admin/ from other machines too */
	unsigned int max_connections;   /* 32, of each kind */
	unsigned int timeout_s; /* 10, of silence; a request as a whole may take twice that */
	/* 64 MiB: answers not yet sent, those of /metrics and those of the API, of each kind of
	 * connection all clients together. Nobody else waiting, one may be longer; 503 until there
	 * is room. */
	size_t max_bytes;
	size_t max_answer;       /* 64 MiB: of /metrics, as it is kept: compressed */
	unsigned int stall_s;    /* 5: a client that takes no events for so long is cut off */
	unsigned int prom_flags; /* enum prom_flags */
	struct api *api;         /* NULL: none; outlives the server, which ends its streams */
	/*
	 * Called on a thread of the server, never twice at once. Gives one reference
	 * in *out and returns 0, or -errno: -ETIMEDOUT and -EAGAIN make a 503, any
	 * other a 500. Must return within a bounded time: httpd__free waits for it.
	 */
	int (*snapshot)(void *arg, struct metrics **out);
	bool (*ready)(void *arg); /* on any thread of the server; NULL: always */
	void *arg;
};

struct httpd_stats {                    /* since the start */
	uint64_t scrapes[PROM_FORMATS]; /* answered with 200 */
	uint64_t bytes;                 /* of their bodies, as sent */
	uint64_t refused;               /* 401 and 403: no token, a wrong one, from elsewhere */
	uint64_t errors;                /* 500 and 503 of /metrics */
	uint64_t cut_off;               /* connections that took too long over a request */
};

/* NULL with errno and one exact sentence in err. */
struct httpd *httpd__new(const struct httpd_config *c, char *err, size_t err_size);
/* Listens at this path too, mode 0600. A stale socket is replaced: 0, -EADDRINUSE when another
 * process has it, or -errno, and a sentence in err. Before the server is shared. */
int httpd__add_socket(struct httpd *h, const char *path, char *err, size_t err_size);
uint16_t httpd__port(const struct httpd *h); /* the real one, when 0 was asked for; 0: no TCP */
void httpd__stats(const struct httpd *h, struct httpd_stats *out);
/* Cuts off every client; takes as long as a snapshot that is being waited for. NULL is fine. */
void httpd__free(struct httpd *h);

#endif /* RED_HTTPD_H */
