// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * stream MODE MESSAGES [THREADS]: clients and a server that know each other's every
 * byte (script.h). The server compares what comes with what was sent; the only
 * difference allowed is one traceparent header, of the right form, behind the request
 * line of a request that may carry one. The client compares the answers, and what
 * FIONREAD says of them.
 *
 * MODE is "every" or "first": which requests a fit kernel touches. Prints
 * "clients PID" and waits for a line on standard input before it begins; then, once a
 * second and at the end, "messages N should N touched N of_should N errors N".
 * Exits 1 at any difference.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "script.h"

#define INSERT  70
#define WAIT_MS 20000

/* Shared by the two processes. */
struct shared {
	_Atomic uint32_t seed_of[2][65536]; /* by the client's port, IPv4 and IPv6 */
	_Atomic uint64_t messages, should, touched, of_should, again, errors, conns, seeds, stop;
	uint16_t port[2];
	uint64_t limit;
	bool every;
};

static struct shared *sh;

static void wrong(const struct script *s, uint32_t index, const char *fmt, ...)
{
	va_list ap;
	char text[200];

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (atomic_fetch_add(&sh->errors, 1) < 20)
		fprintf(stderr, "connection %u (kind %d) message %u: %s\n", s->seed, s->kind, index,
			text);
}

/* ---- reading -------------------------------------------------------------------------- */

static int wait_for(int fd, short events)
{
	struct pollfd f = { .fd = fd, .events = events };

	return poll(&f, 1, WAIT_MS) == 1 ? f.revents : 0;
}

/* Exactly n bytes, or fewer at the end. */
static ssize_t read_all(int fd, uint8_t *p, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t rc;

		if (!wait_for(fd, POLLIN))
			return -ETIMEDOUT;
		rc = recv(fd, p + got, n - got, MSG_DONTWAIT);
		if (rc < 0 && errno == EAGAIN)
			continue;
		if (rc < 0)
			return -errno;
		if (!rc)
			break;
		got += rc;
	}
	return got;
}

/* ---- the server ----------------------------------------------------------------------- */

static bool is_header(const uint8_t *p)
{
	int i;

	if (memcmp(p, "traceparent: 00-", 16) || p[48] != '-' || p[65] != '-' || p[66] != '0' ||
	    p[67] < '0' || p[67] > '3' || memcmp(p + 68, "\r\n", 2))
		return false;
	for (i = 16; i < 65; i++)
		if (i != 48 && !(p[i] >= '0' && p[i] <= '9') && !(p[i] >= 'a' && p[i] <= 'f'))
			return false;
	return true;
}

struct peer {
	struct script s;
	struct message m;
	uint8_t *got;
	int fd;
	uint32_t index;
};

static bool expect_bytes(struct peer *p, size_t from, size_t n)
{
	ssize_t rc = read_all(p->fd, p->got, n);
	size_t i;

	if (rc == (ssize_t)n && !memcmp(p->got, p->m.p + from, n))
		return true;
	if (rc != (ssize_t)n) {
		wrong(&p->s, p->index, "%zd of %zu bytes came at %zu of %zu", rc, n, from, p->m.n);
		return false;
	}
	for (i = 0; p->got[i] == p->m.p[from + i];)
		i++;
	wrong(&p->s, p->index, "byte %zu of %zu differs: \"%.40s\" for \"%.40s\"", from + i, p->m.n,
	      p->got + i, p->m.p + from + i);
	return false;
}

/* Behind the request line: the bytes that were sent, or a header and then these. */
static bool expect_head(struct peer *p, size_t n)
{
	size_t line = p->m.line, look = n - line < INSERT ? n - line : INSERT;
	uint8_t head[INSERT];
	ssize_t rc;

	if (!expect_bytes(p, 0, line))
		return false;
	rc = read_all(p->fd, head, look);
	if (rc == (ssize_t)look && !memcmp(head, p->m.p + line, look))
		return line + look == n || expect_bytes(p, line + look, n - line - look);
	if (rc == (ssize_t)look && look < INSERT)
		rc += read_all(p->fd, head + look, INSERT - look);
	if (rc != INSERT || !is_header(head)) {
		wrong(&p->s, p->index, "what came behind the request line is neither (%zd of %zu)",
		      rc, look);
		return false;
	}
	atomic_fetch_add(&sh->touched, 1);
	if (p->m.should)
		atomic_fetch_add(&sh->of_should, 1);
	if (p->m.again)
		atomic_fetch_add(&sh->again, 1);
	return expect_bytes(p, line, n - line);
}

