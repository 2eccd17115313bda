// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Durations to StatsD, a datagram a request: the example of docs/adding-an-exporter.md, which
 * tests/example/run builds into a copy of redeye. Sending a datagram never waits, so that this
 * exporter needs no thread; what the socket does not take is lost, and counted.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exporter.h"
#include "options.h"
#include "self_builder.h"
#include "service.h"

struct statsd {
	int fd;
	uint64_t sent, lost;
};

static bool wanted(const struct options *o)
{
	return o->statsd;
}

/* "127.0.0.1:8125" */
static int parse(const char *text, struct sockaddr_in *to)
{
	char host[INET_ADDRSTRLEN];
	unsigned int port;

	*to = (struct sockaddr_in){ .sin_family = AF_INET };
	if (sscanf(text, "%15[0-9.]:%u", host, &port) != 2 || !port || port > 65535 ||
	    inet_pton(AF_INET, host, &to->sin_addr) != 1)
		return -EINVAL;
	to->sin_port = htons((uint16_t)port);
	return 0;
}

static int open_socket(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)to, sizeof(*to))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void release(void *exporter)
{
	struct statsd *x = exporter;

	if (x->fd >= 0)
		close(x->fd);
	free(x);
}

static void *start(const struct export_env *env, char *err, size_t err_size)
{
	struct statsd *x = calloc(1, sizeof(*x));
	struct sockaddr_in to;

	if (!x)
		return NULL;
	if (parse(env->options->statsd, &to)) {
		snprintf(err, err_size, "statsd: %s is no address and port", env->options->statsd);
		free(x);
		errno = EINVAL;
		return NULL;
	}
	x->fd = open_socket(&to);
	if (x->fd >= 0)
		return x;
	snprintf(err, err_size, "statsd: cannot open a socket to %s: %m", env->options->statsd);
	release(x);
	return NULL;
}

/* A name's dots make folders, and its colon the value. */
static void put_name(char *to, size_t size, struct slice name)
{
	size_t i, n = name.len < size - 1 ? name.len : size - 1;

	for (i = 0; i < n; i++)
		to[i] = strchr(".:|@#\n", name.p[i]) ? '_' : name.p[i];
	to[n] = '\0';
}

static void span(void *exporter, const struct span *s)
{
	struct statsd *x = exporter;
	char service[64], name[128], room[128], line[256];
	int n;

	put_name(service, sizeof(service), slice_of(s->service->name));
	put_name(name, sizeof(name), span_attrs__name(s, room, sizeof(room)));
	n = snprintf(line, sizeof(line), "redeye.%s.%s.%s:%.3f|ms", service,
		     s->error_type ? "error" : "ok", name, (double)(s->end_ns - s->start_ns) / 1e6);
	if (send(x->fd, line, (size_t)n, 0) == n)
		x->sent++;
	else
		x->lost++;
}

static void selfmetrics(void *exporter, struct self_builder *b)
{
	const struct statsd *x = exporter;

	self__single(b, "redeye.statsd.sent", "{datagram}", METRIC_COUNTER, (double)x->sent,
		     "Datagrams that were sent.");
	self__single(b, "redeye.statsd.lost", "{datagram}", METRIC_COUNTER, (double)x->lost,
		     "Datagrams that the socket did not take.");
}

const struct exporter statsd_exporter = {
	.spans = EXPORTER_ALL_SPANS,
	.wanted = wanted,
	.start = start,
	.free = release,
	.span = span,
	.selfmetrics = selfmetrics,
};
