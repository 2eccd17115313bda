// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "buf.h"
#include "curl.h"

#define CONNECT_MS 5000L
#define GET_MS     10000L
#define WAIT_MS    1000
#define HOST       "http://localhost" /* for the Host header: nothing is looked up */

struct client {
	const struct curl_api *curl;
	CURLM *multi;
	CURL *easy;
	char *socket;
	struct buf url, body;
	client_piece_fn *piece;
	void *arg;
	bool busy, enough; /* under way; piece wanted no more */
};

struct client *client__new(const char *socket, char *err, size_t err_size)
{
	struct client *c;

	if (strlen(socket) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
		snprintf(err, err_size, "the path of the socket is too long: %s", socket);
		errno = ENAMETOOLONG;
		return NULL;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->curl = curl_api__get(err, err_size);
	if (!c->curl) {
		free(c);
		errno = ENOENT;
		return NULL;
	}
	buf__init(&c->body, CLIENT_ANSWER_MAX);
	c->socket = strdup(socket);
	c->multi = c->curl->multi_init();
	c->easy = c->curl->easy_init();
	if (c->socket && c->multi && c->easy)
		return c;
	client__free(c);
	snprintf(err, err_size, "out of memory");
	errno = ENOMEM;
	return NULL;
}

static void stop(struct client *c)
{
	if (c->busy)
		c->curl->multi_remove_handle(c->multi, c->easy);
	c->busy = false;
}

void client__free(struct client *c)
{
	if (!c)
		return;
	stop(c);
	if (c->easy)
		c->curl->easy_cleanup(c->easy);
	if (c->multi)
		c->curl->multi_cleanup(c->multi);
	free(c->socket);
	buf__free(&c->url);
	buf__free(&c->body);
	free(c);
}

static long status_of(struct client *c)
{
	long status = 0;

	c->curl->easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* What is not a good answer is collected: it says why. */
static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct client *c = arg;

	if (c->piece && status_of(c) == 200) {
		c->enough = c->piece(c->arg, p, n) != 0;
		return c->enough ? CURL_WRITEFUNC_ERROR : n;
	}
	buf__append(&c->body, p, n);
	return c->body.err ? CURL_WRITEFUNC_ERROR : n;
}

static int configure(struct client *c)
{
	const struct {
		CURLoption option;
		const void *value;
	} texts[] = {
		{ CURLOPT_URL, c->url.p },
		{ CURLOPT_UNIX_SOCKET_PATH, c->socket },
		{ CURLOPT_PROXY, "" }, /* whatever the environment says */
		{ CURLOPT_USERAGENT, "redeye/" REDEYE_VERSION },
		{ CURLOPT_WRITEDATA, c },
	};
	CURLcode code = CURLE_OK;

	for (size_t i = 0; !code && i < sizeof(texts) / sizeof(texts[0]); i++)
		code = c->curl->easy_setopt(c->easy, texts[i].option, texts[i].value);
	if (!code)
		code = c->curl->easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
	if (!code)
		code = c->curl->easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
	if (!code)
		code = c->curl->easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	if (!code) /* a stream goes on for ever */
		code = c->curl->easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, c->piece ? 0L : GET_MS);
	return code ? -ENOMEM : 0;
}

int client__start(struct client *c, const char *target, client_piece_fn *piece, void *arg)
{
	int err;

	stop(c);
	buf__reset(&c->body);
	buf__reset(&c->url);
	buf__puts(&c->url, HOST);
	buf__puts(&c->url, target);
	buf__append(&c->url, "", 1);
	if (c->url.err)
		return c->url.err;
	c->piece = piece;
	c->arg = arg;
	c->enough = false;
	err = configure(c);
	if (err)
		return err;
	if (c->curl->multi_add_handle(c->multi, c->easy))
		return -ENOMEM;
	c->busy = true;
	return 0;
}

/* ---- what became of it ---------------------------------------------------------------------- */

static int not_connected(struct client *c, char *err, size_t err_size)
{
	long reason = 0;
	bool denied;

	c->curl->easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &reason);
	reason = reason ? reason : ECONNREFUSED;
	denied = reason == EACCES || reason == EPERM;
	snprintf(err, err_size, "%scannot connect to %s: %s; %s",
		 denied ? "" : "no redeye is running here: ", c->socket, strerror(reason),
		 denied ? "it is for the user that redeye runs as"
			: "start one, or give a selection such as --port 8080");
	return -ENOTCONN;
}

static int refused(struct client *c, long status, char *err, size_t err_size)
{
	cJSON *j = c->body.len ? cJSON_ParseWithLength(c->body.p, c->body.len) : NULL;
	const char *why = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(j, "error"));

	if (why)
		snprintf(err, err_size, "redeye at %s: %s", c->socket, why);
	else
		snprintf(err, err_size, "redeye at %s answers with status %ld", c->socket, status);
	cJSON_Delete(j);
	return -EPROTO;
}

static int outcome(struct client *c, CURLcode code, char *err, size_t err_size)
{
	long status = status_of(c);

	if (code == CURLE_COULDNT_CONNECT)
		return not_connected(c, err, err_size);
	if (c->enough)
		return -ECANCELED;
	if (c->body.err == -ENOSPC) {
		snprintf(err, err_size, "redeye at %s: an answer of more than %d MiB", c->socket,
			 CLIENT_ANSWER_MAX >> 20);
		return -EMSGSIZE;
	}
	if (code) {
		snprintf(err, err_size, "redeye at %s is gone: %s", c->socket,
			 c->curl->easy_strerror(code));
		return -EPIPE;
	}
	return status == 200 ? 1 : refused(c, status, err, err_size);
}

/* 1 with the code, when it has ended. */
static int ended(struct client *c, CURLcode *code)
{
	CURLMsg *msg;
	int left;

	while ((msg = c->curl->multi_info_read(c->multi, &left))) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		*code = msg->data.result;
		return 1;
	}
	return 0;
}

int client__wait(struct client *c, int wake_fd, int timeout_ms, char *err, size_t err_size)
{
	struct curl_waitfd wake = { .fd = wake_fd, .events = CURL_WAIT_POLLIN };
	CURLcode code = CURLE_OK;
	int running = 0, rc;

	if (!c->busy) {
		c->curl->multi_poll(c->multi, &wake, wake_fd >= 0, timeout_ms, NULL);
		return 0;
	}
	c->curl->multi_perform(c->multi, &running);
	if (!ended(c, &code)) {
		c->curl->multi_poll(c->multi, &wake, wake_fd >= 0, timeout_ms, NULL);
		c->curl->multi_perform(c->multi, &running);
		if (!ended(c, &code))
			return 0;
	}
	rc = outcome(c, code, err, err_size);
	stop(c);
	return rc;
}

cJSON *client__document(struct client *c, char *err, size_t err_size)
{
	cJSON *j = c->body.len ? cJSON_ParseWithLength(c->body.p, c->body.len) : NULL;

	if (!j)
		snprintf(err, err_size, "redeye at %s: an answer that is no JSON", c->socket);
	return j;
}

cJSON *client__get(struct client *c, const char *target, char *err, size_t err_size)
{
	int rc = client__start(c, target, NULL, NULL);

	if (rc)
		snprintf(err, err_size, "out of memory");
	while (!rc)
		rc = client__wait(c, -1, WAIT_MS, err, err_size);
	return rc == 1 ? client__document(c, err, err_size) : NULL;
}
