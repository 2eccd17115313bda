// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The listening socket. Ours rather than libmicrohttpd's, which says only that
 * it failed, not why. Addresses are numbers (and "localhost"): looking a name up
 * could block, and would tie a static binary to the C library's resolver.
 */
#include "httpd_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct address {
	union {
		struct sockaddr sa;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t len;
};

static bool parse_port(const char *s, in_port_t *port)
{
	unsigned long n = 0;

	if (!*s || strlen(s) > 5 || s[strspn(s, "0123456789")])
		return false;
	n = strtoul(s, NULL, 10);
	*port = htons((uint16_t)n);
	return n <= UINT16_MAX;
}

static bool set_v4(struct address *a, const char *host, in_port_t port)
{
	*a = (struct address){ .v4 = { .sin_family = AF_INET, .sin_port = port },
			       .len = sizeof(a->v4) };
	return inet_pton(AF_INET, host, &a->v4.sin_addr) == 1;
}

static bool set_v6(struct address *a, const char *host, in_port_t port)
{
	*a = (struct address){ .v6 = { .sin6_family = AF_INET6, .sin6_port = port },
			       .len = sizeof(a->v6) };
	return inet_pton(AF_INET6, host, &a->v6.sin6_addr) == 1;
}

static bool parse(const char *s, struct address *a)
{
	const char *colon = strrchr(s, ':');
	char host[64];
	in_port_t port;
	size_t n;

	if (!colon || !parse_port(colon + 1, &port) || (size_t)(colon - s) >= sizeof(host))
		return false;
	n = (size_t)(colon - s);
	memcpy(host, s, n);
	host[n] = '\0';
	if (n == 0)
		return set_v6(a, "::", port);
	if (n >= 2 && host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		return set_v6(a, host + 1, port);
	}
	return set_v4(a, strcmp(host, "localhost") ? host : "127.0.0.1", port);
}

static int open_socket(const struct address *a)
{
	int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1, zero = 0, err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (a->sa.sa_family == AF_INET6) /* [::] takes IPv4 too, whatever the sysctl says */
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (bind(fd, &a->sa, a->len) || listen(fd, 128)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static uint16_t port_of(int fd)
{
	struct address a = { .len = sizeof(struct sockaddr_in6) };

	if (getsockname(fd, &a.sa, &a.len))
		return 0;
	/* The port is at the same place in both families. */
	return ntohs(a.v4.sin_port);
}

int httpd_listen(const char *listen_on, uint16_t *port, char *err, size_t err_size)
{
	struct address a;
	int fd;

	if (!parse(listen_on, &a)) {
		snprintf(err, err_size,
			 "cannot listen on %s: not an address like 127.0.0.1:9464, [::1]:9464 or "
			 ":9464",
			 listen_on);
		return -EINVAL;
	}
	fd = open_socket(&a);
	if (fd == -EAFNOSUPPORT && listen_on[0] == ':') { /* a kernel without IPv6 */
		set_v4(&a, "0.0.0.0", a.v6.sin6_port);
		fd = open_socket(&a);
	}
	if (fd < 0)
		snprintf(err, err_size, "cannot listen on %s: %s", listen_on, strerror(-fd));
	else
		*port = port_of(fd);
	return fd;
}
