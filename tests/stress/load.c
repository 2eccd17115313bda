// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * load PORT CONNECTIONS DEPTH: keeps connections to serve.c and makes requests when
 * told to on standard input:
 *
 *	go COUNT RATE SHAPE	COUNT requests (0: until stop), RATE a second (0: as fast as it
 *				goes), up to DEPTH pipelined; a connection waits for its answers
 *	each SHAPE		one request on each connection; does not wait for the answers
 *	wait			until all is answered
 *	stop			no further requests
 *
 * Says READY when connected; after go, stop and wait DONE ANSWERED FAILED (since the
 * start); in between every 100 ms AT ANSWERED. The end of input closes all connections.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <time.h>
#include <unistd.h>

#include "shapes.h"
#include "wire.h"

#define TICK_NS   100000000ull
#define INPUT_IDX UINT32_MAX

struct conn {
	int fd;
	unsigned int waiting; /* answers that are to come */
	unsigned int got;     /* bytes of the next one */
	bool dead;
};

static struct conn *conns;
static unsigned int n_conns, depth, port, n_dead;
static int epoll_fd;

static const struct shape *shape;
static unsigned long long answered, failed, to_send, rate, paced, waiting, began_ns;
static bool endless, busy, tell;
static unsigned int *idle, n_idle; /* connections without outstanding requests */

static unsigned long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* ---- requests --------------------------------------------------------------- */

static size_t write_request(char *to)
{
	static const char *const methods[] = { "POST", "PUT", "DELETE", "PURGE", "ODD" };
	bool odd = shape->methods;
	char *p = to;

	p += sprintf(p, "%s ", odd && !any(8) ? methods[any(5)] : "GET");
	p += shape->write(p);
	if (odd)
		p += sprintf(p, " HTTP/1.1\r\nHost: h%u.example:%u\r\n\r\n", any(1u << 31),
			     any(65536));
	else
		p += sprintf(p, " HTTP/1.1\r\nHost: stress\r\n\r\n");
	return p - to;
}

static void fail(struct conn *c)
{
	failed += c->waiting ? c->waiting : 1;
	waiting -= c->waiting;
	c->waiting = 0;
	c->dead = true;
	n_dead++;
	close(c->fd);
}

/* At most `max` requests in one write; returns how many. */
static unsigned int send_batch(struct conn *c, unsigned int max)
{
	static char buf[BATCH_MAX + SHAPE_MAX + 256], one[SHAPE_MAX + 256];
	unsigned int n = 0;
	size_t len = 0, more;

	while (n < max && n < depth) {
		more = write_request(one);
		if (n && len + more > BATCH_MAX)
			break;
		memcpy(buf + len, one, more);
		len += more;
		n++;
	}
	c->waiting += n;
	waiting += n;
	if (send(c->fd, buf, len, MSG_NOSIGNAL) != (ssize_t)len)
		fail(c);
	return n;
}

/* How many requests the rate allows now. */
static unsigned long long allowance(void)
{
	unsigned long long due = rate ? (now_ns() - began_ns) * rate / 1000000000ull : 0;
	unsigned long long may = rate ? (due > paced ? due - paced : 0) : ~0ull;

	return !endless && to_send < may ? to_send : may;
}

static void send_all(void)
{
	unsigned long long may = allowance();
	unsigned int n;

	while (may && n_idle) {
		struct conn *c = &conns[idle[--n_idle]];

		if (c->dead)
			continue;
		n = send_batch(c, may < depth ? may : depth);
		may -= n;
		paced += n;
		if (!endless)
			to_send -= n;
	}
}

/* ---- answers ------------------------------------------------------------------ */

/* Every answer must begin like one; their lengths are known. */
static bool count_answers(struct conn *c, const char *p, size_t n)
{
	static const char begin[] = "HTTP/1.1 ";

	for (; n; p++, n--) {
		if (c->got < sizeof(begin) - 1 && *p != begin[c->got])
			return false;
		if (++c->got < REPLY_LEN)
			continue;
		if (!c->waiting)
			return false;
		c->got = 0;
		c->waiting--;
		waiting--;
		answered++;
	}
	return true;
}

