// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The local syslog, in the form that every syslogd and journald take on
 * /dev/log (RFC 3164 without a host name; RFC 5424 they do not all take there):
 *
 *	<134>Nov 21 13:28:43 redeye[4711]: {"timestamp":...}
 *
 * Facility local0. A datagram for each line, or, when the socket is a stream, a
 * line each. When syslogd goes away lines are dropped until it is back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "access_log_internal.h"
#include "loop.h"

#define DEV_LOG      "/dev/log"
#define LOCAL0       16
#define AT_ONCE      64 /* datagrams */
#define DATE_PATTERN "Jan 01 00:00:00"

struct syslog_sink {
	struct access_log_sink base;
	struct access_log_stream stream; /* its descriptor also of datagrams */
	struct sockaddr_un address;
	bool datagrams;
	time_t second;
	char date[sizeof(DATE_PATTERN)]; /* of that second */
};

/* ---- the connection ------------------------------------------------------------------- */

static int connect_as(struct syslog_sink *s, int type)
{
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	if (!connect(fd, (struct sockaddr *)&s->address, sizeof(s->address))) {
		access_log_stream__open(&s->stream, (struct outlet){ .fd = fd, .type = S_IFSOCK });
		s->datagrams = type == SOCK_DGRAM;
		return 0;
	}
	err = -errno;
	close(fd);
	return err;
}

static int ensure_connected(struct syslog_sink *s)
{
	int err;

	if (s->stream.to.fd >= 0)
		return 0;
	err = connect_as(s, SOCK_DGRAM);
	return err == -EPROTOTYPE ? connect_as(s, SOCK_STREAM) : err;
}

static bool is_gone(int err)
{
	return err == -ECONNREFUSED || err == -ECONNRESET || err == -ENOTCONN || err == -EPIPE;
}

/* ---- writing -------------------------------------------------------------------------- */

static unsigned int fill(struct mmsghdr *messages, struct iovec *pieces,
			 const struct access_log_lines *l, uint32_t next)
{
	unsigned int n = 0;

	for (; n < AT_ONCE && next + n < l->n; n++) {
		uint32_t start = access_log_lines__start(l, next + n);

		pieces[n].iov_base = (char *)l->text + start;
		pieces[n].iov_len = l->end[next + n] - start - 1;
		messages[n] = (struct mmsghdr){
			.msg_hdr = { .msg_iov = &pieces[n], .msg_iovlen = 1 },
		};
	}
	return n;
}

/* As many as go at once; *next moves behind them. 0 or -errno, when none did. */
static int send_some(struct syslog_sink *s, const struct access_log_lines *l, uint32_t *next)
{
	struct access_log_counts *c = s->base.counts;
	struct mmsghdr messages[AT_ONCE];
	struct iovec pieces[AT_ONCE];
	unsigned int n = fill(messages, pieces, l, *next);
	uint32_t start = access_log_lines__start(l, *next);
	int sent;

	do {
		sent = sendmmsg(s->stream.to.fd, messages, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	if (sent <= 0)
		return sent ? -errno : -EIO;
	*next += (uint32_t)sent;
	s->stream.stuck = false;
	atomic_fetch_add_explicit(&c->lines, (uint64_t)sent, memory_order_relaxed);
	atomic_fetch_add_explicit(&c->bytes,
				  access_log_lines__start(l, *next) - start - (uint64_t)sent,
				  memory_order_relaxed);
	return 0;
}

/* Whether the receiver has room again. It is waited for once, see access_log_stream.c. */
static bool has_room(struct syslog_sink *s, int err, uint64_t until_ns)
{
	if ((err != -EAGAIN && err != -ENOBUFS) || s->stream.stuck)
		return false;
	s->stream.stuck = mono_ns() >= until_ns || !outlet__wait_for(s->stream.to.fd, until_ns);
	return !s->stream.stuck;
}

static int send_all(struct syslog_sink *s, const struct access_log_lines *l, uint32_t *next,
		    uint64_t until_ns)
{
	int err = 0;

	while (*next < l->n) {
		err = send_some(s, l, next);
		if (err == -EMSGSIZE) { /* this one is too long for it */
			access_log_counts__drop(s->base.counts, 1, err);
			(*next)++;
		} else if (err && !has_room(s, err, until_ns)) {
			break;
		}
	}
	return *next < l->n ? err : 0;
}

static int deliver(struct syslog_sink *s, const struct access_log_lines *l, uint32_t *next,
		   uint64_t until_ns)
{
	int err = ensure_connected(s);

	if (err)
		return err;
	return s->datagrams ? send_all(s, l, next, until_ns)
			    : access_log_stream__write(&s->stream, l, next, l->n, until_ns);
}

static int write_lines(struct access_log_sink *sink, const struct access_log_lines *l,
		       uint64_t until_ns)
{
	struct syslog_sink *s = (struct syslog_sink *)sink;
	uint32_t next = 0;
	int err = deliver(s, l, &next, until_ns);

	if (is_gone(err)) { /* syslogd was restarted: perhaps it is back */
		access_log_stream__close(&s->stream);
		err = deliver(s, l, &next, until_ns);
	}
	if (err && err != -EAGAIN && err != -ENOBUFS)
		access_log_stream__close(&s->stream);
	access_log_counts__drop(sink->counts, l->n - next, err);
	return err;
}

/* ---- the prefix ----------------------------------------------------------------------- */

/* The traditional date is a local one, in English. */
static void set_date(struct syslog_sink *s, time_t now)
{
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct tm tm = { 0 };

	localtime_r(&now, &tm);
	snprintf(s->date, sizeof(s->date), "%s %2u %02u:%02u:%02u", months[tm.tm_mon % 12],
		 (unsigned int)tm.tm_mday % 100, (unsigned int)tm.tm_hour % 100,
		 (unsigned int)tm.tm_min % 100, (unsigned int)tm.tm_sec % 100);
	s->second = now;
}

static size_t prefix(struct access_log_sink *sink, enum access_log_level level, char *room)
{
	struct syslog_sink *s = (struct syslog_sink *)sink;
	time_t now = time(NULL);

	if (now != s->second)
		set_date(s, now);
	return (size_t)snprintf(room, ACCESS_LOG_PREFIX, "<%d>%s redeye[%d]: ", LOCAL0 * 8 + level,
				s->date, getpid());
}

/* ---- life ----------------------------------------------------------------------------- */

static struct access_log_sink *new (const char *to, const struct access_log_config *c,
				    struct access_log_counts *counts)
{
	struct syslog_sink *s;

	to = *to ? to : DEV_LOG;
	if (strlen(to) >= sizeof(s->address.sun_path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->base.counts = counts;
	s->address.sun_family = AF_UNIX;
	strcpy(s->address.sun_path, to);
	access_log_stream__init(&s->stream, counts);
	return &s->base;
}

static void free_sink(struct access_log_sink *sink)
{
	struct syslog_sink *s = (struct syslog_sink *)sink;

	access_log_stream__close(&s->stream);
	free(s);
}

const struct access_log_sink_type access_log_syslog = {
	.name = "syslog",
	.new = new,
	.write = write_lines,
	.prefix = prefix,
	.free = free_sink,
};