static bool answer(struct peer *p, uint32_t n)
{
	uint32_t at = 0;

	script__reply(&p->s, p->got, n);
	while (at < n) {
		ssize_t rc = send(p->fd, p->got + at, n - at, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (rc < 0 && errno == EAGAIN && wait_for(p->fd, POLLOUT))
			continue;
		if (rc < 0) {
			wrong(&p->s, p->index, "answering: %s", strerror(errno));
			return false;
		}
		at += rc;
	}
	return true;
}

static bool serve_message(struct peer *p)
{
	size_t at = 0;
	uint32_t i;

	for (i = 0; i < p->m.n_steps; i++) {
		const struct step *t = &p->m.steps[i];

		if (!(i || !p->m.line ? expect_bytes(p, at, t->send) : expect_head(p, t->send)))
			return false;
		at += t->send;
		if (t->reply && !answer(p, t->reply))
			return false;
	}
	return true;
}

static void serve_end(struct peer *p)
{
	ssize_t rc;

	if (p->s.end == END_RESET) {
		wait_for(p->fd, POLLIN);
		rc = recv(p->fd, p->got, 1, MSG_DONTWAIT);
		if (rc > 0)
			wrong(&p->s, p->index, "bytes before the reset");
		return;
	}
	rc = read_all(p->fd, p->got, 1);
	if (rc)
		wrong(&p->s, p->index, "%zd where the connection ends", rc);
	if (p->s.end == END_HALF)
		answer(p, 1000);
}

static bool next_message(struct peer *p)
{
	script__next(&p->s, &p->m, p->index, sh->every && p->s.nonblock);
	if (p->m.n > MESSAGE_MAX)
		abort();
	return true;
}

static void serve(struct peer *p, uint32_t seed)
{
	script__start(&p->s, seed);
	p->index = 0;
	if (p->s.kind == CONN_GREETING && !answer(p, 100))
		return;
	for (; p->index < p->s.n_messages; p->index++) {
		next_message(p);
		if (!serve_message(p))
			return;
		atomic_fetch_add(&sh->messages, 1);
		if (p->m.should)
			atomic_fetch_add(&sh->should, 1);
	}
	serve_end(p);
}

static struct peer *peer__new(void)
{
	struct peer *p = calloc(1, sizeof(*p));

	p->m.p = malloc(MESSAGE_MAX + 65536);
	p->got = malloc(MESSAGE_MAX + 65536);
	return p;
}

static void peer__free(struct peer *p)
{
	free(p->m.p);
	free(p->got);
	free(p);
}

struct accepted {
	int fd;
	uint32_t seed;
};

static void *serve_thread(void *arg)
{
	struct accepted *a = arg;
	struct peer *p = peer__new();

	p->fd = a->fd;
	serve(p, a->seed);
	close(p->fd);
	peer__free(p);
	free(a);
	return NULL;
}

static void *accept_thread(void *arg)
{
	int v6 = *(int *)arg & 1, l = *(int *)arg >> 1;
	struct sockaddr_in6 a;
	socklen_t len = sizeof(a);
	struct accepted *n;
	pthread_attr_t attr;
	pthread_t t;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 256 << 10);
	while (1) {
		n = calloc(1, sizeof(*n));
		len = sizeof(a);
		n->fd = accept4(l, (void *)&a, &len, SOCK_CLOEXEC);
		if (n->fd < 0)
			abort();
		/* The client says who it is once it is connected. */
		while (!(n->seed = atomic_exchange(&sh->seed_of[v6][ntohs(a.sin6_port)], 0)))
			usleep(50);
		if (pthread_create(&t, &attr, serve_thread, n))
			abort();
	}
}

static int listener(bool v6)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in b = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(a);

	if (fd < 0 || bind(fd, v6 ? (void *)&a : (void *)&b, v6 ? sizeof(a) : sizeof(b)) ||
	    listen(fd, 512) || getsockname(fd, (void *)&a, &len)) {
		perror("listen");
		exit(2);
	}
	sh->port[v6] = ntohs(a.sin6_port);
	return fd;
}

/* ---- the client --------------------------------------------------------------------------- */

struct client {
	struct peer p;
	struct rng rng; /* of what only this end does */
	int file;       /* a copy of the message, for sendfile */
	uint8_t *want;
};