static void on_answer(unsigned int i)
{
	struct conn *c = &conns[i];
	char buf[16384];
	ssize_t n = c->dead ? 0 : recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);
	bool was_waiting = c->waiting;

	if (c->dead || (n < 0 && errno == EAGAIN))
		return;
	if (n <= 0 || !count_answers(c, buf, n)) {
		fail(c);
		return;
	}
	if (was_waiting && !c->waiting)
		idle[n_idle++] = i;
}

/* ---- commands ------------------------------------------------------------------- */

static void start(unsigned long long count, unsigned long long per_second, const char *name)
{
	for (shape = shapes; shape->name && strcmp(shape->name, name); shape++)
		;
	if (!shape->name)
		die(name);
	endless = !count;
	to_send = count;
	rate = per_second;
	paced = 0;
	began_ns = now_ns();
	busy = tell = true;
}

static void each(const char *name)
{
	unsigned int i;

	start(1, 0, name);
	for (i = 0; i < n_conns; i++)
		if (!conns[i].dead)
			send_batch(&conns[i], 1);
	to_send = 0;
	n_idle = 0;
	busy = tell = false;
}

static void command(const char *line)
{
	unsigned long long count, per_second;
	char name[16];

	if (sscanf(line, "go %llu %llu %15s", &count, &per_second, name) == 3) {
		start(count, per_second, name);
	} else if (sscanf(line, "each %15s", name) == 1) {
		each(name);
	} else if (!strncmp(line, "stop", 4)) {
		endless = false;
		to_send = 0;
	} else if (!strncmp(line, "wait", 4)) {
		busy = tell = true;
	} else {
		die(line);
	}
}

static bool on_input(void)
{
	static char buf[512];
	static size_t len;
	ssize_t n = read(STDIN_FILENO, buf + len, sizeof(buf) - 1 - len);
	char *nl;

	if (n <= 0)
		return false;
	len += n;
	while ((nl = memchr(buf, '\n', len))) {
		*nl = '\0';
		command(buf);
		len -= nl + 1 - buf;
		memmove(buf, nl + 1, len);
	}
	return true;
}

/* ---- life --------------------------------------------------------------------------- */

static void watch(int fd, uint32_t index)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = index };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev))
		die("epoll_ctl");
}

/* From several loopback addresses, so that ports in TIME_WAIT are no limit. */
static int connect_one(unsigned int i)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in from = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + i % 13) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (fd < 0)
		die("socket");
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)))
		die("connect");
	return fd;
}

static void say(const char *what)
{
	printf("%s %llu %llu\n", what, answered, failed);
	fflush(stdout);
}

static void after_events(void)
{
	static unsigned long long said_ns;
	unsigned long long now = now_ns();

	if (!busy)
		return;
	send_all();
	if (tell && now - said_ns >= TICK_NS) {
		said_ns = now;
		say("AT");
	}
	if (!endless && (!to_send || n_dead == n_conns) && !waiting) {
		busy = tell = false;
		say("DONE");
	}
}

static int loop(void)
{
	struct epoll_event ev[512];
	int i, n;

	for (;;) {
		n = epoll_wait(epoll_fd, ev, 512, busy ? (rate ? 1 : 100) : -1);
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
	unsigned int i;

	if (argc != 4)
		return 2;
	port = atoi(argv[1]);
	n_conns = atoi(argv[2]);
	depth = atoi(argv[3]);
	shape_seed ^= (unsigned long long)n_conns << 32 | depth;
	need_files(n_conns + 100);
	conns = calloc(n_conns, sizeof(*conns));
	idle = calloc(n_conns, sizeof(*idle));
	epoll_fd = epoll_create1(0);
	if (!conns || !idle || epoll_fd < 0)
		die("start");
	for (i = 0; i < n_conns; i++) {
		conns[i].fd = connect_one(i);
		watch(conns[i].fd, i);
		idle[n_idle++] = i;
	}
	watch(STDIN_FILENO, INPUT_IDX);
	say("READY");
	return loop();
}
