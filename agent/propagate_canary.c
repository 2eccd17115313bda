// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Is this kernel fit? Found out on connections of redeye's own, over loopback, with
 * the programs attached to redeye's own cgroup and redeye as its own target.
 *
 * One thread is both ends. A request goes out and is compared byte for byte, the
 * inserted header taken out by its own rules; a response comes back, and FIONREAD,
 * poll and MSG_PEEK have to agree about it before and after parts of it are read; and
 * the backend has to see the request.
 * Then the shapes that must not be touched, half close, and a large response.
 * Each step has a time limit: a stall is a difference like any other.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop.h"
#include "propagate_internal.h"
#include "ring.h"

#define INSERT   70
#define STEP_NS  2000000000ull
#define MESSAGES 211
#define LARGE    (1 << 20)

struct canary {
	struct loader *loader;
	const struct loader_propagation *k;
	struct bpf_link *link;
	int client, server;
	uint8_t *sent, *got;
	size_t got_len;
	uint32_t seed;
	bool seen;     /* a request, by the backend */
	uint32_t busy; /* requests left alone for that reason */
	char *why;
	size_t why_size;
};

static int differs(struct canary *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->why, c->why_size, fmt, ap);
	va_end(ap);
	return -EPROTO;
}

static uint32_t pick(struct canary *c, uint32_t n)
{
	c->seed = c->seed * 1664525 + 1013904223;
	return (c->seed >> 8) % n;
}

/* ---- the pair ------------------------------------------------------------------------------ */

static void close_pair(struct canary *c)
{
	if (c->client >= 0)
		close(c->client);
	if (c->server >= 0)
		close(c->server);
	c->client = c->server = -1;
}

static int open_pair(struct canary *c)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), err = 0;

	if (l < 0 || bind(l, (void *)&a, sizeof(a)) || listen(l, 1) ||
	    getsockname(l, (void *)&a, &len))
		err = -errno;
	if (!err)
		c->client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!err && (c->client < 0 || connect(c->client, (void *)&a, sizeof(a))))
		err = -errno;
	if (!err)
		c->server = accept4(l, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!err && (c->server < 0 || fcntl(c->client, F_SETFL, O_NONBLOCK)))
		err = -errno;
	if (l >= 0)
		close(l);
	c->got_len = 0;
	return err ? differs(c, "no connection over loopback: %s", strerror(-err)) : 0;
}

static void on_record(void *arg, const void *record, size_t size)
{
	const struct red_ev_data *ev = record;
	struct canary *c = arg;

	if (ev->h.kind == RED_EV_DATA && ev->dir == RED_DIR_OUT && ev->cap_len > 12 &&
	    !memcmp(ev + 1, "POST /canary", 12))
		c->seen = true;
}

static void drain(struct canary *c)
{
	uint64_t size;
	int fd;
	struct ring *r = loader__ring(c->loader, &size, &fd);

	while (ring__read(r, 1000, on_record, c))
		;
}

/* ---- moving bytes -----------------------------------------------------------------------------
 */

static int receive(struct canary *c, int fd)
{
	ssize_t n = recv(fd, c->got + c->got_len, 2 * LARGE - c->got_len, 0);

	if (n < 0 && errno != EAGAIN)
		return differs(c, "receiving failed: %s", strerror(errno));
	if (n > 0)
		c->got_len += n;
	return n == 0 ? 1 : 0;
}

static int transmit(struct canary *c, int fd, const uint8_t *p, size_t n, size_t *done)
{
	ssize_t rc = send(fd, p + *done, n - *done, MSG_NOSIGNAL);

	if (rc < 0 && errno != EAGAIN)
		return differs(c, "sending failed: %s", strerror(errno));
	if (rc > 0)
		*done += rc;
	return 0;
}

/* Sends n bytes from one end, of which `done` are on their way; the other has to see
 * `want` come, no more, no fewer. */
