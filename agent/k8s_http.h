/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * GET requests to one API server through libcurl, one at a time, with the body handed on as
 * it comes. The token is read from its file for each request, since the kubelet renews it,
 * and is sent over TLS only. No redirect is followed.
 */
#ifndef RED_K8S_HTTP_H
#define RED_K8S_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "k8s_config.h"

struct k8s_http;

struct k8s_request {
	const char *path; /* with its query */
	uint64_t timeout_ns;
	/* Of a 200: other than 0 ends the request. */
	int (*body)(void *arg, const char *p, size_t len);
	bool (*give_up)(void *arg); /* asked whenever wake_fd can be read, and each second */
	void *arg;
	int wake_fd;
};

struct k8s_answer {
	int status;              /* 0: none came */
	int refused;             /* what `body` said; 0: it took all */
	bool token;              /* no request was made: the token cannot be read */
	bool broken;             /* the answer is not there, or not all of it */
	uint64_t retry_after_ns; /* 0: not said */
	char reason[300]; /* of a failure, in words; of the server's own: hostile, but clean */
};

struct k8s_http *k8s_http__new(const struct k8s_config *where, char *err, size_t err_size);
void k8s_http__free(struct k8s_http *h); /* accepts NULL */

void k8s_http__get(struct k8s_http *h, const struct k8s_request *r, struct k8s_answer *out);

#endif /* RED_K8S_HTTP_H */
