// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * drive FILE SERVERS CONNECTIONS: keeps connections to the servers of farm.c, the same number
 * to each, and makes requests at a rate that it is told on standard input:
 *
 *	rate N		N a second from now on; 0: none
 *	stop		none, and say when all is answered
 *
 * Two connections of each server are busy: nine of ten requests go there, in turn. The others
 * get the tenth, in turn, so that each is silent for seconds and then used. A connection waits
 * for its answer. What is due and finds the client late goes out later, but not what is due
 * for more than 100 ms: that is `skipped`, and the rate is not kept.
 *
 * Says READY; every second AT and after stop DONE, each with
 *
 *	ANSWERED FAILED SKIPPED ITEMS MISSING BROKEN P50_US P99_US
 *
 * since the start, but for the two percentiles: of the answers since the last AT.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "farm.h"

#define SEC_NS         1000000000ull
#define BUSY           2  /* connections of a server */
#define QUIET_SHARE    10 /* every tenth request goes to another one */
#define INPUT_IDX      UINT32_MAX
#define BUCKETS_OCTAVE 16
#define N_BUCKETS      (40 * BUCKETS_OCTAVE)

struct conn {
	int fd;
	bool waiting, busy;
	unsigned char kind, got; /* of the answer that is to come */
	uint64_t sent_ns;
};

struct queue { /* of connections that wait for nothing, the longest idle first */
	unsigned int *v, size, first, n;
};

static struct conn *conns;
static unsigned int n_conns;
static struct queue busy, quiet;
static int epoll_fd;

static uint64_t answered[N_KINDS], failed, skipped, waiting;
static uint64_t rate, began_ns, due_before, paced, seed = 8;
static bool stopping;
static uint32_t times[N_BUCKETS];

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SEC_NS + t.tv_nsec;
}

static unsigned int any(unsigned int below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) % below;
}

static void put(struct queue *q, unsigned int i)
{
	q->v[(q->first + q->n++) % q->size] = i;
}

static struct conn *take(struct queue *q)
{
	struct conn *c = &conns[q->v[q->first]];

	q->first = (q->first + 1) % q->size;
	q->n--;
	return c;
}

/* ---- how long it took ----------------------------------------------------------- */

static void note_time(uint64_t ns)
{
	unsigned int octave = 63 - __builtin_clzll(ns | BUCKETS_OCTAVE);
	unsigned int in = ns >> (octave - 4) & (BUCKETS_OCTAVE - 1);
	unsigned int i = (octave - 4) * BUCKETS_OCTAVE + in;

	times[i < N_BUCKETS ? i : N_BUCKETS - 1]++;
}

/* The lower bound of the bucket, in microseconds. */
static double percentile(double p)
{
	uint64_t n = 0, until = 0;
	unsigned int i;

	for (i = 0; i < N_BUCKETS; i++)
		n += times[i];
	for (i = 0; n && i < N_BUCKETS; i++) {
		until += times[i];
		if (until >= n * p)
			return (double)((uint64_t)(BUCKETS_OCTAVE + i % BUCKETS_OCTAVE)
					<< i / BUCKETS_OCTAVE) /
			       1000;
	}
	return 0;
}

static void say(const char *what)
{
	uint64_t all = answered[ITEM] + answered[MISSING] + answered[BROKEN];

	printf("%s %lu %lu %lu %lu %lu %lu %.1f %.1f\n", what, all, failed, skipped, answered[ITEM],
	       answered[MISSING], answered[BROKEN], percentile(0.5), percentile(0.99));
	fflush(stdout);
	memset(times, 0, sizeof(times));
}

/* ---- requests and answers ---------------------------------------------------------- */

static void fail(struct conn *c)
{
	failed++;
	waiting -= c->waiting;
	close(c->fd);
	c->fd = -1; /* and in no queue any more */
}

static enum kind any_kind(void)
{
	unsigned int n = any(64);

	return n < 4 ? MISSING : n == 4 ? BROKEN : ITEM;
}

static void send_one(struct conn *c)
{
	static const char *const paths[N_KINDS] = { "items", "missing", "broken" };
	char buf[512];
	int len;

	c->kind = any_kind();
	len = sprintf(buf,
		      "GET /%s/%u HTTP/1.1\r\nHost: load.example\r\nUser-Agent: drive/1\r\n"
		      "Accept: */*\r\nX-Request-ID: %08x%08x\r\n\r\n",
		      paths[c->kind], any(1000000), any(1u << 30), any(1u << 30));
	c->waiting = true;
	waiting++;
	c->got = 0;
	c->sent_ns = now_ns();
	if (send(c->fd, buf, len, MSG_NOSIGNAL) != len)
		fail(c);
}