static int pass(struct canary *c, int from, int to, size_t n, size_t done, size_t want)
{
	uint64_t until = mono_ns() + STEP_NS;
	const uint8_t *p = c->sent;
	int err = 0;

	c->got_len = 0;
	while (!err && (done < n || c->got_len < want)) {
		struct pollfd f[2] = { { .fd = from, .events = done < n ? POLLOUT : 0 },
				       { .fd = to, .events = POLLIN } };

		if (mono_ns() > until)
			return differs(c, "stalled: %zu of %zu bytes sent, %zu of %zu received",
				       done, n, c->got_len, want);
		poll(f, 2, 100);
		if (f[0].revents & POLLOUT)
			err = transmit(c, from, p, n, &done);
		if (!err && f[1].revents & POLLIN)
			err = receive(c, to);
	}
	if (err > 0)
		return differs(c, "the connection ended early");
	if (!err && c->got_len != want)
		return differs(c, "%zu bytes received instead of %zu", c->got_len, want);
	return err;
}

/* ---- requests -------------------------------------------------------------------------------- */

static bool is_header(const uint8_t *p)
{
	int i;

	if (memcmp(p, "traceparent: 00-", 16) || p[48] != '-' || p[65] != '-' || p[66] != '0' ||
	    memcmp(p + 68, "\r\n", 2))
		return false;
	for (i = 16; i < 65; i++)
		if (i != 48 && !strchr("0123456789abcdef", p[i]))
			return false;
	return true;
}

/* The request in c->sent arrives as it was, but for a header behind its first line. */
static int compare_request(struct canary *c, size_t n, bool inserted)
{
	const uint8_t *end = memchr(c->sent, '\n', n);
	size_t line = inserted ? (size_t)(end + 1 - c->sent) : n;

	if (memcmp(c->got, c->sent, line))
		return differs(c, "a request arrived changed");
	if (!inserted)
		return 0;
	if (!is_header(c->got + line))
		return differs(c, "the inserted header arrived wrong");
	if (memcmp(c->got + line + INSERT, c->sent + line, n - line))
		return differs(c, "a request arrived changed behind the header");
	return 0;
}

static size_t make_request(struct canary *c, size_t body, const char *header)
{
	size_t pad = pick(c, 700), n, i;

	n = sprintf((char *)c->sent,
		    "POST /canary HTTP/1.1\r\nHost: redeye\r\n%sContent-Length: %zu\r\nX-Pad: ",
		    header, body);
	memset(c->sent + n, 'x', pad);
	n += pad;
	n += sprintf((char *)c->sent + n, "\r\n\r\n");
	for (i = 0; i < body; i++)
		c->sent[n + i] = pick(c, 256);
	return n + body;
}

/* Was the request that was just sent given a header? One of the counters says what
 * became of it. That the socket was busy, as on a slow machine, is no fault. */
static int outcome(struct canary *c, const struct propagate_counts *before, bool wanted,
		   bool *inserted)
{
	struct propagate_counts after;
	int err = propagate_counts__read(c->k, &after), i;

	*inserted = after.n[RED_PROP_INJECTED] != before->n[RED_PROP_INJECTED];
	if (err || *inserted == wanted)
		return err;
	if (!wanted)
		return differs(c, "a request was touched that had to be left alone");
	for (i = 0; i < RED_PROP_SOCKETS && after.n[i] == before->n[i];)
		i++;
	if (i == RED_PROP_BUSY && ++c->busy < MESSAGES / 10)
		return 0;
	return differs(c, "a request was left alone: %s", propagate_outcomes[i]);
}

static int request(struct canary *c, size_t body, const char *header, bool wanted)
{
	size_t n = make_request(c, body, header), done = 0;
	struct propagate_counts before;
	int err = propagate_counts__read(c->k, &before);
	bool inserted = false;

	c->seen = false;
	if (!err)
		err = transmit(c, c->client, c->sent, n, &done);
	if (!err)
		err = outcome(c, &before, wanted, &inserted);
	if (!err)
		err = pass(c, c->client, c->server, n, done, n + (inserted ? INSERT : 0));
	if (!err)
		err = compare_request(c, n, inserted);
	drain(c);
	if (!err && !c->seen)
		return differs(c, "the backend does not see what was sent");
	return err;
}

