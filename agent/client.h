/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A client of the HTTP API (docs/api.md) over the UNIX socket of an agent: one request at a time.
 * Sentences say which socket, and what to do. One thread.
 */
#ifndef RED_CLIENT_H
#define RED_CLIENT_H

#include <stddef.h>

#include <cjson/cJSON.h>

struct client;

enum { CLIENT_ANSWER_MAX = 16 << 20 };

/* Connects when something is asked. NULL and a sentence. The path is copied. */
struct client *client__new(const char *socket, char *err, size_t err_size);
void client__free(struct client *c); /* accepts NULL */

/*
 * Begins a GET of the target (a path with its query). What was under way is given up.
 * piece: gets the body of a good answer as it comes, and something else than 0 from it ends the
 * request with -ECANCELED; NULL: the body is collected, for client__document, and has to be there
 * within ten seconds. 0 or -errno.
 */
typedef int client_piece_fn(void *arg, const char *p, size_t len);
int client__start(struct client *c, const char *target, client_piece_fn *piece, void *arg);

/*
 * Goes on with it until it has ended, a byte can be read from wake_fd (-1: none), a signal came or
 * timeout_ms have passed. 1: it has ended well; 0: not yet, or nothing was asked; -errno and a
 * sentence: -ENOTCONN when nobody is at the socket, -EPIPE when the agent went away, -EPROTO when
 * it refused: the sentence is the agent's.
 */
int client__wait(struct client *c, int wake_fd, int timeout_ms, char *err, size_t err_size);

/* The answer that has ended well; the caller's. NULL and a sentence when it is no JSON. */
cJSON *client__document(struct client *c, char *err, size_t err_size);

/* All three in turn. */
cJSON *client__get(struct client *c, const char *target, char *err, size_t err_size);

#endif /* RED_CLIENT_H */
