/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * libcurl, loaded when the first exporter asks for it and never unloaded. Linked, it and
 * the libraries behind it would cost every user 3 MB of resident memory, also those who
 * only scrape /metrics.
 */
#ifndef RED_CURL_H
#define RED_CURL_H

#include <stddef.h>

#include <curl/curl.h>

/* The functions that redeye calls. Called through a pointer the options lose curl's own
 * type check: integers are long or curl_off_t, as the manual says. */
struct curl_api {
	CURLcode (*global_init)(long flags);
	curl_version_info_data *(*version_info)(CURLversion age);
	const char *(*easy_strerror)(CURLcode code);
	CURL *(*easy_init)(void);
	void (*easy_cleanup)(CURL *easy);
	CURLcode (*easy_setopt)(CURL *easy, CURLoption option, ...);
	CURLcode (*easy_getinfo)(CURL *easy, CURLINFO info, ...);
	CURLM *(*multi_init)(void);
	CURLMcode (*multi_cleanup)(CURLM *multi);
	CURLMcode (*multi_setopt)(CURLM *multi, CURLMoption option, ...);
	CURLMcode (*multi_add_handle)(CURLM *multi, CURL *easy);
	CURLMcode (*multi_remove_handle)(CURLM *multi, CURL *easy);
	CURLMcode (*multi_perform)(CURLM *multi, int *running);
	CURLMcode (*multi_poll)(CURLM *multi, struct curl_waitfd *fds, unsigned int n,
				int timeout_ms, int *ready);
	CURLMcode (*multi_fdset)(CURLM *multi, fd_set *read, fd_set *write, fd_set *except,
				 int *max_fd);
	CURLMsg *(*multi_info_read)(CURLM *multi, int *left);
	struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
	void (*slist_free_all)(struct curl_slist *list);
};

/* The same structure for all, initialised; NULL and a sentence in err when there is no
 * libcurl. Any thread. */
const struct curl_api *curl_api__get(char *err, size_t err_size);

#endif /* RED_CURL_H */