/* ---- responses ---------------------------------------------------------------------------------
 */

/* What is there to be read is told the same in every way. */
static int agree(struct canary *c, int fd, size_t want)
{
	struct pollfd f = { .fd = fd, .events = POLLIN };
	uint64_t until = mono_ns() + STEP_NS;
	ssize_t peek = -1;
	int n = -1;

	while (peek != (ssize_t)want && mono_ns() < until) {
		poll(&f, 1, 100);
		peek = recv(fd, c->got, 2 * LARGE, MSG_PEEK | MSG_DONTWAIT);
	}
	if (peek != (ssize_t)want)
		return differs(c, "%zd of %zu bytes can be read", peek, want);
	if (ioctl(fd, FIONREAD, &n))
		return differs(c, "FIONREAD: %s", strerror(errno));
	if (n != (int)want)
		return differs(c, "FIONREAD says %d where %zu bytes wait", n, want);
	if (!(f.revents & POLLIN) && poll(&f, 1, 0) != 1)
		return differs(c, "poll does not tell that bytes wait");
	return 0;
}

static int response(struct canary *c)
{
	size_t n = 100 + pick(c, 3000), part = pick(c, 90) + 1;
	int err;

	memset(c->sent, 'r', n);
	if (send(c->server, c->sent, n, MSG_NOSIGNAL) != (ssize_t)n)
		return differs(c, "sending failed: %s", strerror(errno));
	err = agree(c, c->client, n);
	if (err)
		return err;
	if (recv(c->client, c->got, part, MSG_DONTWAIT) != (ssize_t)part)
		return differs(c, "receiving failed: %s", strerror(errno));
	err = agree(c, c->client, n - part);
	if (err)
		return err;
	if (recv(c->client, c->got, n, MSG_DONTWAIT) != (ssize_t)(n - part) ||
	    memcmp(c->got, c->sent, n - part))
		return differs(c, "a response arrived changed");
	drain(c);
	return 0;
}

/* As nginx reads: as much as FIONREAD says, and waits for more when it says none. */
static int large_response(struct canary *c)
{
	uint64_t until = mono_ns() + STEP_NS;
	size_t done = 0, i;
	int err = 0, n;

	for (i = 0; i < LARGE; i++)
		c->sent[i] = pick(c, 256);
	c->got_len = 0;
	while (!err && c->got_len < LARGE) {
		struct pollfd f = { .fd = c->client, .events = POLLIN };

		if (mono_ns() > until)
			return differs(c, "a large response stalled after %zu bytes", c->got_len);
		if (done < LARGE)
			err = transmit(c, c->server, c->sent, LARGE, &done);
		poll(&f, 1, 10);
		if (!err && f.revents & POLLIN && (ioctl(c->client, FIONREAD, &n) || n <= 0))
			return differs(c, "FIONREAD says %d where bytes wait", n);
		if (!err && f.revents & POLLIN)
			err = receive(c, c->client);
	}
	if (!err && memcmp(c->sent, c->got, LARGE))
		return differs(c, "a large response arrived changed");
	return err;
}

/* ---- the steps
 * ------------------------------------------------------------------------------------ */

static int step_echo(struct canary *c)
{
	int err = 0, i;

	for (i = 0; i < MESSAGES && !err; i++) {
		err = request(c, pick(c, 3) ? pick(c, 2000) : 0, "", i == 0 || !*c->k->once);
		if (!err)
			err = response(c);
	}
	return err;
}

static int step_untouched(struct canary *c)
{
	int err = request(c, 11, "TraceParent: 00-", false);

	return err ? err : response(c);
}