static ssize_t send_some(struct client *c, size_t at, size_t n, int flags)
{
	struct iovec v[6];
	struct msghdr h = { .msg_iov = v };
	size_t done = 0, k;

	switch (rng__pick(&c->rng, 4)) {
	case 0:
		return flags ? send(c->p.fd, c->p.m.p + at, n, flags | MSG_NOSIGNAL)
			     : write(c->p.fd, c->p.m.p + at, n);
	case 1:
	case 2:
		return send(c->p.fd, c->p.m.p + at, n, flags | MSG_NOSIGNAL);
	}
	while (done < n && h.msg_iovlen < 5) {
		k = 1 + rng__pick(&c->rng, n - done);
		v[h.msg_iovlen++] = (struct iovec){ c->p.m.p + at + done, k };
		done += k;
	}
	if (done < n)
		v[h.msg_iovlen++] = (struct iovec){ c->p.m.p + at + done, n - done };
	return sendmsg(c->p.fd, &h, flags | MSG_NOSIGNAL);
}

/* Bytes [at, at + n), all of them, by as many calls as it takes. */
static bool send_all(struct client *c, size_t at, size_t n, int flags, bool file)
{
	while (n) {
		off_t off = at;
		ssize_t rc =
			file ? sendfile(c->p.fd, c->file, &off, n) : send_some(c, at, n, flags);

		if (rc < 0 && errno == EAGAIN) {
			if (wait_for(c->p.fd, POLLOUT))
				continue;
			wrong(&c->p.s, c->p.index, "stalled while sending");
			return false;
		}
		if (rc <= 0) {
			wrong(&c->p.s, c->p.index, "sending: %s", strerror(errno));
			return false;
		}
		at += rc;
		n -= rc;
	}
	return true;
}

static bool send_step(struct client *c, size_t at, size_t n)
{
	struct message *m = &c->p.m;
	size_t first = n, k;

	if (!at && !m->first && n > 1 && c->p.s.kind == CONN_HTTP && m->line)
		first = 1 + rng__pick(&c->rng, m->line - 1); /* within the request line */
	else if (!at && m->first && m->first < n && (m->file || m->more || rng__pick(&c->rng, 2)))
		first = m->first;
	if (m->file && !at) {
		if (pwrite(c->file, m->p, m->n, 0) != (ssize_t)m->n)
			abort();
	}
	if (!send_all(c, at, first, !at && m->more && first < n ? MSG_MORE : 0, false))
		return false;
	for (at += first, n -= first; n; at += k, n -= k) {
		k = rng__pick(&c->rng, 3) ? n : 1 + rng__pick(&c->rng, n);
		if (!send_all(c, at, k, 0, m->file))
			return false;
	}
	return true;
}

static bool take_answer(struct client *c, uint32_t n)
{
	uint32_t at = 0;
	int waiting;

	while (at < n) {
		uint32_t want = n - at;
		ssize_t rc;

		if (!wait_for(c->p.fd, POLLIN)) {
			wrong(&c->p.s, c->p.index, "no answer: %u of %u bytes", at, n);
			return false;
		}
		/* As nginx does: no more than it says is there, and none when it says so. */
		if (c->p.s.ask_fionread) {
			if (ioctl(c->p.fd, FIONREAD, &waiting) || waiting <= 0) {
				wrong(&c->p.s, c->p.index, "FIONREAD says %d where bytes wait",
				      waiting);
				return false;
			}
			if ((uint32_t)waiting < want)
				want = waiting;
		}
		rc = recv(c->p.fd, c->p.got + at, 1 + rng__pick(&c->rng, want), MSG_DONTWAIT);
		if (rc <= 0) {
			wrong(&c->p.s, c->p.index, "answer: %zd %s", rc, strerror(errno));
			return false;
		}
		at += rc;
	}
	script__reply(&c->p.s, c->want, n);
	if (memcmp(c->want, c->p.got, n)) {
		wrong(&c->p.s, c->p.index, "an answer of %u bytes differs", n);
		return false;
	}
	return true;
}

static bool ask(struct client *c)
{
	size_t at = 0;
	uint32_t i;

	for (i = 0; i < c->p.m.n_steps; i++) {
		const struct step *t = &c->p.m.steps[i];

		if (!send_step(c, at, t->send))
			return false;
		at += t->send;
		if (t->reply && !take_answer(c, t->reply))
			return false;
	}
	return true;
}

