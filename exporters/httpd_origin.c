// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Against pages of other origins that a browser on this machine shows. Without a token the
 * API trusts who connects from here, and a page can make the browser do that: by our
 * address, which the browser then says (Origin, Sec-Fetch-Site), or by a name of the page's own
 * that was made to mean our address, which then is what Host says.
 */
#include "httpd_internal.h"

#include <arpa/inet.h>
#include <string.h>

#define HOST_MAX 64

/* "host", "host:port", "[v6]:port": the host into `out`. */
static bool host_of(const char *host, char out[HOST_MAX], bool *v6)
{
	const char *end;

	*v6 = *host == '[';
	host += *v6;
	end = *v6 ? strchr(host, ']') : host + strcspn(host, ":");
	if (!end || end == host || end - host >= HOST_MAX)
		return false;
	memcpy(out, host, (size_t)(end - host));
	out[end - host] = '\0';
	end += *v6;
	return !*end || (*end == ':' && !end[1 + strspn(end + 1, "0123456789")]);
}

bool httpd_origin__is_plain_host(const char *host)
{
	char name[HOST_MAX], address[16];
	bool v6;

	if (!host || !host_of(host, name, &v6))
		return false;
	if (v6)
		return inet_pton(AF_INET6, name, address) == 1;
	return !strcasecmp(name, "localhost") || inet_pton(AF_INET, name, address) == 1;
}

bool httpd_origin__is_same(const char *host, const char *origin, const char *fetch_site)
{
	const char *at = origin ? strstr(origin, "://") : NULL;

	if (fetch_site && strcmp(fetch_site, "same-origin") != 0 && strcmp(fetch_site, "none") != 0)
		return false;
	if (!origin)
		return true;
	return at && host && !strcasecmp(at + 3, host);
}