/* One on which the process may wait is out of the sockhash before it can. */
static int step_blocking(struct canary *c)
{
	struct propagate_counts before, after;
	int err = propagate_counts__read(c->k, &before);

	if (fcntl(c->client, F_SETFL, 0))
		return differs(c, "fcntl: %s", strerror(errno));
	if (!err)
		err = request(c, 29, "", true);
	if (!err)
		err = propagate_counts__read(c->k, &after);
	if (!err && after.n[RED_PROP_REMOVED] == before.n[RED_PROP_REMOVED])
		return differs(c, "a socket that blocks stays in the sockhash");
	return err ? err : response(c);
}

/* More than the socket takes at once. */
static int step_large_request(struct canary *c)
{
	int err = request(c, LARGE / 2, "", true);

	return err ? err : response(c);
}

static int step_not_http(struct canary *c)
{
	size_t i;
	int err;

	for (i = 0; i < 5000; i++)
		c->sent[i] = i ? pick(c, 256) : 0x16;
	err = pass(c, c->client, c->server, 5000, 0, 5000);
	if (!err && memcmp(c->sent, c->got, 5000))
		return differs(c, "bytes that are not HTTP arrived changed");
	return err ? err : response(c);
}

/* The server speaks first, as it would for SMTP or MySQL. */
static int step_greeting(struct canary *c)
{
	return response(c);
}

static int step_half_close(struct canary *c)
{
	int err = request(c, 29, "", true);

	if (err)
		return err;
	if (shutdown(c->client, SHUT_WR))
		return differs(c, "shutdown: %s", strerror(errno));
	poll(&(struct pollfd){ .fd = c->server, .events = POLLIN }, 1, 1000);
	if (recv(c->server, c->got, 1, 0) != 0)
		return differs(c, "a half close did not arrive");
	err = large_response(c);
	close(c->server);
	c->server = -1;
	if (err)
		return err;
	poll(&(struct pollfd){ .fd = c->client, .events = POLLIN }, 1, 1000);
	if (recv(c->client, c->got, 1, 0) != 0)
		return differs(c, "the end of a connection did not arrive");
	return 0;
}

static int (*const steps[])(struct canary *c) = {
	step_half_close,    step_echo,     step_untouched, step_blocking,
	step_large_request, step_not_http, step_greeting,
};

static int walk(struct canary *c)
{
	size_t i;
	int err = 0;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]) && !err; i++) {
		err = open_pair(c);
		if (!err)
			err = steps[i](c);
		close_pair(c);
		drain(c);
	}
	return err;
}

/* ---- around it
 * ----------------------------------------------------------------------------------- */

static int attach(struct canary *c)
{
	char dir[1280];
	int err = cgroup__dir(dir, sizeof(dir), ""), fd = -1;

	if (!err)
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!err && fd < 0)
		err = -errno;
	if (err)
		return differs(c, "no cgroup v2 of redeye's own: %s", strerror(-err));
	c->link = bpf_program__attach_cgroup(c->k->sockops, fd);
	if (!c->link)
		err = differs(c, "the kernel refused sock_ops: %s", strerror(errno));
	close(fd);
	return err;
}

int canary__run(struct loader *l, const struct loader_propagation *k, char *why, size_t why_size)
{
	struct canary c = { .loader = l,
			    .k = k,
			    .client = -1,
			    .server = -1,
			    .seed = getpid(),
			    .why = why,
			    .why_size = why_size };
	int err;

	c.sent = malloc(2 * LARGE);
	c.got = malloc(2 * LARGE);
	err = c.sent && c.got ? attach(&c) : differs(&c, "out of memory");
	if (!err && loader__set_target(l, getpid(), true))
		err = differs(&c, "redeye cannot be its own target");
	if (!err)
		err = walk(&c);
	loader__set_target(l, getpid(), false);
	bpf_link__destroy(c.link);
	close_pair(&c);
	drain(&c);
	free(c.sent);
	free(c.got);
	return err;
}