static void set_options(struct client *c)
{
	const struct script *s = &c->p.s;
	int one = 1, small = 4608;

	if (s->nodelay)
		setsockopt(c->p.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (s->tiny_sndbuf)
		setsockopt(c->p.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	if (s->nonblock)
		fcntl(c->p.fd, F_SETFL, O_NONBLOCK);
}

static int dial(struct client *c)
{
	bool v6 = c->p.s.ipv6;
	struct sockaddr_in6 a = { .sin6_family = AF_INET6,
				  .sin6_addr = IN6ADDR_LOOPBACK_INIT,
				  .sin6_port = htons(sh->port[1]) };
	struct sockaddr_in b = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				 .sin_port = htons(sh->port[0]) };
	socklen_t len = sizeof(a);

	c->p.fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->p.fd < 0)
		return -errno;
	set_options(c);
	if (connect(c->p.fd, v6 ? (void *)&a : (void *)&b, v6 ? sizeof(a) : sizeof(b)) &&
	    (errno != EINPROGRESS || !(wait_for(c->p.fd, POLLOUT) & POLLOUT)))
		return -errno;
	if (getsockname(c->p.fd, (void *)&a, &len))
		return -errno;
	atomic_store(&sh->seed_of[v6][ntohs(a.sin6_port)], c->p.s.seed);
	return 0;
}

static void hang_up(struct client *c)
{
	struct linger now = { 1, 0 };

	if (c->p.s.end == END_RESET)
		setsockopt(c->p.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	if (c->p.s.end == END_HALF) {
		shutdown(c->p.fd, SHUT_WR);
		if (take_answer(c, 1000) && read_all(c->p.fd, c->p.got, 1))
			wrong(&c->p.s, c->p.index, "no end behind the last answer");
	}
}

static void connection(struct client *c)
{
	bool ok = true;
	int err;

	script__start(&c->p.s, 1 + atomic_fetch_add(&sh->seeds, 1));
	c->rng.s = c->p.s.seed * 31;
	c->p.index = 0;
	err = dial(c);
	if (err)
		wrong(&c->p.s, 0, "connect: %s", strerror(-err));
	if (!err && c->p.s.kind == CONN_GREETING)
		ok = take_answer(c, 100);
	for (; !err && ok && c->p.index < c->p.s.n_messages; c->p.index++) {
		if (c->p.s.lazy)
			usleep(15000 + rng__pick(&c->rng, 20000));
		next_message(&c->p);
		ok = ask(c);
	}
	if (!err && ok)
		hang_up(c);
	close(c->p.fd);
	atomic_fetch_add(&sh->conns, 1);
}

static void *client_thread(void *unused)
{
	struct peer *p = unused ? unused : peer__new();
	struct client c = { .p = *p,
			    .file = memfd_create("message", MFD_CLOEXEC),
			    .want = malloc(REPLY_MAX + 4096) };

	while (!atomic_load(&sh->stop) && atomic_load(&sh->messages) < sh->limit &&
	       !atomic_load(&sh->errors))
		connection(&c);
	close(c.file);
	return NULL;
}

/* ---- both ------------------------------------------------------------------------------------ */

static pid_t fork_clients(int threads, int go[2])
{
	pid_t parent = getpid(), pid = fork();
	pthread_t t[64];
	char byte;
	int i;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || read(go[0], &byte, 1) != 1)
		_exit(2);
	for (i = 0; i < threads; i++)
		pthread_create(&t[i], NULL, client_thread, NULL);
	for (i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	_exit(0);
}

static void report(void)
{
	const uint64_t n[] = { sh->messages,  sh->conns, sh->should, sh->touched,
			       sh->of_should, sh->again, sh->errors };
	static const char *const names[] = { "messages",  "connections", "should", "touched",
					     "of_should", "again",       "errors" };
	size_t i;

	for (i = 0; i < sizeof(n) / sizeof(n[0]); i++)
		printf("%s %llu%s", names[i], (unsigned long long)n[i], i == 6 ? "\n" : " ");
	fflush(stdout);
}

static void start_server(void)
{
	static int arg[2];
	pthread_t t;
	int i;

	for (i = 0; i < 2; i++) {
		arg[i] = listener(i) << 1 | i;
		if (pthread_create(&t, NULL, accept_thread, &arg[i]))
			exit(2);
	}
}

int main(int argc, char **argv)
{
	int threads = argc > 3 ? atoi(argv[3]) : 4, go[2], status = 0, ticks = 0;
	char line[16];
	pid_t pid;

	if (argc < 3 || threads < 1 || threads > 64 || pipe(go)) {
		fprintf(stderr, "usage: stream every|first MESSAGES [THREADS]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sh->every = !strcmp(argv[1], "every");
	sh->limit = strtoull(argv[2], NULL, 10);
	pid = fork_clients(threads, go);
	start_server();
	printf("clients %d\n", pid);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin) || write(go[1], "g", 1) != 1)
		return 2;
	while (!waitpid(pid, &status, WNOHANG)) {
		usleep(100000);
		if (++ticks % 10 == 0)
			report();
	}
	report();
	return status || sh->errors || sh->messages < sh->limit;
}
