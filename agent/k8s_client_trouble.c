// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Errors are counted by kind, and waited out. */
#include "k8s_client_internal.h"

#include <poll.h>
#include <sys/random.h>

#include "loop.h"

#define MS              UINT64_C(1000000)
#define SEC             UINT64_C(1000000000)
#define RETRY_AFTER_MAX (300 * SEC)

const char *const k8s_error_names[K8S_ERROR__CNT] = {
	[K8S_ERROR_CONNECTION] = "connection", [K8S_ERROR_UNAUTHORIZED] = "unauthorized",
	[K8S_ERROR_FORBIDDEN] = "forbidden",   [K8S_ERROR_GONE] = "gone",
	[K8S_ERROR_THROTTLED] = "throttled",   [K8S_ERROR_SERVER] = "server",
	[K8S_ERROR_STATUS] = "status",         [K8S_ERROR_MALFORMED] = "malformed",
	[K8S_ERROR_TOO_LARGE] = "too_large",   [K8S_ERROR_TOKEN] = "token",
};

bool k8s_client__give_up(void *arg)
{
	struct k8s_client *c = arg;

	return atomic_load(&c->stop) || atomic_load(&c->rewanted);
}

void k8s_client__count(struct k8s_client *c, enum k8s_error kind)
{
	atomic_fetch_add(&c->errors[kind], 1);
}

enum k8s_error k8s_client__error_of(const struct k8s_answer *a)
{
	if (a->token)
		return K8S_ERROR_TOKEN;
	if (a->refused)
		return K8S_ERROR_MALFORMED;
	switch (a->status) {
	case 0:
	case 200:
		return K8S_ERROR_CONNECTION;
	case 401:
		return K8S_ERROR_UNAUTHORIZED;
	case 403:
		return K8S_ERROR_FORBIDDEN;
	case 410:
		return K8S_ERROR_GONE;
	case 429:
		return K8S_ERROR_THROTTLED;
	default:
		return a->status >= 500 ? K8S_ERROR_SERVER : K8S_ERROR_STATUS;
	}
}

uint64_t k8s_client__random(uint64_t n)
{
	uint64_t r = 0;

	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != sizeof(r))
		r = mono_ns();
	return n ? r % n : 0;
}

static void pause_for(struct k8s_client *c, uint64_t wait_ns)
{
	struct pollfd p = { .fd = c->wake_fd, .events = POLLIN };

	if (!k8s_client__give_up(c))
		poll(&p, 1, (int)(wait_ns / MS) + 1);
}

void k8s_client__back_off(struct k8s_client *c, uint64_t asked_ns)
{
	uint64_t wait = c->cfg.backoff_max_ns;

	if (c->attempt < 32 && c->cfg.backoff_min_ns << c->attempt < wait)
		wait = c->cfg.backoff_min_ns << c->attempt;
	c->attempt++;
	wait = wait / 2 + k8s_client__random(wait / 2);
	asked_ns = asked_ns < RETRY_AFTER_MAX ? asked_ns : RETRY_AFTER_MAX;
	pause_for(c, asked_ns > wait ? asked_ns + k8s_client__random(asked_ns / 10) : wait);
}

void k8s_client__failed(struct k8s_client *c, const struct k8s_answer *a, const char *what)
{
	if (k8s_client__give_up(c))
		return;
	k8s_client__count(c, k8s_client__error_of(a));
	log__limited(&c->log_limit, LOG_LEVEL_WARN, "Kubernetes: %s: %s: %s", what,
		     c->cfg.where.shown, a->refused ? "what it sent is no such answer" : a->reason);
	c->away = true;
	k8s_client__back_off(c, a->retry_after_ns);
}

void k8s_client__alive(struct k8s_client *c)
{
	atomic_store(&c->last_event_ns, mono_ns());
}

void k8s_client__works(struct k8s_client *c)
{
	if (c->away)
		log__info("Kubernetes: %s answers again", c->cfg.where.shown);
	c->away = false;
}
