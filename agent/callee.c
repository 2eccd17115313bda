// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "callee.h"

#include <arpa/inet.h>
#include <string.h>

/* Host names do not know case. The bytes come from a Host header: what no host consists
 * of becomes '_'. */
static uint32_t host_name(char host[CALLEE_HOST_MAX + 1], struct slice from)
{
	uint32_t n = from.len < CALLEE_HOST_MAX ? (uint32_t)from.len : CALLEE_HOST_MAX, i;

	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)from.p[i];

		host[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c <= ' ' || c >= 0x7f ? '_' : c);
	}
	return n;
}

static uint32_t peer_name(char host[CALLEE_HOST_MAX + 1], const struct span *s)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool ip4 = !memcmp(s->peer_addr, mapped, sizeof(mapped));

	if (s->family != AF_INET && s->family != AF_INET6)
		return 0;
	if (!inet_ntop(ip4 ? AF_INET : AF_INET6, s->peer_addr + (ip4 ? 12 : 0), host,
		       CALLEE_HOST_MAX))
		return 0;
	return (uint32_t)strlen(host);
}

uint32_t callee__host(char host[CALLEE_HOST_MAX + 1], const struct span *s)
{
	return s->host.len ? host_name(host, s->host) : peer_name(host, s);
}

/* A URL without port means its scheme's; a UNIX socket has none. */
uint16_t callee__port(const struct span *s)
{
	if (s->host_port || s->family == AF_UNIX)
		return s->host_port;
	if (!s->host.len)
		return s->peer_port;
	return s->scheme && !strcmp(s->scheme, "https") ? 443 : 80;
}
