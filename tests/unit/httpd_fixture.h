/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The HTTP server, spoken to over real sockets. */
#ifndef RED_TEST_HTTPD_FIXTURE_H
#define RED_TEST_HTTPD_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "httpd.h"
#include "metrics.h"

#define METRICS   "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

/* ---- the application behind the server ---- */

static struct app {
	atomic_int err;    /* what snapshot returns */
	atomic_int points; /* in the snapshot */
	atomic_bool ready;
	atomic_int entered;   /* snapshots begun */
	pthread_mutex_t gate; /* held by a test: snapshots wait */
} app = { .gate = PTHREAD_MUTEX_INITIALIZER };

static inline int snapshot(void *arg, struct metrics **out)
{
	struct metric_family *f;
	struct metrics *m;

	atomic_fetch_add(&app.entered, 1);
	pthread_mutex_lock(&app.gate);
	pthread_mutex_unlock(&app.gate);
	if (app.err)
		return app.err;
	m = metrics__new(0);
	f = metrics__family(m, "test.value", "1", "A value.", METRIC_COUNTER, app.points);
	for (int i = 0; i < app.points; i++) {
		struct metric_attr *attr;

		metrics__point(m, f, 1, &attr)->value = i;
		*attr = (struct metric_attr){ .key = "i", .type = ATTR_INT, .num = i };
	}
	*out = m;
	return 0;
}

static inline bool ready(void *arg)
{
	return app.ready;
}

static const char one_point[] =
	"# HELP test_value_total A value.\n# TYPE test_value_total counter\n"
	"test_value_total{otel_scope_name=\"redeye\",otel_scope_version=\"" REDEYE_VERSION
	"\",i=\"0\"} 0\n";

/* ---- a server and its clients ---- */

static inline struct httpd *serve(struct httpd_config c)
{
	char err[200] = "";
	struct httpd *h;

	app.err = 0;
	app.points = 1;
	app.ready = true;
	app.entered = 0;
	c.listen = c.listen ? c.listen : "127.0.0.1:0";
	c.snapshot = c.snapshot ? c.snapshot : snapshot;
	c.ready = ready;
	h = httpd__new(&c, err, sizeof(err));
	if (!h)
		print_error("%s\n", err);
	assert_non_null(h);
	return h;
}

static inline int dial_at(const struct httpd *h, struct in_addr address)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(httpd__port(h)),
				 .sin_addr = address };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static const struct in_addr loopback = { .s_addr = 0x0100007f };

static inline int dial(const struct httpd *h)
{
	return dial_at(h, loopback);
}

static inline void say(int fd, const char *request)
{
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
}

/* Has the server begin an answer that is larger than every socket buffer, and reads nothing of it.
 */
static inline void begin_answer(int fd, const char *request)
{
	int small = 4096;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	say(fd, request);
	assert_int_equal(poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 30000), 1);
}

struct answer {
	int status;
	char *raw, *body; /* one allocation; body is inside */
	size_t body_len;
};

/* Everything until the server closes. */
static inline struct answer hear(int fd)
{
	size_t len = 0, cap = 1 << 16;
	struct answer a = { .raw = malloc(cap + 1) };
	ssize_t n;

	while ((n = recv(fd, a.raw + len, cap - len, 0)) > 0) {
		len += (size_t)n;
		if (len == cap)
			a.raw = realloc(a.raw, (cap *= 2) + 1);
	}
	a.raw[len] = '\0';
	if (sscanf(a.raw, "HTTP/1.%*d %d", &a.status) == 1) {
		a.body = strstr(a.raw, "\r\n\r\n") + 4;
		a.body_len = len - (size_t)(a.body - a.raw);
	}
	close(fd);
	return a;
}

static inline struct answer ask(const struct httpd *h, const char *request)
{
	int fd = dial(h);

	say(fd, request);
	return hear(fd);
}

/* The answer is this, and not needed any more. */
static inline void is(struct answer a, int status, const char *contains)
{
	if (a.status != status || !strstr(a.raw, contains))
		print_error("not %d \"%s\": %s\n", status, contains, a.raw);
	assert_int_equal(a.status, status);
	assert_non_null(strstr(a.raw, contains));
	free(a.raw);
}

static inline void expect(const struct httpd *h, const char *request, int status,
			  const char *contains)
{
	is(ask(h, request), status, contains);
}

static inline void refuses_to_start(const struct httpd_config *c, int want_errno, const char *want)
{
	char err[200] = "";

	assert_null(httpd__new(c, err, sizeof(err)));
	assert_int_equal(errno, want_errno);
	assert_string_equal(err, want);
}

static inline double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

#endif /* RED_TEST_HTTPD_FIXTURE_H */
