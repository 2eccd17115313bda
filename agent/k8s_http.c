// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "k8s_http.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "curl.h"
#include "procname.h"
#include "slice.h"

#define CONNECT_MS 10000L
#define POLL_MS    1000
#define TOKEN_MAX  16384
#define WORDS_MAX  2048 /* of an error's body */
#define USER_AGENT "redeye/" REDEYE_VERSION
#define BEARER     "Authorization: Bearer "

struct k8s_http {
	const struct curl_api *curl;
	const struct k8s_config *where;
	CURLM *multi;
	CURL *easy;
	char curl_error[CURL_ERROR_SIZE];

	/* the request that is on its way */
	const struct k8s_request *request;
	struct k8s_answer *answer;
	char words[WORDS_MAX + 1];
	size_t words_len;
};

/* ---- what curl calls ---- */

static void keep_words(struct k8s_http *h, const char *p, size_t len)
{
	size_t room = WORDS_MAX - h->words_len, n = len < room ? len : room;

	memcpy(h->words + h->words_len, p, n);
	h->words_len += n;
}

static size_t take_body(char *p, size_t size, size_t n, void *arg)
{
	struct k8s_http *h = arg;
	long status = 0;

	h->curl->easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		keep_words(h, p, size * n);
	else
		h->answer->refused = h->request->body(h->request->arg, p, size * n);
	return h->answer->refused ? 0 : size * n;
}

/* ---- setting up ---- */

