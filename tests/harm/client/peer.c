// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "exchange.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define TIMEOUT_SECONDS 60

static SSL_CTX *contexts[2]; /* connections take one, then the other version */

static SSL_CTX *new_context(int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx || SSL_CTX_load_verify_locations(ctx, opt.ca, NULL) != 1)
		exit(1);
	SSL_CTX_set_min_proto_version(ctx, version);
	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (opt.http2)
		SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)"\2h2", 3);
	return ctx;
}

void peers__init(void)
{
	bool both;

	if (!opt.ca)
		return;
	both = strchr(opt.versions, ',');
	contexts[0] =
		new_context(both || strcmp(opt.versions, "1.3") ? TLS1_2_VERSION : TLS1_3_VERSION);
	contexts[1] = both ? new_context(TLS1_3_VERSION) : contexts[0];
}

static void note_errno(struct record *r)
{
	r->resets += errno == ECONNRESET || errno == EPIPE;
}

static void note_tls(struct peer *p, int rc, struct record *r)
{
	int error = SSL_get_error(p->ssl, rc);

	if (error == SSL_ERROR_SSL)
		r->alerts++;
	else if (error == SSL_ERROR_SYSCALL)
		note_errno(r);
	ERR_clear_error();
}

static int connect_socket(struct record *r)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(opt.port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval limit = { .tv_sec = TIMEOUT_SECONDS };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (!connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return fd;
	note_errno(r);
	close(fd);
	return -1;
}

int peer__open(struct peer *p, unsigned int connection, struct record *r)
{
	int rc;

	*p = (struct peer){ .fd = connect_socket(r) };
	if (p->fd < 0)
		return -1;
	if (!opt.ca)
		return 0;
	p->ssl = SSL_new(contexts[connection % 2]);
	SSL_set_fd(p->ssl, p->fd);
	X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(p->ssl), "127.0.0.1");
	rc = SSL_connect(p->ssl);
	if (rc == 1)
		return 0;
	note_tls(p, rc, r);
	peer__close(p);
	return -1;
}

void peer__close(struct peer *p)
{
	if (p->ssl) {
		SSL_shutdown(p->ssl);
		SSL_free(p->ssl);
		ERR_clear_error();
	}
	if (p->fd >= 0)
		close(p->fd);
	*p = (struct peer){ .fd = -1 };
}

bool peer__write(struct peer *p, const void *data, size_t n, struct record *r)
{
	const char *at = data;
	ssize_t rc;

	while (n) {
		rc = p->ssl ? SSL_write(p->ssl, at, n) : send(p->fd, at, n, MSG_NOSIGNAL);
		if (rc <= 0) {
			if (p->ssl)
				note_tls(p, rc, r);
			else
				note_errno(r);
			return false;
		}
		at += rc;
		n -= rc;
		r->bytes_sent += rc;
	}
	return true;
}

long peer__read(struct peer *p, void *buf, size_t n, struct record *r)
{
	ssize_t rc = p->ssl ? SSL_read(p->ssl, buf, n) : recv(p->fd, buf, n, 0);

	if (rc > 0) {
		r->bytes_got += rc;
		return rc;
	}
	if (p->ssl && SSL_get_error(p->ssl, rc) == SSL_ERROR_ZERO_RETURN)
		return 0;
	if (!p->ssl && !rc)
		return 0;
	if (p->ssl)
		note_tls(p, rc, r);
	else
		note_errno(r);
	return -1;
}
