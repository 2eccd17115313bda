/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the k8s_client*.c share.
 *
 *   k8s_client.c          lists and watches, the thread, life
 *   k8s_client_wants.c    what is kept of objects, handed over to the thread
 *   k8s_client_trouble.c  what went wrong, and how long to wait then
 *   k8s_client_objects.c  what a list or a watch says, as changes
 */
#ifndef RED_K8S_CLIENT_INTERNAL_H
#define RED_K8S_CLIENT_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "k8s_client.h"
#include "k8s_cut.h"
#include "k8s_http.h"
#include "k8s_queue.h"
#include "log.h"

#define VERSION_MAX  128
#define CONTINUE_MAX 1024

struct k8s_client {
	struct k8s_client_config cfg;
	struct k8s_queue *queue;
	pthread_t thread;
	bool started;
	int wake_fd;
	atomic_bool stop, rewanted;

	pthread_mutex_t lock;         /* of the next two */
	struct k8s_wants *next_wants; /* NULL: as before */

	atomic_uint_fast64_t lists, watches, events, errors[K8S_ERROR__CNT], last_event_ns;

	/* the thread's own */
	struct k8s_http *http;
	struct k8s_cut cut;
	struct k8s_wants *wants;
	char version[VERSION_MAX]; /* to watch from; "": list first */
	char more[CONTINUE_MAX];   /* of the list: its next page; "": none */
	bool first_list, gone, event_failed, away;
	unsigned int attempt;
	struct log_limit log_limit;
};

/* ---- k8s_client_wants.c ---- */
void k8s_wants__free(struct k8s_wants *w);
struct k8s_wants *k8s_wants__copy(const struct k8s_wants *from);
void k8s_wants__take(struct k8s_client *c);

/* ---- k8s_client_trouble.c ---- */
uint64_t k8s_client__random(uint64_t below);
bool k8s_client__give_up(void *arg);
void k8s_client__count(struct k8s_client *c, enum k8s_error kind);
enum k8s_error k8s_client__error_of(const struct k8s_answer *a);
void k8s_client__back_off(struct k8s_client *c, uint64_t asked_ns);
void k8s_client__failed(struct k8s_client *c, const struct k8s_answer *a, const char *what);
void k8s_client__alive(struct k8s_client *c);
void k8s_client__works(struct k8s_client *c);

/* ---- k8s_client_objects.c ---- */
void k8s_client__give(struct k8s_client *c, enum k8s_change_kind kind, struct k8s_pod *pod);
void k8s_client__on_object(void *arg, const char *key, const char *json, size_t len);
int k8s_client__on_body(void *arg, const char *p, size_t len);

#endif /* RED_K8S_CLIENT_INTERNAL_H */