static void set_options(struct k8s_http *h)
{
	CURLcode (*set)(CURL *, CURLoption, ...) = h->curl->easy_setopt;

	set(h->easy, CURLOPT_USERAGENT, USER_AGENT);
	set(h->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	set(h->easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	set(h->easy, CURLOPT_TCP_KEEPALIVE, 1L);
	set(h->easy, CURLOPT_TCP_KEEPIDLE, 30L);
	set(h->easy, CURLOPT_TCP_KEEPINTVL, 10L);
	set(h->easy, CURLOPT_NOSIGNAL, 1L);
	set(h->easy, CURLOPT_ERRORBUFFER, h->curl_error);
	set(h->easy, CURLOPT_WRITEFUNCTION, take_body);
	set(h->easy, CURLOPT_WRITEDATA, h);
#if LIBCURL_VERSION_NUM >= 0x075700
	set(h->easy, CURLOPT_QUICK_EXIT, 1L);
#endif
	if (*h->where->ca_file) {
		set(h->easy, CURLOPT_CAINFO, h->where->ca_file);
		set(h->easy, CURLOPT_CAPATH, NULL);
	}
}

struct k8s_http *k8s_http__new(const struct k8s_config *where, char *err, size_t err_size)
{
	const struct curl_api *curl = curl_api__get(err, err_size);
	struct k8s_http *h = curl ? calloc(1, sizeof(*h)) : NULL;

	if (!h)
		return NULL;
	h->curl = curl;
	h->where = where;
	h->multi = curl->multi_init();
	h->easy = curl->easy_init();
	if (h->multi && h->easy) {
		set_options(h);
		return h;
	}
	snprintf(err, err_size, "out of memory");
	k8s_http__free(h);
	return NULL;
}

void k8s_http__free(struct k8s_http *h)
{
	if (!h)
		return;
	if (h->easy)
		h->curl->easy_cleanup(h->easy);
	if (h->multi)
		h->curl->multi_cleanup(h->multi);
	free(h);
}

/* ---- the token ---- */

/* False: it has bytes that would make another header of it. */
static bool is_token(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.len;
}

/* The header in `room`; false and the reason. */
static bool read_token(const char *file, char *room, size_t size, struct k8s_answer *out)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t prefix = sizeof(BEARER) - 1;
	ssize_t n = fd < 0 ? -1 : read(fd, room + prefix, size - prefix - 1);
	struct slice token = { room + prefix, n > 0 ? n : 0 };

	if (fd < 0 || n < 0)
		snprintf(out->reason, sizeof(out->reason), "%.200s: %s", file, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return false;
	token = slice_trim(token);
	if (!is_token(token)) {
		snprintf(out->reason, sizeof(out->reason), "%.200s: no token is in it", file);
		return false;
	}
	memcpy(room, BEARER, prefix);
	memmove(room + prefix, token.p, token.len);
	room[prefix + token.len] = 0;
	return true;
}

/* NULL and out->token: without it, a request is not worth making. */
static struct curl_slist *headers(struct k8s_http *h, struct k8s_answer *out)
{
	struct curl_slist *list = h->curl->slist_append(NULL, "Accept: application/json"), *more;
	char room[TOKEN_MAX];

	if (!list || !*h->where->token_file || strncmp(h->where->url, "https:", 6) != 0)
		return list;
	out->token = !read_token(h->where->token_file, room, sizeof(room), out);
	more = out->token ? NULL : h->curl->slist_append(list, room);
	explicit_bzero(room, sizeof(room));
	if (!more)
		h->curl->slist_free_all(list);
	return more;
}

/* ---- a request ---- */

/* The sentence in a Status object; else the beginning of what came. */
static void take_words(struct k8s_http *h, struct k8s_answer *out)
{
	cJSON *j = cJSON_ParseWithLength(h->words, h->words_len);
	const char *message = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(j, "message"));
	char clean[PROCNAME_MAX];

	if (message)
		procname__clean(clean, message, strlen(message));
	else
		procname__clean(clean, h->words, h->words_len);
	snprintf(out->reason, sizeof(out->reason), "HTTP status %d%s%s", out->status,
		 *clean ? ": " : "", clean);
	cJSON_Delete(j);
}

static const char *result_of(struct k8s_http *h)
{
	int left;
	CURLMsg *m = h->curl->multi_info_read(h->multi, &left);

	if (!m || m->msg != CURLMSG_DONE)
		return "the transfer did not end";
	if (m->data.result == CURLE_OK)
		return NULL;
	return *h->curl_error ? h->curl_error : h->curl->easy_strerror(m->data.result);
}

static const char *transfer(struct k8s_http *h, const struct k8s_request *r)
{
	struct curl_waitfd wake = { .fd = r->wake_fd, .events = CURL_WAIT_POLLIN };
	int running = 1;

	while (running) {
		if (r->give_up(r->arg))
			return "given up";
		if (h->curl->multi_perform(h->multi, &running) != CURLM_OK)
			return "libcurl failed";
		if (running && h->curl->multi_poll(h->multi, &wake, 1, POLL_MS, NULL) != CURLM_OK)
			return "libcurl failed";
	}
	return result_of(h);
}

static void finish(struct k8s_http *h, const char *failure, struct k8s_answer *out)
{
	long status = 0;
	curl_off_t after = 0;

	h->curl->easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	h->curl->easy_getinfo(h->easy, CURLINFO_RETRY_AFTER, &after);
	out->status = (int)status;
	out->retry_after_ns = after > 0 && after < 3600 ? after * UINT64_C(1000000000) : 0;
	out->broken = failure;
	if (status && status != 200)
		take_words(h, out);
	else if (failure)
		snprintf(out->reason, sizeof(out->reason), "%s", failure);
}

void k8s_http__get(struct k8s_http *h, const struct k8s_request *r, struct k8s_answer *out)
{
	struct curl_slist *list;
	char url[4096];

	*out = (struct k8s_answer){ 0 };
	list = headers(h, out);
	if (!list ||
	    (size_t)snprintf(url, sizeof(url), "%s%s", h->where->url, r->path) >= sizeof(url)) {
		out->broken = true;
		h->curl->slist_free_all(list);
		return;
	}
	h->request = r;
	h->answer = out;
	h->words_len = 0;
	*h->curl_error = 0;
	h->curl->easy_setopt(h->easy, CURLOPT_URL, url);
	h->curl->easy_setopt(h->easy, CURLOPT_HTTPHEADER, list);
	h->curl->easy_setopt(h->easy, CURLOPT_TIMEOUT_MS, (long)(r->timeout_ns / 1000000));
	if (h->curl->multi_add_handle(h->multi, h->easy) == CURLM_OK) {
		finish(h, transfer(h, r), out);
		h->curl->multi_remove_handle(h->multi, h->easy);
	}
	h->curl->easy_setopt(h->easy, CURLOPT_HTTPHEADER, NULL);
	h->curl->slist_free_all(list);
}
