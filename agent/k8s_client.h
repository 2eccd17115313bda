/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Follows the pods of one node, on a thread of its own: lists them, watches them from there,
 * lists them again when the API server no longer has what happened since (410 Gone). What it
 * learns goes as immutable pods through a bounded queue to the event loop, which never waits:
 * when the queue is full, the client does. What is known stays known while the API server is
 * away; the client tries again after growing waits.
 */
#ifndef RED_K8S_CLIENT_H
#define RED_K8S_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "k8s_config.h"
#include "k8s_pod.h"

enum k8s_error {
	K8S_ERROR_CONNECTION = 0, /* no connection, TLS, or it broke */
	K8S_ERROR_UNAUTHORIZED = 1,
	K8S_ERROR_FORBIDDEN = 2,
	K8S_ERROR_GONE = 3,
	K8S_ERROR_THROTTLED = 4,
	K8S_ERROR_SERVER = 5, /* 5xx */
	K8S_ERROR_STATUS = 6, /* any other status */
	K8S_ERROR_MALFORMED = 7,
	K8S_ERROR_TOO_LARGE = 8, /* a pod's document */
	K8S_ERROR_TOKEN = 9,     /* the file is not there or no token */
	K8S_ERROR__CNT = 10,
};

extern const char *const k8s_error_names[K8S_ERROR__CNT];

struct k8s_client_config {
	struct k8s_config where;
	uint64_t backoff_min_ns, backoff_max_ns; /* 0: half a second, half a minute */
	uint32_t watch_s;                        /* a watch lasts so long; 0: five to ten minutes */
	uint32_t page;                           /* pods in one answer of a list; 0: 100 */
	size_t max_document;                     /* bytes of a pod; 0: 1 MiB */
};

struct k8s_client_stats {
	uint64_t lists, watches, events;
	uint64_t errors[K8S_ERROR__CNT];
	uint64_t last_event_ns; /* CLOCK_MONOTONIC: the latest answer or event; 0: none yet */
};

enum k8s_change_kind {
	K8S_CHANGE_POD = 0,   /* new or changed */
	K8S_CHANGE_GONE = 1,  /* uid */
	K8S_CHANGE_BEGIN = 2, /* all pods follow */
	K8S_CHANGE_END = 3,   /* those were all */
};

struct k8s_change {
	enum k8s_change_kind kind;
	struct k8s_pod *pod; /* the receiver's from now on */
	char uid[CONTAINER_UID_MAX];
};

struct k8s_client;

/* Starts the thread. `w` is copied. NULL with errno, and a sentence. */
struct k8s_client *k8s_client__new(const struct k8s_client_config *c, const struct k8s_wants *w,
				   char *err, size_t err_size);
void k8s_client__free(struct k8s_client *c); /* stops it within a moment; accepts NULL */

/* ---- the event loop ---- */

int k8s_client__fd(const struct k8s_client *c); /* readable: there are changes */
/* The oldest change; false: there is none. */
bool k8s_client__take(struct k8s_client *c, struct k8s_change *out);
/* Other labels and annotations are wanted: all pods come again. 0 or -ENOMEM. */
int k8s_client__set_wants(struct k8s_client *c, const struct k8s_wants *w);
void k8s_client__stats(struct k8s_client *c, struct k8s_client_stats *out);

#endif /* RED_K8S_CLIENT_H */
