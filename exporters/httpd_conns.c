// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which clients are connected, and for how long. One thread accepts them and
 * hands them to libmicrohttpd, which by itself lacks three things here:
 *
 *   Too many clients wait in the kernel's queue until one of those that are
 *   served is done, or has had half a second: then the oldest makes room, so that
 *   clients that stall lock nobody out, above all no health probe. The time that we
 *   take to make an answer is not held against its client.
 *   libmicrohttpd, with a thread per connection, accepts and drops them. Out of
 *   file descriptors, it would spin.
 *
 *   A request has a deadline. libmicrohttpd's timeout is about silence: a client
 *   that sends or reads one byte every few seconds would keep its connection,
 *   and a few of them all connections. Once a second those that are overdue are
 *   shut down; the thread that serves such a connection then finds it closed.
 *   An answer without an end (events) has none; its client must take each piece in
 *   time instead. There are few of those, and they make no room for others.
 *
 *   Who closes the listening socket when something fails is clear: we do.
 *
 * Slots: accepted (reserved here) -> started (libmicrohttpd has it; only now and
 * until httpd_conns__close is fd surely this client's) -> free.
 */
#include "httpd_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS  1000
#define GRACE_MS 500 /* that a client has in peace when others wait */
#define OURS     UINT64_MAX

struct httpd_conn {
	int fd; /* -1: the slot is free */
	bool started;
	bool leaving;      /* shut down, its thread takes a moment */
	bool streams;      /* its answer has no end */
	uint64_t since_ns; /* when it was opened, or its last request done */
	uint64_t turn_ns;  /* when it became the client's turn; OURS: it is not */
};

struct httpd_conns {
	int listen_fd, wake_fd;
	uint64_t deadline_ns, stall_ns;
	httpd_accept_fn accepted;
	void *arg;
	pthread_t thread;
	bool running;

	pthread_mutex_t lock; /* of what follows; no started slot's fd is closed while it is held */
	bool stop;
	uint64_t cut_off;
	unsigned int n, used;
	struct httpd_conn conns[];
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct httpd_conn *find(struct httpd_conns *c, int fd)
{
	for (struct httpd_conn *conn = c->conns; conn < c->conns + c->n; conn++) {
		if (conn->fd == fd)
			return conn;
	}
	return NULL;
}

static void release(struct httpd_conns *c, struct httpd_conn *conn)
{
	conn->fd = -1;
	c->used--;
}

static void cut_off(struct httpd_conns *c, struct httpd_conn *conn)
{
	if (!conn->started) { /* libmicrohttpd had no memory for it, and closed it */
		release(c, conn);
		return;
	}
	shutdown(conn->fd, SHUT_RDWR);
	conn->leaving = true; /* counted once */
	c->cut_off++;
}

static bool is_overdue(const struct httpd_conns *c, const struct httpd_conn *conn, uint64_t now)
{
	if (conn->streams)
		return conn->turn_ns != OURS && now - conn->turn_ns >= c->stall_ns;
	return now - conn->since_ns >= c->deadline_ns;
}

static void cut_off_overdue(struct httpd_conns *c)
{
	uint64_t now = now_ns();

	for (struct httpd_conn *conn = c->conns; conn < c->conns + c->n; conn++) {
		if (conn->fd >= 0 && !conn->leaving && is_overdue(c, conn, now))
			cut_off(c, conn);
	}
}

static struct httpd_conn *oldest(struct httpd_conns *c)
{
	struct httpd_conn *conn, *old = NULL;

	for (conn = c->conns; conn < c->conns + c->n; conn++) {
		if (conn->leaving)
			return NULL; /* there will be room in a moment */
		if (conn->started && !conn->streams && conn->turn_ns != OURS &&
		    (!old || conn->turn_ns < old->turn_ns))
			old = conn;
	}
	return old;
}

/* All places are taken, and somebody waits for one. */
static void make_room(struct httpd_conns *c)
{
	struct httpd_conn *old;

	pthread_mutex_lock(&c->lock);
	old = c->used == c->n ? oldest(c) : NULL;
	if (old && now_ns() - old->turn_ns >= GRACE_MS * 1000000ull)
		cut_off(c, old);
	pthread_mutex_unlock(&c->lock);
}

/* Milliseconds until it is worth to look who waits: 0 when there is room, or somebody's
 * grace is over. */
static int patience_ms(struct httpd_conns *c)
{
	struct httpd_conn *old = c->used < c->n ? NULL : oldest(c);
	uint64_t age_ms;

	if (c->used < c->n)
		return 0;
	if (!old)
		return TICK_MS; /* woken when it has gone, or is answered */
	age_ms = (now_ns() - old->turn_ns) / 1000000;
	return age_ms < GRACE_MS ? GRACE_MS - (int)age_ms : 0;
}

static bool reserve(struct httpd_conns *c, int fd)
{
	struct httpd_conn *conn;
	bool ok;

	pthread_mutex_lock(&c->lock);
	conn = find(c, -1);
	ok = conn && !c->stop;
	if (ok) {
		*conn = (struct httpd_conn){ .fd = fd, .since_ns = now_ns() };
		conn->turn_ns = conn->since_ns;
		c->used++;
	}
	pthread_mutex_unlock(&c->lock);
	return ok;
}

/* 0 or -errno. */
static int accept_one(struct httpd_conns *c)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	int fd =
		accept4(c->listen_fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (reserve(c, fd))
		c->accepted(c->arg, fd, (struct sockaddr *)&from, len);
	else
		close(fd);
	return 0;
}

/* What to do before the next wait. False: the thread ends. */
static bool look_around(struct httpd_conns *c, bool *has_room, int *wait_ms)
{
	bool go_on;

	pthread_mutex_lock(&c->lock);
	cut_off_overdue(c);
	*has_room = c->used < c->n;
	*wait_ms = patience_ms(c);
	go_on = !c->stop;
	pthread_mutex_unlock(&c->lock);
	return go_on;
}

static void *accept_and_watch(void *arg)
{
	struct httpd_conns *c = arg;
	struct pollfd fds[] = { { .fd = c->wake_fd, .events = POLLIN }, { .events = POLLIN } };
	bool has_room, pause = false;
	uint64_t wakes;
	int err, wait_ms;

	while (look_around(c, &has_room, &wait_ms)) {
		fds[1].fd = wait_ms || pause ? -1 : c->listen_fd;
		fds[1].revents = 0;
		pause = false;
		if (poll(fds, 2, wait_ms ? wait_ms : TICK_MS) <= 0)
			continue;
		if (fds[0].revents)
			(void)!read(c->wake_fd, &wakes, sizeof(wakes));
		if (!fds[1].revents)
			continue;
		if (!has_room) {
			make_room(c);
			continue;
		}
		err = accept_one(c);
		/* No descriptors or memory: not again before something has changed. */
		pause = err == -EMFILE || err == -ENFILE || err == -ENOMEM || err == -ENOBUFS;
	}
	return NULL;
}

struct httpd_conns *httpd_conns__new(int listen_fd, const struct httpd_conns_config *config)
{
	struct httpd_conns *c = calloc(1, sizeof(*c) + config->max * sizeof(*c->conns));

	if (!c)
		return NULL;
	c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->wake_fd < 0) {
		free(c);
		return NULL;
	}
	c->listen_fd = listen_fd;
	c->n = config->max;
	c->deadline_ns = (uint64_t)config->deadline_s * 1000000000;
	c->stall_ns = (uint64_t)config->stall_s * 1000000000;
	for (unsigned int i = 0; i < c->n; i++)
		c->conns[i].fd = -1;
	pthread_mutex_init(&c->lock, NULL);
	return c;
}

int httpd_conns__start(struct httpd_conns *c, httpd_accept_fn accepted, void *arg)
{
	int err;

	c->accepted = accepted;
	c->arg = arg;
	err = pthread_create(&c->thread, NULL, accept_and_watch, c);
	c->running = !err;
	return -err;
}

static void wake(struct httpd_conns *c)
{
	(void)!write(c->wake_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
}

void httpd_conns__stop(struct httpd_conns *c)
{
	if (!c || !c->running)
		return;
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_mutex_unlock(&c->lock);
	wake(c);
	pthread_join(c->thread, NULL);
	c->running = false;
}

struct httpd_conn *httpd_conns__started(struct httpd_conns *c, int fd)
{
	struct httpd_conn *conn;

	pthread_mutex_lock(&c->lock);
	conn = find(c, fd);
	if (conn)
		conn->started = true;
	pthread_mutex_unlock(&c->lock);
	return conn;
}

void httpd_conns__request_done(struct httpd_conns *c, struct httpd_conn *conn)
{
	if (!conn)
		return;
	pthread_mutex_lock(&c->lock);
	conn->since_ns = conn->turn_ns = now_ns();
	conn->streams = false;
	pthread_mutex_unlock(&c->lock);
}

void httpd_conns__streams(struct httpd_conns *c, struct httpd_conn *conn)
{
	if (!conn)
		return;
	pthread_mutex_lock(&c->lock);
	conn->streams = true;
	pthread_mutex_unlock(&c->lock);
}

void httpd_conns__turn(struct httpd_conns *c, struct httpd_conn *conn, bool ours)
{
	bool full;

	if (!conn)
		return;
	pthread_mutex_lock(&c->lock);
	conn->turn_ns = ours ? OURS : now_ns();
	full = c->used == c->n;
	pthread_mutex_unlock(&c->lock);
	if (full && !ours)
		wake(c);
}

void httpd_conns__close(struct httpd_conns *c, struct httpd_conn *conn)
{
	bool was_full;

	if (!conn)
		return;
	pthread_mutex_lock(&c->lock);
	was_full = c->used == c->n;
	release(c, conn);
	pthread_mutex_unlock(&c->lock);
	if (was_full)
		wake(c);
}

uint64_t httpd_conns__cut_off(struct httpd_conns *c)
{
	uint64_t n;

	if (!c)
		return 0;
	pthread_mutex_lock(&c->lock);
	n = c->cut_off;
	pthread_mutex_unlock(&c->lock);
	return n;
}

void httpd_conns__free(struct httpd_conns *c)
{
	if (!c)
		return;
	httpd_conns__stop(c);
	close(c->listen_fd);
	close(c->wake_fd);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
