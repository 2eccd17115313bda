// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * mirror CERTIFICATE SIZE: a server with TLS (OpenSSL) for clients that are watched. It takes GETs,
 * a thread for each connection, and adds up a hash of all bytes of each. Its answers have SIZE
 *bytes (0: up to 3,000, by the request's place in its connection).
 *
 * Reads from standard input "to N", how many may be answered by now: so clients can be had
 * waiting; and "sum", which says and then forgets what it has counted:
 *
 *	SUM REQUESTS HASH BYTES_GOT CONNECTIONS RESETS ALERTS
 *
 * Says LISTEN PORT, and every 20 ms AT REQUESTS.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEAD_MAX 16384
#define BODY_MAX 3000

static SSL_CTX *ctx;
static unsigned int size;
static atomic_ulong requests, hashes, bytes, conns, resets, alerts, allowed;
static char body[BODY_MAX];

/* ---- a connection -------------------------------------------------------------- */

static uint64_t hash_of(const char *p, size_t n)
{
	uint64_t h = 14695981039346656037ull;

	while (n--)
		h = (h ^ (uint8_t)*p++) * 1099511628211ull;
	return h;
}

static void note_error(SSL *ssl, int rc)
{
	int error = SSL_get_error(ssl, rc);

	if (error == SSL_ERROR_SSL)
		atomic_fetch_add(&alerts, 1);
	else if (error == SSL_ERROR_SYSCALL && errno == ECONNRESET)
		atomic_fetch_add(&resets, 1);
	ERR_clear_error();
}

static bool answer(SSL *ssl, const char *head, size_t len, unsigned int place)
{
	bool last = memmem(head, len, "onnection: close", 16);
	struct timespec pause = { .tv_nsec = 200000 };
	unsigned int n = size ? size : place * 37 % BODY_MAX;
	char buf[BODY_MAX + 256];
	unsigned long mine;
	int at, rc;

	atomic_fetch_add(&hashes, hash_of(head, len));
	atomic_fetch_add(&bytes, len);
	mine = atomic_fetch_add(&requests, 1);
	while (mine >= atomic_load(&allowed))
		nanosleep(&pause, NULL);
	at = sprintf(buf,
		     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n%sContent-Length: %u\r\n\r\n",
		     last ? "Connection: close\r\n" : "", n);
	memcpy(buf + at, body, n);
	rc = SSL_write(ssl, buf, at + n);
	if (rc <= 0)
		note_error(ssl, rc);
	return rc > 0 && !last;
}

static void serve(SSL *ssl)
{
	char buf[HEAD_MAX], *end;
	unsigned int place = 0;
	size_t have = 0, len;
	int n;

	for (;;) {
		while (!(end = memmem(buf, have, "\r\n\r\n", 4))) {
			n = have < sizeof(buf) ? SSL_read(ssl, buf + have, sizeof(buf) - have) : 0;
			if (n <= 0) {
				note_error(ssl, n);
				return;
			}
			have += n;
		}
		len = end + 4 - buf;
		if (!answer(ssl, buf, len, place++))
			return;
		have -= len;
		memmove(buf, buf + len, have);
	}
}

static void *connection(void *arg)
{
	int fd = (int)(long)arg, one = 1, rc;
	SSL *ssl = SSL_new(ctx);

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	atomic_fetch_add(&conns, 1);
	SSL_set_fd(ssl, fd);
	rc = SSL_accept(ssl);
	if (rc == 1) {
		serve(ssl);
		SSL_shutdown(ssl);
	} else {
		note_error(ssl, rc);
	}
	SSL_free(ssl);
	close(fd);
	return NULL;
}

/* ---- commands -------------------------------------------------------------------- */

static void command(char *line)
{
	if (!strncmp(line, "to ", 3)) {
		atomic_store(&allowed, strtoul(line + 3, NULL, 10));
	} else if (!strncmp(line, "sum", 3)) {
		printf("SUM %lu %016lx %lu %lu %lu %lu\n", atomic_exchange(&requests, 0),
		       atomic_exchange(&hashes, 0), atomic_exchange(&bytes, 0),
		       atomic_exchange(&conns, 0), atomic_exchange(&resets, 0),
		       atomic_exchange(&alerts, 0));
		atomic_store(&allowed, 0);
	}
}

static void *talk(void *unused)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	char line[64];
	ssize_t n;

	for (;;) {
		if (poll(&p, 1, 20) > 0) {
			n = read(STDIN_FILENO, line, sizeof(line) - 1);
			if (n <= 0)
				exit(0);
			line[n] = '\0';
			command(line);
		}
		printf("AT %lu\n", atomic_load(&requests));
		fflush(stdout);
	}
	return unused;
}

static int listen_loopback(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 1024) ||
	    getsockname(fd, (struct sockaddr *)&a, &len))
		exit(1);
	printf("LISTEN %u\n", ntohs(a.sin_port));
	fflush(stdout);
	return fd;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int listener, fd;

	if (argc != 3)
		return 2;
	size = atoi(argv[2]);
	signal(SIGPIPE, SIG_IGN);
	memset(body, 'm', sizeof(body));
	ctx = SSL_CTX_new(TLS_server_method());
	if (SSL_CTX_use_certificate_chain_file(ctx, argv[1]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, argv[1], SSL_FILETYPE_PEM) != 1)
		return 1;
	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	listener = listen_loopback();
	pthread_create(&thread, NULL, talk, NULL);
	pthread_detach(thread);
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		if (pthread_create(&thread, NULL, connection, (void *)(long)fd))
			return 1;
		pthread_detach(thread);
	}
	return 1;
}
