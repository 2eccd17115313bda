// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The parts of a sender put together: endpoint, client, spool. */
#include "sender.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "spool.h"

struct destination {
	struct otlp_endpoint endpoint;
	struct otlp_client *client;
};

static void post(void *arg, const struct otlp_request *r, struct otlp_outcome *out)
{
	struct destination *d = arg;

	otlp_client__post(d->client, r, out);
}

static void destination__free(void *arg)
{
	struct destination *d = arg;

	otlp_client__free(d->client);
	otlp_endpoint__free(&d->endpoint);
	free(d);
}

static struct destination *destination__new(struct otlp_endpoint *e, char *err, size_t err_size)
{
	struct destination *d = calloc(1, sizeof(*d));

	if (!d) {
		snprintf(err, err_size, "out of memory");
		return NULL;
	}
	d->endpoint = *e;
	*e = (struct otlp_endpoint){ 0 };
	d->client = otlp_client__new(&d->endpoint, err, err_size);
	if (d->client)
		return d;
	destination__free(d);
	return NULL;
}

static struct spool *open_spool(const struct sender_setup *c)
{
	struct spool_config spool = { .dir = c->spool_dir,
				      .name = c->name,
				      .signal = c->signal,
				      .limit_bytes = c->spool_limit_bytes };
	struct spool *s;
	char err[256];

	if (!c->spool_dir || !strcmp(c->spool_dir, "none"))
		return NULL;
	s = spool__open(&spool, err, sizeof(err));
	if (!s)
		log__warn("%s: no spool, what the collector does not take stays in memory: %s",
			  c->name, err);
	else if (spool__stats(s)->pending_items)
		log__info("%s: %llu wait on disk from before", c->name,
			  (unsigned long long)spool__stats(s)->pending_items);
	return s;
}

struct sender *sender__for_endpoint(const struct sender_setup *c, char *err, size_t err_size)
{
	static const struct sender_transport transport = { post, destination__free };
	struct destination *d = destination__new(c->endpoint, err, err_size);
	struct sender_config config = { .name = c->name,
					.ops = c->ops,
					.arg = c->arg,
					.transport = &transport,
					.transport_arg = d };
	struct sender *s;

	if (!d)
		return NULL;
	config.where = d->endpoint.shown;
	config.encoding = d->endpoint.encoding;
	config.spool = open_spool(c);
	s = sender__new(&config);
	if (!s)
		snprintf(err, err_size, "cannot start a thread: %s", strerror(errno));
	return s;
}