static bool right(const struct conn *c, const char *p, ssize_t n)
{
	static const char *const replies[N_KINDS] = {
		[ITEM] = REPLY("200"),
		[MISSING] = REPLY("404"),
		[BROKEN] = REPLY("500"),
	};

	return c->waiting && c->got + n <= (ssize_t)REPLY_LEN &&
	       !memcmp(replies[c->kind] + c->got, p, n);
}

static void on_answer(unsigned int i)
{
	struct conn *c = &conns[i];
	char buf[256];
	ssize_t n = c->fd < 0 ? -1 : recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (c->fd < 0 || (n < 0 && errno == EAGAIN))
		return;
	if (n <= 0 || !right(c, buf, n)) {
		fail(c);
		return;
	}
	c->got += n;
	if (c->got < REPLY_LEN)
		return;
	note_time(now_ns() - c->sent_ns);
	c->waiting = false;
	waiting--;
	answered[c->kind]++;
	put(c->busy ? &busy : &quiet, i);
}

/* How many requests may go out now. */
static uint64_t allowance(void)
{
	uint64_t due = due_before + (now_ns() - began_ns) * rate / SEC_NS, late;

	if (!rate)
		return 0;
	late = due > paced ? due - paced : 0;
	if (late > rate / 10) {
		skipped += late - rate / 10;
		paced += late - rate / 10;
		late = rate / 10;
	}
	return late;
}

static void send_due(void)
{
	uint64_t n = allowance();

	for (; n && (busy.n || quiet.n); n--) {
		bool rest = quiet.n && (paced % QUIET_SHARE == 0 || !busy.n);

		paced++;
		send_one(take(rest ? &quiet : &busy));
	}
}

/* ---- commands ------------------------------------------------------------------------ */

static void set_rate(uint64_t per_second)
{
	rate = per_second;
	began_ns = now_ns();
	due_before = paced;
}

static void command(const char *line)
{
	unsigned long n;

	if (sscanf(line, "rate %lu", &n) == 1)
		set_rate(n);
	else if (!strncmp(line, "stop", 4))
		stopping = true;
	else
		die(line);
	if (stopping)
		set_rate(0);
}

static bool on_input(void)
{
	char buf[64];
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf) - 1);

	if (n <= 0)
		return false;
	buf[n] = '\0';
	command(buf);
	return true;
}

/* ---- life ------------------------------------------------------------------------------ */

static void watch(int fd, uint32_t index)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = index };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev))
		die("epoll_ctl");
}

static int connect_to(unsigned int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		die("socket");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
		die("connect");
	return fd;
}

static void make_queue(struct queue *q)
{
	*q = (struct queue){ .size = n_conns, .v = calloc(n_conns, sizeof(*q->v)) };
	if (!q->v)
		die("calloc");
}

static void connect_all(const struct slot *slots, unsigned int n_servers)
{
	unsigned int i, per_server = n_conns / n_servers;

	for (i = 0; i < n_conns; i++) {
		conns[i].fd = connect_to(slots[i / per_server].port);
		conns[i].busy = i % per_server < BUSY;
		watch(conns[i].fd, i);
		put(conns[i].busy ? &busy : &quiet, i);
	}
}

static void after_events(void)
{
	static uint64_t said_ns;
	uint64_t now = now_ns();

	send_due();
	if (rate && now - said_ns >= SEC_NS) {
		said_ns = now;
		say("AT");
	}
	if (stopping && !waiting) {
		stopping = false;
		say("DONE");
	}
}

static int loop(void)
{
	struct epoll_event ev[512];
	int i, n;

	for (;;) {
		n = epoll_wait(epoll_fd, ev, 512, rate ? 1 : -1);
		for (i = 0; i < n; i++) {
			if (ev[i].data.u32 != INPUT_IDX)
				on_answer(ev[i].data.u32);
			else if (!on_input())
				return 0;
		}
		after_events();
	}
}

int main(int argc, char **argv)
{
	unsigned int n_servers;

	if (argc != 4)
		return 2;
	n_servers = atoi(argv[2]);
	n_conns = atoi(argv[3]) / n_servers * n_servers;
	need_files(n_conns + 100);
	conns = calloc(n_conns, sizeof(*conns));
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!conns || epoll_fd < 0)
		die("start");
	make_queue(&busy);
	make_queue(&quiet);
	connect_all(map_slots(argv[1], n_servers), n_servers);
	watch(STDIN_FILENO, INPUT_IDX);
	say("READY");
	return loop();
}
